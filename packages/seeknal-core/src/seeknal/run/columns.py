"""Declared columns, enforced: each must be there, and has the declared type in the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.errors import NodeError, did_you_mean
from seeknal.features.model import TRAINING_SET
from seeknal.nodes import fold

if TYPE_CHECKING:
    from seeknal.nodes import Node, Schema


def check_declared(node: Node, schema: Schema) -> None:
    """Every declared column exists, and features have columns of their own. Raises NodeError naming all that do not."""
    known = {fold(c.name) for c in schema}
    missing = [c.name for c in node.columns if fold(c.name) not in known]
    if missing:
        names = [c.name for c in schema]
        hint = did_you_mean(missing[0], names) or f"the output has: {', '.join(names)}"
        message = f"declared column{'s' if len(missing) > 1 else ''} {', '.join(missing)} not in the output of {node.id}"
        raise NodeError("SK-DATA-005", message, at=node.at, hint=hint)
    features = node.details.get(TRAINING_SET, {}).get("columns", ())
    taken = [f for f, c in zip(reversed(features), reversed(schema), strict=False) if f != c.name]
    if taken:  # the engine has named them anew
        message = f"the spine has a column '{taken[-1]}' already, so that the feature of this name has none"
        raise NodeError("SK-FEAT-002", message, at=node.at, hint="full_names: true, or leave the column out of the spine")


def differs(node: Node, schema: Schema, dialect: str) -> bool:
    """Whether some column's type is not the declared one."""
    if not any(c.type for c in node.columns):
        return False
    actual = {fold(c.name): c.type for c in schema}
    return any(c.type and _same(c.type, dialect, node) != _same(actual[fold(c.name)] or "", dialect, node) for c in node.columns)


def casting_query(query: str, schema: Schema, node: Node, dialect: str) -> str:
    """The query with declared types cast. The query's own text begins on the second line, so that error lines can be mapped."""
    from sqlglot import exp  # start-up time

    check_declared(node, schema)
    declared = {fold(c.name): c.type for c in node.columns if c.type}
    parts = []
    for column in schema:
        name = exp.column(exp.to_identifier(column.name, quoted=True))
        wanted = declared.get(fold(column.name))
        cast = exp.cast(name, _type(wanted, dialect, node)).as_(column.name, quoted=True) if wanted else name
        parts.append(cast.sql(dialect=dialect))
    return "".join(["SELECT ", ", ".join(parts), " FROM (\n", query, "\n) AS q"])


def _same(text: str, dialect: str, node: Node) -> str:
    return str(_type(text, dialect, node).sql(dialect=dialect))


def _type(text: str, dialect: str, node: Node):  # type: ignore[no-untyped-def]  # noqa: ANN202 - sqlglot is imported late
    from sqlglot import exp  # start-up time
    from sqlglot.errors import SqlglotError

    try:
        return exp.DataType.build(text, dialect=dialect)
    except SqlglotError:
        raise NodeError("SK-DATA-009", f"'{text}' is not a type that {dialect} knows", at=node.at) from None
