"""One test on one engine session: its inputs defined, its node computed, what came out compared."""

from __future__ import annotations

import functools
import uuid
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.errors import EngineError, ProjectError, ProjectErrors, did_you_mean
from seeknal.nodes import PythonLogic, SqlLogic, fold
from seeknal.protocols import Files, Query
from seeknal.run.columns import casting_query, check_declared, differs
from seeknal.run.itself import define_before
from seeknal.run.sessions import placed
from seeknal.sql.analysis import analyse
from seeknal.unit_tests.matching import difference
from seeknal.unit_tests.model import Check
from seeknal.unit_tests.rewriting import cte_query, frozen
from seeknal.unit_tests.spec import Expectation, moment
from seeknal.unit_tests.tables import column_names, inferred, is_simple, place_of, same_type, type_of, values_query

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.api import Project
    from seeknal.nodes import Node, NodeId, Schema
    from seeknal.protocols import Rows, Session
    from seeknal.sql.expressions import NameProblem
    from seeknal.unit_tests.model import Expected, Table, UnitTest
    from seeknal.unit_tests.values import Cells

_OUTPUT = "seeknal_test_output"


class Computing:
    """Runs tests one after the other in a session; each defines all it reads anew."""

    def __init__(self, project: Project, session: Session, scratch: Path) -> None:
        self._root = project.root
        self._nodes = project.nodes
        self._dialect = project.loaded.engine.dialect
        self._session = session
        self._scratch = scratch
        self._moving = False

    def checks(self, test: UnitTest) -> list[Check]:
        """What did not come out as expected. Raises ProjectError where the test is wrong, other errors where the node cannot be computed."""
        self._moving = isinstance(test.node.logic, SqlLogic) and test.node.logic.clock is not None and test.spec.now is None
        self._define_inputs(test)
        try:
            found = self._checked(self.output(test), test.expected)
            for name in test.spec.expect.ctes:
                found += self._checked(self._cte(test, name), test.ctes[name], name)
        except EngineError as error:
            raise self._explained(error, test) from None
        return found

    def captured(self, test: UnitTest, columns: list[str] | None = None, cte: str | None = None) -> tuple[Schema, Rows]:
        """What comes out of the node, or of one of its CTEs: these columns, or all. Values that Python has no form for are text."""
        self._define_inputs(test)
        try:
            query = self.output(test) if cte is None else self._cte(test, cte)
            schema = self._session.describe(query)
            wanted = {fold(c) for c in columns or ()}
            schema = tuple(c for c in schema if columns is None or fold(c.name) in wanted)
            return schema, self._session.rows(self._comparable(query, schema))
        except EngineError as error:
            raise self._explained(error, test) from None

    # What is computed

    def output(self, test: UnitTest) -> str:
        """A query whose rows are the node's, declared types cast as a build casts them."""
        logic = test.node.logic
        if isinstance(logic, PythonLogic):
            query = self._called(test.node, logic)
        elif isinstance(logic, SqlLogic):
            query = frozen(logic, moment(test.spec.now)) if test.spec.now else logic.sql
        else:
            message = f"nothing can be computed of {type(logic).__name__}"
            raise TypeError(message)
        if not test.node.columns:
            return query
        schema = self._session.describe(query)
        check_declared(test.node, schema)
        return casting_query(query, schema, test.node, self._dialect) if differs(test.node, schema, self._dialect) else query

    def _called(self, node: Node, logic: PythonLogic) -> str:
        from seeknal.run.pythonnode import call  # start-up time

        streams = [functools.partial(self._session.arrow, self._all(self._nodes[i].relation)) for i in logic.reads]
        target = self._scratch / f"{uuid.uuid4().hex}.parquet"
        self._session.ingest(call(self._root, node, logic, streams), target, {})
        self._session.define(_OUTPUT, Files((target,)))
        return self._all(_OUTPUT)

    def _cte(self, test: UnitTest, name: str) -> str:
        logic = test.node.logic
        if not isinstance(logic, SqlLogic):
            message = f"nothing can be computed of {type(logic).__name__}"
            raise TypeError(message)
        return cte_query(logic, name, moment(test.spec.now) if test.spec.now else None)

    # Inputs

    def _define_inputs(self, test: UnitTest) -> None:
        problems: list[ProjectError] = []
        define_before(self._session, test.node, (), self._dialect)
        for name, table in test.inputs.items():
            try:
                self._session.define(self._nodes[name].relation, Query(self._input_query(table)))
            except ProjectError as error:
                problems.append(error)
            except EngineError as error:
                problems.append(ProjectError(error.code, f"{name}: {error.message}", at=table.at, hint=error.hint))
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise ProjectErrors(problems)

    def _input_query(self, table: Table) -> str:
        if table.sql is not None:
            return self._cast(table.sql, table.types) if table.types else table.sql
        rows = table.rows or []
        typed = {fold(c): type_of(t, self._dialect) or _unknown(c, t, table) for c, t in table.types.items()}
        names = list({fold(n): n for n in (*table.names, *column_names(rows), *table.types)}.values())
        types = {n: typed.get(fold(n)) or inferred(rows, n) for n in names}
        return values_query(rows, types).sql(dialect=self._dialect)

    def _cast(self, sql: str, types: Mapping[str, str]) -> str:
        declared = {fold(c): t for c, t in types.items()}
        found = []
        for column in self._session.describe(sql):
            value: exp.Expr = exp.column(exp.to_identifier(column.name, quoted=True))
            if fold(column.name) in declared:
                value = exp.cast(value, exp.DataType.build(declared[fold(column.name)], dialect=self._dialect))
            found.append(value.as_(column.name, quoted=True))
        return _around(sql, [e.sql(dialect=self._dialect) for e in found])

    # Comparing

    def _checked(self, query: str, expected: Expected, cte: str | None = None) -> list[Check]:
        spec, what = expected.spec, cte or "rows"
        schema = self._session.describe(query)
        found: list[Check] = []
        if isinstance(spec, Expectation) and spec.columns is not None:
            found += self._columns(spec, schema, expected)
        if spec.row_count is not None:
            counted = int(self._session.rows(self._counting(query)).rows[0][0])
            if counted != spec.row_count:
                message = f"{spec.row_count:,} rows expected, {counted:,} came out"
                found.append(Check(what, message, expected.at))
        if expected.table is not None:
            found += self._rows(query, schema, expected, expected.table, what)
        return found

    def _columns(self, spec: Expectation, schema: Schema, expected: Expected) -> list[Check]:
        wanted = spec.columns or []
        names = list(wanted)
        actual = {fold(c.name): c for c in schema}
        problems = [f"no column '{n}'" + _near(n, [c.name for c in schema]) for n in names if fold(n) not in actual]
        if "columns" not in spec.parts:
            known = set(map(fold, names))
            problems += [f"column '{c.name}' is not expected" for c in schema if fold(c.name) not in known]
            if not problems and [fold(n) for n in names] != list(actual):
                problems.append(f"the order is {', '.join(c.name for c in schema)}")
        if isinstance(wanted, dict):
            for name, type_ in wanted.items():
                found = actual.get(fold(name))
                if found is not None and not same_type(type_of(type_, self._dialect), type_of(found.type or "", self._dialect)):
                    problems.append(f"'{name}' is {found.type}, not {type_}")
        at = expected.at
        return [Check("columns", "; ".join(problems), at)] if problems else []

    def _rows(self, query: str, schema: Schema, expected: Expected, table: Table, what: str) -> list[Check]:
        rows = table.rows or []
        names = list({fold(n): n for n in (*table.names, *column_names(rows))}.values())
        actual = {fold(c.name): c for c in schema}
        unknown = [n for n in names if fold(n) not in actual]
        if unknown:
            listed = ", ".join(f"'{n}'" + _near(n, [c.name for c in schema]) for n in unknown)
            hint = f"it has {', '.join(c.name for c in schema)}"
            raise ProjectError("SK-TEST-008", f"no such column in what comes out: {listed}", at=table.place(unknown[0]), hint=hint)
        left_out = [c.name for c in schema if fold(c.name) not in set(map(fold, names))]
        if names and left_out and "columns" not in expected.spec.parts:
            hint = "add them to the rows, or say partial: columns"
            return [Check(what, f"the rows do not say {', '.join(left_out)}", table.at, hint=hint)]
        compared = tuple(c for c in schema if not names or c.name not in left_out)
        got = self._session.rows(self._comparable(query, compared))
        want = self._expected_rows(rows, compared)
        columns = tuple(c.name for c in compared)
        limits = self._limits(expected, columns)
        found = difference(columns, want, got.rows, limits, others_allowed="rows" in expected.spec.parts)
        advice = None if what != "rows" or not self._moving else "the query asks for the time: stop it with now:"
        return [Check(what, found.message, table.at, columns, found.missing, found.unexpected, found.differing, advice)] if found else []

    def _limits(self, expected: Expected, columns: tuple[str, ...]) -> dict[str, float]:
        tolerance = expected.spec.tolerance
        if not isinstance(tolerance, dict):
            return dict.fromkeys(columns, tolerance) if tolerance else {}
        given = {fold(c): limit for c, limit in tolerance.items()}
        return {c: given[fold(c)] for c in columns if fold(c) in given}

    def _expected_rows(self, rows: list[Cells], columns: Schema) -> list[tuple[Any, ...]]:
        if not rows:
            return []
        types = {c.name: type_of(c.type or "", self._dialect) for c in columns}
        query = values_query(rows, types).sql(dialect=self._dialect)
        try:
            return self._session.rows(self._comparable(query, columns)).rows
        except EngineError as error:
            self._blame(rows, types, error)
            raise

    def _comparable(self, query: str, columns: Schema) -> str:
        """The query's columns as they are compared: what Python does not hold exactly, as the engine writes it."""
        parts = []
        for column in columns:
            name = exp.column(exp.to_identifier(column.name, quoted=True))
            simple = is_simple(type_of(column.type or "", self._dialect))
            value: exp.Expr = name if simple else exp.cast(name, "VARCHAR")
            parts.append(value.as_(column.name, quoted=True).sql(dialect=self._dialect))
        return _around(query, parts)

    def _counting(self, query: str) -> str:
        counted = exp.Count(this=exp.Star()).sql(dialect=self._dialect)
        return _around(query, [counted])

    def _all(self, relation: str) -> str:
        return exp.select("*").from_(exp.Table(this=exp.to_identifier(relation, quoted=True))).sql(dialect=self._dialect)

    # What went wrong

    def _explained(self, error: EngineError, test: UnitTest) -> Exception:
        """An engine's error as what it is: a value that does not fit its column, a column that the test does not give, or the node's own."""
        for name, table in test.inputs.items():
            try:
                self._session.rows(self._all(self._nodes[name].relation))
            except EngineError as cause:
                if table.rows is not None:
                    types = {n: type_of(t, self._dialect) for n, t in table.types.items()}
                    self._blame(table.rows, types, cause)
                return ProjectError("SK-TEST-005", f"{name}: {cause.message}", at=table.at)
        logic = test.node.logic
        if error.code == "SK-SQL-011" and isinstance(logic, SqlLogic):
            schemas = {self._nodes[n].relation: [c.name for c in self._described(n)] for n in test.inputs}
            problems = {p.message: p for p in analyse(logic.sql, self._dialect, schemas).problems}
            found = [self._not_given(p, test) for p in problems.values()]
            if found:
                return found[0] if len(found) == 1 else ProjectErrors(found)
        return placed(error, test.node)

    def _not_given(self, problem: NameProblem, test: UnitTest) -> ProjectError:
        """A column that the node reads and the test does not give, at the one that was probably meant."""
        near = [place for t in test.inputs.values() for n, place in t.places.items() if f"'{n}'" in (problem.hint or "")]
        at = near[0] if near else test.document.at("inputs", key=True)
        return ProjectError(
            "SK-TEST-002", f"{problem.message}: {test.node.id} reads it, and the test does not give it", at=at, hint=problem.hint
        )

    def _described(self, name: NodeId) -> Schema:
        return self._session.describe(self._all(self._nodes[name].relation))

    def _blame(self, rows: list[Cells], types: Mapping[str, exp.DataType | None], error: EngineError) -> None:
        """Raise ProjectError at the value that the engine does not take, where there is one."""
        for row in rows:
            for name, cell in row.items():
                type_ = next((t for n, t in types.items() if fold(n) == fold(name)), None)
                try:
                    self._session.rows(values_query([{name: cell}], {name: type_}).sql(dialect=self._dialect))
                except EngineError as cause:
                    raise ProjectError("SK-TEST-005", f"column '{name}': {cause.message}", at=place_of(cell)) from error


def _around(query: str, parts: list[str]) -> str:
    """A SELECT of these expressions from a query, whose text stands on lines of its own."""
    return "".join(["SELECT ", ", ".join(parts), " FROM (\n", query, "\n) AS inside"])


def _near(name: str, known: list[str]) -> str:
    near = did_you_mean(name, known)
    return f" ({near})" if near else ""


def _unknown(column: str, type_: str, table: Table) -> Any:
    raise ProjectError("SK-DATA-009", f"'{type_}' is not a type that is known, for column '{column}'", at=table.at)
