"""What the clauses of a query hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.sql.relations import OpaqueError

if TYPE_CHECKING:
    from collections.abc import Container


def only(node: exp.Expr, known: Container[str]) -> None:
    """What a clause may hold that is understood; anything else might change its meaning. Raises OpaqueError."""
    for key, value in node.args.items():
        if value and key not in known:
            message = f"{key.strip('_').upper()} of {node.key.upper()} is not analysed"
            raise OpaqueError(message)


def column_names(node: exp.Expr) -> list[str]:
    """The names that `AS t(a, b)` gives columns."""
    alias = node.args.get("alias")
    return [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []


def ordering(node: exp.Expr) -> list[exp.Expr]:
    """The items of ORDER BY."""
    order = node.args.get("order")
    return list(order.expressions) if order is not None else []
