"""Makes a unit test of a node from what is published: a few rows of each input that belong together, and what the node makes of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.durable import write_whole
from seeknal.errors import EngineError, ProjectError
from seeknal.nodes import PythonLogic, SqlLogic, fold
from seeknal.run.itself import define_before
from seeknal.run.preview import require_inputs
from seeknal.run.sessions import placed
from seeknal.unit_tests.loading import FOLDER, load_tests, read_test
from seeknal.unit_tests.running import engines, run_test
from seeknal.unit_tests.sampling import Sample, Sampler
from seeknal.unit_tests.writing import scalar, table_block, types_needed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.protocols import Rows

_EACH = (3, 30, 300)
"""How many joined rows are taken for one output row: more where fewer come to nothing."""
_MOST_ROWS = 5_000


@dataclass(frozen=True)
class Captured:
    """A test as it was captured: its text, and in words where its rows come from."""

    name: str
    text: str
    rows: int
    sources: tuple[str, ...]


def capture(project: Project, node: Node, count: int, environment: str, name: str | None = None) -> Captured:
    """Make a test of a node from about `count` rows of its output. Raises NodeError and ProjectError where there is nothing to make it of."""
    if not isinstance(node.logic, SqlLogic | PythonLogic):
        hint = "test a node that computes something: SQL or Python"
        raise ProjectError("SK-TEST-003", f"{node.id} cannot be tested: it computes nothing of its own", at=node.at, hint=hint)
    chosen = _name(project, node, name)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0) if isinstance(node.logic, SqlLogic) and node.logic.clock else None
    for each in _EACH:
        sample, schemas = _sampled(project, node, count, each, environment)
        if sum(map(len, sample.rows.values())) > _MOST_ROWS:
            break
        header = _header(node, chosen, now)
        inputs = _inputs(project, node, sample, schemas)
        rows = _output(project, [*header, *inputs, "expect: {row_count: 0}"])
        if rows.rows:
            found = [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]
            text = "\n".join([*_comment(len(found)), *header, *inputs, "expect:", *table_block(found, {}, 2)]) + "\n"
            _verify(project, text)
            return Captured(chosen, text, len(found), _said(project, node, sample))
    message = f"no few rows of what {node.id} reads came to any output" if node.inputs else f"{node.id} returns no rows"
    hint = "write the test by hand: see the guide to unit tests"
    raise ProjectError("SK-TEST-012", message, at=node.at, hint=hint)


def check_new(project: Project, path: str) -> Path:
    """Where a new file of tests is to be written. Raises ProjectError where something is already, or outside `tests/`."""
    target = (project.root / path).resolve()
    folder = project.root.resolve() / FOLDER
    if not target.is_relative_to(folder) or target.suffix not in (".yml", ".yaml"):
        raise ProjectError("SK-TEST-013", f"'{path}' is no file of tests", hint=f"name a .yml file below {FOLDER}/")
    if target.exists():
        hint = f"nothing was written; choose another file: --output {FOLDER}/OTHER.yml"
        raise ProjectError("SK-TEST-013", f"{path} exists already", hint=hint)
    return target


def write_new(project: Project, path: str, text: str) -> None:
    """Write a new file of tests; see `check_new`."""
    write_whole(check_new(project, path), text.encode())


def _name(project: Project, node: Node, asked: str | None) -> str:
    """What the test is called: what was asked for, which must be free, or the first free name."""
    taken = {fold(t.name): t.at for t in load_tests(project)[0] if t.node.id == node.id}
    if asked is not None:
        if fold(asked) in taken:
            raise ProjectError(
                "SK-TEST-006", f"{node.id} has a test '{asked}' already, at {taken[fold(asked)]}", hint="choose another --name"
            )
        return asked
    base = f"{node.name}_sample"
    numbered = (base if n == 1 else f"{base}_{n}" for n in range(1, len(taken) + 2))
    return next(n for n in numbered if fold(n) not in taken)


def _sampled(project: Project, node: Node, count: int, each: int, environment: str) -> tuple[Sample, dict[str, Schema]]:
    """Rows of what a node reads, and the columns of each of its inputs."""
    with project.reading(environment) as relations:
        require_inputs(project, relations, node)
        dialect = project.loaded.engine.dialect
        try:
            names = [relations.define(i) for i in node.inputs]
            session = relations.session
            define_before(session, node, (), dialect)  # as the first time
            schemas = {n: session.describe(_all(n, dialect)) for n in names}
            sampler = Sampler(session, dialect, schemas, each)
            if isinstance(node.logic, PythonLogic):
                return sampler.alike(count, names), schemas
            sql = node.logic.sql  # type: ignore[union-attr]
            found = session.rows(sql, count)
            return sampler.behind(sql, [dict(zip(found.columns, row, strict=True)) for row in found.rows]), schemas
        except EngineError as error:
            raise placed(error, node) from None


def _all(relation: str, dialect: str) -> str:
    return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=dialect)


def _header(node: Node, name: str, now: dt.datetime | None) -> list[str]:
    lines = [f"name: {scalar(name)}", f"node: {node.id}"]
    return [*lines, f"now: {now.replace(tzinfo=None).isoformat(sep=' ')}"] if now else lines


def _comment(count: int) -> list[str]:
    day = dt.datetime.now(dt.UTC).date().isoformat()
    rows = f"{count} row" if count == 1 else f"{count} rows"
    return [
        f"# Captured from live data on {day}; {rows} came out. Read through it: is this what should come out, and may all of it be shared?"
    ]


def _inputs(project: Project, node: Node, sample: Sample, schemas: dict[str, Schema]) -> list[str]:
    if not node.inputs:
        return []
    dialect = project.loaded.engine.dialect
    lines = ["inputs:"]
    for name in node.inputs:
        relation = project.nodes[name].relation
        rows = sample.rows.get(relation, [])
        declared = {fold(c.name): c.type for c in project.nodes[name].columns if c.type}
        types = types_needed(rows, schemas[relation], dialect)
        types |= {c.name: c.type for c in schemas[relation] if fold(c.name) in declared and c.type and c.type != declared[fold(c.name)]}
        lines += [f"  {name}:", *table_block(rows, types, 4)]
    return lines


def _output(project: Project, lines: Sequence[str]) -> Rows:
    test = read_test(project, "\n".join(lines), f"{FOLDER}/captured.yml")
    with engines(project, 1) as take, take() as computing:
        return computing.captured(test)[1]


def _verify(project: Project, text: str) -> None:
    """What is written passes. Raises ProjectError where it would not: its values do not read back as what they were, or the node is not repeatable."""
    with engines(project, 1) as take, take() as computing:
        outcome = run_test(computing, read_test(project, text, f"{FOLDER}/captured.yml"))
    if outcome.status != "passed":
        told = "; ".join([*(e.message for e in outcome.errors), *(c.message for c in outcome.checks)])
        hint = "does the node give the same rows each time? random(), or row_number() and LIMIT without an order, do not"
        raise ProjectError("SK-TEST-014", f"the same inputs did not come to the same output again: {told}", hint=hint)


def _said(project: Project, node: Node, sample: Sample) -> tuple[str, ...]:
    def line(name: NodeId) -> str:
        relation = project.nodes[name].relation
        count = len(sample.rows.get(relation, []))
        how = "behind the output rows" if isinstance(node.logic, SqlLogic) else "matched by columns of the same name"
        return f"{name}: {count} {'row' if count == 1 else 'rows'}, {how if relation in sample.traced else 'its first ones'}"

    return tuple(map(line, node.inputs))
