"""Projects for tests of commands."""

from __future__ import annotations

import pytest

PEOPLE = {
    "data/people.csv": """
        id,name,age
        1,Ayu,30
        2,Budi,41
        3,Citra,22
        """,
    "seeknal/sources/people.yml": """
        kind: source
        name: people
        type: csv
        table: data/people.csv
        """,
    "seeknal/transforms/adults.sql": "SELECT id, name FROM {{ ref('source.people') }} WHERE age >= 30",
    "seeknal/transforms/names.sql": """
        /* ---
        materialized: view
        --- */
        SELECT upper(name) AS name FROM {{ ref('transform.adults') }}
        """,
}


@pytest.fixture
def people(project):
    """A source, a transform and a view, not built yet."""
    return project(PEOPLE)


@pytest.fixture
def built(people):
    """The same, built."""
    people.run().assert_success()
    return people
