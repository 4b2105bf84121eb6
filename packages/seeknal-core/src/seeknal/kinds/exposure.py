"""`kind: exposure`: what leaves the pipeline, or documents who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from seeknal.errors import did_you_mean
from seeknal.nodes import DocumentLogic, ExposureLogic, fold
from seeknal.specs import NodeSpec
from seeknal.targets import load_target

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.plugin import Exposure
    from seeknal.specs import Lowering

DOCUMENTED = ("dashboard", "api", "notebook")
_FILE_KEYS = ("path", "format")
_TABLE_KEYS = ("table", "mode", "keys")
_MODES = ("replace", "append", "upsert")


class ExposureSpec(NodeSpec):
    """The keys of an exposure."""

    kind: Literal["exposure"] = "exposure"
    type: str = Field(description="file, table, a plugin's type, or documentation only: dashboard, api, notebook.", examples=["file"])
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="file: path, format, and the writer's. table: table, mode, keys.",
        examples=[{"path": "out/users.csv", "format": "csv"}],
    )
    connection: str | None = Field(None, description="table: the connection in profiles.yml.", examples=["warehouse"])
    sql: str | None = Field(
        None,
        description="Types of plugins that take a query: one SELECT in the connection's SQL.",
        examples=["SELECT region, sum(amount) AS revenue FROM orders GROUP BY region"],
    )
    config: dict[str, Any] = Field(
        default_factory=dict, description="Types of plugins: another word for params.", examples=[{"refresh": "ASYNC"}]
    )
    url: str | None = Field(None, description="Where people find it.", examples=["https://example.com/dashboards/users"])

    def lower(self, context: Lowering) -> Logic:
        """Check what the type needs."""
        for item, entry in enumerate(self.inputs):
            context.ref(entry.ref, "inputs", item, "ref")
        if self.type in DOCUMENTED:
            return DocumentLogic(self.type, {**self.params, **({"url": self.url} if self.url else {})})
        if self.type not in ("file", "table"):
            return self._provided(context, context.exposure_type(self.type, "type", also=("file", "table", *DOCUMENTED)))
        for key in ("sql", "config"):
            if getattr(self, key):
                context.fail("SK-KIND-001", f"'{key}' is for types of plugins; an exposure of type {self.type} has params", key)
        if len(self.inputs) != 1:
            context.fail("SK-KIND-002", f"an exposure of type {self.type} has exactly one input, found {len(self.inputs)}", "inputs")
        return self._file(context) if self.type == "file" else self._table(context)

    def _file(self, context: Lowering) -> Logic:
        path = self.params.get("path")
        if not isinstance(path, str) or not path:
            context.fail("SK-KEY-002", "missing key 'path' under params: where the file goes", "params")
        writable = {f.name: f for f in context.engine.formats if f.writable}
        suffix = path.rpartition(".")[2].lower()
        format_ = self.params.get("format", {"ndjson": "jsonl"}.get(suffix, suffix))
        if format_ not in writable:
            hint = did_you_mean(str(format_), writable) or f"known: {', '.join(sorted(writable))}"
            context.fail("SK-KIND-001", f"cannot write files of format '{format_}'", "params", "format", hint=hint)
        params = {**self.params, "path": context.output_path(path, "params", "path"), "format": format_}
        return ExposureLogic("file", params, place=context.at("params", "path"))

    def _provided(self, context: Lowering, type_: Exposure) -> Logic:
        """A type that a plugin provides: it checks its own params."""
        if self.connection is None:
            context.fail("SK-KEY-002", f"missing key 'connection': a connection of type {type_.connection} in profiles.yml")
        settings = context.connection(self.connection, "connection")
        if settings.type != type_.connection:
            message = f"connection '{self.connection}' is of type {settings.type}, the exposure needs one of type {type_.connection}"
            context.fail("SK-KIND-001", message, "connection")
        if len(self.inputs) > 1:
            context.fail("SK-KIND-002", f"an exposure of type {self.type} has one input at most, found {len(self.inputs)}", "inputs")
        params = {**self.config, **self.params, **({"sql": self.sql} if self.sql is not None else {})}
        for key in params:
            if key not in type_.params:
                where = "sql" if key == "sql" else "config" if key in self.config else "params"
                hint = did_you_mean(key, type_.params) or f"known: {', '.join(type_.params)}"
                context.fail("SK-KEY-001", f"unknown key '{key}' of an exposure of type {self.type}", where, key, hint=hint)
        try:
            checked = load_target(type_.check)(self.name, params, bool(self.inputs))
        except ValueError as error:
            context.fail("SK-KEY-003", str(error), "params" if self.params else "config" if self.config else "type")
        return ExposureLogic(self.type, checked, self.connection, place=context.at("type"))

    def _table(self, context: Lowering) -> Logic:
        if self.connection is None:
            context.fail("SK-KEY-002", "missing key 'connection': the database in profiles.yml that the table is in")
        context.connection(self.connection, "connection")
        for key in self.params:
            if key not in _TABLE_KEYS:
                hint = did_you_mean(key, _TABLE_KEYS) or f"known: {', '.join(_TABLE_KEYS)}"
                context.fail("SK-KEY-001", f"unknown key '{key}' under params of a table exposure", "params", key, hint=hint)
        table, mode = self.params.get("table", self.name), self.params.get("mode", "replace")
        if mode not in _MODES:
            context.fail("SK-KEY-003", "'mode' must be replace, append or upsert", "params", "mode")
        params = {"table": str(table), "mode": mode}
        keys = self._keys(context, mode)
        return ExposureLogic("table", {**params, "keys": keys} if keys else params, self.connection, place=context.at("connection"))

    def _keys(self, context: Lowering, mode: str) -> list[str]:
        """What rows are found by; only an upsert has such keys."""
        written = self.params.get("keys")
        if mode != "upsert":
            if written is not None:
                context.fail("SK-KIND-001", "'keys' are for mode upsert", "params", "keys", hint="mode: upsert")
            return []
        keys = [written] if isinstance(written, str) else written
        if not keys:
            hint = "keys: [customer_id]"
            context.fail("SK-KEY-002", "missing key 'keys' under params: the columns that tell rows apart", "params", hint=hint)
        if not isinstance(keys, list) or not all(isinstance(k, str) for k in keys) or len({fold(k) for k in keys}) < len(keys):
            context.fail("SK-KEY-003", "'keys' must be a list of column names, each once", "params", "keys")
        settings = context.connection(self.connection or "", "connection")
        if not context.connection_type(settings.type, "connection").upserts:
            message = f"tables of a {settings.type} connection cannot be written with mode upsert"
            context.fail("SK-KIND-001", message, "params", "mode", hint="use mode replace")
        return keys
