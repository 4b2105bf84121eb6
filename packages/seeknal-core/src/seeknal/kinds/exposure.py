"""`kind: exposure`: what leaves the pipeline, or documents who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from seeknal.errors import did_you_mean
from seeknal.nodes import DocumentLogic, ExposureLogic, fold
from seeknal.specs import NodeSpec

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering

DOCUMENTED = ("dashboard", "api", "notebook")
_FILE_KEYS = ("path", "format")
_TABLE_KEYS = ("table", "mode", "keys")
_MODES = ("replace", "append", "upsert")


class ExposureSpec(NodeSpec):
    """The keys of an exposure."""

    kind: Literal["exposure"] = "exposure"
    type: str = Field(description="file, table, or documentation only: dashboard, api, notebook.", examples=["file"])
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="file: path, format, and the writer's. table: table, mode, keys.",
        examples=[{"path": "out/users.csv", "format": "csv"}],
    )
    connection: str | None = Field(None, description="table: the connection in profiles.yml.", examples=["warehouse"])
    url: str | None = Field(None, description="Where people find it.", examples=["https://example.com/dashboards/users"])

    def lower(self, context: Lowering) -> Logic:
        """Check what the type needs."""
        for item, entry in enumerate(self.inputs):
            context.ref(entry.ref, "inputs", item, "ref")
        if self.type in DOCUMENTED:
            return DocumentLogic(self.type, {**self.params, **({"url": self.url} if self.url else {})})
        if self.type not in ("file", "table"):
            known = ("file", "table", *DOCUMENTED)
            starrocks = "pip install seeknal-starrocks" if self.type.startswith("starrocks") else None
            hint = starrocks or did_you_mean(self.type, known) or f"known: {', '.join(known)}"
            context.fail("SK-KIND-001", f"unknown exposure type '{self.type}'", "type", hint=hint)
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
