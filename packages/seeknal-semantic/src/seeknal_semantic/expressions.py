"""Expressions people write: each is parsed and every node of its tree is checked against what may stand there.

What runs is generated from the tree; the text itself goes nowhere.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Iterator

DIALECT = "duckdb"
MOST = 20_000
"""The longest expression, in characters."""

_PREDICATES = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In, exp.Between, exp.Is, exp.Like, exp.ILike,
    exp.Escape, exp.And, exp.Or, exp.Not, exp.Boolean, exp.StartsWith, exp.EndsWith, exp.Contains,
)  # fmt: skip
_PLAIN = (
    *_PREDICATES, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Literal,
    exp.Null, exp.Column, exp.Identifier, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var, exp.DPipe,
)  # fmt: skip
_FUNCTIONS = (
    exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Replace, exp.Concat, exp.Left, exp.Right, exp.Abs, exp.Round, exp.Ceil,
    exp.Floor, exp.Greatest, exp.Least, exp.Sign, exp.Extract, exp.Year, exp.Quarter, exp.Month, exp.Week, exp.Day, exp.DayOfWeek,
    exp.DayOfMonth, exp.DayOfYear, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.CurrentDate,
)  # fmt: skip
_TYPES = {
    "VARCHAR", "TEXT", "CHAR", "DATE", "TIMESTAMP", "DATETIME", "BOOLEAN", "INT", "BIGINT", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "DECIMAL",
}  # fmt: skip
_ARITHMETIC = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Paren, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Literal, exp.Null,
    exp.Column, exp.Identifier, exp.Abs, exp.Round, exp.Ceil, exp.Floor, exp.Greatest, exp.Least, exp.Sign, *_PREDICATES,
)  # fmt: skip
_REFUSED: dict[type[exp.Expr], str] = {
    exp.Query: "subqueries are not allowed",
    exp.Subquery: "subqueries are not allowed",
    exp.AggFunc: "aggregates are not allowed",
    exp.Window: "window functions are not allowed",
    exp.Placeholder: "parameters are not allowed",
    exp.Parameter: "parameters are not allowed",
    exp.SessionParameter: "parameters are not allowed",
    exp.Star: "* is not allowed",
    exp.Lambda: "functions of functions are not allowed",
}


def _refused(node: exp.Expr) -> str | None:
    """Why a node may stand in no expression."""
    return next((why for kind, why in _REFUSED.items() if isinstance(node, kind)), None)


class Refused(Exception):
    """An expression that may not be used. `hint` says what to write instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@functools.cache
def _dialect() -> Dialect:
    return Dialect.get_or_raise(DIALECT)


def parse(text: str) -> exp.Expr:
    """The tree of one expression. Raises Refused for anything else: statements, several expressions, comments."""
    if len(text) > MOST or "\0" in text:
        message = f"an expression has at most {MOST:,} characters, none of them NUL"
        raise Refused(message)
    try:
        tokens = _dialect().tokenize(text)
        if any(t.comments for t in tokens) or (not tokens and text.strip()):
            message = "comments are not allowed"
            raise Refused(message)
        trees = _dialect().parser().parse_into(exp.Condition, tokens, text) if tokens else []
    except (SqlglotError, RecursionError, ValueError):
        message = "cannot be read as one SQL expression"
        raise Refused(message, "write a condition such as status <> 'refunded'") from None
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        message = "must be one SQL expression"
        raise Refused(message)
    _check_depth(tree)
    if "--" in _outside_quotes(text) or "/*" in _outside_quotes(text):
        message = "comments are not allowed"
        raise Refused(message)
    return tree


