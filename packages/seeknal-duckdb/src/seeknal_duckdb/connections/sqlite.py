"""SQLite files, through the standard library. `sqlite_types` says how types are mapped.

Reading opens the file read-only. Writing is one transaction that begins by taking the file's write lock, so it waits for another
writer for five seconds, and readers see it whole. `replace` deletes and inserts where the table's columns can take the data; where
they cannot, the table is dropped and created, and its indexes and triggers go with it. `upsert` needs a primary key or unique index on
just the keys; a table that it creates has one.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seeknal.nodes import fold
from seeknal_drivers.arrow import FIRST_ROWS, next_size
from seeknal_drivers.queries import check_result_columns, trimmed
from seeknal_drivers.streams import Activity, RowStream
from seeknal_duckdb.connections import failures, outgoing, sqlite_keys
from seeknal_duckdb.connections.settings import TableName, bad_name, check_columns, quoted
from seeknal_duckdb.connections.sqlite_types import bound, column_takes, declared_type, decode, found_type, sent_as, sql_type

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from seeknal.errors import ConnectionFailed
    from seeknal.protocols import ArrowStream, WriteMode

_WAIT_SECONDS = 5
_QUERY = "seeknal_query"
_VIEW = ("CREATE TEMP VIEW " + _QUERY + " AS ", "")
_COLUMNS = "SELECT name, type, dflt_value IS NOT NULL OR (pk > 0 AND upper(type) = 'INTEGER') FROM pragma_table_info(?)"


class SQLiteConnection:
    """A SQLite file."""

    def __init__(self, *, path: str | Path) -> None:
        """`path` is absolute. Nothing is opened yet."""
        self._path = Path(path)
        self._activity = Activity()

    def __repr__(self) -> str:
        return f"SQLiteConnection({self._path})"

    def check(self) -> str:
        """Open the file. Returns SQLite's version, the file's name and the number of its tables."""
        with self._opened() as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
        return f"SQLite {sqlite3.sqlite_version}, file {self._path.name}, {tables} table{'' if tables == 1 else 's'}"

    def read(self, query: str) -> pa.RecordBatchReader:
        """Run one SELECT on the file opened read-only and stream its rows. Raises ConnectionFailed."""
        query = trimmed(query, "sqlite")
        with self._opened(keep=True) as connection:
            connection.execute("BEGIN")
            types = _types(connection, query)
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description]
            check_result_columns(names)
        schema = pa.schema(list(zip(names, types, strict=True)))
        batches = self._batches(cursor, schema)
        return self._activity.start(RowStream(schema, batches, connection.close, connection.interrupt))

    def table_query(self, table: str) -> str:
        """The SELECT that reads a whole table."""
        return _name(table).select_all("sqlite")

    def write(self, table: str, data: ArrowStream, mode: WriteMode, keys: Sequence[str] = ()) -> int:
        """Put rows into a table in one transaction. Returns the number of rows. Raises ConnectionFailed."""
        name, reader = _name(table), outgoing.incoming(data)
        plain = outgoing.plain_schema(reader.schema)
        check_columns(plain.names)
        with self._opened(writing=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            _prepare(connection, name, plain, mode, keys)
            written = _fill(connection, name, reader, plain, keys)
            connection.execute("COMMIT")
        return written

    def close(self) -> None:
        """Stop whatever is still going on, in any thread; it fails there, and nothing is written."""
        self._activity.stop()

    @contextlib.contextmanager
    def _opened(self, *, writing: bool = False, keep: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, closed and what was not committed undone at the end of the block. `keep`: only where the block fails."""
        if not writing and not self._path.is_file():
            raise failures.no_file(self._path)
        uri = self._path.as_uri() + ("?mode=rwc" if writing else "?mode=ro")
        with self._failing(), contextlib.ExitStack() as stack:
            connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            stack.callback(connection.close)
            with self._activity.during(connection.interrupt):
                yield connection
            if keep:
                stack.pop_all()

    def _batches(self, cursor: sqlite3.Cursor, schema: pa.Schema) -> Generator[pa.RecordBatch]:
        with self._failing():
            size = FIRST_ROWS
            while rows := cursor.fetchmany(size):
                columns = zip(schema, zip(*rows, strict=True), strict=True)
                batch = pa.record_batch([decode(values, field.type, field.name) for field, values in columns], schema=schema)
                size = next_size(batch)
                yield batch

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _explain(self._path, error) from None


def _name(table: str) -> TableName:
    name = TableName.parse(table)
    if name.schema not in (None, "main"):
        raise bad_name(table, "a SQLite file has no schemas; a name with a dot in it stands in double quotes")
    return name


