"""State in a file survives what happens to files."""

from __future__ import annotations

import json

import pytest

from seeknal.errors import SeeknalError
from seeknal.state.file import FileBackend
from seeknal.state.model import Change
from seeknal.testing.other_process import this_process


def put(target, **documents):
    backend = FileBackend(target)
    with backend.lease("prod", this_process("put")) as lease:
        backend.commit([Change("files", key, {"v": value}) for key, value in documents.items()], lease)
    return backend


def held(target):
    return {key: document["v"] for key, document in FileBackend(target).read().tables["files"].items()}


@pytest.fixture
def target(tmp_path):
    """State that was settled twice and committed to since: a=1, b=2, and c=3 in the journal."""
    put(tmp_path, a=1).settle()
    put(tmp_path, b=2).settle()
    put(tmp_path, c=3)
    return tmp_path


def test_reading_writes_nothing(tmp_path):
    FileBackend(tmp_path / "target").read()
    FileBackend(tmp_path / "target").describe()
    FileBackend(tmp_path / "target").settle()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", range(1, 34, 4))
def test_line_that_was_cut_off_is_skipped_and_later_ones_count(target, lost):
    put(target, d=4)
    journal = target / "run_state.journal"
    journal.write_bytes(journal.read_bytes()[:-lost])
    assert held(target) == {"a": 1, "b": 2, "c": 3, **({"d": 4} if lost == 1 else {})}
    put(target, e=5).settle()
    assert held(target).keys() >= {"a", "b", "c", "e"}


def test_flipped_bits_are_noticed_and_the_backup_is_used(target):
    path = target / "run_state.json"
    path.write_bytes(path.read_bytes().replace(b'"v":2', b'"v":7'))
    found = FileBackend(target).read()
    assert held(target) == {"a": 1, "c": 3}
    assert "damaged" in found.notices[0]


def test_good_backup_is_not_replaced_by_a_damaged_file(target):
    good = (target / "run_state.json.bak").read_bytes()
    (target / "run_state.json").write_bytes(b"{")
    FileBackend(target).settle()
    assert held(target) == {"a": 1, "c": 3}
    assert (target / "run_state.json.bak").read_bytes() == good
    assert FileBackend(target).read().notices == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"lineage": "x"}', b'{"lineage": 1, "crc32":"00000000"}'])
def test_nothing_readable_is_no_state_and_says_so(tmp_path, content):
    put(tmp_path, a=1).settle()
    for name in ("run_state.json", "run_state.json.bak"):
        (tmp_path / name).write_bytes(content)
    found = FileBackend(tmp_path).read()
    assert found.tables["files"] == {}
    assert "damaged" in found.notices[0]
    put(tmp_path, b=2).settle()
    assert held(tmp_path) == {"b": 2}


def test_interrupted_settling_is_finished_by_the_next(target):
    journal = (target / "run_state.journal").read_bytes()
    FileBackend(target).settle()
    (target / "run_state.journal").write_bytes(journal)  # the process died before it removed it
    assert held(target) == {"a": 1, "b": 2, "c": 3}
    FileBackend(target).settle()
    assert held(target) == {"a": 1, "b": 2, "c": 3}
    assert not (target / "run_state.journal").exists()


def test_newer_schema_is_refused_and_left_alone(target):
    path = target / "run_state.json"
    document = {**json.loads(path.read_bytes()), "schema_version": "3.0", "min_reader": "3.0"}
    path.write_text(json.dumps(document))
    before = path.read_bytes()
    for use in (FileBackend(target).read, FileBackend(target).settle):
        with pytest.raises(SeeknalError) as caught:
            use()
        assert caught.value.code == "SK-STATE-002"
    assert path.read_bytes() == before


def test_files_are_for_their_owner_only(target):
    for name in ("run_state.json", "run_state.json.bak", "run_state.journal"):
        assert (target / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("state/execution_state.json", {"source.a": {"status": "success", "duration": 0.1, "row_count": 3}}),
        ("run_state.json", {"version": "1.0.0", "nodes": {"source.a": {"status": "success"}}}),
        ("run_state.json", {"schema_version": "2.0", "nodes": {"source.a": {"status": "success"}}}),
    ],
)
def test_older_layouts_are_taken_over_and_kept(tmp_path, path, document):
    original = tmp_path / path
    original.parent.mkdir(exist_ok=True)
    original.write_text(json.dumps(document))
    found = FileBackend(tmp_path).read()
    assert found.tables["files"] == {}
    assert "older layout" in found.notices[0]
    assert original.exists(), "reading changes nothing"
    put(tmp_path, a=1).settle()
    assert held(tmp_path) == {"a": 1}
    assert FileBackend(tmp_path).read().notices == ()
    assert json.loads(original.with_name(f"{original.name}.v1.bak").read_text()) == document
    assert "source.a" in json.loads((tmp_path / "run_state.json").read_text())["legacy"]["nodes"]
