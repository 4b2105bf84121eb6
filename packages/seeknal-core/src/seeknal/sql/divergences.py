"""Where two dialects use one word for different things, so that a query must be rewritten to keep what it means.

sqlglot turns most constructs into their equivalents. Here is what it hands over by name although the outcome differs: division of whole numbers, the
number of a weekday, what counts as a month between two dates, and whether a day after a date is a date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlglot import Dialect, exp

from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

Weekdays = Literal["sunday 0", "sunday 1", "monday 1"]
Doubt = tuple[exp.Expr, str]

_SUNDAY_0 = ("duckdb", "postgres", "snowflake", "redshift", "materialize", "risingwave")
_SUNDAY_1 = ("mysql", "bigquery", "spark", "spark2", "databricks", "hive", "starrocks", "doris", "dremio")
_MONDAY_1 = ("trino", "presto", "athena")
_WEEKDAYS: dict[str, Weekdays] = {
    **dict.fromkeys(_SUNDAY_0, "sunday 0"), **dict.fromkeys(_SUNDAY_1, "sunday 1"), **dict.fromkeys(_MONDAY_1, "monday 1"),
}  # fmt: skip
_WEEKDAY_FUNCTION: dict[str, Weekdays] = {**_WEEKDAYS, **dict.fromkeys(_MONDAY_1, "sunday 1")}
"""What `exp.DayOfWeek` stands for; for Trino's family sqlglot writes and reads it so that Sunday is 1."""

_WEEKDAY_PARTS = frozenset({"DOW", "DAYOFWEEK", "DAY_OF_WEEK", "WEEKDAY", "DW"})
_WEEKDAY_FROM_MONDAY = ("mysql", "spark", "spark2", "databricks", "hive", "starrocks", "doris")
"""Where `weekday()` counts from Monday, which is 0."""

_WHOLE_UNITS: dict[str, tuple[type[exp.Expr], ...]] = {
    **dict.fromkeys(("mysql", "starrocks", "doris", "bigquery"), (exp.TimestampDiff,)),
    **dict.fromkeys(("spark", "spark2", "databricks"), (exp.TimestampDiff, exp.DateDiff)),
    **dict.fromkeys(("trino", "presto", "athena"), (exp.DateDiff,)),
}
"""The differences that count whole units gone by; all others count the borders crossed, as DuckDB's does."""

_WRITES_WHOLE_UNITS = frozenset({"mysql", "starrocks", "doris", "spark", "spark2", "databricks", "trino", "presto", "athena"})  # fmt: skip
_DATE_ARITHMETIC: dict[str, tuple[type[exp.Expr], ...]] = {
    "bigquery": (exp.DateAdd, exp.DateSub),
    **dict.fromkeys(("spark", "spark2", "databricks", "hive"), (exp.TsOrDsAdd, exp.DateTrunc)),
}
"""What gives a date whatever it is given."""

_WHOLE_IN_DUCKDB, _PARTS = ("datesub", "date_sub"), 3
_UNITS = {"MM": "MONTH", "MON": "MONTH", "YY": "YEAR", "YYYY": "YEAR"}


def reconcile(tree: exp.Expr, written: str, target: str) -> list[Doubt]:
    """Rewrite, in place, what would mean something else in `target`. Returns what cannot be rewritten, with the reason."""
    if written == target:
        return []
    doubts: list[Doubt] = []
    for node in reversed(list(tree.walk())):
        doubts += _weekday(node, written, target)
        doubts += _difference(node, written, target)
        doubts += _division(node, written, target)
        if target == "duckdb":
            _date(node, written)
    return doubts[::-1]


def _division(node: exp.Expr, written: str, target: str) -> Iterator[Doubt]:
    """DuckDB's `/` gives fractions; its `//` gives a whole number for whole numbers and divides others as they are.

    So `//` is the `/` of dialects whose division follows the types of its operands, and the whole part of it is what DIV gives elsewhere.
    """
    if isinstance(node, exp.IntDiv) and target == "duckdb":
        whole = exp.func("TRUNC", exp.IntDiv(this=_wrapped(node.this), expression=_wrapped(node.expression)))
        node.replace(exp.cast(whole, exp.DataType.Type.BIGINT))
    elif isinstance(node, exp.Div) and node.args.get("typed") and not Dialect.get_or_raise(target).TYPED_DIVISION:
        if node.this.is_type(*exp.DataType.REAL_TYPES, exp.DataType.Type.INTERVAL):
            return
        if target != "duckdb" and not all(o.is_type(*exp.DataType.NUMERIC_TYPES) for o in (node.this, node.expression)):
            yield node, f"{written} divides whole numbers without a remainder, {target} does not; say with CAST which it is"
        elif target == "duckdb":
            divisor = exp.func("NULLIF", node.expression, exp.Literal.number(0)) if node.args.get("safe") else _wrapped(node.expression)
            node.replace(exp.IntDiv(this=_wrapped(node.this), expression=divisor))


