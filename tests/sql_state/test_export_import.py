"""`seeknal state export` and `import`, `unlock` and `rebuild`: alike on every backend."""

from __future__ import annotations

import json

import pytest
from tests.core.conftest import SHOP

from seeknal.errors import LockedError, ProjectError
from seeknal.plugin import Change
from seeknal.state.file import FileBackend
from seeknal.state.portable import export_state, import_state, parse_state
from seeknal.testing.other_process import OtherProcess, this_process


def forget_state(shop):
    """Make the state empty, as a new machine has it."""
    backend = shop.open().state
    with backend.lease("prod", this_process("forget")) as lease:
        tables = backend.read().tables
        backend.commit([Change(table, key, None) for table, rows in tables.items() for key in rows], lease)
    backend.settle()


def test_whole_state_goes_out_and_comes_back(shop):
    before = shop.open().state.read().tables
    out = shop.cli("state", "export", "backup.json").assert_success()
    assert f"{sum(map(len, before.values()))} documents written to backup.json" in out.stdout
    forget_state(shop)
    assert not any(shop.open().state.read().tables.values())
    shop.cli("state", "import", "backup.json", "--dry-run").assert_success()
    assert not any(shop.open().state.read().tables.values())
    shop.cli("state", "import", "backup.json").assert_success()
    assert shop.open().state.read().tables == before
    assert "0 built, 4 reused" in shop.cli("run").assert_success().output


def test_what_is_there_is_not_lost_unless_that_is_said(shop):
    shop.cli("state", "export", "backup.json").assert_success()
    shop.edit("seeknal/adults.sql", "18", "17").run().assert_success()
    now = shop.open().state.read().tables
    shop.cli("state", "export", "backup.json").assert_failed("SK-STATE-016", exit_code=2)
    shop.cli("state", "import", "backup.json").assert_failed("SK-STATE-013", exit_code=2)
    assert shop.open().state.read().tables == now
    old = parse_state((shop.root / "backup.json").read_bytes(), "backup.json").snapshot.tables
    shop.cli("state", "import", "backup.json", "--replace").assert_success()
    assert shop.open().state.read().tables == old


def test_runs_keep_an_import_out(shop):
    shop.cli("state", "export", "backup.json").assert_success()
    with shop.open().state.lease("prod", this_process("a run")):
        shop.cli("state", "import", "backup.json").assert_failed("SK-LOCK-001", exit_code=4)


def test_export_to_stdout_is_the_document_and_nothing_else(shop):
    printed = shop.cli("state", "export", "-").assert_success().stdout
    assert parse_state(printed.encode(), "-").snapshot.tables == shop.open().state.read().tables


def test_rebuild_finds_every_output_again(shop):
    known = shop.open().state.read().tables["artifacts"]
    assert known
    forget_state(shop)
    shop.cli("state", "rebuild").assert_success()
    found = shop.open().state.read().tables["artifacts"]
    assert {k: v["files"] for k, v in found.items()} == {k: v["files"] for k, v in known.items()}
    assert "0 built" in shop.cli("run").assert_success().output


def test_unlock_frees_what_a_killed_process_held(shop, where, request):
    name = request.node.callspec.params["where"]
    target = {
        "file": "seeknal.state.file:FileBackend",
        "sqlite": "seeknal_sql_state.sqlite:SQLiteBackend",
        "postgres": "seeknal_sql_state.postgres:PostgresBackend",
    }[name]
    options = {"url": where["SEEKNAL_STATE_URL"], "project": "test"} if where else {}
    with OtherProcess(target, shop.root / "target", options, "hold", name="prod", run_id="killed") as other:
        assert other.line() == "held"
        shop.cli("state", "unlock").assert_failed("SK-LOCK-001", exit_code=4)
        other.kill()
    shop.cli("state", "unlock").assert_success()
    assert shop.open().state.holder("prod") is None
    shop.cli("state", "info").assert_success()


# What is refused ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def exported(project):
    """A document of a small project."""
    folder = project(SHOP)
    folder.run().assert_success()
    return json.loads(export_state(folder.open().state, "test")[0])


def redigested(document):
    from seeknal.state.portable import _digest

    return json.dumps({**document, "digest": _digest(document["tables"])}).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: b"",
        lambda d: json.dumps(d).encode()[:-20],
        lambda d: b"[" * 100_000,
        lambda d: b"[1]",
        lambda d: json.dumps({**d, "format": "other"}).encode(),
        lambda d: json.dumps({**d, "tables": {**d["tables"], "artifacts": {}}}).encode(),
        lambda d: json.dumps({**d, "tables": None}).encode(),
        lambda d: redigested({**d, "tables": {"nonsense": {}}}),
        lambda d: redigested({**d, "tables": {"artifacts": {"k": {"node": "a.b"}}}}),
        lambda d: redigested({**d, "tables": {"pointers": {"prod/a.b": []}}}),
        lambda d: redigested({**d, "tables": {"audits": {"k/d": {"type": "x"}}}}),
        lambda d: redigested({**d, "tables": {"files": {"a.csv": {}}}}),
    ],
)
def test_what_is_no_exported_state_is_refused(exported, change):
    with pytest.raises(ProjectError) as caught:
        parse_state(change(exported), "backup.json")
    assert caught.value.code == "SK-STATE-015"


@pytest.mark.parametrize("location", ["../../etc", "cache/source/users/other", "/tmp", "cache/source/../../x"])
def test_outputs_that_would_stand_elsewhere_are_refused(exported, location):
    for artifact in exported["tables"]["artifacts"].values():
        artifact["location"] = location
    with pytest.raises(ProjectError, match="cannot be read"):
        parse_state(redigested(exported), "backup.json")


def test_newer_document_is_refused(exported):
    for more in ({"schema_version": "3.0"}, {"version": 2}):
        with pytest.raises(ProjectError) as caught:
            parse_state(json.dumps({**exported, **more}).encode(), "backup.json")
        assert caught.value.code == "SK-STATE-002"


def test_import_that_was_cut_off_is_gone_on_with(exported, tmp_path, monkeypatch):
    document = parse_state(redigested(exported), "backup.json")
    target = FileBackend(tmp_path / "target")
    monkeypatch.setattr("seeknal.state.transfer._BATCH", 2)
    commit, calls = FileBackend.commit, []

    def cut_off(self, changes, lease):
        calls.append(changes)
        if len(calls) == 3:
            raise KeyboardInterrupt
        commit(self, changes, lease)

    with monkeypatch.context() as patch:
        patch.setattr(FileBackend, "commit", cut_off)
        with pytest.raises(KeyboardInterrupt):
            import_state(document, target, this_process("first"))
    assert not target.read().tables["pointers"], "half an import points at nothing"
    import_state(document, target, this_process("second"))
    assert target.read().tables == document.snapshot.tables


def test_import_holds_every_environment(exported, tmp_path):
    document = parse_state(redigested({**exported, "tables": {**exported["tables"], "environments": {"dev": {"created": "x"}}}}), "b")
    target = FileBackend(tmp_path / "target")
    with target.lease("dev", this_process("a run")), pytest.raises(LockedError):
        import_state(document, target, this_process("import"))