def _types(connection: sqlite3.Connection, query: str) -> list[pa.DataType]:
    """The types of the query's columns. A view of the query knows how those that it takes from tables were declared."""
    connection.execute(query.join(_VIEW))
    viewed = connection.execute(_COLUMNS, (_QUERY,)).fetchall()
    types = [declared_type(declared) for _, declared, _ in viewed]
    unknown = [i for i, type_ in enumerate(types) if type_ is None]
    if unknown:
        asked = ["group_concat(DISTINCT typeof(" + quoted(viewed[i][0], "sqlite") + "))" for i in unknown]
        found = connection.execute(" ".join(["SELECT", ", ".join(asked), "FROM", _QUERY])).fetchone()
        for i, storage in zip(unknown, found, strict=True):
            types[i] = found_type(storage.split(",") if storage else (), viewed[i][0])
    return types


def _prepare(connection: sqlite3.Connection, name: TableName, data: pa.Schema, mode: WriteMode, keys: Sequence[str]) -> None:
    """Make the table ready to take `data`, emptied for `replace`."""
    found = connection.execute("SELECT type FROM main.sqlite_master WHERE name = ? COLLATE NOCASE", (name.name,)).fetchone()
    if found and found[0] != "table":
        message = f"'{name}' is not a table but {'an' if found[0] == 'index' else 'a'} {found[0]}"
        raise failures.misfit(message, "choose another name")
    columns = {column: (declared, filled) for column, declared, filled in connection.execute(_COLUMNS, (name.name,))}
    misfit = _misfit(name, columns, data) if found else None
    if found and mode != "replace" and misfit:
        raise misfit
    if found and keys and not sqlite_keys.are_unique(connection, name.name, keys):
        raise failures.no_unique_key(name, keys)
    known = {fold(f.name) for f in data}
    spare = [c for c, (_, filled) in columns.items() if fold(c) not in known and not filled]
    if found and mode == "replace" and (misfit or spare):
        connection.execute(" ".join(["DROP TABLE", name.quoted("sqlite")]))
        found = None
    if not found:
        definitions = [quoted(f.name, "sqlite") + " " + sql_type(f.type, f.name) for f in data]
        definitions += ["PRIMARY KEY (" + sqlite_keys.listed(keys) + ")"] if keys else []
        connection.execute(" ".join(["CREATE TABLE", name.quoted("sqlite"), "(" + ", ".join(definitions) + ")"]))
    elif mode == "replace":
        connection.execute(" ".join(["DELETE FROM", name.quoted("sqlite")]))


def _misfit(name: TableName, columns: dict[str, Any], data: pa.Schema) -> ConnectionFailed | None:
    declared = {fold(column): type_ for column, (type_, _) in columns.items()}
    for field in data:
        if fold(field.name) not in declared:
            hint = "add it to the table, or leave it out of what is written; mode replace makes the table anew"
            return failures.misfit(f"table '{name}' has no column '{field.name}'", hint)
        type_ = declared[fold(field.name)]
        if not column_takes(type_, field.type):
            hint = "cast it in the model, or change the table; mode replace makes the table anew"
            return failures.misfit(f"column '{field.name}' of table '{name}' is {type_ or 'undeclared'}, which is not {field.type}", hint)
    return None


def _fill(connection: sqlite3.Connection, name: TableName, reader: pa.RecordBatchReader, data: pa.Schema, keys: Sequence[str]) -> int:
    declared = {fold(column): declared_type(type_) for column, type_, _ in connection.execute(_COLUMNS, (name.name,))}
    target = pa.schema([pa.field(f.name, _sent(declared[fold(f.name)], f.type)) for f in data])
    names = ", ".join(quoted(n, "sqlite") for n in target.names)
    marks = ", ".join("?" * len(target))
    statement = " ".join(
        ["INSERT INTO", name.quoted("sqlite"), "(" + names + ")", "VALUES", "(" + marks + ")", sqlite_keys.on_conflict(target.names, keys)]
    )
    written = 0
    for batch in outgoing.batches(reader, target):
        columns = [bound(a, n) for a, n in zip(batch.columns, target.names, strict=True)]
        connection.executemany(statement, zip(*columns, strict=True))
        written += batch.num_rows
    return written


def _sent(column: pa.DataType | None, type_: pa.DataType) -> pa.DataType:
    """Numbers are checked against what the column was declared as; the rest is bound as it is."""
    sent = sent_as(type_)
    return column if column is not None and pa.types.is_decimal(column) and not pa.types.is_null(type_) else sent


def _explain(path: Path, error: Exception) -> ConnectionFailed:
    """What an error of SQLite means."""
    reason = str(error)
    undecodable = re.match(r"Could not decode to UTF-8 column '(.*?)'", reason)
    if undecodable:
        hint = "CAST(column AS BLOB) in the source's query reads the bytes"
        return failures.not_representable(undecodable[1], "of bytes that are not UTF-8", "text", hint)
    if re.search(r"unable to open|not a database|malformed|disk I/O", reason):
        return failures.unreachable("sqlite", str(path), reason, "check `path` in profiles.yml and the permissions of file and folder")
    if reason.startswith("no such table"):
        return failures.not_there(reason, "the query's other tables are fine; check the name")
    locked = "another program writes to the file; try again when it is done" if "locked" in reason else None
    return failures.query_failed(reason, locked)
