"""Asking: a question is compiled, looked up among earlier answers, and else run over what is published."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal.errors import EngineError, NodeError, ProjectError, did_you_mean
from seeknal.protocols import Rows
from seeknal_semantic.answers import Answers
from seeknal_semantic.catalog import Catalog, catalog
from seeknal_semantic.compiler import Compiled, Question, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal.api import Project
    from seeknal.nodes import NodeId
    from seeknal.state.model import Pointer, Snapshot
    from seeknal_semantic.scope import Types

PROD = "prod"


@dataclass(frozen=True)
class Answer:
    """What a question came to: the rows, the SQL they were asked with, how long it took, and whether the engine was asked at all."""

    rows: Rows
    sql: str
    seconds: float
    cached: bool
    days: frozenset[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names: dimensions first, then metrics."""
        return self.rows.columns

    def to_dicts(self) -> list[dict[str, Any]]:
        """One mapping a row."""
        return [dict(zip(self.rows.columns, row, strict=True)) for row in self.rows.rows]

    def to_arrow(self) -> Any:
        """As a pyarrow Table."""
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]  # an engine's, imported when it is asked for

        return pa.table({name: [row[i] for row in self.rows.rows] for i, name in enumerate(self.rows.columns)})

    def to_pandas(self) -> Any:
        """As a pandas DataFrame."""
        return self.to_arrow().to_pandas()


def query(
    project: Project,
    metrics: str | Sequence[str] = (),
    dimensions: str | Sequence[str] = (),
    filters: str | Sequence[str] = (),
    order_by: str | Sequence[str] = (),
    limit: int | None = None,
    *,
    environment: str = PROD,
    saved: str | None = None,
) -> Answer:
    """Ask metrics by dimensions: `project.query(metrics=["revenue"], dimensions=["region"]).to_dicts()`. One name may stand for itself.

    Raises ProjectError for a question that cannot be answered, and NodeError where what it reads has not been built.
    """
    asking = Asking(project, environment)
    question = Question(
        _texts("metrics", metrics), _texts("dimensions", dimensions), _texts("filters", filters), _texts("order_by", order_by), limit
    )
    return asking.answer(asking.saved(saved, question) if saved is not None else question)


def _texts(name: str, value: str | Sequence[str]) -> tuple[str, ...]:
    """One text or several. Raises TypeError for anything else."""
    found = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(text, str) for text in found):
        message = f"{name} must be texts, not {found!r}"
        raise TypeError(message)
    return found


