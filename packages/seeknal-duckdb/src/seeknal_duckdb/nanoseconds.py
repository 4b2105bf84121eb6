"""TIMESTAMP_NS in Python: its times are finer than a `datetime` is, to which DuckDB cuts them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from seeknal_duckdb.sql import cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_duckdb.statements import Columns

_TYPE = "TIMESTAMP_NS"
_MICROSECONDS = len("2026-01-31 10:00:00.123456")


class FineTime(datetime):
    """A time to the nanosecond: `nanosecond` are those beyond its microsecond, which it is written with. It compares without them."""

    nanosecond: int = 0

    @classmethod
    def of(cls, text: str) -> datetime:
        """A time as DuckDB writes it, which is a usual one where that is exact."""
        if "infinity" in text:
            return datetime.min if text.startswith("-") else datetime.max  # noqa: DTZ901 - as DuckDB does
        usual = datetime.fromisoformat(text[:_MICROSECONDS])
        rest = int(text[_MICROSECONDS:].ljust(3, "0"))
        return cls._finer(usual, rest) if rest else usual

    @classmethod
    def _finer(cls, usual: datetime, nanosecond: int) -> Self:
        made = cls.combine(usual.date(), usual.time())
        made.nanosecond = nanosecond
        return made

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        """With nine digits of a second, unless another `timespec` is asked for."""
        if timespec != "auto":
            return super().isoformat(sep, timespec)
        return f"{super().isoformat(sep, 'microseconds')}{self.nanosecond:03}"


def fine(columns: Columns) -> dict[str, str]:
    """For each column of such times, the expression that has them as text."""
    return {name: cast(name, "VARCHAR") for name, type_ in columns if str(type_) == _TYPE}


def restored(rows: Sequence[tuple[Any, ...]], columns: Columns) -> list[tuple[Any, ...]]:
    """Rows in which these times are text, with times again."""
    places = {i for i, (_, type_) in enumerate(columns) if str(type_) == _TYPE}
    return [tuple(FineTime.of(v) if i in places and v is not None else v for i, v in enumerate(row)) for row in rows]
