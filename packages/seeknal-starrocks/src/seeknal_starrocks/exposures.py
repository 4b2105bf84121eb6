"""The params of StarRocks' exposures, checked when the project is read. No Arrow and no pymysql here: reading a project must stay quick."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal.errors import ConnectionFailed
from seeknal_drivers.queries import trimmed
from seeknal_starrocks.ddl import Distribution, Refresh
from seeknal_starrocks.names import DIALECT, LONGEST_NAME, TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REFRESH = re.compile(
    r"""(?:REFRESH\s+)?(?:(IMMEDIATE|DEFERRED)\s+)?(?:(ASYNC|MANUAL)\b\s*)?(?:START\s*\(\s*["']([^"']+)["']\s*\)\s*)?"""
    r"""(?:EVERY\s*\(?\s*(?:INTERVAL\s+)?(\d+)\s+(SECOND|MINUTE|HOUR|DAY)S?\s*\)?)?""",
    re.IGNORECASE,
)
_FUNCTIONS = ("DATE_TRUNC", "TIME_SLICE", "STR2DATE", "FROM_UNIXTIME")


def check_table(name: str, params: Mapping[str, Any], has_input: bool) -> dict[str, Any]:
    """The params of a `starrocks_table`. Raises ValueError."""
    if not has_input:
        message = "a starrocks_table has one input: the node whose rows are loaded"
        raise ValueError(message)
    take = _Taking()
    found = {
        "table": take(_name, params.get("table", name), "table"),
        "mode": take(_word, params, "mode", ("replace", "append", "upsert")),
        "format": take(_word, params, "format", ("json", "csv")),
        "via": take(_word, params, "via", ("auto", "stream_load", "insert", "files")),
        "types": take(_types, params.get("types", {})),
    }
    found |= take(_key, params, found["mode"]) or {}
    return take.all({**found, **_shared(params, take)})


def check_view(name: str, params: Mapping[str, Any], has_input: bool) -> dict[str, Any]:
    """The params of a `starrocks_materialized_view`. Raises ValueError."""
    query = params.get("sql", params.get("query"))
    if (query is None) != has_input:
        message = "say either 'sql', one SELECT in StarRocks' SQL, or one input whose rows the view is to hold"
        raise ValueError(message)
    take = _Taking()
    take(refresh_of, params.get("refresh"))
    found = {
        "name": take(_name, params.get("name", params.get("mv_name", name)), "name"),
        "sql": take(one_query, str(query)) if query is not None else None,
        "refresh": params.get("refresh"),
        "wait": take(_yes, params, "wait"),
        "timeout": take(_seconds, params),
        "refresh_external": [take(_name, t, "refresh_external") for t in take(_names, params, "refresh_external") or []],
        "replace": take(_word, params, "replace", ("swap", "drop")),
        "base_table": take(_name, params["base_table"], "base_table") if "base_table" in params else None,
    }
    return take.all({**found, **_shared(params, take)})


class _Taking:
    """Calls checks one after the other, and says at the end all that they found."""

    def __init__(self) -> None:
        self._problems: list[str] = []

    def __call__(self, check: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return check(*arguments)
        except ValueError as error:
            self._problems.append(str(error))
            return None

    def all(self, found: dict[str, Any]) -> dict[str, Any]:
        """What was understood. Raises ValueError where something was not."""
        if self._problems:
            raise ValueError("; ".join(self._problems))
        return found


def one_query(query: str) -> str:
    """One SELECT without what ends it. Raises ValueError."""
    try:
        trees = [t for t in sqlglot.parse(query, dialect=DIALECT) if t is not None and not isinstance(t, exp.Semicolon)]
    except SqlglotError as error:
        message = f"'sql' cannot be read: {str(error).splitlines()[0]}"
        raise ValueError(message) from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        message = "'sql' must be one SELECT"
        raise ValueError(message)
    return trimmed(query, DIALECT).strip()


def refresh_of(value: Any) -> Refresh:
    """When a view is refreshed: `ASYNC`, `MANUAL`, `DEFERRED ASYNC EVERY(INTERVAL 5 MINUTE)`, or `{every: 5 minutes, start: …}`. Raises ValueError."""
    hint = f"'refresh' is {value!r}; write ASYNC, MANUAL, EVERY(INTERVAL 5 MINUTE), or {{every: 5 minutes, start: 2026-01-01 00:00:00, deferred: true}}"
    if value is None:
        return Refresh()
    if isinstance(value, dict):
        unknown = set(value) - {"every", "start", "deferred", "kind"}
        if unknown:
            raise ValueError(hint)
        parts = ["DEFERRED" if value.get("deferred") else "", str(value.get("kind", "ASYNC"))]
        parts += [f"START('{value['start']}')" if value.get("start") else "", f"EVERY {value['every']}" if value.get("every") else ""]
        value = " ".join(p for p in parts if p)
    found = _REFRESH.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(hint)
    moment, kind, start, count, unit = found.groups()
    kind = (kind or "ASYNC").upper()
    if kind == "MANUAL" and (start or count):
        message = "a view that is refreshed by hand has no schedule: leave out START and EVERY, or MANUAL"
        raise ValueError(message)
    every = (int(count), unit.upper()) if count else None
    return Refresh("MANUAL" if kind == "MANUAL" else "ASYNC", _moment(moment), start, every)


def _moment(word: str | None) -> Any:
    return word.upper() if word else None


def distribution_of(params: Mapping[str, Any]) -> Distribution | None:
    """The distribution that checked params ask for; None leaves it to the server."""
    columns, buckets = params["distributed_by"], params["buckets"]
    if columns is None and buckets is None:
        return None
    return Distribution(tuple(columns or ()), buckets)


def _key(params: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """The kind of a table's key, and its columns."""
    keys = {kind: _names(params, key) for kind, key in (("DUPLICATE", "key"), ("PRIMARY", "primary_key"), ("UNIQUE", "unique_key"))}
    said = {kind: columns for kind, columns in keys.items() if columns}
    if len(said) > 1:
        message = "a table has one key: say 'key', 'primary_key' or 'unique_key'"
        raise ValueError(message)
    if mode == "upsert" and "PRIMARY" not in said:
        message = "mode upsert needs 'primary_key': the columns by which rows are found"
        raise ValueError(message)
    kind, key = next(iter(said.items()), ("DUPLICATE", []))
    if kind != "DUPLICATE" and str(params.get("distributed_by")).upper() == "RANDOM":
        message = "a table with a primary or unique key is distributed by columns, not RANDOM"
        raise ValueError(message)
    return {"key_kind": kind, "key": key}


