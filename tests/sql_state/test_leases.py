"""Leases that are renewed, expire and are taken over; whoever lost one cannot commit."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack

import pytest
from tests.sql_state.conftest import TARGETS

from seeknal.errors import LockedError, StateError
from seeknal.plugin import Change
from seeknal.testing.other_process import OtherProcess, this_process
from seeknal_sql_state.heartbeat import Heartbeat


def other_process(options, folder, action, **arguments):
    given = {k: v for k, v in options.items() if k != "backend"}
    return OtherProcess(TARGETS[options["backend"]], folder, given, action, **arguments)


def assert_pairs(tables):
    assert tables["artifacts"] == {k: v for k, v in tables["files"].items() if k.startswith("pair")}


def test_lease_is_renewed_for_as_long_as_it_is_held(opened):
    with opened().lease("prod", this_process("long")) as lease:
        time.sleep(2.5)
        with pytest.raises(LockedError, match="long"), opened().lease("prod", this_process("other")):
            pass
        opened().commit([Change("files", "a", {})], lease)


def test_holder_that_was_paused_cannot_commit_after_another_took_over(opened, monkeypatch):
    monkeypatch.setattr(Heartbeat, "start", lambda self: None)
    monkeypatch.setattr(Heartbeat, "stop", lambda self: None)
    paused, next_ = opened(), opened()
    with paused.lease("prod", this_process("paused")) as lease:
        paused.commit([Change("files", "before", {})], lease)
        with next_.lease("prod", this_process("next"), wait_seconds=10) as taken:
            with pytest.raises(StateError, match="taken over by run next") as caught:
                paused.commit([Change("files", "before", None), Change("files", "late", {})], lease)
            assert caught.value.code == "SK-STATE-007"
            assert not lease.held
            next_.commit([Change("files", "after", {})], taken)
    assert opened().read().tables["files"] == {"before": {}, "after": {}}
    assert opened().read().serial == 2


def test_expired_lease_that_nobody_took_over_still_commits(opened, monkeypatch):
    monkeypatch.setattr(Heartbeat, "start", lambda self: None)
    monkeypatch.setattr(Heartbeat, "stop", lambda self: None)
    with opened().lease("prod", this_process("slow")) as lease:
        time.sleep(1.2)
        assert opened().holder("prod") is None
        opened().commit([Change("files", "a", {})], lease)
    assert opened().read().tables["files"] == {"a": {}}


def test_holder_that_lost_its_lease_does_not_give_back_that_of_another(opened, monkeypatch):
    monkeypatch.setattr(Heartbeat, "start", lambda self: None)
    monkeypatch.setattr(Heartbeat, "stop", lambda self: None)
    stack = ExitStack()
    stack.enter_context(opened().lease("prod", this_process("paused")))
    with opened().lease("prod", this_process("next"), wait_seconds=10):
        stack.close()
        assert opened().holder("prod") == this_process("next")


def test_heartbeat_finds_out_that_the_lease_was_freed_by_hand(opened, monkeypatch):
    monkeypatch.setattr("seeknal_sql_state.leases.is_gone", lambda machine, process: True)
    with opened().lease("prod", this_process("freed")) as lease:
        assert opened().unlock("prod") == this_process("freed")
        deadline = time.monotonic() + 5
        while lease.held and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not lease.held
        with pytest.raises(StateError, match="no longer held"):
            opened().commit([Change("files", "a", {})], lease)


def test_lease_of_a_process_on_another_machine_is_free_once_it_expires(opened, options, tmp_path, monkeypatch):
    monkeypatch.setattr("seeknal.processes.this_machine", lambda: "another machine")
    with other_process(options, tmp_path / "target", "hold", name="prod", run_id="killed") as other:
        assert other.line() == "held"
        other.kill()
        with pytest.raises(LockedError, match="killed"), opened().lease("prod", this_process("at once")):
            pass
        with pytest.raises(LockedError, match="killed"):
            opened().unlock("prod")
        with opened().lease("prod", this_process("later"), wait_seconds=10):
            pass


def test_process_id_that_was_given_to_another_process_holds_nothing(opened, monkeypatch):
    monkeypatch.setattr("seeknal_sql_state.leases.this_process", lambda: f"{os.getpid()} 12345")
    with opened().lease("prod", this_process("before")):
        monkeypatch.undo()
        with opened().lease("prod", this_process("after")):
            assert opened().holder("prod") == this_process("after")


@pytest.mark.parametrize("options", ["postgres"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_process_stopped_anywhere_in_its_commits_is_fenced_off_when_it_wakes_up(opened, options, tmp_path, seed):
    chance = random.Random(seed)
    with other_process(options, tmp_path / "target", "commit", name="prod") as other:
        acknowledged = {other.line() for _ in range(chance.randint(1, 30))}
        time.sleep(chance.random() * 0.02)
        os.kill(other.pid, signal.SIGSTOP)
        with opened().lease("prod", this_process("next"), wait_seconds=30) as lease:
            before = opened().read().tables
            os.kill(other.pid, signal.SIGCONT)
            opened().commit([Change("files", "after", {})], lease)
            time.sleep(0.3)
            with pytest.raises(AssertionError, match="exited with 1"):
                other.release()
            after = opened().read().tables
    assert_pairs(before)
    assert {f"pair{n}" for n in acknowledged} <= set(before["files"])
    assert after["artifacts"] == before["artifacts"]
    assert after["files"] == {**before["files"], "after": {}}


@pytest.mark.parametrize("seed", range(10))
def test_killed_writer_committed_or_not_and_never_half(opened, options, tmp_path, seed):
    chance = random.Random(seed)
    with other_process(options, tmp_path / "target", "commit", name="prod", settle_every=chance.choice([0, 3])) as other:
        acknowledged = {other.line() for _ in range(chance.randint(1, 20))}
        time.sleep(chance.random() * 0.01)
        acknowledged |= set(other.kill())
    found = opened().read().tables
    assert_pairs(found)
    assert {f"pair{n}" for n in acknowledged} <= set(found["files"])
    assert set(found["files"]) == {f"pair{n}" for n in range(len(found["files"]))}, "there are no gaps"
    with opened().lease("prod", this_process("next")) as lease:
        opened().commit([Change("files", "after", {})], lease)
    assert opened().read().tables["files"] == {**found["files"], "after": {}}
