"""How many failing rows are too many, judged anew when only that is edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeknal.testing import ProjectFolder, ProjectMaker

ROWS = "SELECT CASE WHEN i >= 3 THEN i END AS n FROM range(100) AS r(i)"


def audited(project: ProjectMaker, sql: str = ROWS, **audit: Any) -> ProjectFolder:
    return project({"seeknal/t.yml": node(sql, **audit)})


def node(sql: str = ROWS, **audit: Any) -> str:
    return json.dumps({"kind": "transform", "name": "t", "sql": sql, "audits": [{"type": "not_null", "columns": "n", **audit}]})


CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "error"),
    ({"severity": "warn"}, "warn"),
    ({"error_if": "> 3"}, "pass"),
    ({"error_if": ">=3"}, "error"),
    ({"error_if": "> 2"}, "error"),
    ({"error_if": "> 3%"}, "pass"),
    ({"error_if": "> 2.9%"}, "error"),
    ({"error_if": ">= 3 %"}, "error"),
    ({"error_if": "> 5", "warn_if": "> 2"}, "warn"),
    ({"error_if": "> 2", "warn_if": "> 0"}, "error"),
    ({"warn_if": "> 2"}, "warn"),
    ({"warn_if": "> 3"}, "pass"),
    ({"mostly": 0.97}, "pass"),
    ({"mostly": 0.98}, "error"),
    ({"mostly": 0.98, "severity": "warn"}, "warn"),
    ({"error_if": "> 4%", "where": "n IS NULL OR n < 6"}, "error"),
    ({"enabled": False}, "none"),
    ({"type": "unique", "error_if": "> 1%"}, "pass"),
]


@pytest.mark.parametrize(("audit", "status"), CASES, ids=[json.dumps(c[0]) for c in CASES])
def test_what_failing_rows_amount_to(project: ProjectMaker, audit: dict[str, Any], status: str) -> None:
    outcome = audited(project, **audit).run()
    audits = outcome.node("transform.t").audits
    assert [("pass" if a.passed else a.severity) for a in audits] == ([status] if status != "none" else [])
    assert outcome.exit_code == (1 if status == "error" else 0)


@pytest.mark.parametrize(("empty", "status"), [("pass", "pass"), ("warn", "warn"), ("error", "error")])
def test_no_rows(project: ProjectMaker, empty: str, status: str) -> None:
    (found,) = audited(project, ROWS + " WHERE false", empty=empty).run().node("transform.t").audits
    assert ("pass" if found.passed else found.severity) == status
    assert found.message == ("passed" if status == "pass" else "no rows to check")


def test_another_threshold_builds_nothing_and_judges_anew(project: ProjectMaker) -> None:
    folder = audited(project)
    folder.run().assert_failed("SK-AUDIT-010", exit_code=1)
    folder.write("seeknal/t.yml", node(error_if="> 5"))
    assert folder.run().assert_success().built == set()
    folder.write("seeknal/t.yml", node(error_if="> 2.5%"))
    assert folder.run().assert_failed("SK-AUDIT-010", exit_code=1).built == set()
    folder.write("seeknal/t.yml", node(warn_if="> 2.5%"))
    assert folder.run().assert_success().built == set()


@pytest.mark.parametrize(
    "audit",
    [{"error_if": "10"}, {"error_if": "> ten"}, {"warn_if": "< 3"}, {"mostly": 1.5}, {"mostly": 0.9, "warn_if": "> 1"}, {"empty": "maybe"}],
)
def test_thresholds_that_make_no_sense(project: ProjectMaker, audit: dict[str, Any]) -> None:
    assert audited(project, **audit).cli("parse").exit_code == 2


def test_a_threshold_on_one_value_is_refused(project: ProjectMaker) -> None:
    folder = audited(project, type="row_count", columns=None, min=1, error_if="> 3")
    assert folder.cli("run").exit_code in (1, 2)
