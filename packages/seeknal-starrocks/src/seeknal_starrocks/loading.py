"""Putting rows into a table, all or nothing, exactly once.

Rows go to a table of their own beside the target first, a label a chunk. Then one statement makes them visible: INSERT OVERWRITE for
`replace` (the table stays itself, so that views on it stay whole), INSERT INTO under a label made of the data's key for `append` (so that
a run that is repeated appends nothing twice), and for `upsert` INSERT INTO too: into a table with a primary key, where a row replaces the one
with its key. A target whose columns differ from the data's is exchanged for a new one with SWAP. What a
killed run left beside the target, the next one to the same target removes: see `leftovers`.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pymysql

from seeknal.errors import ConnectionFailed
from seeknal.nodes import fold
from seeknal_starrocks import ddl, encoding, failures, leftovers, stage, wire
from seeknal_starrocks.ddl import Column, Distribution, Table
from seeknal_starrocks.exposures import columns_in
from seeknal_starrocks.layout import Layout, differences
from seeknal_starrocks.names import TableName, text
from seeknal_starrocks.stream_load import StreamLoad, unreachable
from seeknal_starrocks.types import NO_KEY, same_type, written_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from seeknal_drivers.mysql.connecting import Connection
    from seeknal_starrocks.ddl import KeyKind
    from seeknal_starrocks.encoding import Format
    from seeknal_starrocks.settings import Login

_VISIBLE_SECONDS, _LAG_SECONDS = 120, 5
_KEYS = {"DUPLICATE": "key", "PRIMARY": "primary_key", "UNIQUE": "unique_key"}
_LABEL_USED = "has already been used"


@dataclass(frozen=True)
class Target:
    """The table to fill, and how it is made where it does not exist or does not fit."""

    table: TableName
    mode: str = "replace"
    key_kind: KeyKind = "DUPLICATE"
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    distribution: Distribution | None = None
    order_by: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None
    format: Format = "json"
    via: str = "auto"
    idempotency: str | None = None


class Loader:
    """One load into one table."""

    def __init__(self, login: Login, connection: Connection, target: Target) -> None:
        database = target.table.database or login.database
        if database is None:
            raise failures.unusable(
                f"the table '{target.table}' is in no database", "set `database` in profiles.yml, or write database.table"
            )
        self._login = login
        self._connection = connection
        self._target = replace(target, table=TableName(target.table.name, database, target.table.catalog))
        self._name = self._target.table
        self._token = uuid.uuid4().hex[:12]
        self.exchanged = False  # for a table of other columns or another layout

    def load(self, reader: pa.RecordBatchReader) -> int:
        """Do it. Returns the number of rows. Raises ConnectionFailed."""
        with leftovers.name_beside(self._name) as name:
            return self._load_beside(self._name.beside(name), reader)

    def _load_beside(self, staging: TableName, reader: pa.RecordBatchReader) -> int:
        wanted = self.table(reader.schema)
        existing = self._columns(self._name)
        self._remove_leftovers()
        columns = [c.name for c in wanted.columns]
        fits = existing is None or self._fits(wanted, existing)
        if existing is not None and not fits and self._target.mode != "replace":
            raise failures.misfit(
                f"table '{self._name}' does not have the columns of the data", "add them to the table, or write with mode replace"
            )
        if existing is not None and self._target.mode == "upsert":
            self._check_key(wanted.key)
        if existing is not None and fits:
            fits = self._is_laid_out_alike()
        try:
            if existing is None or not fits:
                self._run(replace(wanted, name=staging).sql)
            else:
                self._run(ddl.create_like(staging, self._name))
            rows = self._fill(staging, reader, columns)
            self._publish(staging, wanted, existing=existing is not None, fits=fits)
        finally:
            if self._connection.open:
                self._run(ddl.drop_table(staging), quiet=True)
        return rows

    def table(self, schema: pa.Schema) -> Table:
        """The table that the data's schema and the target's wishes come to. Raises ConnectionFailed."""
        target = self._target
        names = {fold(n): n for n in schema.names}
        if len(names) != len(schema.names):
            raise failures.misfit("two columns have the same name", "rename one of them with AS")
        spread = target.distribution.columns if target.distribution is not None else ()
        parted = columns_in(target.partition_by) if target.partition_by is not None else ()
        for asked, what in (
            (target.key, _KEYS[target.key_kind]), (target.order_by, "order_by"), (target.types, "types"), (spread, "distributed_by"),
            (parted, "partition_by"),
        ):  # fmt: skip
            for name in asked:
                if fold(name) not in names:
                    raise failures.misfit(f"'{what}' names '{name}', which is no column of the data", f"columns: {', '.join(schema.names)}")
        types = {fold(k): v for k, v in target.types.items()}
        key = tuple(names[fold(k)] for k in target.key)
        odd = next((f for f in schema if f.name in key and written_type(f.type, f.name).upper().startswith(NO_KEY)), None)
        if odd is not None and fold(odd.name) not in map(fold, target.types):
            message = f"'{odd.name}' would be of type {written_type(odd.type, odd.name)}, which StarRocks takes for no key"
            raise failures.misfit(message, "cast it to a whole number, a date or text in the model")
        columns = tuple(
            Column(
                f.name, types.get(fold(f.name)) or written_type(f.type, f.name), nullable=f.name not in key or target.key_kind != "PRIMARY"
            )
            for f in schema
        )
        if not key:
            usable = [c.name for c in columns if not c.type.upper().startswith(NO_KEY)]
            if not usable:
                raise failures.misfit(
                    "no column of the data can be a key: StarRocks sorts every table by one", "add a column of numbers, dates or text"
                )
            key = (usable[0],)
        distribution = target.distribution or Distribution()
        if target.key_kind != "DUPLICATE" and not distribution.columns:  # these are never distributed at random
            distribution = replace(distribution, columns=key)
        return Table(
            self._name, columns, target.key_kind, key, target.partition_by, distribution, target.order_by, target.properties, target.comment
        )

    # Filling

    def _fill(self, staging: TableName, reader: pa.RecordBatchReader, columns: list[str]) -> int:
        """Load every chunk, and see that all of it arrived."""
        rows, published = 0, True
        if self._target.via == "files":
            rows = self._by_files(staging, reader)
        elif self._goes_by_http(reader.schema):
            load = StreamLoad(self._login, staging, self._target.format, columns, str(self._name), first=str(self._connection.host))
            for number, (body, count) in enumerate(encoding.bodies(reader, self._target.format)):
                loaded = load.put(f"seeknal_{self._token}_{number}", body)
                rows += count
                published = published and loaded.published
        else:
            rows = self._insert(staging, columns, reader)
        self._await(staging, rows, published=published)
        return rows

    def _goes_by_http(self, schema: pa.Schema) -> bool:
        """Bytes have no form in JSON and CSV; and where nothing answers on the HTTP port, INSERT will do unless Stream Load is demanded."""
        if self._target.via == "insert" or any(encoding.has_bytes(f.type) for f in schema):
            return False
        problem = unreachable(self._login)
        if problem is not None and self._target.via == "stream_load":
            hint = "check http_port, 8030 unless set otherwise, and that the back ends' port 8040 can be reached from here; or load with via: insert"
            raise failures.load_refused(str(self._name), f"nothing answers on the HTTP port: {problem}", hint)
        return problem is None

    def _by_files(self, staging: TableName, reader: pa.RecordBatchReader) -> int:
        """Put Parquet files where the server reads them, have it read them, and remove them. The session is in UTC from here on: see `stage`."""
        login, json = self._login, {f.name: encoding.is_json(f.type) for f in reader.schema}
        if login.stage is None:
            raise failures.unusable("via: files needs a stage, where files stand in between", stage.EXAMPLE)
        try:
            folder = stage.Folder(login.stage, staging.name, login.connect_timeout)
            folder.remove_leftovers(partial(leftovers.is_left, target=self._name))
            try:
                rows = folder.write(reader)
                if rows:
                    for setting in ("time_zone = '+00:00'", f"query_timeout = {login.load_timeout}"):
                        self._run(f"SET {setting}")
                    self._run(folder.statement(staging, json))
            except BaseException:
                with contextlib.suppress(OSError):  # what went wrong first is what is said; the next load removes it
                    folder.remove()
                raise
            folder.remove()
        except OSError as error:
            raise stage.refused(login, login.stage, error, str(self._name)) from None
        return rows

    def _insert(self, staging: TableName, columns: list[str], reader: pa.RecordBatchReader) -> int:
        rows = 0
        for values, count in encoding.values(reader):
            self._run(f"INSERT INTO {staging.sql} ({ddl.names(columns)}) VALUES {values}", change="loading")
            rows += count
        return rows

    def _await(self, staging: TableName, rows: int, *, published: bool) -> None:
        """See that the rows are all there; those of `Publish Timeout` come later, and to another front end than the loaded one a little later."""
        lag = _LAG_SECONDS if len(self._login.front_ends) > 1 else 0
        deadline = time.monotonic() + (lag if published else _VISIBLE_SECONDS)
        while (count := int(self._rows(f"SELECT count(*) FROM {staging.sql}")[0][0])) < rows and time.monotonic() < deadline:
            time.sleep(0.5)
        if count == rows:
            return
        if count < rows and (
            self._target.key_kind != "DUPLICATE" or self._primary_key()
        ):  # the table's own, which is not asked for but kept
            raise failures.misfit(
                f"{rows - count:,} of {rows:,} rows repeat a key of '{self._name}'",
                "make the key unique in the model, with an audit of type unique to say so",
            )
        raise failures.load_refused(
            str(self._name), f"{rows:,} rows were sent, and {count:,} are there", "run it again: nothing was published"
        )

    # Making it visible

    def _publish(self, staging: TableName, wanted: Table, *, existing: bool, fits: bool) -> None:
        columns = [c.name for c in wanted.columns]
        if self._target.mode != "replace" and existing:
            self._add(staging, columns)
        elif not existing and self._target.mode == "append" and self._target.idempotency is not None:
            self._run(wanted.sql)
            self._add(staging, columns, is_new=True)  # under its label from the first time on
        elif not existing:
            self._run(f"ALTER TABLE {staging.sql} RENAME {ddl.names([self._name.name])}")
        elif fits:
            self._run(ddl.insert_select(self._name, columns, staging, overwrite=True), change="publishing")
        else:
            self._run(ddl.swap_tables(self._name, staging))
            self.exchanged = True

    def _add(self, staging: TableName, columns: list[str], *, is_new: bool = False) -> None:
        """Append or upsert. What was appended once is not again, unless the table is new: to one that was dropped since.

        What was upserted may have been followed by other values, and then is upserted again.
        """
        known = self._target.idempotency if self._target.mode == "append" else None
        try:
            self._insert_under(f"seeknal_{known or self._token}", staging, columns)
        except ConnectionFailed as error:
            if _LABEL_USED not in error.message:
                raise
            if is_new:
                self._insert_under(f"seeknal_{self._token}", staging, columns)

    def _insert_under(self, label: str, staging: TableName, columns: list[str]) -> None:
        self._run(ddl.insert_select(self._name, columns, staging, label=label), change="adding")

    # Looking

    def _fits(self, wanted: Table, existing: dict[str, str]) -> bool:
        """Whether the table has the data's columns, each of a type that it would be made with or that was asked for."""
        if {fold(c.name) for c in wanted.columns} != {fold(n) for n in existing}:
            return False
        types = {fold(n): t for n, t in existing.items()}
        return all(_holds(types[fold(c.name)], c.type) for c in wanted.columns)

    def _is_laid_out_alike(self) -> bool:
        """Whether the table has the keys, partitions and so on that are asked for. Raises ConnectionFailed where it has not, and may not be exchanged."""
        found = self._layout()
        different = differences(self._target, found) if found is not None else []
        if different and self._target.mode != "replace":
            hint = "leave out what may stay, change the table yourself, or write once with mode replace, which exchanges the table"
            raise failures.misfit(f"table '{self._name}' is not as asked for: {'; '.join(different)}", hint)
        return not different

    def _columns(self, name: TableName) -> dict[str, str] | None:
        found = self._rows(
            f"SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = {text(name.database or '')}"
            f" AND TABLE_NAME = {text(name.name)} ORDER BY ORDINAL_POSITION"
        )
        return {str(n): str(t) for n, t in found} or None

    def _check_key(self, wanted: tuple[str, ...]) -> None:
        """See that the table finds rows by these columns. Raises ConnectionFailed."""
        key = self._primary_key()
        if not _same_names(key, wanted):
            has = f"has the primary key {', '.join(key)}" if key else "has no primary key"
            hint = "upsert by the table's own key, or write once with mode replace, which exchanges the table"
            raise failures.misfit(f"table '{self._name}' {has}, and rows are to be found by {', '.join(wanted)}", hint)

    def _primary_key(self) -> tuple[str, ...]:
        """The table's primary key; none of columns where it has none, or the server does not say."""
        found = self._layout()
        return found.key if found is not None and found.key_kind == "PRIMARY" else ()

    def _layout(self) -> Layout | None:
        try:
            return Layout.of(self._connection, self._name)
        except pymysql.Error as error:
            raise wire.explain(self._login, error) from None

    def _remove_leftovers(self) -> None:
        found = self._rows(
            f"SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = {text(self._name.database or '')}"
            f" AND TABLE_NAME LIKE {text(leftovers.prefix(self._name) + '%')}"
        )
        for (name,) in found:
            if leftovers.is_left(str(name), self._name):
                self._run(ddl.drop_table(self._name.beside(str(name))))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return wire.rows(self._connection, query)
        except pymysql.Error as error:
            raise wire.explain(self._login, error) from None

    def _run(self, statement: str, *, quiet: bool = False, change: str | None = None) -> None:
        try:
            wire.rows(self._connection, statement)
        except pymysql.Error as error:
            if not quiet:
                del change
                raise wire.explain(self._login, error, statement) from None


def _same_names(some: Iterable[str], others: Iterable[str]) -> bool:
    return {fold(n) for n in some} == {fold(n) for n in others}


def _holds(existing: str, wanted: str) -> bool:
    """Whether a column of one type can hold every value of another; text columns of any length count, the server refuses what is too long."""
    texts = ("VARCHAR", "STRING", "CHAR")
    if existing.upper().startswith(texts) and wanted.upper().startswith(texts):
        return True
    return same_type(existing, wanted)
