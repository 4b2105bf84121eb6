"""Writing a query out in a dialect. What StarRocks says otherwise is said otherwise in the tree first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, UnsupportedError

from seeknal.errors import ProjectError
from seeknal_semantic.sqltree import aliased, column, free, identifier, select, subquery

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECTS = ("duckdb", "starrocks")


class _DuckDB(DuckDB):
    """DuckDB, NULLS LAST written out where the largest come first: a session can be set to another order."""

    NULL_ORDERING = "nulls_are_large"


def generate(tree: exp.Query, dialect: str, *, pretty: bool = False) -> str:
    """The query as text. Raises ProjectError where the dialect has no way to say it."""
    if dialect not in DIALECTS:
        raise ProjectError("SK-SEM-023", f"metrics are not written in {dialect}", hint=f"dialects are {', '.join(DIALECTS)}")
    said, writer = (with_named_windows(tree.copy()), _DuckDB) if dialect == "duckdb" else (_starrocks(tree.copy()), dialect)
    for node in list(said.find_all(exp.Not)):
        if isinstance(node.this, exp.Is) and isinstance(node.this.this, exp.Column) and isinstance(node.this.expression, exp.Null):
            node.replace(exp.Is(this=node.this.this, expression=exp.Not(this=exp.Null())))  # as people write it
    try:
        return said.sql(dialect=writer, pretty=pretty, unsupported_level=ErrorLevel.RAISE, max_text_width=120, copy=False)
    except UnsupportedError as error:
        raise ProjectError("SK-SEM-023", f"{dialect} cannot say this: {str(error).splitlines()[0]}") from None


def with_named_windows(tree: exp.Query) -> exp.Query:
    """The query in which a window that a SELECT says more than once has a name. DuckDB wants one that no other SELECT has."""
    repeated: list[tuple[exp.Select, list[exp.Window]]] = []
    for query in tree.find_all(exp.Select):
        said: dict[str, list[exp.Window]] = {}
        for window in query.find_all(exp.Window):
            if window.find_ancestor(exp.Select) is query:
                said.setdefault(_over(window).sql("duckdb"), []).append(window)
        repeated += [(query, windows) for windows in said.values() if len(windows) > 1]
    for position, (query, windows) in enumerate(repeated):
        name = "w" if len(repeated) == 1 else f"w{position + 1}"
        query.append("windows", _over(windows[0], name))
        for window in windows:
            window.replace(exp.Window(this=window.this, alias=identifier(name), over="OVER"))
    return tree


def _over(window: exp.Window, name: str = "w") -> exp.Window:
    """What stands behind OVER, under a name."""
    copied = window.copy()
    copied.set("this", identifier(name))
    return copied


def _starrocks(tree: exp.Query) -> exp.Query:
    """CASE for FILTER, a subquery for QUALIFY, a series of integers for a series of days."""
    for window in tree.find_all(exp.Window):  # days are never NULL; where they would stand cannot be said
        for ordered in window.find_all(exp.Ordered):
            ordered.set("nulls_first", value=True)
    for query in list(tree.find_all(exp.Select)):
        if query.args.get("qualify") is not None:
            _without_qualify(query)
    for node in list(tree.find_all(exp.Filter)):
        node.replace(case_for_filter(node))
    for query in list(tree.find_all(exp.Select)):
        first = query.expressions[0] if query.expressions else None
        if isinstance(first, exp.Alias) and isinstance(first.this, exp.Explode) and isinstance(first.this.this, exp.GenerateSeries):
            query.replace(_days(query, first.this.this, first.alias))
    return tree


def _without_qualify(query: exp.Select) -> None:
    """Make a SELECT with QUALIFY one that reads itself without it, and has the condition as WHERE."""
    condition = query.args["qualify"].this
    query.set("qualify", None)
    listed = [e.alias_or_name or f"value_{n + 1}" for n, e in enumerate(query.expressions)]
    columns = [aliased(e.unalias(), name) for e, name in zip(query.expressions, listed, strict=True)]
    met: dict[str, str] = {}
    while (met_here := condition.find(exp.Window) or next((c for c in condition.find_all(exp.Column) if c.table), None)) is not None:
        said = met_here.sql("starrocks")
        if said not in met:
            met[said] = free("checked", [*listed, *met.values()])
            columns.append(aliased(met_here.copy(), met[said]))
        if met_here is condition:
            condition = column(met[said])
        else:
            met_here.replace(column(met[said]))
    inner = exp.Select()
    for key in ("from_", "joins", "where", "group"):
        inner.set(key, query.args.get(key))
        query.set(key, None)
    inner.set("expressions", columns)
    query.set("expressions", [column(name) for name in listed])
    query.from_(subquery(inner, "found"), copy=False).where(condition, copy=False)


def case_for_filter(tree: exp.Expr) -> exp.Expr:
    """An aggregate that leaves rows out by CASE where it had a FILTER."""
    return _case(tree.this, tree.expression.this) if isinstance(tree, exp.Filter) else tree


def _case(aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
    def only(value: exp.Expr) -> exp.Expr:
        return exp.Case(ifs=[exp.If(this=condition.copy(), true=value)])

    inner = aggregate.this
    if isinstance(inner, exp.Distinct):
        inner.set("expressions", [only(e) for e in inner.expressions])
    else:
        aggregate.set("this", only(inner))
    return aggregate


_DIFF: dict[str, str] = {"DAY": "days_diff", "WEEK": "weeks_diff", "MONTH": "months_diff", "QUARTER": "quarters_diff", "YEAR": "years_diff"}
_ADD: dict[str, str] = {"DAY": "days_add", "WEEK": "weeks_add", "MONTH": "months_add", "QUARTER": "quarters_add", "YEAR": "years_add"}


def _days(query: exp.Select, series: exp.GenerateSeries, name: str) -> exp.Select:
    """Periods from the first to the last: as many integers, added to the first."""
    unit = str(series.args["step"].args["unit"].name).upper()
    ends = select([aliased(series.args["start"], "first_one"), aliased(series.args["end"], "last_one")], "x")
    ends.set("from_", query.args["from_"])
    first, last, step = column("first_one", "ends"), column("last_one", "ends"), column("n", "steps")
    call: Callable[..., exp.Expr] = lambda function, *values: exp.Anonymous(this=function, expressions=[*values])  # noqa: E731
    count = call(_DIFF.get(unit, "days_diff"), last, first)
    steps = exp.Table(
        this=exp.Anonymous(this="generate_series", expressions=[exp.Literal.number(0), count]),
        alias=exp.TableAlias(this=identifier("steps"), columns=[identifier("n")]),
    )
    found = exp.Select().select(aliased(call(_ADD.get(unit, "days_add"), first.copy(), step), name), copy=False)
    found.from_(subquery(ends, "ends"), copy=False)
    found.append("joins", exp.Join(this=steps))
    return found
