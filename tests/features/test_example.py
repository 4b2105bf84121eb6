"""The example project `examples/churn`: it runs as it is, and its training set knows nothing that came later."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from seeknal.testing.project import ProjectFolder

CHURN = Path(__file__).parents[2] / "examples/churn"
KEPT = shutil.ignore_patterns("target", "*.db")


@pytest.fixture(scope="module")
def churn(tmp_path_factory):
    folder = ProjectFolder(tmp_path_factory.mktemp("examples") / "churn")
    shutil.copytree(CHURN, folder.root, ignore=KEPT)
    folder.run().assert_success()
    return folder


def test_it_runs_once(churn):
    assert churn.run().assert_success().built == set()


def test_what_the_readme_says_can_be_done(churn):
    commands = [line.strip() for line in (CHURN / "README.md").read_text().splitlines() if line.startswith("    seeknal ")]
    assert len(commands) == 6
    for command in commands:
        churn.cli(*command.split()[1:]).assert_success()


def test_the_training_set_knows_nothing_that_came_later(churn):
    project = churn.open()
    columns = project.rows("training_set.churn").columns
    rows = [dict(zip(columns, r, strict=True)) for r in project.rows("training_set.churn").rows]
    orders = project.rows("transform.order_events").rows
    assert len(rows) > 30
    for row in rows:
        past = [o for o in orders if o[0] == row["customer_id"] and o[1] <= row["asked_at"]]
        assert row["amount_count"] == len(past)
        assert row["amount_last"] == max(past, key=lambda o: (o[1], o[3]))[3]


def test_the_newest_values_are_served(churn):
    connection = sqlite3.connect(churn.root / "online.db")
    try:
        assert connection.execute("SELECT count(*) FROM customer_features").fetchall() == [(40,)]
    finally:
        connection.close()
