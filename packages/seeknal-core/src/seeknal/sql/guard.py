"""What SQL that people wrote may do: one SELECT over relations it may read, and nothing else.

The tree is checked against what is allowed, so what the parser does not know is refused, never passed on. This prevents
accidents and constrains audits and filters; the engine's own lock-down stands behind it.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import Dialect, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its fallback warnings are errors here, reported with a place

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat_row", "generateseries", "explode"})
"""Functions that may stand in FROM."""

_REFUSED_FUNCTIONS = frozenset({
    "getenv", "getvariable", "glob", "query", "query_table", "json_execute_serialized_sql", "json_serialize_plan", "sniff_csv", "load_file",
    "which_secret", "current_setting", "set_config", "sql_auto_complete", "nextval", "currval", "st_read", "delta_scan", "pg_sleep", "sleep", "sleep_ms", "write_log", "setseed",
    "test_all_types", "arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function", "copy_database", "seq_scan", "index_scan",
    "sqlsmith", "reduce_sql_statement", "fuzzyduck", "force_checkpoint", "checkpoint", "truncate_duckdb_logs", "from_substrait", "pg_ls_dir",
})  # fmt: skip
_REFUSED_PREFIXES = (
    "read_",
    "parquet_",
    "duckdb_",
    "pragma_",
    "iceberg_",
    "postgres_",
    "mysql_",
    "sqlite_",
    "pg_read",
    "http_",
    "lo_",
    "dblink",
)
_REFUSED_NODES = (
    exp.DML, exp.DDL, exp.Command, exp.Copy, exp.Attach, exp.Detach, exp.Drop, exp.Alter, exp.Set, exp.SetItem, exp.Pragma, exp.Use, exp.Into,
    exp.TruncateTable, exp.Transaction, exp.Commit, exp.Rollback, exp.Kill, exp.Analyze, exp.Describe, exp.Show, exp.Summarize, exp.Lock,
    exp.Parameter, exp.SessionParameter, exp.Placeholder, exp.LoadData, exp.Cache, exp.Uncache, exp.Refresh, exp.Grant, exp.Comment, exp.Execute,
)  # fmt: skip
_HARMLESS = frozenset(
    {exp.Column, exp.Identifier, exp.Literal, exp.Alias, exp.Paren, exp.TableAlias, exp.From, exp.Join, exp.Where, exp.Select}
)
"""Most of the nodes of most trees, which are none of those that are looked for."""
_NOT_IN_CONDITIONS = (exp.Query, exp.Table, exp.Subquery, exp.AggFunc, exp.Window, exp.Star, exp.Unnest, exp.Explode, *_REFUSED_NODES)
_AGGREGATES = frozenset({
    "approx_top_k", "arbitrary", "arg_max_null", "arg_max_nulls_last", "arg_min_null", "arg_min_nulls_last", "bitstring_agg", "count_star",
    "cume_dist", "dense_rank", "entropy", "favg", "fill", "fsum", "geomean", "geometric_mean", "histogram", "histogram_exact", "kahan_sum", "kurtosis_pop", "mad",
    "percent_rank", "product", "rank_dense", "reservoir_quantile", "row_number", "rank", "sem", "sum_no_overflow", "sumkahan", "wavg", "weighted_avg",
})  # fmt: skip
"""Functions of several rows that are not told apart by how they are parsed."""
_VERBS = {exp.TruncateTable: "TRUNCATE", exp.Into: "SELECT INTO", exp.Lock: "FOR UPDATE", exp.Placeholder: "a parameter"}


_BEGINS_VALUE = frozenset({TokenType.SELECT, TokenType.DISTINCT, TokenType.COMMA, TokenType.L_PAREN, TokenType.PLUS, TokenType.DASH})


@dataclass(frozen=True, slots=True)
class TableUse:
    """A relation that SQL reads: its name, the schema before the dot where there is one, and where it stands in the text."""

    name: str
    schema: str
    start: int
    end: int
    aliased: bool

    @property
    def dotted(self) -> str:
        """`schema.name`, or just the name."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