def _outside_quotes(text: str) -> str:
    """The text with what stands in quotes left out; only used to look for comments, after it was parsed."""
    kept, quote = [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            kept.append(character)
    return "".join(kept)


def _check_depth(tree: exp.Expr, most: int = 200) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > most:
            message = f"is nested more than {most} deep"
            raise Refused(message)
        level = [child for node in level for child in node.iter_expressions()]


def _check(tree: exp.Expr, allowed: tuple[type[exp.Expr], ...]) -> None:
    for node in tree.walk():
        refused = _refused(node)
        if refused:
            raise Refused(refused)
        if isinstance(node, exp.Column) and (node.table or not isinstance(node.this, exp.Identifier)):
            message = f"'{node.sql(DIALECT)}' is not allowed: names stand alone, without a table"
            raise Refused(message)
        if isinstance(node, exp.DataType) and not _plain_type(node):
            message = f"a cast to {node.sql(DIALECT)} is not allowed"
            raise Refused(message, f"allowed are {', '.join(sorted(_TYPES))}")
        if isinstance(node, exp.Cast) and type(node) not in (exp.Cast, exp.TryCast):
            message = f"{node.key.upper()} is not allowed"
            raise Refused(message)
        if type(node) is exp.TryCast or type(node) in allowed:
            continue
        raise Refused(_not_allowed(node))


def _plain_type(node: exp.DataType) -> bool:
    return isinstance(node.this, exp.DType) and node.this.value in _TYPES and not node.args.get("nested")


def _not_allowed(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        return f"function {name.lower()} is not allowed"
    return f"{node.key.upper()} is not allowed"


def parse_filter(text: str) -> exp.Expr:
    """A filter: one boolean expression over names. Raises Refused."""
    tree = parse(text)
    _check(tree, (*_PLAIN, *_FUNCTIONS))
    if not any(True for _ in tree.find_all(exp.Column)):
        message = "is not about anything: it names no dimension, entity or metric"
        raise Refused(message)
    _check_boolean(tree)
    return tree


def _check_boolean(tree: exp.Expr) -> None:
    """Where true or false is wanted stands a comparison, a name that may be one, or a CASE."""
    if isinstance(tree, exp.And | exp.Or):
        _check_boolean(tree.left)
        _check_boolean(tree.right)
    elif isinstance(tree, exp.Not | exp.Paren):
        _check_boolean(tree.this)
    elif not isinstance(tree, (*_PREDICATES, exp.Column, exp.Case, exp.Coalesce)):
        message = "is not a boolean expression"
        raise Refused(message, "compare it with something: status = 'paid'")


def conditions(tree: exp.Expr) -> list[str]:
    """The names that stand where true or false is wanted."""
    if isinstance(tree, exp.And | exp.Or):
        return conditions(tree.left) + conditions(tree.right)
    if isinstance(tree, exp.Not | exp.Paren):
        return conditions(tree.this)
    return [tree.name] if isinstance(tree, exp.Column) else []


def parse_value(text: str) -> exp.Expr:
    """What a dimension or measure is in a row: any expression over its columns, without aggregates, subqueries or windows. Raises Refused."""
    tree = parse(text)
    for node in tree.walk():
        refused = _refused(node)
        if refused:
            raise Refused(refused)
        if isinstance(node, exp.Func) and _function_name(node) in _DANGEROUS:
            raise Refused(_not_allowed(node))
    return tree


def _function_name(node: exp.Func) -> str:
    return (node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.sql_name()).lower()


_DANGEROUS = {
    "read_text", "read_blob", "read_csv", "read_csv_auto", "read_parquet", "read_json", "read_json_auto", "glob", "getenv", "getvariable", "query",
    "query_table", "random", "uuid", "nextval", "currval", "setseed", "gen_random_uuid",
}  # fmt: skip


def parse_arithmetic(text: str) -> exp.Expr:
    """The expression of a derived metric: arithmetic over names. Raises Refused."""
    tree = parse(text)
    _check(tree, _ARITHMETIC)
    return tree


def names(tree: exp.Expr) -> list[str]:
    """The names in an expression, each once, in the order they stand."""
    found = sorted(tree.find_all(exp.Column), key=lambda c: int(c.this.meta.get("start", 0)))
    return list(dict.fromkeys(c.name for c in found))


_STRICT = (
    exp.Column, exp.Identifier, exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Dot,
    exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Abs, exp.Round, exp.Year, exp.Month, exp.Day, exp.TimestampTrunc, exp.DateTrunc,
    exp.Extract, exp.Var, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Not, exp.DPipe,
)  # fmt: skip


def is_strict(tree: exp.Expr) -> bool:
    """Whether an expression is surely NULL where all of its columns are."""
    return all(type(node) in _STRICT for node in tree.walk()) and any(True for _ in tree.find_all(exp.Column))


def conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    """What is joined by AND at the top."""
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.And):
        yield from conjuncts(tree.left)
        yield from conjuncts(tree.right)
    else:
        yield tree
