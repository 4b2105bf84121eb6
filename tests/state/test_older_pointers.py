"""State of the time before columns were told apart is read, and what it says of logic is found out anew."""

from __future__ import annotations

from seeknal.nodes import Digest, Key, NodeId
from seeknal.state.model import Pointer, Read


def test_a_pointer_without_columns() -> None:
    document = {
        "key": "k", "fingerprint": ["c", "s", "u", "g"], "inputs": {"source.a": "d"}, "version": None, "run_id": "r", "view": "SELECT 1",
    }  # fmt: skip
    pointer = Pointer.from_json(document)
    assert pointer.inputs == {NodeId("source.a"): Read(None, Digest("d"))}
    assert (pointer.sql, pointer.is_view, pointer.fingerprint.columns) == ("SELECT 1", True, {})


def test_a_pointer_as_it_is_written_now() -> None:
    pointer = Pointer(Key("k"), Pointer.from_json({"key": "k", "fingerprint": ["c", "s", "u", "g", "r", {"a": "x"}], "inputs": {}}).fingerprint,
                      {NodeId("source.a"): Read(("a", "b"), Digest("d"), Key("o"))}, "v", "run", "SELECT 1")  # fmt: skip
    assert Pointer.from_json(pointer.to_json()) == pointer
