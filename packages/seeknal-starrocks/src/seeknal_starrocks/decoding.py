"""Rows on their way in: what the server sends, turned into Arrow columns of exact types."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pymysql.constants import FIELD_TYPE

from seeknal_drivers.arrow import CAST_HINT
from seeknal_drivers.mysql import columns
from seeknal_starrocks import failures
from seeknal_starrocks.types import LOOK_LIKE_TEXT, STATES, read_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

_TEXTS = {
    FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR, FIELD_TYPE.BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.TINY_BLOB,
    FIELD_TYPE.JSON, FIELD_TYPE.NULL,
}  # fmt: skip
_BLOBS = {FIELD_TYPE.BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.TINY_BLOB}


@dataclass(frozen=True, slots=True)
class ResultColumn(columns.ResultColumn):
    """A column of a query's result, and its StarRocks type where it could be found out.

    The wire tells numbers, dates and text apart; LARGEINT, JSON, VARBINARY, BITMAP and nested types all look like text there, and
    BOOLEAN like TINYINT. `state` is the name of an aggregate function's state.
    """

    declared: exp.DataType | None = None
    state: str | None = None

    def known(self, declared: exp.DataType | None, state: str | None) -> ResultColumn:
        """The column with what is known of its type, as far as the wire does not say otherwise."""
        return replace(self, declared=declared, state=state)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the wire does not say what it is."""
        return self.code in _TEXTS or self.code == FIELD_TYPE.TINY

    @property
    def type(self) -> pa.DataType:
        """The Arrow type it is read as. Raises ConnectionFailed (SK-CONN-005)."""
        if self.state is not None:
            raise failures.type_not_representable(self.name, self.state, STATES[self.state])
        if self.code in _TEXTS and self.declared is not None and self.declared.this in LOOK_LIKE_TEXT:
            return read_type(self.declared, self.name)
        if self.code == FIELD_TYPE.TINY and self.declared is not None and read_type(self.declared, self.name) == pa.bool_():
            return pa.bool_()
        if self.code in _TEXTS:
            return pa.binary() if self.code in _BLOBS and self.is_binary else pa.string()
        return self.wire_type

    def decode(self, values: Sequence[bytes | None]) -> pa.Array:
        """Values as the server sends them, as an array. Raises ConnectionFailed (SK-CONN-005)."""
        type_ = self.type
        if pa.types.is_nested(type_):
            return self._nested(values, type_)
        return self.parsed(values, type_)

    def _nested(self, values: Sequence[bytes | None], type_: pa.DataType) -> pa.Array:
        try:
            return pa.array([None if v is None else _value(json.loads(v), type_) for v in values], type_)
        except (ValueError, TypeError, AttributeError, pa.ArrowException) as error:
            raise failures.not_representable(self.name, str(error), str(type_), CAST_HINT) from None


def _value(value: Any, type_: pa.DataType) -> Any:
    """A value out of JSON as pyarrow wants it for a type."""
    kinds = pa.types
    if value is None:
        return None
    if kinds.is_map(type_):
        return [(_value(k, type_.key_type), _value(v, type_.item_type)) for k, v in value.items()]
    if kinds.is_list(type_):
        return [_value(v, type_.value_type) for v in value]
    if kinds.is_struct(type_):
        return {f.name: _value(value.get(f.name), f.type) for f in type_}
    if kinds.is_string(type_):
        return value if isinstance(value, str) else json.dumps(value)
    if kinds.is_boolean(type_):
        return value in (True, 1, "1", "true")
    if isinstance(value, str) or kinds.is_temporal(type_):
        return pa.array([str(value)]).cast(type_)[0].as_py()
    return value