class SqlProblem(Exception):
    """SQL that may not be run. `line` and `column` count from 1 within the text."""

    def __init__(self, code: str, message: str, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


def parse_select(sql: str, dialect: str, *, outside: bool = False) -> exp.Query:
    """Parse SQL that must be one SELECT and check everything in it; PIVOT and UNPIVOT become a SELECT from them. `outside`: it runs in a database of its own, not in the engine.

    Raises SqlProblem.
    """
    tokens = _tokens(sql, dialect)
    _one_statement(tokens)
    try:
        trees = [t for t in _dialect(dialect).parser().parse(tokens, sql) if t is not None]
    except ParseError as error:
        raise _parse_problem(error, dialect) from None
    except (SqlglotError, RecursionError) as error:
        raise SqlProblem("SK-SQL-001", f"SQL cannot be read as {dialect}: {str(error)[:200]}") from None
    if not trees:
        raise SqlProblem("SK-SQL-001", "the SQL is empty")
    tree = trees[0]
    if isinstance(tree, exp.Pivot):
        tree = exp.Select(expressions=[exp.Star()], from_=exp.From(this=exp.Subquery(this=tree)))
    if not isinstance(tree, exp.Query):
        verb = tokens[0].text.upper()
        line, column = _start(tokens[0])
        raise SqlProblem(
            "SK-SQL-002", f"sql must be a SELECT, found {verb}", line, column, "describe the result; seeknal creates the table"
        )
    _check(tree, sql, outside=outside)
    told = apart(tokens) if dialect == "duckdb" else ""
    if told:
        tree.meta["apart"] = told
    return tree


def apart(tokens: list[Token]) -> str:
    """What a query says that its tree does not: where `~` stands for a function that differs from it, and a plus sign before a value."""
    found = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        is_tilde = token.token_type == TokenType.TILDE  # as an operator it matches the whole; regexp_matches(), which it is read as, finds
        is_sign = token.token_type == TokenType.PLUS and (before is None or before.token_type in _BEGINS_VALUE)  # counts in a column's name
        if is_tilde or is_sign:
            found.append(token.text)
    return " ".join(found)


def parse_condition(sql: str, dialect: str) -> exp.Expr:
    """Parse a filter: one boolean expression without statements, subqueries, aggregates or windows. Raises SqlProblem."""
    tokens = _tokens(sql, dialect)
    hint = "write a condition such as status <> 'refunded'"
    try:
        trees = _dialect(dialect).parser().parse_into(exp.Condition, tokens, sql)
    except (SqlglotError, RecursionError):
        raise SqlProblem("SK-SQL-005", "must be one boolean expression", hint=hint) from None
    tree = trees[0] if len(trees) == 1 else None
    if tree is None or any(t.comments for t in tokens):
        raise SqlProblem("SK-SQL-005", "must be one boolean expression, without comments", hint=hint)
    for node in tree.walk():
        aggregate = isinstance(node, exp.Func) and _function_name(node) in _AGGREGATES
        if aggregate or isinstance(node, _NOT_IN_CONDITIONS):
            name = node.name.upper() if aggregate else node.key.upper()
            message = f"must be one boolean expression over the columns of a row; {name} is not allowed"
            raise SqlProblem("SK-SQL-005", message, hint=hint)
    _check(tree, sql)
    return tree


def tables(tree: exp.Expr) -> list[TableUse]:
    """The relations a checked tree reads, CTEs in scope left out, each use once, in the order they stand."""
    found = []
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and _is_cte(table)):
            continue
        first = table.args["db"] if table.db else table.this
        found.append(TableUse(table.name, table.db, first.meta.get("start", 0), table.this.meta.get("end", 0), bool(table.alias)))
    return sorted(found, key=lambda t: t.start)


def refuse_shadows(tree: exp.Expr, names: Iterable[str]) -> None:
    """Raise SqlProblem where a CTE has one of these names, and would be read in place of what they stand for."""
    taken = {fold(n) for n in names}
    for cte in tree.find_all(exp.CTE):
        if fold(cte.alias) in taken:
            raise SqlProblem(
                "SK-SQL-004", f"a CTE cannot be called {cte.alias} here: it would be read in its place", hint="give it another name"
            )


