"""Audits of what must stand only once."""

from __future__ import annotations

from typing import Literal

from seeknal.plugin import Columns, Relation, audit


@audit
def unique(target: Relation, *, columns: Columns) -> list[str]:
    """No value stands twice in any of `columns`; NULLs are left out."""
    return [f"SELECT {c}, count(*) AS row_count FROM {target} WHERE {c} IS NOT NULL GROUP BY {c} HAVING count(*) > 1" for c in columns]


@audit
def unique_combination(target: Relation, *, columns: Columns, nulls: Literal["equal", "ignore"] = "equal") -> str:
    """No combination of `columns` stands twice. NULL is equal to NULL; with `nulls: ignore`, rows with a NULL in one of them are left out."""
    listed = ", ".join(columns)
    kept = f" WHERE {' AND '.join(f'{c} IS NOT NULL' for c in columns)}" if nulls == "ignore" else ""
    return f"SELECT {listed}, count(*) AS row_count FROM {target}{kept} GROUP BY {listed} HAVING count(*) > 1"
