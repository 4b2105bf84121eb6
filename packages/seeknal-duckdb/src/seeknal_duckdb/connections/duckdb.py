"""DuckDB files, attached to a DuckDB in memory that can reach nothing else: read-only for reading, for writing with the file's lock.

Types are DuckDB's own, as its Arrow export has them, so lists, structs and nanoseconds arrive as they are. HUGEINT becomes
DECIMAL(38, 0) and fails where that is too small; BIT, BIGNUM, UNION, GEOMETRY and TIME WITH TIME ZONE, for which Arrow has
no type, become text.

Writing is one transaction. `replace` deletes and inserts where the table's columns can take the data; where they cannot, the table
is made anew, without its constraints and indexes. A column takes values of its own type and of narrower ones of the same kind.

A file can be written by one connection while nobody else has it open. In this process, whoever comes second waits a minute for
that; for another program, five seconds.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from seeknal.errors import ConnectionFailed
from seeknal.nodes import fold
from seeknal_drivers.queries import check_result_columns, trimmed
from seeknal_drivers.streams import Activity, RowStream
from seeknal_duckdb.arrow_types import storable
from seeknal_duckdb.connections import failures
from seeknal_duckdb.connections.outgoing import incoming
from seeknal_duckdb.connections.settings import TableName, check_columns
from seeknal_duckdb.sql import cast, identifier, literal, qualified, wrapped

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from seeknal.protocols import ArrowStream, WriteMode

_BATCH_ROWS = 50_000
_HERE_SECONDS, _ELSEWHERE_SECONDS, _RETRY_SECONDS = 60, 5, 0.1
_FILE, _INCOMING = "seeknal_file", "seeknal_incoming"
_DESCRIBE, _INSERT = "DESCRIBE FROM " + _INCOMING, ("INSERT INTO ", " BY NAME FROM " + _INCOMING)
_MEMORY = "2GB"
_AS_TEXT = re.compile(r"(BIT|BIGNUM|VARINT|TIME WITH TIME ZONE|GEOMETRY|VARIANT|UNION\(.*)", re.DOTALL)
_INTEGERS = {
    "TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128,
    "UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128,
}  # fmt: skip
_COLUMNS = """
    SELECT column_name, data_type, column_default IS NOT NULL FROM duckdb_columns()
    WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index
