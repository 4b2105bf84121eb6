"""`kind: source`: data from outside, read by the engine (files) or through a connection (databases)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from seeknal.errors import did_you_mean
from seeknal.nodes import Freshness, Refresh, SourceLogic
from seeknal.specs import FreshnessEntry, NodeSpec

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.plugin import Connection, FileFormat
    from seeknal.specs import Lowering


class SourceSpec(NodeSpec):
    """The keys of a source."""

    windowed: ClassVar[bool] = True

    kind: Literal["source"] = "source"
    type: str = Field(description="What it is: csv, parquet, json, jsonl, excel, or a type of connection.", examples=["csv"])
    table: str | None = Field(
        None,
        description="A path or glob relative to the project, or a table's name; with windows, %Y %m %d %H in a path are those of the window.",
        examples=["data/users.csv"],
    )
    query: str | None = Field(None, description="Databases: one SELECT, instead of table.", examples=["SELECT id, name FROM users"])
    connection: str | None = Field(None, description="Databases: the connection in profiles.yml.", examples=["warehouse"])
    params: dict[str, Any] = Field(default_factory=dict, description="Passed to the reader.", examples=[{"delimiter": ";"}])
    refresh: Refresh | None = Field(None, description="on_change (files), always (databases) or manual.")
    cache: bool | None = Field(
        None, description="false: files are read where they are instead of copied (default for parquet).", examples=[False]
    )
    change_probe: str | None = Field(
        None,
        description="Databases: a cheap query whose answer changes when the data does.",
        examples=["SELECT max(updated_at), count(*) FROM users"],
    )

    freshness: FreshnessEntry | None = Field(
        None,
        description="How old the newest value of time_column may be; `seeknal freshness` checks it.",
        examples=[{"time_column": "updated_at", "warn_after": "24h", "error_after": "48h"}],
    )

    def fresh(self, context: Lowering) -> Freshness | None:
        """What it says of it."""
        entry = self.freshness
        if entry is None:
            return None
        return Freshness(entry.time_column, entry.warn_after, entry.error_after, context.at("freshness", "time_column"))

    def lower(self, context: Lowering) -> Logic:
        """Decide who reads it, and check what that reader needs."""
        formats = {f.name: f for f in context.engine.formats}
        if self.type in formats:
            return self._file(context, formats[self.type])
        if self.query is not None:
            context.check_query(self.query, "query")
        if self.change_probe is not None:
            context.check_query(self.change_probe, "change_probe")
        connection = context.connection_type(self.type, "type", also=formats)
        return self._database(context, connection)

    def _file(self, context: Lowering, format_: FileFormat) -> Logic:
        for key in ("query", "connection", "change_probe"):
            if getattr(self, key) is not None:
                context.fail("SK-KIND-001", f"'{key}' is for databases; a source of type {self.type} reads files", key)
        if self.table is None:
            context.fail("SK-KEY-002", "missing key 'table': the path of the file or a glob")
        params = {**context.source_defaults(self.type), **self.params}
        for key in self.params:
            if key not in format_.params:
                hint = did_you_mean(key, format_.params) or f"known: {', '.join(format_.params)}"
                context.fail("SK-DATA-006", f"the {self.type} reader has no parameter '{key}'", "params", key, hint=hint)
        if self.cache is False and not format_.in_place:
            context.fail("SK-KIND-001", f"{self.type} files cannot be read in place: only parquet can", "cache")
        if self.cache is False and params:
            context.fail("SK-KIND-001", "files read in place are read as they are: leave out 'params', or 'cache: false'", "cache")
        cache = bool(params) or not format_.in_place if self.cache is None else self.cache
        table = context.path(self.table, "table")
        return SourceLogic(
            self.type, table=table, params=params, refresh=self.refresh or "on_change", cache=cache, place=context.at("table")
        )

    def _database(self, context: Lowering, connection: Connection) -> Logic:
        if (self.table is None) == (self.query is None):
            context.fail("SK-KIND-002", "say either 'table' or 'query'", "query" if self.query else "type")
        if self.connection is not None:
            settings = context.connection(self.connection, "connection")
            if settings.type != self.type:
                message = f"connection '{self.connection}' is of type {settings.type}, the source of type {self.type}"
                context.fail("SK-KIND-001", message, "connection")
        elif not self.params or not set(connection.required) <= set(self.params):
            context.fail("SK-KEY-002", f"missing key 'connection': a source of type {self.type} reads through a connection in profiles.yml")
        params = dict(self.params)
        for key in set(connection.paths) & set(params):
            params[key] = context.path(str(params[key]), "params", key)
        return SourceLogic(
            self.type,
            table=self.table,
            query=self.query,
            connection=self.connection,
            params=params,
            refresh=self.refresh or ("on_change" if connection.files else "always"),
            change_probe=self.change_probe,
            place=context.at("connection" if self.connection else "type"),
        )
