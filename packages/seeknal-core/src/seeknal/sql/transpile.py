"""SQL of one dialect as SQL of another that means the same; what cannot be said there is refused, by name and place."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from sqlglot import Dialect, ErrorLevel, exp
from sqlglot.dialects.dialect import Dialects
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types

from seeknal.errors import did_you_mean
from seeknal.sql.divergences import reconcile
from seeknal.sql.guard import SqlProblem, parse_select, position

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot.generator import Generator

_SHOWN = 60
_STUMBLES = (SqlglotError, ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What sqlglot raises on trees that it did not foresee."""

_OTHER_NAMES = {"postgresql": "postgres", "mssql": "tsql", "sqlserver": "tsql", "mariadb": "mysql", "pyspark": "spark", "cockroachdb": "postgres"}  # fmt: skip
_SELECTS_AS = {"athena": "trino"}
"""Dialects whose generator only passes on to others, with the one that writes their SELECTs."""


class Untranslatable(Exception):
    """SQL that another dialect has no words for. `problems` has each construct with its place in the text."""

    def __init__(self, problems: list[SqlProblem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


@functools.cache
def dialects() -> tuple[str, ...]:
    """The names of all dialects that are known, sorted."""
    return tuple(sorted(d.value for d in Dialects if d.value))


def known_dialect(name: str) -> str:
    """The dialect of this name, in its own spelling. Raises SqlProblem where there is none."""
    folded = name.strip().casefold()
    if folded in dialects():
        return folded
    other = _OTHER_NAMES.get(folded)
    hint = f"did you mean '{other}'?" if other else did_you_mean(name, dialects())
    raise SqlProblem("SK-SQL-007", f"unknown SQL dialect '{name}'", hint=hint or f"known are: {', '.join(dialects())}")


def with_relations(tree: exp.Query, relation: Callable[[str], str]) -> exp.Query:
    """A copy that reads the relation `source.users` means in its place, under the name `users` unless it is given another."""
    copy = tree.copy()
    for table in copy.find_all(exp.Table):
        if table.db:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            found = relation(f"{table.db}.{table.name}")
            table.set("this", exp.to_identifier(found))
            table.set("db", None)
    return copy


def transpile(tree: exp.Query, sql: str, written: str, target: str, *, pretty: bool = False) -> str:
    """The query in the dialect `target`. `sql` is the text that `tree` was parsed from, in the dialect `written`.

    Raises Untranslatable.
    """
    meant = tree.copy()
    with contextlib.suppress(*_STUMBLES):  # types are worth having where they can be had
        meant = annotate_types(meant, dialect=written)
    doubts = reconcile(meant, written, target)
    if not doubts:
        generator = _generator(target, pretty=pretty)
        try:
            text = generator.generate(meant)
        except _STUMBLES as error:
            raise Untranslatable([SqlProblem("SK-SQL-006", f"cannot be said in {target}: {_line(str(error))}")]) from None
        if not generator.unsupported_messages:
            return _readable(text, target)
        doubts = _unsupported(meant, target)
    raise Untranslatable([_problem(node, reason, sql, written, target) for node, reason in doubts])


def _generator(target: str, *, pretty: bool = False) -> Generator:
    """A generator that gathers what it has no words for."""
    return Dialect.get_or_raise(_SELECTS_AS.get(target, target)).generator(
        unsupported_level=ErrorLevel.IGNORE, comments=False, pretty=pretty
    )


def _readable(text: str, target: str) -> str:
    """The text, if the dialect it is written in can read it."""
    try:
        parse_select(text, target, outside=True)
    except SqlProblem as problem:
        if problem.code == "SK-SQL-001":
            message = f"cannot be said in {target}: the outcome would not be {target} SQL ({problem.message})"
            raise Untranslatable([SqlProblem("SK-SQL-006", message)]) from None
    return text


def _unsupported(tree: exp.Expr, target: str) -> list[tuple[exp.Expr, str]]:
    """The smallest parts that a dialect has no words for, each with what its generator says of it."""
    found: list[tuple[exp.Expr, str]] = []
    within: dict[int, set[str]] = {}
    for node in reversed(list(tree.walk())):
        below = set().union(*(within[id(child)] for child in node.iter_expressions()))
        said = _said_of(node, target)
        found += [(node, message) for message in said if message not in below]
        within[id(node)] = below.union(said)
    return found[::-1]


def _said_of(node: exp.Expr, target: str) -> list[str]:
    """What a generator says of a part by itself."""
    generator = _generator(target)
    with contextlib.suppress(*_STUMBLES):  # some parts say nothing without their parent
        generator.generate(node)
    return list(dict.fromkeys(generator.unsupported_messages))


def _problem(node: exp.Expr, reason: str, sql: str, written: str, target: str) -> SqlProblem:
    line, column = position(sql, _offset(node))
    hint = f"say it in words that {written} and {target} share, or write the query in {target}"
    return SqlProblem("SK-SQL-006", f"{_shown(node, written)} cannot be said in {target}: {_line(reason)}", line, column, hint)


def _offset(node: exp.Expr) -> int:
    """Where a part begins: at its first word whose place is known, or at that of what it stands in."""
    current: exp.Expr | None = node
    while current is not None:
        offsets = [part.meta["start"] for part in current.walk() if "start" in part.meta]
        if offsets:
            return int(min(offsets))
        current = current.parent
    return 0


def _shown(node: exp.Expr, written: str) -> str:
    text = _line(node.sql(dialect=written, comments=False))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
