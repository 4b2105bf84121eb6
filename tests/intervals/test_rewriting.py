"""Large outputs that are merged by key: only the files that hold a returned key are written again."""

from __future__ import annotations

import os
import random
import shutil

import pytest
from tests.intervals.test_histories import cut_off

from seeknal.run import rewriting

NODE = """
    kind: source
    name: changes
    type: csv
    table: data/changes.csv
    ---
    kind: transform
    name: users
    materialized: incremental
    unique_key: [id]
    deleted_when: op = 'D'
    sql: SELECT * FROM {{ ref('source.changes') }}
    audits: [{type: unique, columns: [id]}]
"""
HEAD = "id,name,op\n"


def lines(rows) -> str:
    return HEAD + "".join(f"{key},{name},{op}\n" for key, name, op in rows)


@pytest.fixture
def large(project, monkeypatch):
    """Two thousand users, in files of two kilobytes."""
    monkeypatch.setattr(rewriting, "FILE_BYTES", 4_000)
    chance = random.Random(1)
    rows = [(key, f"{chance.getrandbits(64):x}", "I") for key in range(2_000)]
    folder = project({"data/changes.csv": lines(rows), "seeknal/users.yml": NODE})
    folder.run().assert_success()
    return folder, {key: name for key, name, _ in rows}


def files(folder) -> dict[str, int]:
    """The files of the output that is published, with what says that two are one."""
    key = folder.open().state.read().pointers("prod")["transform.users"].key
    return {p.name: p.stat().st_ino for p in folder.root.glob(f"target/cache/transform/users/{key}/*.parquet")}


def upsert(folder, rows) -> None:
    folder.write("data/changes.csv", lines(rows))
    folder.run().assert_success()


def users(folder) -> dict[int, str]:
    found = folder.rows("users")
    assert len({r[0] for r in found}) == len(found)
    return {r[0]: r[1] for r in found}


def test_only_files_that_hold_a_returned_key_are_written_again(large) -> None:
    folder, rows = large
    before = files(folder)
    assert len(before) > 5
    upsert(folder, [(3, "Cid", "U"), (5, "", "D")])
    after = files(folder)
    assert set(before.items()) - set(after.items()) == {i for i in before.items() if i not in after.items()}
    assert len(before.items() & after.items()) == len(before) - 1
    assert users(folder) == {k: "Cid" if k == 3 else n for k, n in rows.items() if k != 5}
    assert folder.run().assert_success().built == set()


def test_an_output_is_whole_without_the_one_that_it_shares_files_with(large) -> None:
    folder, rows = large
    (first,) = folder.root.glob("target/cache/transform/users/*")
    upsert(folder, [(3, "Cid", "U")])
    shutil.rmtree(first)
    folder.cli("state", "verify", "--full")
    assert users(folder) == rows | {3: "Cid"}
    upsert(folder, [(4, "Dan", "U")])
    assert users(folder) == rows | {3: "Cid", 4: "Dan"}


def test_where_files_cannot_be_shared_they_are_copied(large, monkeypatch) -> None:
    folder, rows = large
    before = files(folder)

    def refuse(*_args, **_more):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    upsert(folder, [(3, "Cid", "U")])
    assert not set(before.values()) & set(files(folder).values())
    assert len(before.keys() & files(folder).keys()) == len(before) - 1
    assert users(folder) == rows | {3: "Cid"}


def test_any_upserts_come_to_what_they_say_also_where_runs_are_cut_off(large, monkeypatch) -> None:
    folder, rows = large
    chance = random.Random(7)
    for step in range(8):
        keys = chance.sample(range(2_400), chance.choice([0, 1, 5, 200]))
        some = [(k, f"{chance.getrandbits(64):x}", chance.choice("UUD")) for k in keys]
        if step == 4:
            some = [(k, "", "D") for k in range(300, 900)]
        if step % 3 == 0:
            folder.write("data/changes.csv", lines(some or [(-1, "", "D")]))
            cut_off(folder, monkeypatch, chance.randint(0, 4))
        upsert(folder, some or [(-1, "", "D")])
        rows |= {k: n for k, n, op in some if op != "D"}
        rows = {k: n for k, n in rows.items() if k not in {k for k, _, op in some if op == "D"}}
        assert users(folder) == rows
    small = [
        p
        for p in folder.root.glob(
            f"target/cache/transform/users/{folder.open().state.read().pointers('prod')['transform.users'].key}/*.parquet"
        )
        if p.stat().st_size * 2 < 4_000
    ]
    assert len(small) <= 1


def test_a_column_that_is_new_is_in_all_files(large) -> None:
    folder, rows = large
    folder.write("data/changes.csv", "id,name,op,score\n3,Cid,U,1.5\n")
    folder.run().assert_success()
    assert sorted(r for r in folder.rows("users") if r[0] < 5) == [
        (k, "Cid" if k == 3 else rows[k], "U" if k == 3 else "I", 1.5 if k == 3 else None) for k in range(5)
    ]
    assert len(folder.rows("users")) == 2_000