class Asking:
    """A project that questions are put to, as one environment has it."""

    def __init__(self, project: Project, environment: str = PROD) -> None:
        self.project = project
        self.environment = environment

    @cached_property
    def catalog(self) -> Catalog:
        """The project's models and metrics."""
        return catalog(self.project.nodes)

    @cached_property
    def _snapshot(self) -> Snapshot:
        snapshot = self.project.state.read()
        snapshot.require(self.environment)
        return snapshot

    @cached_property
    def _pointers(self) -> dict[NodeId, Pointer]:
        return self._snapshot.pointers(self.environment)

    def saved(self, name: str, question: Question) -> Question:
        """A saved query, with what else was asked in its place or added to it."""
        if name not in self.catalog.saved:
            hint = did_you_mean(name, self.catalog.saved) or f"there are {', '.join(self.catalog.saved) or 'none'}"
            raise ProjectError("SK-SEM-024", f"unknown saved query '{name}'", hint=hint)
        kept = self.catalog.saved[name]
        return Question(
            question.metrics or tuple(kept["metrics"]),
            question.dimensions or tuple(kept.get("dimensions", ())),
            (*kept.get("filters", ()), *question.filters),
            question.order_by or tuple(kept.get("order_by", ())),
            question.limit if question.limit is not None else kept.get("limit"),
        )

    def compile(self, question: Question) -> Compiled:
        """The SELECT of a question."""
        return compiled(question, self.catalog, self.types())

    def types(self) -> Types:
        """The types of what is published, as far as they matter: text that is to be a number or a time."""
        types: Types = {}
        for model in self.catalog.models.values():
            node = self.project.nodes.get(model.node)
            pointer = self._pointers.get(model.node)
            artifact = self._snapshot.artifact(pointer.key) if pointer is not None and not pointer.is_view else None
            columns = artifact.schema if artifact is not None else node.columns if node is not None else ()
            types[model.relation] = {c.name.lower(): _plain_type(c.type) for c in columns if c.type}
        return types

    def answer(self, question: Question) -> Answer:
        """Answer a question, from an earlier answer where nothing it reads has changed."""
        begun = time.perf_counter()
        found = self.compile(question)
        sql = found.sql(self.project.loaded.engine.dialect)
        answers = Answers(self.project.target)
        key = answers.key(sql, self._keys(found))
        keeps = self._keeps(found)
        kept = answers.get(key) if keeps else None
        rows = kept if kept is not None else self._run(found, sql, question.filters)
        if keeps and kept is None:
            answers.put(key, rows)
        return Answer(rows, sql, time.perf_counter() - begun, kept is not None, found.days)

    def _keys(self, found: Compiled) -> list[str]:
        """The outputs a question reads. Raises NodeError for one that has not been built."""
        keys = []
        for node in found.reads:
            pointer = self._pointers.get(node)
            if pointer is None:
                where = "" if self.environment == PROD else f" in {self.environment}"
                told = "" if self.environment == PROD else f" --env {self.environment}"
                message = f"{node} has not been built yet{where}, and the metrics asked for read it"
                raise NodeError("SK-RUN-002", message, hint=f"build it first: seeknal run{told} --select '+{node}'")
            keys += [f"{node}={k}" for k in self._keys_of(pointer)]
        return keys

    def _keeps(self, found: Compiled) -> bool:
        """Whether the same outputs give the same answer: nothing asks for the time, and the files are those that were built."""
        from sqlglot import parse_one

        from seeknal.sql.canonical import clock

        if clock(found.tree) is not None:
            return False
        waiting, seen = list(found.reads), set(found.reads)
        while waiting:
            pointer = self._pointers.get(waiting.pop())
            if pointer is None:
                continue
            artifact = self._snapshot.artifact(pointer.key)
            if pointer.is_view and pointer.sql is not None:
                if clock(parse_one(pointer.sql, dialect=self.project.loaded.engine.dialect)) is not None:
                    return False
                waiting += [i for i in pointer.inputs if i not in seen]
                seen |= set(pointer.inputs)
            elif artifact is not None and self.project.store.check(artifact) != "whole":
                return False
        return True

    def _keys_of(self, pointer: Pointer) -> Iterator[str]:
        yield pointer.key
        if pointer.is_view:
            for source in pointer.inputs:
                if source in self._pointers:
                    yield from self._keys_of(self._pointers[source])

    def _run(self, found: Compiled, sql: str, filters: Sequence[str]) -> Rows:
        with self.project.reading(self.environment, snapshot=self._snapshot) as relations:
            for node in found.reads:
                relations.define(node)
            try:
                rows = relations.session.rows(sql)
            except EngineError as error:
                asked = f"; --filter was {' and '.join(map(repr, filters))}" if filters else ""
                raise EngineError(error.code, error.message, hint=error.hint or f"see what was run with --compile{asked}") from error
        return plain_rows(rows, found.days)


def _plain_type(type_: str | None) -> str:
    return (type_ or "").upper()


def plain_rows(rows: Rows, days: frozenset[str]) -> Rows:
    """Rows with values as people expect them; `days` are the columns that hold days."""
    positions = [i for i, name in enumerate(rows.columns) if name in days]
    return Rows(rows.columns, [tuple(_value(v, day=i in positions) for i, v in enumerate(row)) for row in rows.rows])


def _value(value: Any, *, day: bool) -> Any:
    """A value as people expect it: days as dates, whole decimals as numbers."""
    if day and isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
