"""One table of many rows, and twenty things to check of it, for seeknal and for dbt."""

import json
from pathlib import Path
from typing import Any

ORDERS = """\
SELECT
    i AS id,
    (i * 7919) % 1000000 AS user_id,
    ['paid', 'open', 'refunded', 'shipped'][1 + i % 4] AS status,
    round((i % 100000) / 100.0, 2) AS amount,
    1 + i % 9 AS quantity,
    'user' || ((i * 7919) % 1000000) || '@example.org' AS email,
    TIMESTAMP '2026-01-01' + to_seconds(i % 10000000) AS created_at,
    CASE WHEN i % 10 = 0 THEN NULL ELSE 'note ' || (i % 1000) END AS note
FROM range({rows}) AS r(i)
"""
USERS = "SELECT i AS id FROM range(1000000) AS r(i)"
EMAIL = r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+"
STATES = ["paid", "open", "refunded", "shipped"]

AUDITS: list[tuple[dict[str, Any], str]] = [
    ({"type": "unique", "columns": "id"}, "unique"),
    ({"type": "relationships", "column": "user_id", "to": "transform.users", "field": "id"}, "relationships"),
    ({"type": "not_null", "columns": "id"}, "not_null"),
    ({"type": "not_null", "columns": "user_id"}, "not_null"),
    ({"type": "not_null", "columns": "status"}, "not_null"),
    ({"type": "not_null", "columns": "created_at"}, "not_null"),
    ({"type": "accepted_values", "column": "status", "values": STATES}, "accepted_values"),
    ({"type": "rejected_values", "column": "status", "values": ["lost"]}, "SELECT * FROM {table} WHERE status IN ('lost')"),
    ({"type": "accepted_range", "column": "amount", "min": 0, "max": 1000}, "SELECT * FROM {table} WHERE amount < 0 OR amount > 1000"),
    ({"type": "accepted_range", "column": "quantity", "min": 1, "max": 9}, "SELECT * FROM {table} WHERE quantity < 1 OR quantity > 9"),
    ({"type": "not_empty", "columns": "email"}, "SELECT * FROM {table} WHERE email IS NULL OR NOT regexp_matches(email, '\\S')"),
    (
        {"type": "format", "column": "email", "format": "email"},
        "SELECT * FROM {table} WHERE NOT regexp_matches(email, '^(" + EMAIL + ")$')",  # noqa: S608 - a constant
    ),
    ({"type": "length", "column": "email", "min": 6, "max": 80}, "SELECT * FROM {table} WHERE length(email) < 6 OR length(email) > 80"),
    ({"type": "expression", "sql": "amount * quantity >= 0"}, "SELECT * FROM {table} WHERE NOT coalesce(amount * quantity >= 0, FALSE)"),
    (
        {"type": "required_if", "column": "email", "when": "status = 'paid'"},
        "SELECT * FROM {table} WHERE status = 'paid' AND email IS NULL",
    ),
    (
        {"type": "time_bounds", "column": "created_at", "not_after": "2027-01-01"},
        "SELECT * FROM {table} WHERE created_at > DATE '2027-01-01'",
    ),
    ({"type": "row_count", "min": 1}, "SELECT count(*) AS n FROM {table} HAVING count(*) < 1"),
    ({"type": "null_share", "column": "note", "max": 0.2}, "SELECT 1 FROM {table} HAVING 1 - count(note) / count(*) > 0.2"),
    ({"type": "distinct_count", "column": "status", "min": 4, "max": 4}, "SELECT 1 FROM {table} HAVING count(DISTINCT status) <> 4"),
    (
        {"type": "aggregate", "column": "amount", "fn": "mean", "min": 400, "max": 600},
        "SELECT 1 FROM {table} HAVING avg(amount) NOT BETWEEN 400 AND 600",
    ),
]
"""Each as seeknal has it, and as dbt has it: the name of a test of its own, or the query of a singular test."""


def write_seeknal(folder: Path, rows: int, audits: list[dict[str, Any]]) -> None:
    """Write the project with these audits of the table."""
    nodes = folder / "seeknal"
    nodes.mkdir(parents=True, exist_ok=True)
    (folder / "seeknal_project.yml").write_text("name: audits\n")
    (nodes / "users.yml").write_text(json.dumps({"kind": "transform", "name": "users", "sql": USERS}))
    node = {"kind": "transform", "name": "orders", "sql": ORDERS.format(rows=rows), "audits": audits}
    (nodes / "orders.yml").write_text(json.dumps(node))


def write_dbt(folder: Path, rows: int) -> None:
    """Write a dbt project of the same tables, with a test for each audit."""
    for part in ("models", "tests"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text('name: audits\nversion: "1.0"\nprofile: audits\nmodels:\n  audits:\n    +materialized: table\n')
    profile = {"type": "duckdb", "path": "audits.duckdb", "threads": 2}
    (folder / "profiles.yml").write_text(json.dumps({"audits": {"target": "dev", "outputs": {"dev": profile}}}))
    (folder / "models" / "orders.sql").write_text(ORDERS.format(rows=rows))
    (folder / "models" / "users.sql").write_text(USERS)
    columns: dict[str, list[Any]] = {}
    for number, (audit, test) in enumerate(AUDITS):
        column = str(audit.get("column") or audit.get("columns"))
        if test.startswith("SELECT"):
            (folder / "tests" / f"check_{number}.sql").write_text(test.format(table="{{ ref('orders') }}"))
        elif test == "accepted_values":
            columns.setdefault(column, []).append({test: {"arguments": {"values": STATES}}})
        elif test == "relationships":
            columns.setdefault(column, []).append({test: {"arguments": {"to": "ref('users')", "field": "id"}}})
        else:
            columns.setdefault(column, []).append(test)
    listed = [{"name": name, "data_tests": tests} for name, tests in columns.items()]
    models = {"version": 2, "models": [{"name": "orders", "columns": listed}]}
    (folder / "models" / "orders.yml").write_text(json.dumps(models))
