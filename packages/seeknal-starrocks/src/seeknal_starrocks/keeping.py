"""How rows are kept in a table of the engine. StarRocks sorts every table by its first columns, and refuses one whose first column cannot be a key.

FLOAT, DOUBLE, JSON, VARBINARY and nested columns cannot. Where such a one is first, a column that can be a key stands before it in the table; where
there is none, a column of zeros. Who reads the table names its columns in their own order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from seeknal.nodes import fold
from seeknal_starrocks.ddl import names
from seeknal_starrocks.types import can_be_key

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZEROS = "seeknal_row"


@dataclass(frozen=True, slots=True)
class Kept:
    """The columns of an output, and the one that is first in its table; `is_added` says that it is the one of zeros."""

    columns: tuple[str, ...]
    first: str
    is_added: bool = False

    @classmethod
    def of(cls, schema: pa.Schema) -> Kept:
        """How rows of a schema are kept. Raises ConnectionFailed (SK-CONN-005)."""
        columns = tuple(schema.names)
        first = next((f.name for f in schema if can_be_key(f.type, f.name)), None)
        if first is not None:
            return cls(columns, first)
        name, taken = _ZEROS, {fold(c) for c in columns}
        while name in taken:
            name += "_"
        return cls(columns, name, is_added=True)

    @property
    def is_plain(self) -> bool:
        """Whether the table has the columns as they are."""
        return self.columns[:1] == (self.first,)

    @property
    def order(self) -> tuple[str, ...] | None:
        """The columns that a reader has to name; None where `*` will do."""
        return None if self.is_plain else self.columns

    @property
    def listed(self) -> str:
        """What a reader selects."""
        return "*" if self.is_plain else names(self.columns)

    def made(self, query: exp.Query) -> exp.Query:
        """The query whose rows the table is made of."""
        if self.is_plain:
            return query
        zeros = exp.alias_(exp.cast(exp.Literal.number(0), "TINYINT"), self.first, quoted=True)
        ordered = [zeros if self.is_added and n == self.first else exp.column(n, quoted=True) for n in self._in_table]
        return exp.select(*ordered).from_(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("q"))))

    def rows(self, reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The rows that the table is loaded with; a loader puts a key first by itself."""
        if not self.is_added:
            return reader
        schema = pa.schema([pa.field(self.first, pa.int8()), *reader.schema])
        return pa.RecordBatchReader.from_batches(schema, _with_zeros(reader, schema))

    @property
    def _in_table(self) -> tuple[str, ...]:
        return (self.first, *(c for c in self.columns if c != self.first))


def _with_zeros(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        yield pa.record_batch([pa.array([0] * batch.num_rows, pa.int8()), *batch.columns], schema=schema)
