"""Artifacts of the engine: Parquet files, written in batches, and their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from seeknal.errors import EngineError, did_you_mean
from seeknal.nodes import ColumnSchema, Digest
from seeknal.protocols import Written
from seeknal_starrocks.types import LONGEST_TEXT, written_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.nodes import Schema

_BLOCK = 1 << 20
_MODULUS = 1 << 128


def write(reader: pa.RecordBatchReader, target: Path, metadata: Mapping[str, str]) -> Written:
    """Store a stream as one file; nothing is left where it fails."""
    schema = reader.schema.remove_metadata().with_metadata({k.encode(): v.encode() for k, v in metadata.items()})
    described = schema_of(schema)
    rows = 0
    try:
        with pq.ParquetWriter(target, schema) as writer:
            for batch in reader:
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
                rows += batch.num_rows
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Written(rows, described)


def schema_of(schema: pa.Schema) -> Schema:
    """The columns with their types in StarRocks' words. Raises ConnectionFailed (SK-CONN-005) for a type it has not."""
    text = f"VARCHAR({LONGEST_TEXT})"
    return tuple(ColumnSchema(f.name, written_type(f.type, f.name).replace(text, "STRING")) for f in schema)


def reader_of(paths: Sequence[Path]) -> pa.RecordBatchReader:
    """The rows of files with the same columns, in batches."""
    schema = pq.read_schema(paths[0]).remove_metadata()
    return pa.RecordBatchReader.from_batches(schema, (b.cast(schema) for p in paths for b in pq.ParquetFile(p).iter_batches()))


def content_of(path: Path) -> str:
    """A hash of a file's bytes, which names the table that holds its rows."""
    hashed = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()


def digests(paths: Sequence[Path], sets: Sequence[Sequence[str]]) -> list[Digest]:
    """For each set of columns the sum of its rows' hashes, 128 bits wide, with their number and the columns' names and types.

    A row's hash is over the lengths and texts of its values; NULL has a length of its own. One pass over the files.
    """
    schema = pq.read_schema(paths[0])
    for name in (n for columns in sets for n in columns):
        if name not in schema.names:
            raise EngineError("SK-SQL-011", f"there is no column '{name}' to hash", hint=did_you_mean(name, schema.names))
    ordered = [sorted(set(columns)) for columns in sets]
    wanted = sorted({name for columns in ordered for name in columns})
    sums, rows = [0] * len(sets), 0
    for path in paths:
        file = pq.ParquetFile(path)
        if not wanted:
            rows += file.metadata.num_rows
            continue
        for batch in file.iter_batches(columns=[n for n in schema.names if n in wanted]):
            rows += batch.num_rows
            texts = {name: _texts(batch.column(batch.schema.names.index(name))) for name in wanted}
            for number, columns in enumerate(ordered):
                for row in zip(*(texts[n] for n in columns), strict=True):
                    sums[number] += xxhash.xxh3_128_intdigest(b"".join(row))
    found = []
    for columns, total in zip(ordered, sums, strict=True):
        said = repr([rows, total % _MODULUS, [(n, str(schema.field(n).type)) for n in columns]])
        found.append(Digest(xxhash.xxh3_128_hexdigest(said.encode())))
    return found


def _texts(array: pa.Array) -> list[bytes]:
    return [b"-" if v is None else b"%d:" % len(t := _bytes(v)) + t for v in array.to_pylist()]


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else repr(value).encode()
