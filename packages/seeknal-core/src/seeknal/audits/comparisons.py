"""Audits that hold the output against another node's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seeknal.plugin import Columns, ColumnTypes, Reference, ReferenceTypes, Relation, audit, literal

Operator = Literal["=", "<>", "<", "<=", ">", ">="]
_ROUNDED = ("FLOAT", "DOUBLE", "REAL", "DECIMAL", "NUMERIC")


@audit
def row_count_vs(
    target: Relation,
    *,
    to: Reference,
    op: Operator = "=",
    tolerance: Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?%$")] = 0,
) -> str:
    """The number of rows compares with that of the node `to` as `op` says, give or take `tolerance`: rows, or a share of the other's such as `1%`."""
    counts = f"SELECT (SELECT count(*) FROM {target}) AS row_count, (SELECT count(*) FROM {to}) AS other_row_count"
    allowed = literal(tolerance) if isinstance(tolerance, int) else f"other_row_count * {tolerance.rstrip(' %')} / 100"
    held = {
        "=": f"abs(row_count - other_row_count) <= {allowed}",
        "<>": "row_count <> other_row_count",
        "<": f"row_count < other_row_count + {allowed}",
        "<=": f"row_count <= other_row_count + {allowed}",
        ">": f"row_count > other_row_count - {allowed}",
        ">=": f"row_count >= other_row_count - {allowed}",
    }[op]
    return f"SELECT * FROM ({counts}) AS counts WHERE NOT ({held})"


@audit
def equal_to(
    target: Relation,
    *,
    to: Reference,
    actual: ColumnTypes,
    others: ReferenceTypes,
    columns: Columns | None = None,
    precision: Annotated[int, Field(ge=0, le=15)] | None = None,
) -> str:
    """The node `to` has the same rows, in `columns` or in all of the output's; each as often. NULL is the same as NULL.

    With `precision`, numbers with a fraction are rounded to so many digits first.
    """
    types = {_quoted(name): type_ for name, type_ in actual.items()}
    known = {name.lower() for name in others}
    chosen = list(columns or types)
    missing = [name for name in map(_name, chosen) if name.lower() not in known]
    if missing:
        return " UNION ALL ".join(f"SELECT 'missing there' AS problem, {literal(name)} AS column_name" for name in missing)
    listed = ", ".join(_rounded(c, types.get(c, ""), precision) for c in chosen)
    here, there = f"SELECT {listed} FROM {target}", f"SELECT {listed} FROM {to}"
    only_here = f"SELECT 'only here' AS problem, * FROM ({here} EXCEPT ALL {there}) AS here"
    return f"{only_here} UNION ALL SELECT 'only there' AS problem, * FROM ({there} EXCEPT ALL {here}) AS there"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name(column: str) -> str:
    return column[1:-1].replace('""', '"')


def _rounded(column: str, type_: str, precision: int | None) -> str:
    return f"round({column}, {precision}) AS {column}" if precision is not None and type_.upper().startswith(_ROUNDED) else column
