"""Audits of keys: what must stand only once, and what must stand elsewhere."""

from __future__ import annotations

from typing import Literal

from seeknal.plugin import Columns, Reference, ReferenceColumns, Relation, audit


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


@audit
def relationships(target: Relation, *, column: Columns, to: Reference, field: ReferenceColumns | None = None) -> str:
    """Every value of `column` stands in `field` of the node `to`, where it is called the same unless said; NULLs are left out.

    Several columns are looked up together; a row with a NULL in one of them is left out.
    """
    fields = field or ReferenceColumns(column)
    if len(fields) != len(column):
        message = "relationships needs as many 'field' as 'column'"
        raise ValueError(message)
    given = " AND ".join(f"this.{c} IS NOT NULL" for c in column)
    same = " AND ".join(f"other.{f} = this.{c}" for c, f in zip(column, fields, strict=True))
    return f"SELECT this.* FROM {target} AS this WHERE {given} AND NOT EXISTS (SELECT 1 FROM {to} AS other WHERE {same})"