"""
_KIND = "SELECT table_type FROM information_schema.tables WHERE table_catalog = ? AND table_schema = ? AND table_name = ?"


class DuckDBConnection:
    """A DuckDB file."""

    def __init__(self, *, path: str | Path) -> None:
        """`path` is absolute. Nothing is opened yet."""
        self._path = Path(path)
        self._activity = Activity()

    def __repr__(self) -> str:
        return f"DuckDBConnection({self._path})"

    def check(self) -> str:
        """Open the file. Returns DuckDB's version, the file's name and the number of its tables."""
        with self._opened() as connection:
            ((tables,),) = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE NOT internal").fetchall()
        return f"DuckDB {duckdb.__version__}, file {self._path.name}, {tables} table{'' if tables == 1 else 's'}"

    def read(self, query: str) -> pa.RecordBatchReader:
        """Run one SELECT on the file opened read-only and stream its rows. Raises ConnectionFailed."""
        query = trimmed(query, "duckdb")
        with self._opened(keep=True) as connection:
            reader = connection.sql(_exported(connection, query)).to_arrow_reader(_BATCH_ROWS)
        release = partial(_abandon, connection)
        return self._activity.start(RowStream(reader.schema, self._batches(reader), release, connection.interrupt))

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table."""
        return TableName.parse(table).select_all("duckdb")

    def write(self, table: str, data: ArrowStream, mode: WriteMode) -> int:
        """Put rows into a table in one transaction. Returns the number of rows. Raises ConnectionFailed."""
        name, causes = TableName.parse(table), list[Exception]()
        reader = incoming(data)
        check_columns(reader.schema.names)
        rows = _storable(reader, causes)
        try:
            with self._opened(writing=True) as connection:
                connection.register(_INCOMING, rows)
                connection.execute("BEGIN TRANSACTION")
                ((written,),) = _put(connection, name, rows.schema, mode)
                connection.execute("COMMIT")
        except ConnectionFailed:
            if causes:  # DuckDB knows no more than that the rows ended
                raise causes[0] from None
            raise
        return int(written)

    def close(self) -> None:
        """Stop whatever is still going on, in any thread; it fails there, and nothing is written."""
        self._activity.stop()

    @contextlib.contextmanager
    def _opened(self, *, writing: bool = False, keep: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, closed and what was not committed undone at the end of the block. `keep`: only where the block fails."""
        with self._failing(), contextlib.ExitStack() as stack:
            connection = self._open(writing=writing)
            stack.callback(connection.close)
            with self._activity.during(connection.interrupt):
                yield connection
            if keep:
                stack.pop_all()

    def _open(self, *, writing: bool = False) -> duckdb.DuckDBPyConnection:
        """A DuckDB that sees this file and nothing else. Its memory is bounded; what does not fit goes to temporary files."""
        if not writing and not self._path.is_file():
            raise failures.no_file(self._path)
        connection = duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": _spill(), "autoload_known_extensions": "false"})
        try:
            attach = ["ATTACH", literal(self._path), "AS", _FILE, "" if writing else "(READ_ONLY)"]
            self._patiently(connection, " ".join(attach))
            connection.execute("USE " + _FILE)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
        return connection

    def _patiently(self, connection: duckdb.DuckDBPyConnection, attach: str) -> None:
        begin = time.monotonic()
        while True:
            try:
                connection.execute(attach)
            except duckdb.Error as error:
                seconds = _HERE_SECONDS if _taken_here(error) else _ELSEWHERE_SECONDS if _taken_elsewhere(error) else 0
                if time.monotonic() - begin >= seconds:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def _batches(self, reader: pa.RecordBatchReader) -> Generator[pa.RecordBatch]:
        with self._failing():
            yield from reader

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise _explain(self._path, error) from None


def _spill() -> str:
    """A folder of its own, which DuckDB makes when it needs it and removes: two that share one take each other's files for theirs."""
    return str(Path(tempfile.gettempdir(), f"seeknal-duckdb-{uuid.uuid4().hex}"))


def _exported(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The query, in a SELECT that lets nothing but a SELECT in, with what Arrow cannot hold as something it can."""
    described = connection.execute("DESCRIBE " + wrapped(query)).fetchall()
    check_result_columns([row[0] for row in described])
    replaced = {}
    for name, type_, *_ in described:
        if type_ in {"HUGEINT", "UHUGEINT"}:
            replaced[name] = cast(name, "DECIMAL(38, 0)")
        elif _AS_TEXT.fullmatch(type_):
            replaced[name] = cast(name, "VARCHAR")
    return wrapped(query, replaced)


def _storable(reader: pa.RecordBatchReader, causes: list[Exception]) -> pa.RecordBatchReader:
    """The rows with types DuckDB takes. Why they end before their end is added to `causes`."""
    schema = storable(reader.schema)

    def batches() -> Generator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield batch.cast(schema)
        except Exception as error:
            causes.append(error)
            raise

    return pa.RecordBatchReader.from_batches(schema, batches())


def _put(connection: duckdb.DuckDBPyConnection, name: TableName, data: pa.Schema, mode: WriteMode) -> list[tuple[Any, ...]]:
    """Create, empty or leave the table, and insert what is coming. Returns what INSERT answers: one row, the number of rows."""
    place = (_FILE, name.schema or "main", name.name)
    table = qualified(*place)
    kind = connection.execute(_KIND, place).fetchall()
    if kind and kind[0][0] != "BASE TABLE":
        message = f"'{name}' is not a table but a {kind[0][0].lower()}"
        raise failures.misfit(message, "choose another name")
    existing = {column: (type_, filled) for column, type_, filled in connection.execute(_COLUMNS, place).fetchall()}
    coming = {row[0]: row[1] for row in connection.execute(_DESCRIBE).fetchall()}
    typed = {n: coming[n] if not pa.types.is_null(t) else None for n, t in zip(data.names, data.types, strict=True)}
    misfit = _misfit(name, existing, typed) if kind else None
    if mode == "append" and misfit:
        raise misfit
    wanted = {fold(n) for n in data.names}
    spare = [c for c, (_, filled) in existing.items() if fold(c) not in wanted and not filled]
    if not kind or (mode == "replace" and (misfit or spare)):
        connection.execute(" ".join(["CREATE SCHEMA IF NOT EXISTS", qualified(*place[:2])]))
        connection.execute(
            " ".join(["CREATE OR REPLACE TABLE", table, "(", ", ".join(identifier(n) + " " + t for n, t in coming.items()), ")"])
        )
    elif mode == "replace":
        connection.execute("TRUNCATE " + table)
    return connection.execute(table.join(_INSERT)).fetchall()


def _misfit(name: TableName, existing: Mapping[str, tuple[str, bool]], coming: Mapping[str, str | None]) -> ConnectionFailed | None:
    """What of the data the table has no place for. A column of NULLs alone has no type, and fits any."""
    types = {fold(column): type_ for column, (type_, _) in existing.items()}
    for column, type_ in coming.items():
        known = types.get(fold(column))
        if known is None:
            hint = "add it to the table, or leave it out of what is written; mode replace makes the table anew"
            return failures.misfit(f"table '{name}' has no column '{column}'", hint)
        if type_ and not _holds(known, type_):
            hint = "cast it in the model, or change the table; mode replace makes the table anew"
            return failures.misfit(f"column '{column}' of table '{name}' is {known}, which does not hold {type_}", hint)
    return None


def _holds(column: str, data: str) -> bool:
    """Whether a column of one DuckDB type gives values of another back unchanged. Text that is no UUID or JSON is refused by DuckDB."""
    if column == data or (data == "VARCHAR" and (column in ("UUID", "JSON") or column.startswith("ENUM("))):
        return True
    if column in _INTEGERS and data in _INTEGERS:
        signs = column.startswith("U") - data.startswith("U")
        return signs <= 0 and _INTEGERS[column] - (signs != 0) >= _INTEGERS[data]
    decimals = [re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", type_) for type_ in (column, data)]
    if decimals[0] and decimals[1]:
        (width, scale), (data_width, data_scale) = (map(int, found.groups()) for found in decimals if found)
        return scale >= data_scale and width - scale >= data_width - data_scale
    return (column, data) == ("DOUBLE", "FLOAT")


def _abandon(connection: duckdb.DuckDBPyConnection) -> None:
    connection.interrupt()
    connection.close()


def _taken_here(error: duckdb.Error) -> bool:
    return "Unique file handle conflict" in str(error)


def _taken_elsewhere(error: duckdb.Error) -> bool:
    return "Could not set lock" in str(error)


def _explain(path: Path, error: Exception) -> ConnectionFailed:
    """What an error of DuckDB means."""
    reason = re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", str(error).partition("\n\nLINE ")[0]).strip()
    if isinstance(error, duckdb.Error) and (_taken_here(error) or _taken_elsewhere(error)):
        who = "this run" if _taken_here(error) else "another program"
        hint = "a DuckDB file is written by one program while no other has it open; close it there"
        return failures.unreachable("duckdb", str(path), f"{who} has the file open", hint)
    if isinstance(error, duckdb.IOException):
        return failures.unreachable("duckdb", str(path), reason, "check `path` in profiles.yml and the permissions of file and folder")
    if isinstance(error, duckdb.CatalogException) and "does not exist" in reason:
        return failures.not_there(reason.partition("\n")[0], "schema.table names a table of another schema")
    return failures.query_failed(reason)
