"""A hash of rows that does not depend on their order.

Each row is hashed with DuckDB's own 64-bit `hash`. Two mixings of that hash are summed modulo 2^64 (a sum, unlike an exclusive or,
tells duplicate rows from none), and count, sums, names and types are hashed together to 128 bits: a row that changes goes unseen
with a chance of 2^-64. It tells changes apart, and is no defence against somebody who wants two tables to look equal.

`hash` alone would miss differences that matter: it gives NULL, [] and [NULL] one value, as it does 0.0 and -0.0, or one month
and thirty days. `hashable` adds what is missing, type by type.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from seeknal.nodes import Digest
from seeknal_duckdb.sql import identifier, literal
from seeknal_duckdb.stored_types import children

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb.sqltypes import DuckDBPyType

_SALT = "seeknal"
_MASK = (1 << 64) - 1
_CANONICAL_TEXT = ("INTERVAL", "VARIANT", "UNION", "GEOMETRY", "BIT", "BIGNUM")


def digest_sql(source: str, sets: Sequence[Mapping[str, DuckDBPyType]]) -> str:
    """The query for the count of the rows of `source`, a FROM item, and two sums for each set of columns, by name and type."""
    hashes, sums = [], []
    for number, types in enumerate(sets):
        values = [hashable(identifier(name), types[name]) for name in sorted(types)]
        name = "h" + str(number)
        hashes.append((_hash(*values) if values else "0") + " AS " + name)
        sums += ["sum(hash(" + name + "))", "sum(hash(" + name + ", " + literal(_SALT) + "))"] if values else ["0", "0"]
    return "".join(["SELECT ", ", ".join(["count(*)", *sums]), " FROM (SELECT ", ", ".join(hashes or ["0 AS h"]), " FROM ", source, ")"])


def digest_of(count: int, sums: Sequence[int | None], types: Mapping[str, DuckDBPyType]) -> Digest:
    """The digest of one set of columns for what `digest_sql` returned."""
    parts = [str(count), *(str((total or 0) & _MASK) for total in sums)]
    parts += [text for name in sorted(types) for text in (name, str(types[name]))]
    return Digest(blake2b("\0".join(parts).encode(), digest_size=16).hexdigest())


def hashable(value: str, type_: DuckDBPyType, depth: int = 0) -> str:
    """An expression whose DuckDB hash differs wherever two values of `value` differ in any way."""
    item = f"x{depth}"
    match type_.id:
        case "float" | "double":
            return _hash(value, "signbit(" + value + ")")
        case "list" | "array":
            return _unless_null(value, _hash("len(" + value + ")", _each(value, item, children(type_)[0][1], depth)))
        case "map":
            parts = zip(("map_keys(", "map_values("), children(type_), strict=True)
            lists = [_each(function + value + ")", item, child, depth) for function, (_, child) in parts]
            return _unless_null(value, _hash("cardinality(" + value + ")", *lists))
        case "struct" | "tuple" if type_.children:
            fields = [
                hashable("struct_extract_at(" + value + ", " + str(number) + ")", child, depth)
                for number, (_, child) in enumerate(children(type_), 1)
            ]
            return _unless_null(value, _hash(*fields))
    if str(type_).startswith(_CANONICAL_TEXT):
        return "CAST(" + value + " AS VARCHAR)"
    return value


def _hash(*values: str) -> str:
    return "hash(" + ", ".join(values) + ")"


def _each(values: str, item: str, type_: DuckDBPyType, depth: int) -> str:
    inner = hashable(item, type_, depth + 1)
    return values if inner == item else "list_transform(" + values + ", lambda " + item + ": " + _hash(inner) + ")"


def _unless_null(value: str, expression: str) -> str:
    return "CASE WHEN " + value + " IS NOT NULL THEN " + expression + " END"
