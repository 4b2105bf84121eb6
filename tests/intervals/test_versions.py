"""Histories of rows: `materialized: scd2`."""

from __future__ import annotations

import itertools
from datetime import datetime

import pytest
from tests.intervals.conftest import at

NODE = """
    kind: source
    name: people
    type: csv
    table: data/people.csv
    ---
    kind: transform
    name: history
    materialized: scd2
    unique_key: [id]
    {more}
    sql: SELECT * FROM {{{{ ref('source.people') }}}}
"""
BY_TIME = ["1,Ayu,2026-01-01", "1,Ayu M,2026-01-05", "1,Ayu N,2026-01-09", "2,Budi,2026-01-03"]


def made(project, more: str, head: str, *lines: str):
    return project({"data/people.csv": "\n".join([head, *lines, ""]), "seeknal/people.yml": NODE.format(more=more)})


def history(folder):
    return [
        (key, name, start.strftime("%d"), end and end.strftime("%d"), current)
        for key, name, start, end, current in sorted(((r[0], r[1], *r[-3:]) for r in folder.rows("history")), key=lambda r: (r[0], r[2]))
    ]


def later(folder, now: str, head: str, *lines: str) -> None:
    folder.write("data/people.csv", "\n".join([head, *lines, ""]))
    folder.run(now=at(now)).assert_success()


@pytest.mark.parametrize("order", list(itertools.permutations(BY_TIME))[::5])
def test_versions_that_come_late_take_their_place(project, order) -> None:
    head = "id,name,updated_at"
    folder = made(project, "updated_at: updated_at", head, order[0])
    folder.run().assert_success()
    for line in (*order[1:], order[1]):
        later(folder, "2026-02-01", head, line)
    assert history(folder) == [
        (1, "Ayu", "01", "05", False),
        (1, "Ayu M", "05", "09", False),
        (1, "Ayu N", "09", None, True),
        (2, "Budi", "03", None, True),
    ]


def test_rows_are_compared_where_no_column_says_when(project) -> None:
    head = "id,name,seen"
    folder = made(project, "check_columns: [name]", head, "1,Ayu,1", "2,Budi,1")
    folder.run(now=at("2026-01-01")).assert_success()
    later(folder, "2026-01-02", head, "1,Ayu,2", "2,Budi,2")
    later(folder, "2026-01-03", head, "1,Ayu M,3", "3,Citra,3")
    later(folder, "2026-01-04", head, "1,Ayu M,4", "3,Citra,4")
    assert history(folder) == [
        (1, "Ayu", "01", "03", False),
        (1, "Ayu M", "03", None, True),
        (2, "Budi", "01", None, True),
        (3, "Citra", "03", None, True),
    ]
    assert folder.run(now=at("2026-01-05")).assert_success().built == set()
    later(folder, "2026-01-02", head, "1,Ayu N,5", "2,Budi M,5")  # the clock was put back
    assert history(folder)[1:5] == [
        (1, "Ayu M", "03", "03", False),
        (1, "Ayu N", "03", None, True),
        (2, "Budi", "01", "02", False),
        (2, "Budi M", "02", None, True),
    ]


def test_columns_that_are_added_and_come_back(project) -> None:
    folder = made(project, "", "id,name", "1,Ayu", "2,")
    folder.run(now=at("2026-01-01")).assert_success()
    later(folder, "2026-01-02", "id,name,city", "1,Ayu,Solo", "2,,")
    later(folder, "2026-01-03", "id,name,city", "1,Ayu,", "2,,")
    found = [(r[0], r[2], r[3].day, r[4] and r[4].day) for r in sorted(folder.rows("history"), key=lambda r: (r[0], r[3]))]
    assert found == [(1, None, 1, 2), (1, "Solo", 2, 3), (1, None, 3, None), (2, None, 1, None)]
    assert isinstance(folder.rows("history")[0][3], datetime)


@pytest.mark.parametrize(
    ("more", "head", "code"),
    [("", "id,valid_from", "SK-INC-006"), ("updated_at: at_", "id,name", "SK-INC-002"), ("check_columns: [nme]", "id,name", "SK-INC-002")],
)
def test_columns_that_do_not_fit(project, more, head, code) -> None:
    assert made(project, more, head, "1,2").run().node("transform.history").error.code == code


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("materialized: scd2", "unique_key"),
        ("materialized: scd2\nunique_key: [a]\nupdated_at: t\ncheck_columns: [b]", "scd2 without updated_at"),
        ("materialized: incremental\nunique_key: [a]\nupdated_at: t", "'updated_at' is for nodes with materialized: scd2"),
    ],
)
def test_what_is_refused(project, said, says) -> None:
    folder = project({"seeknal/a.sql": f"/* ---\n{said}\n--- */\nSELECT 1 AS a"})
    assert says in folder.cli("parse").assert_exit(2).stderr


DELETED = ["1,Ayu,2026-01-02,I", "1,,2026-01-04,D", "1,,2026-01-06,D", "1,Ayu M,2026-01-05,U", "1,Ayu N,2026-01-08,U"]
GONE = "updated_at: updated_at\n    deleted_when: op = 'D'"


@pytest.mark.parametrize("order", list(itertools.permutations(DELETED))[::29])
def test_a_deletion_ends_what_was_before_it_whenever_either_comes(project, order) -> None:
    head = "id,name,updated_at,op"
    folder = made(project, GONE, head, order[0])
    folder.run().assert_success()
    for line in (*order[1:], order[0], order[2]):
        later(folder, "2026-02-01", head, line)
    held = [h for h in history(folder) if h[2] != h[3]]
    assert held == [(1, "Ayu", "02", "04", False), (1, "Ayu M", "05", "06", False), (1, "Ayu N", "08", None, True)]
    assert len(folder.rows("history")) == 5


def test_a_deletion_holds_over_a_version_of_the_same_time(project) -> None:
    head = "id,name,updated_at,op"
    for order in itertools.permutations(["1,Ayu,2026-01-02,I", "1,Ayu,2026-01-02,D"]):
        folder = made(project, GONE, head, order[0])
        folder.run().assert_success()
        later(folder, "2026-02-01", head, order[1])
        assert [h[2:] for h in history(folder)] == [("02", "02", False)]


def test_where_no_column_says_when_a_deletion_holds_from_the_run_that_sees_it(project) -> None:
    head = "id,name,op"
    folder = made(project, "deleted_when: op = 'D'\n    check_columns: [name]", head, "1,Ayu,I", "2,Budi,I", "3,,D")
    folder.run(now=at("2026-01-01")).assert_success()
    later(folder, "2026-01-02", head, "1,,D", "4,,D")
    gone = [(1, "Ayu", "01", "02", False), (2, "Budi", "01", None, True)]
    assert history(folder) == gone
    later(folder, "2026-01-03", head, "1,,D", "4,,D", "")
    assert history(folder) == gone
    later(folder, "2026-01-04", head, "1,Ayu,I")
    assert history(folder) == [gone[0], (1, "Ayu", "04", None, True), gone[1]]
