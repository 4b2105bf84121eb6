"""Reads the tests of a project: every file below `tests/`, every problem in it at once."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, ProjectError, ProjectErrors, SeeknalError, did_you_mean
from seeknal.nodes import Node, NodeId, PythonLogic, SqlLogic, fold
from seeknal.project import yaml
from seeknal.project.placing import placed
from seeknal.project.references import NodeIndex, UnknownReference
from seeknal.project.validation import validate
from seeknal.sql.guard import SqlProblem, parse_select, position, tables
from seeknal.unit_tests.model import Expected, InvalidTest, Table, UnitTest
from seeknal.unit_tests.rewriting import cte_names
from seeknal.unit_tests.spec import ExpectedTable, TableSpec, UnitTestSpec
from seeknal.unit_tests.values import from_text, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.unit_tests.values import Cells
    from seeknal.unit_tests.variables import Variables

FOLDER = "tests"
_SUFFIXES = (".yml", ".yaml")


def test_files(root: Path) -> list[str]:
    """The files of tests, relative to the project."""
    found = (p.relative_to(root) for suffix in _SUFFIXES for p in (root / FOLDER).rglob(f"*{suffix}"))
    return sorted(p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts))


def load_tests(project: Project, paths: Iterable[str] | None = None) -> tuple[list[UnitTest], list[InvalidTest]]:
    """The tests of these files (all of the project's where none are named), and those that make no sense, each with all that is wrong."""
    return _Loading(project).run(test_files(project.root) if paths is None else paths)


def read_test(project: Project, text: str, path: str) -> UnitTest:
    """The one test of a text that is to be the file `path`. Raises ProjectErrors with all that is wrong."""
    from seeknal.unit_tests.variables import Variables

    reading = _Reading(project, NodeIndex(project.nodes), Variables(project), yaml.load(text, path)[0])
    test = reading.test()
    if test is None or reading.errors:
        raise ProjectErrors(reading.errors)
    return test


class _Loading:
    """One reading of a project's tests."""

    def __init__(self, project: Project) -> None:
        from seeknal.unit_tests.variables import Variables

        self._project = project
        self._index = NodeIndex(project.nodes)
        self._variables: Variables = Variables(project)
        self._tests: list[UnitTest] = []
        self._invalid: list[InvalidTest] = []
        self._names: dict[tuple[str, str], Location] = {}

    def run(self, paths: Iterable[str]) -> tuple[list[UnitTest], list[InvalidTest]]:
        for path in paths:
            for document in self._documents(path):
                reading = _Reading(self._project, self._index, self._variables, document)
                test = reading.test()
                if test is not None:
                    first = self._names.setdefault((test.node.id, fold(test.name)), test.at)
                    if first != test.at:
                        reading.fail("SK-TEST-006", f"{test.node.id} has a test '{test.name}' already, at {first}", "name")
                if test is not None and not reading.errors:
                    self._tests.append(test)
                else:
                    self._invalid.append(InvalidTest(reading.named("name"), reading.node_id, document.at(), tuple(reading.errors)))
        return self._tests, self._invalid

    def _documents(self, path: str) -> list[yaml.Document]:
        error: SeeknalError
        try:
            documents = yaml.load(yaml.decode((self._project.root / path).read_bytes(), path), path)
            if documents:
                return documents
            error = ProjectError("SK-YAML-008", "the file is empty", at=Location(path), hint="write a test, or delete the file")
        except SeeknalError as found:
            error = found
        except OSError as found:
            error = ProjectError("SK-FILE-001", f"cannot be read: {found.strerror or found}", at=Location(path))
        self._invalid.append(InvalidTest("", "", Location(path), (error,)))
        return []


@dataclass
class _Reading:
    """One document on its way to being a test. Problems gather in `errors`."""

    project: Project
    index: NodeIndex
    variables: Variables
    document: yaml.Document
    errors: list[SeeknalError] = field(default_factory=list)
    node_id: str = ""

    def test(self) -> UnitTest | None:
        """The test, or None where what is wrong keeps it from being read at all."""
        self.node_id = self.named("node")
        value = self.document.value
        if not isinstance(value, dict):
            self.fail("SK-YAML-007", "expected a mapping (name: …, node: …, inputs: …, expect: …)")
            return None
        try:
            spec = validate(UnitTestSpec, self.document, value)
        except ProjectErrors as error:
            self.errors += error.errors
            self._names(value)
            return None
        node = self._node(spec)
        if node is None:
            return None
        self.node_id = node.id
        inputs = self._inputs(spec, node)
        expected = self._expected(spec.expect, ("expect",))
        ctes = {name: self._expected(table, ("expect", "ctes", name)) for name, table in spec.expect.ctes.items()}
        self._check_expected(spec)
        self._check_ctes(spec, node)
        return UnitTest(spec.name, node, spec, self.document, inputs, expected, ctes)

    def named(self, key: str) -> str:
        """What the document says for a key, as far as it is text."""
        found = self.document.value.get(key) if isinstance(self.document.value, dict) else None
        return found if isinstance(found, str) else ""

    def fail(self, code: str, message: str, *path: str | int, hint: str | None = None, key: bool = False) -> None:
        """Note a problem at this path."""
        self.errors.append(ProjectError(code, message, at=self.document.at(*path, key=key), hint=hint))

    def _names(self, value: dict[str, Any]) -> None:
        """Look at the nodes that are named, where the rest cannot be."""
        if isinstance(value.get("node"), str):
            self._resolve(value["node"], "node")
        inputs = value.get("inputs")
        for name in inputs if isinstance(inputs, dict) else ():
            self._resolve(name, "inputs", name, key=True)

    def _resolve(self, reference: str, *path: str | int, key: bool = False) -> NodeId | None:
        try:
            return self.index.resolve(reference)
        except UnknownReference as error:
            message, _, hint = str(error.args[0]).partition("; ")
            self.fail("SK-REF-001", message, *path, hint=hint or None, key=key)
            return None

    def _node(self, spec: UnitTestSpec) -> Node | None:
        found = self._resolve(spec.node, "node")
        if found is None:
            return None
        node = self.project.nodes[found]
        if isinstance(node.logic, PythonLogic):
            for key in ("now", "vars"):
                if getattr(spec, key):
                    hint = "let the function take it from an input, and give that"
                    self.fail("SK-TEST-007", f"'{key}' has no effect on a Python node", key, hint=hint, key=True)
        elif not isinstance(node.logic, SqlLogic):
            hint = "test a node that computes something: SQL or Python"
            self.fail("SK-TEST-003", f"{node.id} cannot be tested: it computes nothing of its own", "node", hint=hint)
            return None
        if not spec.vars or self.errors:
            return node
        try:
            return self.variables.applied(node, spec.vars)
        except ProjectErrors as error:
            self.errors += error.errors
        return None

    # Inputs

    def _inputs(self, spec: UnitTestSpec, node: Node) -> dict[NodeId, Table]:
        found: dict[NodeId, Table] = {}
        for written, table in spec.inputs.items():
            name = self._resolve(written, "inputs", written, key=True)
            if name is None:
                continue
            if name not in node.inputs and not (node.this and name == node.id):
                hint = did_you_mean(name, node.inputs) or f"it reads {', '.join(node.inputs) or 'nothing'}"
                self.fail("SK-TEST-002", f"{node.id} does not read {name}", "inputs", written, hint=hint, key=True)
            elif name in found:
                self.fail("SK-TEST-002", f"{name} is given twice", "inputs", written, key=True)
            else:
                found[name] = self._given(table, ("inputs", written), self.project.nodes[name])
        given = {self.index.ids.get(w.casefold()) or w for w in spec.inputs} | set(found)
        missing = [name for name in node.inputs if name not in given]
        if missing and not any(e.code == "SK-REF-001" for e in self.errors):
            hint = f"add it below inputs:, such as {missing[0]}: {{rows: [{{…}}]}}; a table without rows needs its columns"
            self.fail("SK-TEST-001", f"{node.id} reads {', '.join(missing)}, which the test does not give", "inputs", hint=hint, key=True)
        return found

    def _given(self, spec: TableSpec, path: tuple[str | int, ...], node: Node) -> Table:
        declared = {c.name: c.type for c in node.columns if c.type}
        known = {fold(c) for c in spec.columns}
        types = {**{c: t for c, t in declared.items() if fold(c) not in known}, **spec.columns}
        before = len(self.errors)
        table = self._table(spec, path, types)
        if table is None:
            only = spec.form is None and spec.columns
            if spec.form is None and not only:
                self.fail("SK-TEST-004", "a table is given by one of rows, csv, file, sql", *path, key=True)
            return Table(self.document.at(*path, key=True), [], (), None, types)
        names = [fold(n) for n in table.names]
        for name in table.names:
            near = did_you_mean(name, [c for c in types if fold(c) not in names])
            if types and near and fold(name) not in map(fold, types):
                self.errors.append(ProjectError("SK-TEST-002", f"{node.id} has no column '{name}'", at=table.place(name), hint=near))
        if table.rows == [] and not types and not table.names and len(self.errors) == before:
            hint = "say columns: {id: BIGINT, …} beside rows: []"
            self.fail("SK-TEST-004", "a table without rows needs its columns", *path, hint=hint, key=True)
        return table

    def _table(self, spec: TableSpec | ExpectedTable, path: tuple[str | int, ...], types: dict[str, str]) -> Table | None:
        """The rows of a table as they are given, or its SELECT; None where none are."""
        at = self.document.at(*path, key=True)
        form = spec.form
        if form == "":
            self.fail("SK-TEST-004", "one of rows, csv, file, sql; not several", *path, key=True)
        if form == "rows":
            below = (*path, "rows") if (*path, "rows") in self.document.marks else path
            rows = rows_of(self.document, *below)
            places = {n: self.document.at(*below, i, n, key=True) for i, row in reversed(list(enumerate(rows))) for n in row}
            return Table(at, rows, tuple(dict.fromkeys(n for row in rows for n in row)), None, types, places)
        if form == "csv":
            place = self.document.text_at(*path, "csv")
            return self._from_csv(spec.csv or "", [place.at(n, 1) for n in range(1, (spec.csv or "").count("\n") + 3)], at, types)
        if form == "file":
            return self._from_file(spec.file or "", (*path, "file"), at, types)
        if isinstance(spec, TableSpec) and form == "sql":
            return Table(at, None, (), self._checked(spec.sql or "", (*path, "sql")), types)
        return None

    def _from_file(self, name: str, path: tuple[str | int, ...], at: Location, types: dict[str, str]) -> Table | None:
        target = (self.project.root / name).resolve()
        if not target.is_relative_to(self.project.root.resolve()):
            self.fail("SK-PATH-001", f"path '{name}' is outside the project", *path)
            return Table(at, [], tuple(types), None, types)
        try:
            text = yaml.decode(target.read_bytes(), name)
        except OSError as error:
            self.fail("SK-FILE-001", f"{name} cannot be read: {error.strerror or error}", *path, hint="paths are relative to the project")
        except SeeknalError as error:
            self.errors.append(error)
        else:
            return self._from_csv(text, [Location(name, n) for n in range(1, text.count("\n") + 3)], at, types)
        return Table(at, [], tuple(types), None, types)

    def _from_csv(self, text: str, lines: list[Location], at: Location, types: dict[str, str]) -> Table:
        reader = csv.reader(io.StringIO(text), strict=True)
        rows: list[Cells] = []
        names: list[str] = []
        try:
            names = [n.strip() for n in next(reader, [])]
            if len({fold(n) for n in names}) < len(names) or not all(names):
                self.errors.append(ProjectError("SK-TEST-004", "the first line must name each column once", at=lines[0]))
            for fields in reader:
                place = lines[reader.line_num - 1]
                if fields and len(fields) != len(names):
                    message = f"{len(fields)} fields where the first line has {len(names)}"
                    self.errors.append(ProjectError("SK-TEST-004", message, at=place))
                elif fields:
                    rows.append({n: from_text(f, place) for n, f in zip(names, fields, strict=True)})
        except csv.Error as error:
            self.errors.append(ProjectError("SK-TEST-004", f"CSV cannot be read: {error}", at=lines[max(reader.line_num - 1, 0)]))
        return Table(at, rows, tuple(names), None, types, dict.fromkeys(names, lines[0]))

    def _checked(self, sql: str, path: tuple[str | int, ...]) -> str:
        """The SELECT, which may read nothing: all that a test needs is in it."""
        place = self.document.text_at(*path)
        try:
            found = tables(parse_select(sql, self.project.loaded.engine.dialect))
        except SqlProblem as problem:
            self.errors.append(placed(problem, sql, sql, place))
            return sql
        if found:
            at = place.at(*position(sql, found[0].start))
            hint = "select values, such as SELECT 1 AS id UNION ALL SELECT 2"
            message = f"the SQL of an input reads nothing, found {found[0].dotted}"
            self.errors.append(ProjectError("SK-SQL-004", message, at=at, hint=hint))
        return sql

    # Expectations

    def _expected(self, spec: ExpectedTable, path: tuple[str | int, ...]) -> Expected:
        return Expected(spec, self.document.at(*path, key=True), path, self._table(spec, path, {}))

    def _check_expected(self, spec: UnitTestSpec) -> None:
        expect = spec.expect
        if expect.form is None and expect.row_count is None and expect.columns is None and not expect.ctes:
            hint = "one of rows, csv, file, row_count, columns, ctes"
            self.fail("SK-TEST-004", "nothing is expected", "expect", hint=hint, key=True)
        for name, table in expect.ctes.items():
            if table.form is None and table.row_count is None:
                hint = "one of rows, csv, file, row_count"
                self.fail("SK-TEST-004", f"nothing is expected of '{name}'", "expect", "ctes", name, hint=hint, key=True)

    def _check_ctes(self, spec: UnitTestSpec, node: Node) -> None:
        if not spec.expect.ctes:
            return
        if not isinstance(node.logic, SqlLogic):
            self.fail("SK-TEST-007", "a Python node has no CTEs", "expect", "ctes", key=True)
            return
        known = cte_names(node.logic)
        for name in spec.expect.ctes:
            if fold(name) not in map(fold, known):
                hint = did_you_mean(name, known) or (f"it has {', '.join(known)}" if known else "it has no WITH")
                self.fail("SK-TEST-008", f"{node.id} has no CTE '{name}'", "expect", "ctes", name, hint=hint, key=True)
