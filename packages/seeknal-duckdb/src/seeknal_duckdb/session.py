"""One running DuckDB, for several threads at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError, did_you_mean
from seeknal.nodes import fold
from seeknal.protocols import Files, Rows, Written
from seeknal_duckdb.arrow import ingested, record_batches
from seeknal_duckdb.cursors import Cursors
from seeknal_duckdb.database import CATALOG
from seeknal_duckdb.digest import digest_of, digest_sql
from seeknal_duckdb.exporting import export
from seeknal_duckdb.loading import load
from seeknal_duckdb.nanoseconds import fine, restored
from seeknal_duckdb.parquet import write_parquet
from seeknal_duckdb.sql import call, lines_before, qualified, relation_sql, view_sql, wrapped
from seeknal_duckdb.statements import columns_of, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal.nodes import Digest, Schema
    from seeknal.protocols import ArrowStream, FileRead, Query, SessionSettings


class DuckDBSession:
    """See `seeknal.protocols.Session`.

    There are two databases in memory. SQL that people wrote runs in the one that can open no file outside the folders of the
    settings and whose configuration is locked; `load`, whose SQL is all our own, uses the other.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._locked = Cursors(settings, locked=True)
        self._loading: Cursors | None = None
        self._starting = threading.Lock()
        self._defining = threading.Lock()

    def define(self, name: str, relation: Files | Query, schema: str | None = None) -> None:
        """Create or replace a view. The columns of its files, or of its query, are looked up now."""
        query = None if isinstance(relation, Files) else relation_sql(relation) if relation.over else relation.sql
        with self._defining, self._locked.use(query) as running:
            if query is not None:
                columns_of(running.cursor, query)
                self._locked.views |= {fold(name)}
            if schema is not None:
                running.cursor.execute("CREATE SCHEMA IF NOT EXISTS " + qualified(CATALOG, schema))
            running.cursor.execute(view_sql(qualified(CATALOG, schema or "main", name), relation))

    def describe(self, query: str) -> Schema:
        """The columns `query` would return."""
        with self._locked.use(query) as running:
            return schema_of(columns_of(running.cursor, query))

    def write(self, query: str, target: Path, metadata: Mapping[str, str]) -> Written:
        """Run `query` and store its rows as one Parquet file at `target`, in the order the query returns them."""
        with self._locked.use(query) as running:
            return write_parquet(running, query, target, metadata)

    def ingest(self, data: ArrowStream, target: Path, metadata: Mapping[str, str]) -> Written:
        """Store a stream of Arrow batches as one Parquet file. The index of a pandas data frame is left out."""
        with self._locked.use() as running, ingested(running, data) as query:
            return write_parquet(running, query, target, metadata)

    def load(self, read: FileRead, target: Path, metadata: Mapping[str, str]) -> Written:
        """Read files that people made into one Parquet file."""
        with self._starting:
            self._loading = self._loading or Cursors(self._settings, locked=False)
        with self._loading.use() as running:
            return load(running, read, target, metadata)

    def rows(self, query: str, limit: int | None = None) -> Rows:
        """Run a query and fetch its rows, at most `limit` of them."""
        bound = "" if limit is None else " LIMIT " + str(int(limit))
        with self._locked.use(query) as running:
            columns = columns_of(running.cursor, query)
            texts = fine(columns)
            running.before = lines_before(texts)
            found = running.cursor.execute(wrapped(query, texts) + bound).fetchall()
            return Rows(tuple(name for name, _ in columns), restored(found, columns) if texts else found)

    def arrow(self, query: str) -> ArrowStream:
        """Run a query and hand out its rows as a stream, a `pyarrow.RecordBatchReader`, which may be read in another thread."""
        stream: ArrowStream = record_batches(self._locked, query)
        return stream

    def digests(self, relation: Files, sets: Sequence[Sequence[str]]) -> list[Digest]:
        """See `seeknal_duckdb.digest`; one scan for all. Raises EngineError SK-SQL-011 for a column the files do not have."""
        source = call("read_parquet", relation.paths, {})
        with self._locked.use() as running:
            known = dict(columns_of(running.cursor, "FROM " + source))
            for name in (name for columns in sets for name in columns):
                if name not in known:
                    raise EngineError("SK-SQL-011", f"there is no column '{name}' to hash", hint=did_you_mean(name, known))
            types = [{name: known[name] for name in columns} for columns in sets]
            count, *sums = running.cursor.execute(digest_sql(source, types)).fetchall()[0]
        return [digest_of(count, sums[2 * i : 2 * i + 2], some) for i, some in enumerate(types)]

    def export(self, query: str, target: Path, format: str, options: Mapping[str, Any]) -> int:  # noqa: A002 - the protocol's name
        """Write the rows of a query to a file for people; `target` lies in a writable folder. Returns the row count."""
        with self._locked.use(query) as running:
            return export(running.cursor, query, target, format, options)

    def interrupt(self) -> None:
        """Cancel every query in flight, from any thread."""
        for cursors in (self._locked, self._loading):
            if cursors is not None:
                cursors.interrupt()

    def close(self) -> None:
        """Free what the session holds."""
        self._locked.close()
        if self._loading is not None:
            self._loading.close()