def position(sql: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset into the text."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def _is_cte(table: exp.Table) -> bool:
    """Whether a bare name is a CTE where it stands: those before it, itself when recursive, all in the main query."""
    name = fold(table.name)
    inside: exp.Expr = table
    parent = table.parent
    while parent is not None:
        with_ = parent.args.get("with_")
        if isinstance(with_, exp.With):
            visible = with_.expressions
            holder = inside if isinstance(inside, exp.CTE) else None
            if inside is with_:
                own = next(i for i, cte in enumerate(visible) if any(p is cte for p in _ancestors(table)))
                visible = visible[: own + 1] if with_.recursive else visible[:own]
            if holder is None and any(fold(cte.alias) == name for cte in visible):
                return True
        inside, parent = parent, parent.parent
    return False


def _ancestors(node: exp.Expr) -> list[exp.Expr]:
    found = []
    current: exp.Expr | None = node
    while current is not None:
        found.append(current)
        current = current.parent
    return found


def _check(tree: exp.Expr, sql: str, *, outside: bool = False) -> None:
    for node in tree.walk():
        if type(node) in _HARMLESS:
            continue
        if isinstance(node, _REFUSED_NODES):
            verb = next((v for k, v in _VERBS.items() if isinstance(node, k)), node.key.upper())
            line, column = _place(node, sql)
            raise SqlProblem("SK-SQL-002", f"{verb} is not allowed: sql must be one SELECT that only reads", line, column)
        if isinstance(node, exp.CTE) and not isinstance(node.this, exp.Query | exp.Values | exp.Pivot):
            raise SqlProblem(
                "SK-SQL-002", f"{node.this.key.upper()} inside WITH is not allowed: each part must be a SELECT", *_place(node, sql)
            )
        if isinstance(node, exp.Func):
            _check_function(node, sql)
        if isinstance(node, exp.Table) and not outside:
            _check_table(node, sql)


def _function_name(function: exp.Func) -> str:
    return fold(function.name) if isinstance(function, exp.Anonymous | exp.AnonymousAggFunc) else fold(function.sql_name())


def _check_function(function: exp.Func, sql: str) -> None:
    name = _function_name(function)
    if name in _REFUSED_FUNCTIONS or name.startswith(_REFUSED_PREFIXES) or isinstance(function, exp.ReadCSV | exp.ReadParquet):
        hint = "declare a source and read it with ref()"
        raise SqlProblem("SK-SQL-003", f"function {name}() is not allowed in SQL here", *_place(function, sql, name), hint)


def _check_table(table: exp.Table, sql: str) -> None:
    if isinstance(table.this, exp.Func):
        name = _function_name(table.this)
        if name not in TABLE_FUNCTIONS:
            hint = "declare a source and read it with ref()"
            raise SqlProblem("SK-SQL-003", f"table function {name}() is not allowed in SQL here", *_place(table, sql, name), hint)
    elif not isinstance(table.this, exp.Identifier):
        raise SqlProblem("SK-SQL-003", "only relations can stand in FROM", *_place(table, sql))
    elif table.catalog:
        raise SqlProblem("SK-SQL-004", f"unknown relation {table.sql()}: a relation has at most one dot", *_place(table, sql))


def _place(node: exp.Expr, sql: str, word: str | None = None) -> tuple[int, int]:
    """Where a node stands: its first identifier's position, the word's, or the start."""
    offsets = [i.meta["start"] for i in node.find_all(exp.Identifier) if "start" in i.meta]
    offset = node.meta.get("start", min(offsets) if offsets else 0)
    if word:
        found = fold(sql).find(word)
        offset = found if found >= 0 else offset
    return position(sql, offset)


@functools.cache
def _dialect(name: str) -> Dialect:
    return Dialect.get_or_raise(name)


def _tokens(sql: str, dialect: str) -> list[Token]:
    try:
        tokens = _dialect(dialect).tokenize(sql)
    except TokenError as error:
        raise SqlProblem("SK-SQL-001", f"SQL cannot be read: {str(error).splitlines()[0]}") from None
    if not tokens:
        raise SqlProblem("SK-SQL-001", "the SQL is empty")
    for token in tokens:
        if token.token_type == TokenType.VAR and not token.text.isprintable():  # an engine may take it for a space, and see another name
            code = next(f"U+{ord(c):04X}" for c in token.text if not c.isprintable())
            raise SqlProblem("SK-SQL-001", f"the name {token.text!a} holds the invisible character {code}", *_start(token), "type it again")
    return tokens


def _start(token: Token) -> tuple[int, int]:
    return token.line, max(1, token.col - len(token.text) + 1)


def _one_statement(tokens: list[Token]) -> None:
    """A trailing semicolon is fine; anything after one is a second statement."""
    ended = False
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            ended = True
        elif ended:
            line, column = _start(token)
            raise SqlProblem("SK-SQL-002", f"one SELECT only: a second statement begins with {token.text.upper()}", line, column)


def _parse_problem(error: ParseError, dialect: str) -> SqlProblem:
    first = error.errors[0] if error.errors else {}
    word = str(first.get("highlight") or "")
    line = int(first.get("line") or 1)
    column = max(1, int(first.get("col") or 1) - len(word) + 1)
    description = str(first.get("description") or "cannot be read").split("<class")[0].strip().rstrip(".")
    near = f" near {word!r}" if word else ""
    return SqlProblem("SK-SQL-001", f"SQL syntax error{near} ({description}); read as {dialect}", line, column)
