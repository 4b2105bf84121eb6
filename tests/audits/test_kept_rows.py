"""Failing rows are kept: few of them, by their owner only, for as long as the output they were found in is known."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import duckdb

from seeknal.janitor import Policy
from seeknal.run.cleaning import janitor
from seeknal.testing.other_process import this_process

NODES = """
    kind: transform
    name: people
    sql: SELECT i AS id, 'p' || i || '@x.org' AS email, i % 2 AS odd FROM range(10) AS r(i)
    audits:
      - {type: accepted_range, column: id, max: 3, sample: 4, redact: [Email]}
      - {type: accepted_values, column: odd, values: [0], severity: warn, name: even}
      - {type: accepted_range, column: id, max: 8, store_failures: false}
    """


def files(folder):
    return sorted(p for p in (folder.root / "target/rejected").rglob("*") if p.is_file())


def made(project):
    return project({"seeknal/people.yml": NODES})


def test_rows_that_fail_are_kept_up_to_the_sample_without_what_is_hidden(project):
    folder = made(project)
    folder.run().assert_failed("SK-AUDIT-010")
    kept = [duckdb.sql(f"SELECT * FROM '{p}'").fetchall() for p in files(folder)]
    assert sorted(kept, key=len) == [
        [(i, "***", i % 2) for i in range(4, 8)],
        [(i, f"p{i}@x.org", 1) for i in range(1, 10, 2)],
    ]


def test_only_their_owner_can_read_them(project):
    folder = made(project)
    folder.run()
    assert {stat.S_IMODE(p.stat().st_mode) for p in files(folder)} == {0o600}
    assert stat.S_IMODE((folder.root / "target/rejected").stat().st_mode) == 0o700


def test_a_failed_run_shows_a_few_of_them(project):
    done = made(project).cli("run").assert_exit(1)
    assert "transform.people: accepted_range(id) (4 of 6)\nid  email  odd\n 4  ***      0\n" in done.stderr
    assert "p5@x.org" not in done.output
    assert "even" not in done.stderr.partition("transform.people: accepted_range(id) (4 of 6)")[2]


def test_json_and_quiet_runs_show_none(project):
    folder = made(project)
    assert "(4 of 6)" not in folder.cli("run", "--format", "json").output
    assert "(4 of 6)" not in folder.cli("-q", "run").output


def test_they_can_be_asked_for_later_also_where_nothing_is_published(project):
    folder = made(project)
    folder.run()
    done = folder.cli("audit", "people", "--rows").assert_exit(1)
    assert " 4  ***      0" in done.stdout
    assert "in the last output, which is not published" in done.stdout


def test_what_passes_the_next_time_leaves_none(project):
    folder = made(project)
    folder.run()
    folder.edit("seeknal/people.yml", "max: 3", "max: 100").edit("seeknal/people.yml", "[0]", "[0, 1]").edit(
        "seeknal/people.yml", "max: 8", "max: 9"
    )
    folder.run(full=True).assert_success()
    assert "not published" not in folder.cli("audit", "people", "--rows").assert_exit(0).output


def test_views_and_rules_keep_theirs(project):
    folder = project(
        {
            "seeknal/nodes.yml": """
            kind: transform
            name: numbers
            materialized: view
            sql: SELECT 1 AS n
            ---
            kind: rule
            name: none
            inputs: [{ref: numbers}]
            audits: [{type: rejected_values, column: n, values: [1]}]
            """
        }
    )
    folder.run().assert_failed("SK-AUDIT-010")
    assert len(files(folder)) == 1
    (found,) = json.loads(folder.cli("audit", "none", "--rows", "--format", "json").assert_exit(1).stdout)
    assert (found["published"], found["sample"]) == (False, [{"n": 1}])


def test_the_janitor_removes_them_with_the_output(project):
    folder = made(project)
    folder.run()
    edited = folder.edit("seeknal/people.yml", "range(10)", "range(3)").edit("seeknal/people.yml", "[0]", "[0, 1]")
    edited.run().assert_success()
    assert len(files(folder)) == 2
    later = datetime.now(UTC) + timedelta(days=3)
    janitor(folder.open(), Policy(grace=timedelta(hours=1), runs=0), later).clean(this_process("janitor"))
    janitor(folder.open(), Policy(grace=timedelta(hours=1), runs=0), later + timedelta(days=3)).clean(this_process("janitor"))
    assert files(folder) == []


def test_the_janitor_leaves_those_of_outputs_that_are_known(project):
    folder = made(project)
    folder.run()
    janitor(folder.open(), Policy(grace=timedelta(days=1), runs=0)).clean(this_process("janitor"))
    assert len(files(folder)) == 2
