"""What an audit may tell of the rows that fail: how many, and without which columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeknal.testing import ProjectFolder, ProjectMaker

PEOPLE = "SELECT 1 AS id, 'ada@x.org' AS email UNION ALL SELECT 2, 'ada@x.org'"


def audited(project: ProjectMaker, **audit: Any) -> ProjectFolder:
    return project({"seeknal/people.yml": node(**audit)})


def node(**audit: Any) -> str:
    entry = {k: v for k, v in ({"type": "unique", "columns": "email", "severity": "warn"} | audit).items() if v is not None}
    return json.dumps({"kind": "transform", "name": "people", "sql": PEOPLE, "audits": [entry]})


def message(folder: ProjectFolder) -> str:
    return folder.run().node("transform.people").audits[0].message


def test_a_failing_row_is_shown(project: ProjectMaker) -> None:
    assert message(audited(project)) == "1 failing row, such as email = 'ada@x.org', row_count = 2"


def test_redacted_columns_are_not_shown_whatever_their_case(project: ProjectMaker) -> None:
    assert message(audited(project, redact="EMAIL")) == "1 failing row, such as email = ***, row_count = 2"


def test_no_sample_shows_no_row(project: ProjectMaker) -> None:
    assert message(audited(project, sample=0)) == "1 failing row"


def test_an_outcome_from_before_does_not_tell_what_is_redacted_now(project: ProjectMaker) -> None:
    folder = audited(project)
    assert "ada@x.org" in message(folder)
    folder.write("seeknal/people.yml", node(redact=["email"]))
    assert "ada@x.org" not in message(folder)


def test_one_value_of_a_redacted_column_is_not_shown(project: ProjectMaker) -> None:
    assert message(audited(project, type="aggregate", columns=None, column="id", fn="max", max=1, redact="id")).endswith(
        "is ***, expected at most 1.0"
    )


def test_redacting_a_column_that_does_not_exist_is_refused(project: ProjectMaker) -> None:
    outcome = audited(project, redact="mail").run()
    outcome.assert_failed("SK-AUDIT-004", exit_code=2)
    assert "did you mean 'email'" in outcome.output


@pytest.mark.parametrize("wrong", [{"sample": -1}, {"sample": 100_000}, {"store_failures": "maybe"}, {"tags": {"a": 1}}])
def test_values_that_make_no_sense(project: ProjectMaker, wrong: dict[str, Any]) -> None:
    assert audited(project, **wrong).cli("parse").exit_code == 2
