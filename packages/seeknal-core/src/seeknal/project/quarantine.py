"""What must hold of a node whose audits set rows aside: it is checked when the project is read, over all nodes."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.nodes import REJECTED, SourceLogic, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seeknal.audits.signature import Signature
    from seeknal.nodes import AuditSpec, Node
    from seeknal.registry import Registry

CODE = "SK-AUDIT-006"


def quarantine_errors(nodes: Iterable[Node], registry: Registry, dialect: str) -> list[ProjectError]:
    """Everything that keeps rows from being set aside where it is asked for."""
    every = list(nodes)
    wanting = [n for n in every if n.quarantines]
    relations = {fold(n.relation): n for n in every} if wanting else {}
    return [e for n in wanting for e in (*_of_node(n, relations), *(e for a in n.quarantines for e in _of_audit(a, n, registry, dialect)))]


def _of_node(node: Node, relations: dict[str, Node]) -> Iterator[ProjectError]:
    at = node.quarantines[0].at or node.at
    if not node.is_stored:
        hint = "materialized: table stores it" if node.is_view else "put the audit on the node that it reads"
        yield ProjectError(CODE, f"{node.id} stores no rows, so that none can be set aside", at=at, hint=hint)
    elif isinstance(node.logic, SourceLogic) and not node.logic.cache:
        message = f"{node.id} is read where its files are, so that no rows can be set aside"
        yield ProjectError(CODE, message, at=at, hint="cache: true makes a copy")
    other = relations.get(fold(node.relation + REJECTED))
    if other is not None:
        message = f"the rows that audits of {node.id} set aside are called {node.relation}{REJECTED}, as {other.id} is"
        yield ProjectError(CODE, message, at=other.at, hint="give it another name")


def _of_audit(audit: AuditSpec, node: Node, registry: Registry, dialect: str) -> Iterator[ProjectError]:
    from seeknal.audits.signature import signature_of
    from seeknal.plugin import RowCheck

    signature = signature_of(registry.audit(audit.type))
    if audit.reads:
        others = " and ".join(sorted(audit.reads))
        message = f"the rows that audit {audit.type} would set aside depend on {others}; what {node.id} holds depends on what its query reads, and on its rows"
        hint = f"join {others} in the query, and set aside by a column of it, with not_null or expression; or leave out on_failure"
        yield ProjectError(CODE, message, at=audit.at or node.at, hint=hint)
    elif _returns(signature) is not RowCheck:
        message = f"audit {audit.type} does not look at each row by itself, so that it cannot say which to set aside"
        yield ProjectError(CODE, message, at=audit.at or node.at, hint="leave out on_failure; audits that return a RowCheck can quarantine")
    elif not signature.given and _asks_for_more(audit, signature, dialect):
        message = f"audit {audit.type} asks for the time or for chance: the rows to set aside would be others each time"
        hint = "say a fixed time, such as not_after: 2030-01-01" if audit.type == "time_bounds" else "say a fixed value"
        yield ProjectError(CODE, message, at=audit.at or node.at, hint=hint)


def _returns(signature: Signature) -> object:
    """What the audit's function says it returns; None for one that does not say, as those of SQL files."""
    try:
        return typing.get_type_hints(signature.function).get("return")
    except (TypeError, NameError):
        return None


def _asks_for_more(audit: AuditSpec, signature: Signature, dialect: str) -> bool:
    """Whether what the audit says of a row follows from anything but the row."""
    from seeknal.plugin import Column, Columns, Condition, Relation, RowCheck, Sql

    arguments: dict[str, Any] = dict(audit.params)
    for name, parameter in signature.parameters.items():
        if name in arguments and parameter.is_columns:
            arguments[name] = Column('"c"') if parameter.type is Column else Columns([Column('"c"')] * len(arguments[name]))
        elif name in arguments and parameter.type in (Sql, Condition):
            arguments[name] = parameter.type(arguments[name])
    try:
        check = signature.function(Relation('"relation"'), **arguments)
    except Exception:  # noqa: BLE001 - it may be anyone's; a run meets it again, and says whose it is
        return False
    conditions = [check.bad if isinstance(check, RowCheck) else "", audit.where or ""]
    return any(c and not settled(c, dialect) for c in conditions)


def settled(condition: str, dialect: str) -> bool:
    """Whether a condition always says the same of the same row."""
    from seeknal.sql.canonical import clock
    from seeknal.sql.guard import SqlProblem, parse_condition
    from seeknal.sql.repeatability import repeatable

    try:
        tree = parse_condition(condition, dialect)
    except SqlProblem:  # a run says what is wrong with it
        return True
    return clock(tree) is None and repeatable(tree)
