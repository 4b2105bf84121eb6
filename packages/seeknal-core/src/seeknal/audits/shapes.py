"""Audits of the output's columns, and audits in the user's own SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from seeknal.plugin import Columns, ColumnTypes, Relation, Sql, audit, literal

if TYPE_CHECKING:
    from collections.abc import Iterable


@audit
def schema(
    target: Relation,
    *,
    actual: ColumnTypes,
    columns: Annotated[list[str], Field(min_length=1)] | None = None,
    types: dict[str, str] | None = None,
    extra: Literal["allowed", "refused"] = "allowed",
    order: bool = False,
) -> str:
    """The output has `columns`, of these `types`; with `extra: refused` no others, with `order` in this order."""
    wanted = list(dict.fromkeys([*(columns or ()), *(types or ())]))
    known = {name.lower(): type_ for name, type_ in actual.items()}
    found = [("missing", name, "") for name in wanted if name.lower() not in known]
    found += [
        ("another type", name, known[name.lower()])
        for name, type_ in (types or {}).items()
        if name.lower() in known and _plain(type_) != _plain(known[name.lower()])
    ]
    if extra == "refused":
        listed = {name.lower() for name in wanted}
        found += [("extra", name, type_) for name, type_ in actual.items() if name.lower() not in listed]
    if order:
        present = [n.lower() for n in wanted if n.lower() in known]
        if [n for n in known if n in present] != present:
            found.append(("another order", ", ".join(actual), ""))
    return _rows(found)


@audit
def custom_sql(target: Relation, *, sql: Sql, columns: Columns | None = None) -> str:
    """The query returns no rows; `__THIS__` is the output. `columns` are those that it must have."""
    return sql


def _plain(type_: str) -> str:
    return "".join(type_.upper().split())


def _rows(found: Iterable[tuple[str, str, str]]) -> str:
    """These findings as a query."""
    selects = [f"SELECT {literal(a)} AS problem, {literal(b)} AS column_name, {literal(c)} AS type" for a, b, c in found]
    return " UNION ALL ".join(selects) or "SELECT 'none' AS problem WHERE FALSE"