def _types(given: Any) -> dict[str, str]:
    types = {str(k): _type(v) for k, v in given.items()} if isinstance(given, dict) else {"": None}
    if None in types.values():
        message = "'types' must be a mapping of columns to types of StarRocks, such as {name: VARCHAR(100)}"
        raise ValueError(message)
    return {k: str(v) for k, v in types.items()}


def _shared(params: Mapping[str, Any], take: _Taking) -> dict[str, Any]:
    distributed, comment = params.get("distributed_by"), params.get("comment")
    if isinstance(distributed, str) and distributed.upper() == "RANDOM":
        distributed = []
    return {
        "distributed_by": None if distributed is None else take(_names, {"distributed_by": distributed}, "distributed_by"),
        "buckets": take(_buckets, params.get("buckets")),
        "partition_by": take(_partition, params.get("partition_by")),
        "order_by": take(_names, params, "order_by"),
        "properties": take(_properties, params.get("properties", {})),
        "comment": None if comment is None else str(comment),
    }


def _buckets(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        message = f"'buckets' must be a whole number from 1 on, found {value!r}"
        raise ValueError(message)
    return value


def _properties(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or any(isinstance(v, dict | list) for v in given.values()):
        message = "'properties' must be a mapping of names to values"
        raise ValueError(message)
    return {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in given.items()}


def _partition(value: Any) -> str | None:
    """Columns, or one function of time over a column, written out anew from what was understood. Raises ValueError."""
    if value is None:
        return None
    hint = "'partition_by' is a column, a list of columns, or such as date_trunc('day', ordered_at)"
    texts = value if isinstance(value, list) else [value]
    if not texts:
        raise ValueError(hint)
    parts = []
    for text in texts:
        try:
            tree = sqlglot.parse_one(str(text), dialect=DIALECT)
        except SqlglotError:
            raise ValueError(hint) from None
        is_function = isinstance(tree, exp.Func) and (
            tree.name.upper() in _FUNCTIONS or tree.sql_name() in {"TIMESTAMP_TRUNC", *_FUNCTIONS, "DATE_TRUNC"}
        )
        if (not (isinstance(tree, exp.Column) and not tree.table) and not is_function) or tree.find(exp.Query):
            raise ValueError(hint)
        parts.append(_small_unit(tree).sql(dialect=DIALECT, identify=True))
    return ", ".join(parts) if is_function and len(parts) == 1 else f"({', '.join(parts)})"


def _small_unit(tree: exp.Expr) -> exp.Expr:
    """`date_trunc('day', …)` as it was written: a table partitioned by 'DAY' cannot be read in some versions (StarRocks issue 43333)."""
    if not isinstance(tree, exp.TimestampTrunc | exp.DateTrunc):
        return tree
    return exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(tree.text("unit").lower()), tree.this])


def columns_in(partition_by: str) -> tuple[str, ...]:
    """The columns that a checked `partition_by` names."""
    return tuple(c.name for c in sqlglot.parse_one(partition_by, dialect=DIALECT).find_all(exp.Column))


def _name(value: Any, key: str) -> str:
    try:
        TableName.parse(str(value))
    except ConnectionFailed as error:
        message = f"'{key}': {error.message}"
        raise ValueError(message) from None
    return str(value)


def _names(params: Mapping[str, Any], key: str) -> list[str]:
    value = params.get(key, [])
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) and 0 < len(v) <= LONGEST_NAME for v in listed):
        message = f"'{key}' must be a name or a list of names, of at most {LONGEST_NAME} characters each"
        raise ValueError(message)
    return listed


def _word(params: Mapping[str, Any], key: str, words: tuple[str, ...]) -> str:
    value = params.get(key, words[0])
    if value not in words:
        message = f"'{key}' must be {' or '.join(words)}, found {value!r}"
        raise ValueError(message)
    return str(value)


def _yes(params: Mapping[str, Any], key: str) -> bool:
    value = params.get(key, False)
    if not isinstance(value, bool):
        message = f"'{key}' must be true or false"
        raise ValueError(message)  # noqa: TRY004 - what a check raises
    return value


def _seconds(params: Mapping[str, Any]) -> int:
    value = params.get("timeout", 3600)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        message = "'timeout' must be a number of seconds from 1 on"
        raise ValueError(message)
    return value


def _type(written: Any) -> str | None:
    """A type of StarRocks, written out anew from what was understood; None where it is none."""
    text = str(written).strip()
    if text.upper() in ("BITMAP", "HLL", "PERCENTILE"):
        return text.upper()
    try:
        tree = sqlglot.parse_one(f"CAST(x AS {text})", dialect=DIALECT) if ";" not in text else None
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Cast) or {k for k, v in tree.args.items() if v} != {"this", "to"} or tree.find(exp.Query) is not None:
        return None
    return tree.to.sql(dialect=DIALECT, comments=False)
