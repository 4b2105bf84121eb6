"""`seeknal audit --history`: what audits came to, run by run."""

from __future__ import annotations

import pytest

from seeknal.cli.audit_history import sparkline

NODES = """
    kind: source
    name: n
    type: csv
    table: data/n.csv
    audits: [{type: accepted_range, column: n, max: 10, severity: warn}, {type: row_count, min: 1}]
    """


def numbers(folder, *values):
    return folder.write("data/n.csv", "n\n" + "".join(f"{v}\n" for v in values))


@pytest.fixture
def shop(project):
    folder = numbers(project({"seeknal/n.yml": NODES}), 1)
    folder.run()
    for values in ([1, 11], [11, 12, 13, 14]):
        numbers(folder, *values).run().assert_success()
    return folder


def test_each_run_in_which_it_was_asked_counts(shop):
    shop.run().assert_success()
    found = {h["audit"]: h["runs"] for h in shop.cli("audit", "--history", "--format", "json").assert_exit(0).json()}
    assert [(r["status"], r["failing_rows"]) for r in found["accepted_range(n)"]] == [("pass", 0), ("warn", 1), ("warn", 4)]
    assert [r["status"] for r in found["row_count"]] == ["pass"] * 3


def test_a_sparkline_shows_how_many_rows_failed(shop):
    lines = shop.cli("audit", "n", "--history").assert_exit(0).stdout.splitlines()
    (line,) = (x for x in lines if "accepted_range(n)" in x)
    assert "▁▃█" in line
    assert "2 warn, 1 pass" in line


def test_only_the_last_runs_and_the_environment_that_is_asked_for(shop):
    numbers(shop, 5).run(environment="dev").assert_success()
    (found, _) = shop.cli("audit", "--history", "--limit", "2", "--format", "json").json()
    assert [r["failing_rows"] for r in found["runs"]] == [1, 4]
    (found, _) = shop.cli("audit", "--history", "--env", "dev", "--format", "json").json()
    assert [r["failing_rows"] for r in found["runs"]] == [0]
    shop.cli("audit", "--history", "--env", "nosuch").assert_exit(2)


def test_an_output_that_was_only_audited_counts(shop):
    shop.edit("seeknal/n.yml", "max: 10", "max: 12").run().assert_success()
    (found, _) = shop.cli("audit", "--history", "--format", "json").json()
    assert [r["failing_rows"] for r in found["runs"]] == [0, 1, 4, 2]


def test_nothing_is_said_before_the_first_run(project):
    assert "no history" in numbers(project({"seeknal/n.yml": NODES}), 1).cli("audit", "--history").assert_exit(0).stderr


@pytest.mark.parametrize(("values", "bars"), [([], ""), ([0, 0], "▁▁"), ([5], "█"), ([0, 1, 1000], "▁▂█"), ([7, 14, 0], "▅█▁")])
def test_bars(values, bars):
    assert sparkline(values) == bars
