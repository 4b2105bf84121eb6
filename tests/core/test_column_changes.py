"""Runs of a part of a project: what stays is read as the environment has it, and is not taken for what the project has by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

VIEW = "/* ---\nmaterialized: view\n--- */\n"
QUERY = "SELECT id, v FROM {{ ref('source.s') }} WHERE id <> 9"
BEFORE, AFTER = "id,v\n1,2\n2,3\n", "id,v\n1,2\n2,5\n"


def _chain(project: ProjectMaker, middle: str) -> ProjectFolder:
    """A source `s`, `m` that reads it, and a table `t` that reads `m`; all built."""
    folder = project(
        {
            "data/s.csv": BEFORE,
            "seeknal/s.yml": "kind: source\nname: s\ntype: csv\ntable: data/s.csv\n",
            "seeknal/m.sql": middle,
            "seeknal/t.sql": "SELECT id, v + 1 AS v FROM {{ ref('transform.m') }}",
        }
    )
    folder.run().assert_success()
    return folder


def test_table_that_is_to_be_a_view_is_read_as_the_table_it_is(project: ProjectMaker) -> None:
    folder = _chain(project, QUERY)
    folder.write("seeknal/m.sql", VIEW + QUERY).write("data/s.csv", AFTER)
    folder.run("source.s transform.t").assert_success()
    assert folder.rows("transform.t") == [(1, 3), (2, 4)]
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(1, 3), (2, 6)]


def test_view_that_is_to_be_a_table_is_read_as_the_view_it_is(project: ProjectMaker) -> None:
    folder = _chain(project, VIEW + QUERY)
    folder.write("seeknal/m.sql", QUERY).write("data/s.csv", AFTER)
    folder.run("source.s transform.t").assert_success()
    assert folder.rows("transform.t") == [(1, 3), (2, 4)]
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(1, 3), (2, 6)]


def test_reader_of_an_edited_view_that_stays_sees_the_rows_it_was_published_over(project: ProjectMaker) -> None:
    folder = _chain(project, VIEW + QUERY)
    folder.edit("seeknal/m.sql", "id, v", "id, v * 2 AS v")
    for value in (5, 7):
        folder.write("data/s.csv", f"id,v\n1,2\n2,{value}\n")
        folder.run("source.s transform.t").assert_success()
        assert folder.rows("transform.t") == [(1, 3), (2, 4)]
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(1, 5), (2, 15)]


@pytest.mark.parametrize("edited", [QUERY, QUERY.replace("id, v", "id, v * 2 AS v")], ids=["as it was", "edited"])
def test_reader_of_a_view_that_stayed_is_built_again_when_the_rows_go_back(project: ProjectMaker, edited: str) -> None:
    folder = _chain(project, VIEW + QUERY)
    folder.write("seeknal/m.sql", VIEW + edited).write("data/s.csv", AFTER)
    folder.run("source.s transform.t").assert_success()
    folder.write("seeknal/m.sql", VIEW + QUERY).write("data/s.csv", BEFORE)
    folder.run("source.s").assert_success()
    folder.run().assert_success()
    assert folder.rows("transform.t") == [(1, 3), (2, 4)]


def test_reformatted_view_that_stays_builds_no_reader(project: ProjectMaker) -> None:
    folder = _chain(project, VIEW + QUERY)
    folder.edit("seeknal/m.sql", "SELECT id, v FROM", "select id,\n v from -- all\n")
    assert folder.run("transform.t").assert_success().reused == {"transform.t"}


def test_a_long_chain_of_views(project: ProjectMaker) -> None:
    """What is asked of a view is asked of all views below it, more than Python's stack would hold."""
    length = 280
    views = {f"seeknal/v{n}.sql": f"{VIEW}SELECT id, v FROM {{{{ ref('transform.v{n - 1}') }}}}\n" for n in range(1, length)}
    folder = project(
        {
            "seeknal/v0.sql": f"{VIEW}SELECT 1 AS id, 2 AS v\n",
            **views,
            "seeknal/t.sql": f"SELECT sum(v) AS v FROM {{{{ ref('transform.v{length - 1}') }}}}\n",
        }
    )
    folder.run().assert_success()
    folder.write("seeknal/v0.sql", f"{VIEW}SELECT 1 AS id, 3 AS v\n")
    assert folder.open().plan().decisions["transform.t"].action == "build"
    folder.run().assert_success()
    assert folder.rows("t") == [(3,)]
