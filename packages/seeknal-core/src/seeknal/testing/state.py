"""What every state backend promises, as tests.

A backend's package adopts them by subclassing once:

    class TestMyBackend(StateSuite):
        target = "acme.state:MyBackend"

        def options(self, folder: Path) -> dict[str, Any]:
            return {"path": str(folder / "state.db")}

The backend is opened as the core opens it, from its target and options, many times over the same folder and in several processes.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from seeknal.errors import LockedError, ProjectError, StateError
from seeknal.state.model import SCHEMA_VERSION, TABLES, Change
from seeknal.targets import load_target
from seeknal.testing.other_process import COUNTER, OtherProcess, this_process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.state.backend import StateBackend
    from seeknal.state.model import Snapshot

NAME = "prod"
AWKWARD: tuple[dict[str, Any], ...] = (
    {},
    {"": None},
    {"text": "Ünïcödé 日本 🦆 \u202e \x00 \\ ' \" % ; -- \n\r\t"},
    {"numbers": [0, -1, 2**63 - 1, 0.1, 1e300, -0.5], "flags": [True, False, None]},
    {"deep": {"a": [{"b": {"c": [[], [[]], {}]}}]}},
    {"crc32": "00000000", "lineage": None, "tables": {"artifacts": {}}},
)
AWKWARD_KEYS = ("a/b/c", "it's", 'say "hi"', "50%_off", "Ünïcödé 日本", "new\nline", "UPPER", "upper", " ", "k" * 500, "../../x", "NULL")


class StateSuite:
    """Subclass it in a test module, and say what is under test.

    `target` is what the contribution's target is, `options` what a project would say under `state:`. A lease must be free at most
    `dead_holder_seconds` after the process that held it was killed.
    """

    target: ClassVar[str]
    dead_holder_seconds: ClassVar[float] = 15

    def options(self, folder: Path) -> dict[str, Any]:
        """The keys under `state:` besides `backend`, for state that belongs to this folder alone. They must be JSON."""
        del folder
        return {}

    # What the tests stand on -------------------------------------------------------------------------------------------

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The target folder of a project."""
        return tmp_path / "tar get"

    @pytest.fixture
    def backend(self, folder: Path) -> StateBackend:
        """The backend, opened."""
        return self.open(folder)

    def open(self, folder: Path) -> StateBackend:
        """The backend, opened (once more) on the state of this folder."""
        opened: StateBackend = load_target(self.target)(folder, self.options(folder))
        return opened

    def elsewhere(self, folder: Path, action: str, **arguments: Any) -> OtherProcess:
        """Another process that uses the same state."""
        return OtherProcess(self.target, folder, self.options(folder), action, **arguments)

    def put(self, backend: StateBackend, *changes: Change) -> None:
        """Commit under a lease of its own."""
        with backend.lease(NAME, this_process("put")) as lease:
            backend.commit(changes, lease)

    def documents(self, backend: StateBackend, table: str = "artifacts") -> Mapping[str, Any]:
        """What a table holds now."""
        return backend.read().tables[table]  # type: ignore[index]

    # Documents ---------------------------------------------------------------------------------------------------------

    def test_new_state_is_empty(self, backend: StateBackend) -> None:
        assert backend.read().tables == {table: {} for table in TABLES}

    def test_documents_are_put_replaced_and_removed(self, backend: StateBackend) -> None:
        self.put(backend, Change("artifacts", "a", {"v": 1}), Change("artifacts", "b", {"v": 2}))
        self.put(backend, Change("artifacts", "a", {"v": 3, "w": [1]}))
        assert self.documents(backend) == {"a": {"v": 3, "w": [1]}, "b": {"v": 2}}
        self.put(backend, Change("artifacts", "a", None))
        assert self.documents(backend) == {"b": {"v": 2}}

    def test_tables_are_apart(self, backend: StateBackend) -> None:
        self.put(backend, *(Change(table, "same", {"in": table}) for table in TABLES))
        assert backend.read().tables == {table: {"same": {"in": table}} for table in TABLES}
        self.put(backend, Change("pointers", "same", None))
        assert self.documents(backend, "pointers") == {}
        assert self.documents(backend, "files") == {"same": {"in": "files"}}

    def test_changes_apply_in_their_order(self, backend: StateBackend) -> None:
        self.put(backend, Change("files", "a", {"v": 1}), Change("files", "a", None), Change("files", "a", {"v": 2}))
        self.put(backend, Change("files", "b", {"v": 1}), Change("files", "b", None))
        assert self.documents(backend, "files") == {"a": {"v": 2}}

    def test_removing_what_is_not_there_does_no_harm(self, backend: StateBackend) -> None:
        self.put(backend, Change("files", "nosuch", None), Change("files", "a", {"v": 1}))
        assert self.documents(backend, "files") == {"a": {"v": 1}}

    def test_commit_of_nothing_is_fine(self, backend: StateBackend) -> None:
        self.put(backend)
        assert backend.read().tables == {table: {} for table in TABLES}

    @pytest.mark.parametrize("document", AWKWARD)
    def test_documents_come_back_as_they_were(self, folder: Path, document: dict[str, Any]) -> None:
        self.put(self.open(folder), Change("artifacts", "a", document))
        assert self.documents(self.open(folder)) == {"a": document}
        self.open(folder).settle()
        assert self.documents(self.open(folder)) == {"a": document}

    def test_any_text_can_be_a_key(self, folder: Path) -> None:
        self.put(self.open(folder), *(Change("files", key, {"key": key}) for key in AWKWARD_KEYS))
        assert self.documents(self.open(folder), "files") == {key: {"key": key} for key in AWKWARD_KEYS}
        self.put(self.open(folder), *(Change("files", key, None) for key in AWKWARD_KEYS[1:]))
        assert list(self.documents(self.open(folder), "files")) == [AWKWARD_KEYS[0]]

    def test_large_documents_come_back_whole(self, folder: Path) -> None:
        large = {"text": "é日🦆" * 1_000_000, "list": list(range(100_000))}
        self.put(self.open(folder), Change("artifacts", "large", large))
        assert self.documents(self.open(folder)) == {"large": large}

    def test_many_documents_in_one_commit(self, folder: Path) -> None:
        self.put(self.open(folder), *(Change("pointers", f"prod/transform.n{i}", {"i": i}) for i in range(5000)))
        self.put(self.open(folder), *(Change("pointers", f"prod/transform.n{i}", None) for i in range(0, 5000, 2)))
        kept = self.documents(self.open(folder), "pointers")
        assert len(kept) == 2500
        assert kept["prod/transform.n4999"] == {"i": 4999}

    def test_snapshots_stay_as_they_were(self, backend: StateBackend) -> None:
        self.put(backend, Change("files", "a", {"v": 1}))
        before = backend.read()
        self.put(backend, Change("files", "a", None), Change("files", "b", {"v": 2}))
        assert before.tables["files"] == {"a": {"v": 1}}

    def test_values_are_not_shared_with_the_caller(self, backend: StateBackend) -> None:
        document = {"list": [1]}
        self.put(backend, Change("files", "a", document))
        document["list"].append(2)
        backend.read().tables["files"]["a"]["list"].append(3)
        assert self.documents(backend, "files") == {"a": {"list": [1]}}

    def test_commits_may_come_from_another_thread(self, backend: StateBackend) -> None:
        with backend.lease(NAME, this_process("threads")) as lease:
            worker = threading.Thread(target=backend.commit, args=([Change("files", "a", {"v": 1})], lease))
            worker.start()
            worker.join()
            assert self.documents(backend, "files") == {"a": {"v": 1}}

    # Serial, settling, describing --------------------------------------------------------------------------------------

    def test_serial_grows_with_every_commit(self, folder: Path) -> None:
        serials = [self.open(folder).read().serial]
        for number in range(3):
            self.put(self.open(folder), Change("files", "a", {"v": number}))
            serials.append(self.open(folder).read().serial)
            self.open(folder).settle()
            assert self.open(folder).read().serial >= serials[-1]
        assert serials == sorted(set(serials))

    def test_settling_changes_nothing_that_is_read(self, backend: StateBackend) -> None:
        backend.settle()
        assert backend.read().tables == {table: {} for table in TABLES}
        self.put(backend, Change("files", "a", {"v": 1}))
        before = backend.read()
        for _ in range(3):
            backend.settle()
            assert backend.read().tables == before.tables
        self.put(backend, Change("files", "b", {"v": 2}))
        assert set(self.documents(backend, "files")) == {"a", "b"}

    def test_description_tells_schema_and_serial(self, backend: StateBackend) -> None:
        self.put(backend, Change("files", "a", {"v": 1}))
        described = backend.describe()
        assert described["schema_version"] == SCHEMA_VERSION
        assert described["serial"] == backend.read().serial
        assert all(isinstance(v, str | int) for v in described.values())

    def test_unknown_options_are_refused(self, folder: Path) -> None:
        with pytest.raises(ProjectError, match="nosuch_option"):
            load_target(self.target)(folder, {**self.options(folder), "nosuch_option": 1})

    # Durable and whole -------------------------------------------------------------------------------------------------

    def test_commits_are_seen_by_others_at_once(self, folder: Path) -> None:
        first, second = self.open(folder), self.open(folder)
        self.put(first, Change("files", "a", {"v": 1}))
        assert self.documents(second, "files") == {"a": {"v": 1}}
        self.put(second, Change("files", "b", {"v": 2}))
        first.settle()
        assert self.documents(first, "files") == self.documents(second, "files") == {"a": {"v": 1}, "b": {"v": 2}}

    @pytest.mark.parametrize("settle_every", [0, 1, 7])
    def test_readers_see_whole_commits_only_and_never_go_back(self, folder: Path, settle_every: int) -> None:
        with self.elsewhere(folder, "commit", name=NAME, count=60, settle_every=settle_every) as other:
            assert other.line() == "0"
            reader, seen = self.open(folder), 0
            while seen < 60:
                found = reader.read()
                self.assert_pairs(found)
                assert set(found.tables["files"]) >= {f"pair{number}" for number in range(seen)}, "what was once seen stays"
                assert set(found.tables["files"]) == {f"pair{number}" for number in range(len(found.tables["files"]))}, "there are no gaps"
                seen = len(found.tables["files"])
            other.release()

    def test_killed_writer_leaves_every_acknowledged_commit_and_no_half_one(self, folder: Path) -> None:
        with self.elsewhere(folder, "commit", name=NAME) as other:
            acknowledged = {other.line() for _ in range(20)}
            acknowledged |= set(other.kill())
        found = self.open(folder).read()
        self.assert_pairs(found)
        assert {f"pair{number}" for number in acknowledged} <= set(found.tables["files"])
        with self.open(folder).lease(NAME, this_process("after"), self.dead_holder_seconds) as lease:
            self.open(folder).commit([Change("files", "after", {"v": 1})], lease)
        self.open(folder).settle()
        after = self.open(folder).read().tables
        assert after["files"] == {**found.tables["files"], "after": {"v": 1}}
        assert after["artifacts"] == found.tables["artifacts"]

    def assert_pairs(self, found: Snapshot) -> None:
        """Fail the test if a commit of the other process is there by half."""
        assert found.tables["artifacts"] == {k: v for k, v in found.tables["files"].items() if k != COUNTER}

    def test_promotion_is_seen_whole_or_not_at_all(self, folder: Path) -> None:
        names = ["prod", "dev"]
        with self.elsewhere(folder, "swap", names=names, count=200) as other:
            assert other.line() == "0"
            reader, seen = self.open(folder), {0}
            while max(seen) < 5:
                seen.add(self.promoted(reader.read()))
            other.kill()
        last = self.promoted(self.open(folder).read())
        assert last >= max(seen)
        with self.open(folder).lease("prod", this_process("next"), self.dead_holder_seconds):
            self.open(folder).settle()
            assert self.promoted(self.open(folder).read()) == last

    def promoted(self, found: Snapshot) -> int:
        """The number that all documents of two environments say. Fails the test where they say several."""
        numbers = {d["number"] for table in ("pointers", "previous", "environments") for d in found.tables[table].values()}
        assert len(numbers) == 1
        assert [len(found.tables[t]) for t in ("pointers", "previous", "environments")] == [200, 200, 2]
        return int(numbers.pop())

    # Leases ------------------------------------------------------------------------------------------------------------

    def test_lease_excludes_others_and_names_its_holder(self, folder: Path) -> None:
        with self.open(folder).lease(NAME, this_process("first")), pytest.raises(LockedError) as caught, ExitStack() as stack:
            stack.enter_context(self.open(folder).lease(NAME, this_process("second")))
        assert caught.value.exit_code == 4
        assert "first" in caught.value.message
        assert NAME in caught.value.message

    def test_lease_excludes_other_processes(self, folder: Path) -> None:
        with self.elsewhere(folder, "hold", name=NAME, run_id="elsewhere") as other:
            assert other.line() == "held"
            with pytest.raises(LockedError) as caught, ExitStack() as stack:
                stack.enter_context(self.open(folder).lease(NAME, this_process("here")))
            assert "elsewhere" in caught.value.message
            assert str(other.pid) in caught.value.message
            assert self.open(folder).read().tables["files"] == {}, "reading takes no lock"
            other.release()
        with self.open(folder).lease(NAME, this_process("here")):
            pass

    def test_no_update_is_lost_between_processes(self, folder: Path) -> None:
        with (
            self.elsewhere(folder, "increment", name=NAME, times=25) as one,
            self.elsewhere(folder, "increment", name=NAME, times=25) as two,
        ):
            assert one.line() == two.line() == "ready"
            one.release()
            two.release()
        assert self.documents(self.open(folder), "files") == {COUNTER: {"value": 50}}

    def test_leases_of_other_names_are_free(self, folder: Path) -> None:
        with self.open(folder).lease(NAME, this_process("a")), self.open(folder).lease("dev", this_process("b")):
            assert self.open(folder).holder("dev") == this_process("b")
        with self.open(folder).lease("Prod", this_process("c")), self.open(folder).lease("ünï", this_process("d")):
            pass

    def test_two_leases_are_held_together_and_given_back_one_by_one(self, backend: StateBackend, folder: Path) -> None:
        with backend.lease("dev", this_process("outer")) as outer:
            with backend.lease("prod", this_process("inner")) as inner:
                backend.commit([Change("files", "a", {"v": 1})], inner)
                with pytest.raises(LockedError), self.open(folder).lease("dev", this_process("other")):
                    pass
            assert self.open(folder).holder("prod") is None
            assert self.open(folder).holder("dev") == this_process("outer")
            backend.commit([Change("files", "b", {"v": 2})], outer)
        assert self.documents(backend, "files") == {"a": {"v": 1}, "b": {"v": 2}}

    def test_lease_is_free_after_an_error(self, folder: Path) -> None:
        with pytest.raises(ZeroDivisionError), self.open(folder).lease(NAME, this_process("a")):
            raise ZeroDivisionError
        assert self.open(folder).holder(NAME) is None
        with self.open(folder).lease(NAME, this_process("b")):
            pass

    def test_lease_can_be_taken_again_and_again(self, backend: StateBackend) -> None:
        for number in range(5):
            with backend.lease(NAME, this_process(str(number))) as lease:
                backend.commit([Change("files", "a", {"v": number})], lease)
        assert self.documents(backend, "files") == {"a": {"v": 4}}

    def test_waiting_for_a_lease_ends_when_it_is_free(self, folder: Path) -> None:
        with self.elsewhere(folder, "hold", name=NAME, run_id="elsewhere") as other:
            assert other.line() == "held"
            timer = threading.Timer(0.5, other.release)
            timer.start()
            with self.open(folder).lease(NAME, this_process("waited"), wait_seconds=30):
                assert self.open(folder).holder(NAME) == this_process("waited")
            timer.join()

    def test_waiting_for_a_lease_has_an_end(self, folder: Path) -> None:
        with self.open(folder).lease(NAME, this_process("first")):
            begun = time.monotonic()
            with pytest.raises(LockedError), ExitStack() as stack:
                stack.enter_context(self.open(folder).lease(NAME, this_process("second"), wait_seconds=0.5))
            assert 0.4 < time.monotonic() - begun < 10

    def test_holder_is_known_while_it_holds(self, folder: Path) -> None:
        assert self.open(folder).holder(NAME) is None
        with self.open(folder).lease(NAME, this_process("me")):
            assert self.open(folder).holder(NAME) == this_process("me")
        assert self.open(folder).holder(NAME) is None

    def test_commit_after_the_lease_is_refused(self, backend: StateBackend) -> None:
        with backend.lease(NAME, this_process("gone")) as lease:
            pass
        with pytest.raises(StateError):
            backend.commit([Change("files", "a", {"v": 1})], lease)
        assert self.documents(backend, "files") == {}

    def test_lease_of_a_killed_process_is_free(self, folder: Path) -> None:
        with self.elsewhere(folder, "hold", name=NAME, run_id="killed") as other:
            assert other.line() == "held"
            other.kill()
            with self.open(folder).lease(NAME, this_process("next"), self.dead_holder_seconds):
                assert self.open(folder).holder(NAME) == this_process("next")

    def test_unlocking_frees_what_a_killed_process_held(self, folder: Path) -> None:
        with self.elsewhere(folder, "hold", name=NAME, run_id="killed") as other:
            assert other.line() == "held"
            other.kill()
            freed = self.open(folder).unlock(NAME)
            assert freed is None or freed.run_id == "killed"
            assert self.open(folder).holder(NAME) is None
            with self.open(folder).lease(NAME, this_process("next")):
                pass

    def test_unlocking_leaves_the_living_alone(self, folder: Path) -> None:
        assert self.open(folder).unlock(NAME) is None
        with self.elsewhere(folder, "hold", name=NAME, run_id="alive") as other:
            assert other.line() == "held"
            with pytest.raises(LockedError, match="alive"):
                self.open(folder).unlock(NAME)
            assert self.open(folder).holder(NAME) is not None
            other.release()
