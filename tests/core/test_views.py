"""Views are published over the outputs they were audited on, and stay over them until they are published again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from seeknal.run.comparing import CompareOptions
from seeknal.run.querying import Querying

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

VIEW = "/* ---\nmaterialized: view\n{}--- */\n"
AUDITED = VIEW.format("audits: [{type: accepted_values, columns: [v], values: [1, 2, 3]}]\n")
GOOD, BETTER, BAD = "id,v\n1,1\n2,2\n", "id,v\n1,1\n2,3\n", "id,v\n1,1\n2,9\n"
FILES = {
    "data/s.csv": GOOD,
    "seeknal/s.yml": "kind: source\nname: s\ntype: csv\ntable: data/s.csv\n",
    "seeknal/v.sql": AUDITED + "SELECT id, v FROM {{ ref('source.s') }}",
    "seeknal/w.sql": VIEW.format("") + "SELECT v * 10 AS v FROM {{ ref('transform.v') }}",
    "seeknal/t.sql": "SELECT sum(v) AS v FROM {{ ref('transform.w') }}",
}


@pytest.fixture
def shown(project: ProjectMaker) -> ProjectFolder:
    folder = project(FILES)
    folder.run().assert_success()
    return folder


def warehouse(folder: ProjectFolder, node: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        return sorted(connection.execute(f"FROM prod.{node.replace('.', '_')}").fetchall())


def everywhere(folder: ProjectFolder, node: str) -> list[tuple[object, ...]]:
    """The rows of a node, which must be the same wherever they are read."""
    found = sorted(folder.rows(node))
    with Querying(folder.open()) as querying:
        assert sorted(querying.rows(f"SELECT * FROM {node}").rows) == found
    assert warehouse(folder, node) == found
    return found


def relations(folder: ProjectFolder) -> set[str]:
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        return {n for (n,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall()}


def test_a_view_whose_audit_fails_stays_over_the_rows_that_passed(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BAD)
    assert shown.run(continue_on_error=True).assert_failed("SK-AUDIT-010").failed == {"transform.v"}
    assert everywhere(shown, "source.s") == [(1, 1), (2, 9)]
    assert everywhere(shown, "transform.v") == [(1, 1), (2, 2)]
    assert everywhere(shown, "transform.w") == [(10,), (20,)]
    shown.write("data/s.csv", BETTER)
    shown.run().assert_success()
    assert everywhere(shown, "transform.v") == [(1, 1), (2, 3)]
    assert everywhere(shown, "transform.w") == [(10,), (30,)]
    assert relations(shown) == {"source_s", "transform_v", "transform_w", "transform_t"}


def test_readers_run_alone_read_the_rows_that_passed(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BAD)
    shown.run(continue_on_error=True).assert_failed("SK-AUDIT-010")
    assert shown.run("transform.t").assert_success().built == set()
    shown.edit("seeknal/t.sql", "sum(v)", "max(v)")
    assert shown.run("transform.t").assert_success().built == {"transform.t"}
    assert everywhere(shown, "transform.t") == [(20,)]
    shown.run("transform.t", full=True).assert_success()
    assert everywhere(shown, "transform.t") == [(20,)]


def test_a_view_that_never_passed_is_read_by_nobody(project: ProjectMaker) -> None:
    folder = project({**FILES, "data/s.csv": BAD})
    folder.run(continue_on_error=True).assert_failed("SK-AUDIT-010")
    folder.cli("show", "v").assert_failed("SK-RUN-002")
    folder.run("transform.w").assert_failed("SK-RUN-002")
    assert relations(folder) == {"source_s"}


def test_a_source_run_alone_moves_no_view(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BETTER)
    shown.run("source.s").assert_success()
    assert everywhere(shown, "source.s") == [(1, 1), (2, 3)]
    assert everywhere(shown, "transform.v") == [(1, 1), (2, 2)]
    assert everywhere(shown, "transform.w") == [(10,), (20,)]
    assert shown.run("transform.t").assert_success().built == set()
    assert shown.run().assert_success().built == {"transform.v", "transform.w", "transform.t"}
    assert everywhere(shown, "transform.w") == [(10,), (30,)]


def test_a_view_of_a_view_stays_over_the_view_it_was_published_over(shown: ProjectFolder) -> None:
    shown.edit("seeknal/v.sql", "SELECT id, v", "SELECT id, v + 1 AS v")
    shown.run("transform.v").assert_success()
    assert everywhere(shown, "transform.v") == [(1, 2), (2, 3)]
    assert everywhere(shown, "transform.w") == [(10,), (20,)]
    shown.edit("seeknal/t.sql", "sum(v)", "max(v)")
    shown.run("transform.t").assert_success()
    assert everywhere(shown, "transform.t") == [(20,)]
    shown.write("data/s.csv", "id,v\n1,0\n2,0\n")
    shown.run("source.s transform.v").assert_success()
    assert everywhere(shown, "transform.v") == [(1, 1), (2, 1)]
    assert everywhere(shown, "transform.w") == [(10,), (20,)]
    shown.run().assert_success()
    assert everywhere(shown, "transform.w") == [(10,), (10,)]


def test_a_view_stays_over_a_node_that_is_gone(shown: ProjectFolder) -> None:
    text = "SELECT v * 10 AS v FROM {{ ref('source.s') }} WHERE v > 100"
    audited = VIEW.format("audits: [{type: row_count, min: 1}]\n")
    shown.delete("seeknal/v.sql").write("seeknal/w.sql", f"{audited}{text}")
    shown.run(continue_on_error=True).assert_failed("SK-AUDIT-010")
    assert "transform_v" not in relations(shown)
    assert everywhere(shown, "transform.w") == [(10,), (20,)]


def test_what_the_environment_holds_is_read_whatever_the_project_says(shown: ProjectFolder) -> None:
    shown.write("seeknal/v.sql", "SELECT id, v * 2 AS v FROM {{ ref('source.s') }}")
    assert everywhere(shown, "transform.v") == [(1, 1), (2, 2)]
    shown.cli("show", "v").assert_success()
    shown.run().assert_success()
    shown.write("seeknal/v.sql", AUDITED + "SELECT id, v FROM {{ ref('source.s') }}")
    assert everywhere(shown, "transform.v") == [(1, 2), (2, 4)]


def test_the_data_of_a_view_that_stayed_is_compared_as_it_is_published(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BAD)
    shown.run(continue_on_error=True).assert_failed("SK-AUDIT-010")
    found = shown.open().compare("transform.v", "source.s", options=CompareOptions(on=("id",)))
    assert (found.changed, found.added, found.removed) == (1, 0, 0)


def test_a_view_over_a_file_in_place_that_was_overwritten_is_not_read_for_what_it_was(project: ProjectMaker) -> None:
    source = "kind: source\nname: s\ntype: parquet\ntable: data/s.parquet\n"
    files = {name: text for name, text in FILES.items() if name != "data/s.csv"}
    folder = project({**files, "seeknal/s.yml": source})

    def put(value: int) -> None:
        (folder.root / "data").mkdir(exist_ok=True)
        duckdb.sql(f"SELECT 1 AS id, {value} AS v").write_parquet(str(folder.root / "data/s.parquet"))

    put(1)
    folder.run().assert_success()
    put(9)
    folder.run(continue_on_error=True).assert_failed("SK-AUDIT-010")
    folder.cli("show", "v").assert_failed("SK-RUN-007")
    assert folder.run("transform.t").assert_success().built == set()
    put(2)
    folder.run().assert_success()
    assert everywhere(folder, "transform.v") == [(1, 2)]
