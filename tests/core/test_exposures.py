"""What leaves the pipeline: whole files, whole tables, and not again without a reason."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectMaker

T = "SELECT range AS n, 'x' || range AS s FROM range(3)"


def exposure(params: str, more: str = "type: file") -> str:
    return f"kind: exposure\nname: out\n{more}\ninputs: [{{ref: transform.t}}]\nparams: {params}\n"


@pytest.mark.parametrize(
    ("path", "reader"),
    [("out/t.csv", "read_csv"), ("out/t.parquet", "read_parquet"), ("out/t.json", "read_json"), ("out/deep/er/t.csv", "read_csv")],
)
def test_a_file_holds_the_rows(project: ProjectMaker, path: str, reader: str) -> None:
    folder = project({"seeknal/t.sql": T, "seeknal/out.yml": exposure(f"{{path: {path}}}")})
    folder.run().assert_success()
    assert sorted(duckdb.sql(f"FROM {reader}('{folder.root / path}')").fetchall()) == [(0, "x0"), (1, "x1"), (2, "x2")]
    assert folder.run().assert_success().built == set()


def test_a_file_that_was_deleted_is_written_again(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.sql": T, "seeknal/out.yml": exposure("{path: out/t.csv}")})
    folder.run().assert_success()
    folder.delete("out/t.csv")
    decision = folder.open().plan().decisions["exposure.out"]
    assert (decision.action, decision.reason) == ("build", "output missing")
    assert folder.run().assert_success().built == {"exposure.out"}
    assert (folder.root / "out/t.csv").exists()


def test_a_file_is_written_again_when_its_rows_or_its_form_change(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.sql": T, "seeknal/out.yml": exposure("{path: out/t.csv}")})
    folder.run().assert_success()
    folder.write("seeknal/t.sql", T.replace("range(3)", "range(2)"))
    folder.run().assert_success()
    assert folder.read("out/t.csv") == "n,s\n0,x0\n1,x1\n"
    folder.write("seeknal/t.sql", T)
    assert folder.run().assert_success().built == {"exposure.out"}
    assert folder.read("out/t.csv").count("\n") == 4
    folder.write("seeknal/out.yml", exposure('{path: out/t.csv, delimiter: ";"}'))
    folder.run().assert_success()
    assert folder.read("out/t.csv").startswith("n;s\n")


def test_rows_that_are_asked_for_in_another_order_are_written_again(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.sql": T + " ORDER BY n", "seeknal/out.yml": exposure("{path: out/t.csv}")})
    folder.run().assert_success()
    folder.write("seeknal/t.sql", T + " ORDER BY n DESC")
    assert folder.open().plan().decisions["exposure.out"].action in ("build", "may_build")
    assert folder.run().assert_success().built == {"transform.t", "exposure.out"}
    assert folder.read("out/t.csv") == "n,s\n2,x2\n1,x1\n0,x0\n"
    assert folder.run().assert_success().built == set()


def test_a_file_that_somebody_else_made_is_kept(project: ProjectMaker) -> None:
    folder = project(
        {"seeknal/t.sql": T, "seeknal/out.yml": exposure("{path: out/t.csv}"), "out/t.csv": "mine\n", "out/t.csv.orig": "older\n"}
    )
    folder.run().assert_success()
    assert [folder.read(f"out/t.csv{end}") for end in (".orig", ".orig.2")] == ["older\n", "mine\n"]
    assert folder.read("out/t.csv") == "n,s\n0,x0\n1,x1\n2,x2\n"
    shutil.rmtree(folder.root / "target")
    folder.run().assert_success()
    assert sorted(p.name for p in (folder.root / "out").iterdir()) == ["t.csv", "t.csv.orig", "t.csv.orig.2"]


def test_a_failed_export_leaves_the_file_as_it_was(project: ProjectMaker) -> None:
    view = "/* ---\nmaterialized: view\n--- */\n"
    folder = project({"seeknal/t.sql": view + T, "seeknal/out.yml": exposure("{path: out/t.csv}")})
    folder.run().assert_success()
    before = folder.read("out/t.csv")
    folder.write("seeknal/t.sql", view + "SELECT range AS n, if(range = 2, error('late'), 'x') AS s FROM range(3)")
    folder.run().assert_failed(exit_code=1)
    assert folder.read("out/t.csv") == before
    assert [p.name for p in (folder.root / "out").iterdir()] == ["t.csv"]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_table_gets_the_rows_once(project: ProjectMaker, kind: str, mode: str) -> None:
    profiles = f"connections:\n  db: {{type: {kind}, path: out.db}}\n"
    folder = project(
        {
            "profiles.yml": profiles,
            "seeknal/t.sql": T,
            "seeknal/out.yml": exposure(f"{{table: t, mode: {mode}}}", "type: table\nconnection: db"),
        }
    )

    def rows() -> list[tuple]:
        connect = sqlite3.connect if kind == "sqlite" else duckdb.connect
        connection = connect(str(folder.root / "out.db"))
        try:
            return sorted(connection.execute("SELECT n, s FROM t").fetchall())
        finally:
            connection.close()

    folder.run().assert_success()
    assert rows() == [(0, "x0"), (1, "x1"), (2, "x2")]
    assert folder.run().assert_success().built == set()
    assert len(rows()) == 3
    folder.write("seeknal/t.sql", T.replace("range(3)", "range(1)"))
    folder.run().assert_success()
    assert len(rows()) == (1 if mode == "replace" else 4)


def test_documentation_builds_nothing(project: ProjectMaker) -> None:
    folder = project({"seeknal/t.sql": T, "seeknal/out.yml": exposure("{}", "type: dashboard\nurl: https://example.com")})
    assert folder.run().assert_success().built == {"transform.t"}
    assert folder.run().assert_success().built == set()


def test_two_exposures_cannot_write_one_file(project: ProjectMaker) -> None:
    second = exposure("{path: out/t.csv}").replace("name: out", "name: other")
    folder = project({"seeknal/t.sql": T, "seeknal/out.yml": exposure("{path: out/t.csv}"), "seeknal/other.yml": second})
    assert "out/t.csv" in folder.run().assert_failed("SK-NODE-002", exit_code=2).output


@pytest.mark.parametrize("table", ["data/t.csv", "data/*.csv", "./data/t.csv"])
def test_an_exposure_never_writes_over_what_a_source_reads(project: ProjectMaker, table: str) -> None:
    source = f"kind: source\nname: s\ntype: csv\ntable: {table}\n"
    folder = project(
        {"data/t.csv": "n\n1\n", "seeknal/s.yml": source, "seeknal/t.sql": T, "seeknal/out.yml": exposure("{path: data/t.csv}")}
    )
    assert "source.s reads" in folder.run().assert_failed("SK-NODE-002", exit_code=2).output
    assert folder.read("data/t.csv") == "n\n1\n"
