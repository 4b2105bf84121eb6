"""How a table that exists is laid out: its key, partitions, buckets, sort order and properties, compared with what is asked for.

Compared is only what is asked for, and only where what `information_schema.tables_config` says leaves no doubt: of partitions the columns, not
the function over them; of properties numbers, true and false. A table that would be taken for another than it is would be exchanged for nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.nodes import fold
from seeknal_starrocks.exposures import columns_in
from seeknal_starrocks.names import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.loading import Target
    from seeknal_starrocks.names import TableName

_NAME = re.compile(r"`((?:[^`]|``)+)`|([^\s,`]+)")
_KINDS = {"D": "DUPLICATE", "A": "AGGREGATE", "U": "UNIQUE", "P": "PRIMARY"}
_PLAIN_VALUE = re.compile(r"\d+|true|false")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the server says of a table. `key` is that of a primary or unique key table, and none of columns for others."""

    key_kind: str
    key: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    buckets: int = 0
    order: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, name: TableName) -> Layout | None:
        """The layout of a table; None where the server does not say. Raises pymysql.Error."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM information_schema.tables_config WHERE TABLE_SCHEMA = {text(name.database or '')} AND TABLE_NAME = {text(name.name)}"
            )
            found = cursor.fetchone()
            if found is None:
                return None
            said = {_text(d[0]).upper(): _text(v) for d, v in zip(cursor.description, found, strict=True)}
        kind = _KINDS.get(said["TABLE_MODEL"][:1].upper(), said["TABLE_MODEL"])
        buckets = said.get("DISTRIBUTE_BUCKET", "")
        listed = {k: _names(said.get(k, "")) for k in ("PRIMARY_KEY", "PARTITION_KEY", "DISTRIBUTE_KEY", "SORT_KEY")}
        return cls(
            kind,
            listed["PRIMARY_KEY"] if kind in ("PRIMARY", "UNIQUE") else (),
            listed["PARTITION_KEY"],
            listed["DISTRIBUTE_KEY"],
            int(buckets) if buckets.isdecimal() else 0,
            listed["SORT_KEY"],
            _properties(said.get("PROPERTIES", "")),
        )


def differences(target: Target, found: Layout) -> list[str]:
    """What of a table is otherwise than a target asks for, a sentence each."""
    return [f"{what} is {is_ or 'none'}, not {asked or 'none'}" for what, is_, asked in _compared(target, found)]


def _compared(target: Target, found: Layout) -> Iterator[tuple[str, str, str]]:
    if target.key:
        key = found.key or (() if target.order_by else found.order)  # which is also the key's where no other order was asked for
        if found.key_kind != target.key_kind or (key and not _same(key, target.key, ordered=target.key_kind == "DUPLICATE")):
            yield "its key", f"{found.key_kind} KEY ({', '.join(key)})", f"{target.key_kind} KEY ({', '.join(target.key)})"
    if target.order_by and found.order and not _same(found.order, target.order_by, ordered=True):
        yield "its sort key", ", ".join(found.order), ", ".join(target.order_by)
    if target.partition_by is not None and not any(c.startswith("__generated") for c in found.partition):
        columns = columns_in(target.partition_by)
        if not _same(found.partition, columns):
            yield "what it is partitioned by", ", ".join(found.partition), ", ".join(columns)
    if (wanted := target.distribution) is not None:
        if (wanted.columns or target.key_kind == "DUPLICATE") and not _same(found.distribution, wanted.columns):
            yield "what it is distributed by", ", ".join(found.distribution) or "RANDOM", ", ".join(wanted.columns) or "RANDOM"
        if wanted.buckets and found.buckets and wanted.buckets != found.buckets:
            yield "its number of buckets", str(found.buckets), str(wanted.buckets)
    for name, value in target.properties.items():
        has = found.properties.get(name, "")
        if all(_PLAIN_VALUE.fullmatch(v.casefold()) for v in (has, value)) and has.casefold() != value.casefold():
            yield f"its property {name}", has, value


def _same(some: Iterable[str], others: Iterable[str], *, ordered: bool = False) -> bool:
    one, other = [fold(n) for n in some], [fold(n) for n in others]
    return one == other if ordered else set(one) == set(other)


def _names(listed: str) -> tuple[str, ...]:
    """Names with commas between them; servers before 3.1 write NULL for none."""
    found = tuple(quoted.replace("``", "`") or plain for quoted, plain in _NAME.findall(listed))
    return () if found == ("NULL",) else found


def _properties(shown: str) -> dict[str, str]:
    try:
        found = json.loads(shown)
    except ValueError:  # servers before 3.0 show another text
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else "" if value is None else str(value)