def _wrapped(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def _weekday(node: exp.Expr, written: str, target: str) -> Iterator[Doubt]:
    """The number of a weekday, as the dialect it was written in counts."""
    if isinstance(node, exp.Anonymous) and fold(node.name) == "weekday" and len(node.expressions) == 1:
        yield from _named_weekday(node, written, target)
        return
    styles = _WEEKDAY_FUNCTION if isinstance(node, exp.DayOfWeek) else _WEEKDAYS
    extracted = isinstance(node, exp.Extract) and node.name.upper() in _WEEKDAY_PARTS
    if not (extracted or isinstance(node, exp.DayOfWeek)):
        return
    if written not in styles or target not in styles:
        yield node, f"{written} and {target} may count the days of the week differently"
    elif styles[written] != styles[target]:
        day = node.expression if extracted else node.this
        node.replace(_counted(node.copy(), day.copy(), styles[written], styles[target]))


def _counted(native: exp.Expr, day: exp.Expr, wanted: Weekdays, given: Weekdays) -> exp.Expr:
    """`native` counts as `given` says; the expression that counts as `wanted`."""
    if wanted == "monday 1":
        return exp.DayOfWeekIso(this=day)
    one = exp.Literal.number(1)
    if given == "monday 1":
        sunday_0 = exp.Mod(this=native, expression=exp.Literal.number(7))
        return exp.paren(sunday_0 if wanted == "sunday 0" else exp.Add(this=exp.paren(sunday_0, copy=False), expression=one), copy=False)
    step = exp.Add if wanted == "sunday 1" else exp.Sub
    return exp.paren(step(this=native, expression=one), copy=False)


def _named_weekday(node: exp.Anonymous, written: str, target: str) -> Iterator[Doubt]:
    """`weekday()`: from Monday, which is 0, in MySQL and Spark; DuckDB's other name of `dayofweek`."""
    monday = (written in _WEEKDAY_FROM_MONDAY, target in _WEEKDAY_FROM_MONDAY)
    if all(monday):
        return
    if monday[0]:
        from_one = exp.DayOfWeekIso(this=node.expressions[0].copy())
        node.replace(exp.paren(exp.Sub(this=from_one, expression=exp.Literal.number(1)), copy=False))
    elif written == "duckdb":
        day = exp.DayOfWeek(this=node.expressions[0].copy())
        styles = (_WEEKDAY_FUNCTION["duckdb"], _WEEKDAY_FUNCTION.get(target))
        if styles[1] is None:
            yield node, f"{written} and {target} may count the days of the week differently"
        else:
            node.replace(day if styles[0] == styles[1] else _counted(day, day.this, styles[0], styles[1]))


def _difference(node: exp.Expr, written: str, target: str) -> Iterator[Doubt]:
    """Between 31 January and 1 February lies the border of a month, but no whole month."""
    if isinstance(node, exp.Anonymous) and written == "duckdb" and fold(node.name) in _WHOLE_IN_DUCKDB and len(node.expressions) == _PARTS:
        part, start, end = (e.copy() for e in node.expressions)
        if part.is_string and target in _WRITES_WHOLE_UNITS:
            kind = exp.DateDiff if exp.DateDiff in _WHOLE_UNITS[target] else exp.TimestampDiff
            node.replace(kind(this=end, expression=start, unit=exp.var(part.name.upper())))
        else:
            yield node, f"{written} counts whole units here, {target} the borders crossed"
        return
    unit = node.args.get("unit")
    if not isinstance(node, exp.DateDiff | exp.TimestampDiff | exp.DatetimeDiff) or unit is None:
        return
    whole = isinstance(node, _WHOLE_UNITS.get(written, ()))
    if target == "duckdb" and whole:
        node.replace(exp.Anonymous(this="DATESUB", expressions=[exp.Literal.string(unit.name), node.expression.copy(), node.this.copy()]))
    elif target != "duckdb" and whole != (target in _WRITES_WHOLE_UNITS) and unit.name.upper() != "DAY":
        counts = ("whole units", "the borders crossed")
        yield node, f"{written} counts {counts[not whole]} here, {target} {counts[whole]}"


def _date(node: exp.Expr, written: str) -> None:
    """A date and an interval give DuckDB a timestamp; what gives a date elsewhere is made one."""
    if not isinstance(node, _DATE_ARITHMETIC.get(written, ())):
        return
    unit = node.args.get("unit")
    if isinstance(node, exp.DateTrunc) and unit is not None and unit.name.upper() in _UNITS:
        node.set("unit", exp.Literal.string(_UNITS[unit.name.upper()]))
    if not isinstance(node.parent, exp.Cast):
        node.replace(exp.cast(node.copy(), exp.DataType.Type.DATE))
