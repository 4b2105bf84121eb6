"""Turns one checked spec into a node: renders, resolves references, checks SQL, paths and audits, and places every error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal.errors import ProjectError, SeeknalError, did_you_mean
from seeknal.nodes import AuditSpec, DocumentLogic, Logic, Node, NodeId, PythonLogic, SqlLogic, TextPlace, kind_of, node_id, relation_name
from seeknal.project.auditing import AuditLowering, ProjectAudits
from seeknal.project.built import built_query, relations_named
from seeknal.project.cache import digest_file
from seeknal.project.hashing import content_hash
from seeknal.project.itself import reading_itself
from seeknal.project.merging import merging_of
from seeknal.project.placing import locate, placed
from seeknal.project.references import UNREADABLE, UnknownReference
from seeknal.project.selectors import selects
from seeknal.project.windowing import windowing_of
from seeknal.specs import AuditEntry, declared
from seeknal.sql.canonical import canonical, clock
from seeknal.sql.guard import SqlProblem, TableUse, parse_condition, parse_select, position, tables
from seeknal.sql.moments import with_standing
from seeknal.sql.transpile import Untranslatable, known_dialect, transpile, with_relations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal.errors import Location
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import Merging, Schema, Severity
    from seeknal.plugin import Connection, Engine, Exposure
    from seeknal.project.named_audits import NamedAudit
    from seeknal.project.references import NodeIndex
    from seeknal.project.settings import ConnectionSettings, Profiles
    from seeknal.project.templating import Templates
    from seeknal.project.yaml import Document
    from seeknal.registry import Registry
    from seeknal.specs import NodeSpec

__all__ = ["NodeLowering", "Scope", "locate"]

_SHOWN = 120
_OWN_FOLDERS = ("target", "seeknal", "macros", "plugins", "tests", "audits")


@dataclass(frozen=True)
class Scope:
    """What all nodes of a project are lowered against."""

    root: Path
    registry: Registry
    engine: Engine
    profiles: Profiles
    external_paths: tuple[str, ...]
    default_severity: Severity
    index: NodeIndex
    templates: Templates
    named_audits: Mapping[str, NamedAudit | None]
    project_audits: ProjectAudits
    details: Mapping[NodeId, tuple[str, Mapping[str, Any] | None]] = field(default_factory=dict)


@dataclass
class NodeLowering:
    """The `Lowering` a spec is given, for one node. Problems gather in `errors`; `fail` also stops."""

    scope: Scope
    source: Document
    document: dict[str, Any]
    spec: NodeSpec
    errors: list[SeeknalError] = field(default_factory=list)
    refs: dict[str, NodeId] = field(default_factory=dict)
    audit_refs: dict[str, NodeId] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    inputs: dict[NodeId, None] = field(default_factory=dict)
    uses: dict[str, str] = field(default_factory=dict)
    meaning: str | None = None
    itself: Location | None = None

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.scope.root

    @property
    def engine(self) -> Engine:
        """The engine that will build the node."""
        return self.scope.engine

    def node(self, python: PythonLogic | None = None) -> Node | None:
        """The node, or None when errors were found."""
        logic: Logic | None = None
        windows: Windowing | None = None
        merging: Merging | None = None
        this: Schema = ()
        try:
            logic = self._python(python) if python is not None else self.spec.lower(self)
            windows = windowing_of(self.spec, logic, self.source.at)
            merging = merging_of(self.spec, logic, self.engine.dialect, self.source.at)
            if self.itself is not None and node_id(self.spec.kind, self.spec.name) not in self.inputs:
                this, windows = reading_itself(windows, merging, declared(self.spec.output()), self.itself, self.source.at)
        except SeeknalError as error:
            self.errors.append(error)
        audits = self._audits()
        self._check_types()
        if logic is not None and not isinstance(logic, DocumentLogic):
            self._check_readable()
        if logic is None or self.errors:
            return None
        spec = self.spec
        columns = declared(spec.output())
        node = Node(
            id=node_id(spec.kind, spec.name),
            at=self.at(),
            logic=logic,
            content_hash=content_hash(logic, self.meaning),
            inputs=tuple(self.inputs),
            columns=columns,
            audits=tuple(audits),
            description=spec.description,
            owner=spec.owner,
            tags=tuple(spec.tags),
            meta=spec.meta,
            refs={**self.audit_refs, **self.refs},
            env=dict(self.env),
            details=spec.details(),
            freshness=spec.fresh(self),
            windows=windows,
            merging=merging,
            this=this,
        )
        return self._with_project_audits(node) if node.is_readable else node

    def _with_project_audits(self, node: Node) -> Node:
        """The node with the audits that the project has for it, but for those that it has itself."""
        written = self.scope.project_audits
        audits = AuditLowering(self.scope, written.document, node.id, self.errors)
        chosen = [(path, e) for path, e in written.entries if e.enabled and selects(e.select, node)]
        found = [audits.lowered(entry, path) for path, entry in chosen]
        own = {a.definition for a in node.audits}
        added = tuple(a for a in found if a is not None and a.definition not in own)
        return replace(node, audits=(*node.audits, *added), refs={**audits.refs, **node.refs}, env={**audits.env, **node.env})

    def _check_types(self) -> None:
        """Declared types are types the engine's dialect knows."""
        listed = isinstance(self.document.get("columns"), list)
        for number, column in enumerate(self.spec.columns):
            if column.type is not None:
                self.check_type(column.type, *(("columns", number, "type") if listed else ("columns", column.name)))

    def check_type(self, type_: str, *path: str | int) -> None:
        """Report a type that the engine does not know, and go on."""
        try:
            exp.DataType.build(type_, dialect=self.engine.dialect)
        except SqlglotError:
            self._report("SK-DATA-009", f"'{type_}' is not a type that {self.engine.dialect} knows", path)

    def _check_readable(self) -> None:
        """What is read has rows."""
        for written, found in self.refs.items():
            if kind_of(found) in UNREADABLE:
                at = next((p for p, m in self.source.marks.items() if p[-1:] == ("ref",) and m), ("sql",))
                hint = f"read what {found} reads"
                self._report("SK-REF-002", f"'{written}' is no data: nodes of kind {kind_of(found)} store none", at, hint)

    def _python(self, logic: PythonLogic) -> PythonLogic:
        return replace(logic, reads=tuple(self.ref(entry.ref, "inputs", item, "ref") for item, entry in enumerate(self.spec.inputs)))

    # What specs may ask for

    def at(self, *path: str | int) -> Location:
        """Where the value at this path was written."""
        return self.source.at(*path)

    def text_at(self, *path: str | int) -> TextPlace:
        """Where a text value begins."""
        return self.source.text_at(*path)

    def fail(self, code: str, message: str, *path: str | int, hint: str | None = None) -> NoReturn:
        """Report an error at this path and give the node up."""
        raise ProjectError(code, message, at=self.at(*path), hint=hint)

    def report(self, code: str, message: str, *path: str | int, hint: str | None = None) -> None:
        """Report an error at this path, and go on."""
        self._report(code, message, path, hint)

    def ref(self, reference: str, *path: str | int) -> NodeId:
        """Resolve a reference and make it an input."""
        try:
            found = self.scope.index.resolve(reference)
        except UnknownReference as error:
            message, _, hint = str(error.args[0]).partition("; ")
            self.fail("SK-REF-001", message, *path, hint=hint or None)
        self.refs[reference] = found
        self.inputs[found] = None
        return found

    def select(
        self, template: str, *path: str | int, dialect: str | None = None, materialized: Literal["table", "view"] = "table"
    ) -> Logic:
        """Render, parse and check one SELECT; the references in it become inputs."""
        written = self._known(dialect)
        place = self.text_at(*path)
        text = self._render(template, place, node_id(self.spec.kind, self.spec.name).replace(".", "_"))
        try:
            text = with_standing(text, written, windowed=self.spec.schedule is not None)
            tree = parse_select(text, written)
            uses = tables(tree)
        except SqlProblem as problem:
            raise placed(problem, text, template, place) from None
        for use in uses:
            self._use(use, text, template, place)
        if written != self.engine.dialect:
            return self._transpiled(
                with_relations(tree, self._relation), text, SqlLogic(text, written, materialized, template=template, place=place), place
            )
        sql = relations_named(text, uses, self.scope.index)
        self.meaning = canonical(tree if sql == text else parse_select(sql, written), written)
        return SqlLogic(sql, written, materialized, clock(tree), template if template != sql else None, place)

    def query(self, tree: exp.Query, materialized: Literal["table", "view"] = "table") -> Logic:
        """A SELECT that was built: what is wrong with a name in it is looked up in what was written."""
        self.meaning, logic = built_query(tree, self.engine.dialect, self.source, materialized)
        return logic

    def condition(self, text: str, *path: str | int) -> exp.Expr:
        """One boolean expression over the columns of a row."""
        try:
            return parse_condition(text, self.engine.dialect)
        except SqlProblem as problem:
            self.fail(problem.code, problem.message, *path, hint=problem.hint)

    def details(self, node: NodeId) -> Mapping[str, Any] | None:
        """What the kind of another node says of it; this one is read again when that one's file changes."""
        path, found = self.scope.details[node]
        self.uses[path] = digest_file(self.root / path)
        return found

    def connection(self, name: str, *path: str | int) -> ConnectionSettings:
        """The connection of this name in profiles.yml."""
        connections = self.scope.profiles.connections
        if name not in connections:
            hint = did_you_mean(name, connections) or "define it under connections: in profiles.yml"
            self.fail("SK-CFG-004", f"no connection '{name}' in profiles.yml", *path, hint=hint)
        return connections[name]

    def connection_type(self, name: str, *path: str | int, also: Iterable[str] = ()) -> Connection:
        """The connection type of this name."""
        near = did_you_mean(name, also)
        try:
            return self.scope.registry.connection(name, self.at(*path))
        except SeeknalError as error:
            if near:
                error.hint = near
            error.message = error.message.replace("connection type", "source type")
            raise

    def exposure_type(self, name: str, *path: str | int, also: Iterable[str] = ()) -> Exposure:
        """The exposure type of this name that a plugin provides."""
        near = did_you_mean(name, also)
        try:
            return self.scope.registry.exposure(name, self.at(*path))
        except SeeknalError as error:
            if near:
                error.hint = near
            elif error.hint and error.hint.startswith("known: "):
                error.hint = f"known: {', '.join([*also, *(p.contribution.name for p in self.scope.registry.exposures)])}"
            error.code = "SK-KIND-001"
            raise

    def check_query(self, query: str, *path: str | int) -> None:
        """Report SQL for a database that is not one SELECT, and go on."""
        place = self.text_at(*path)
        try:
            parse_select(query, self._dialect_of(self.document.get("type")), outside=True)
        except SqlProblem as problem:
            self.errors.append(placed(problem, query, query, place))

    def source_defaults(self, type_: str) -> Mapping[str, Any]:
        """The reader's parameters that profiles.yml sets for all sources of a type."""
        return self.scope.profiles.source_defaults.get(type_, {})

    def path(self, text: str, *path: str | int) -> str:
        """Check that a path or glob stays inside the project or `external_paths`."""
        if "\0" in text or "://" in text:
            self.fail("SK-PATH-001", "must be a path of files on this machine", *path)
        fixed = str(Path(re.split(r"[*?\[]", text, maxsplit=1)[0] + "x").parent) if any(c in text for c in "*?[") else text
        target = (self.root / fixed).resolve()
        allowed = [self.root, *((self.root / p).resolve() for p in self.scope.external_paths)]
        if not any(target.is_relative_to(a) for a in allowed):
            hint = "move it into the project, or list its folder under external_paths: in seeknal_project.yml"
            self.fail("SK-PATH-001", f"path '{text}' is outside the project", *path, hint=hint)
        return text

    def output_path(self, text: str, *path: str | int) -> str:
        """Check that a file may be written there."""
        self.path(text, *path)
        target = (self.root / text).resolve()
        inside = target.relative_to(self.root).parts if target.is_relative_to(self.root) else ()
        if target.is_dir() or (inside and (inside[0] in _OWN_FOLDERS or (len(inside) == 1 and inside[0].endswith((".yml", ".yaml"))))):
            self.fail("SK-PATH-002", f"'{text}' is not a place for outputs", *path, hint="write to a folder of its own, such as out/")
        return text

    # Audits

    def _audits(self) -> list[AuditSpec]:
        audits = AuditLowering(self.scope, self.source, node_id(self.spec.kind, self.spec.name), self.errors)
        found = [audits.lowered(entry, ()) for entry in self.spec.checks(self)]
        found += [audits.lowered(entry, ("audits", i)) for i, entry in enumerate(self.spec.audits) if entry.enabled]
        for number, column in enumerate(self.spec.columns):
            key = number if isinstance(self.document.get("columns"), list) else column.name
            for i, written in enumerate(column.audits):
                entry = AuditEntry(type=written) if isinstance(written, str) else written
                found += [audits.lowered(entry, ("columns", key, "audits", i), column.name)] if entry.enabled else []
        self.audit_refs = audits.refs
        self.env.update(audits.env)
        return [a for a in found if a is not None]

    # Within

    def _known(self, dialect: str | None) -> str:
        """The dialect that SQL says it is written in; the engine's where it says none."""
        if dialect is None:
            return self.engine.dialect
        try:
            return known_dialect(dialect)
        except SqlProblem as problem:
            self.fail(problem.code, problem.message, "dialect", hint=problem.hint)

    def _transpiled(self, tree: exp.Query, text: str, logic: SqlLogic, place: TextPlace) -> SqlLogic:
        """The logic with its query in the engine's dialect, which is what runs: it is checked as if it had been written so."""
        written, engine, template = logic.dialect, self.engine.dialect, logic.template or text
        try:
            sql = transpile(tree, text, written, engine)
        except Untranslatable as error:
            *others, last = [placed(p, text, template, place) for p in error.problems]
            self.errors += others
            raise last from None
        try:
            checked = parse_select(sql, engine)
        except SqlProblem as problem:
            found = SqlProblem(problem.code, f"{problem.message} (in {engine}: {sql[:_SHOWN]})", hint=problem.hint)
            raise placed(found, text, template, place) from None
        for use in tables(checked):
            self._use(use, sql, template, place)
        self.meaning = canonical(checked, engine)
        return replace(logic, sql=sql, dialect=engine, clock=clock(checked), written=written)

    def _relation(self, dotted: str) -> str:
        return relation_name(self.scope.index.ids[dotted.casefold()])

    def _report(self, code: str, message: str, path: tuple[str | int, ...], hint: str | None = None, *, key: bool = False) -> None:
        self.errors.append(ProjectError(code, message, at=self.source.at(*path, key=key), hint=hint))

    def _render(self, template: str, place: TextPlace, this: str, *, inputs: bool = True) -> str:
        rendering = self.scope.templates.render(template, place, this)
        self.refs.update(rendering.refs)
        self.env.update(rendering.env)
        if inputs:
            self.inputs.update(dict.fromkeys(rendering.refs.values()))
        return rendering.text

    def _use(self, use: TableUse, text: str, template: str, place: TextPlace) -> None:
        """Make what a FROM names an input, or say that it is unknown."""
        found = self.scope.index.relation(use.name) if not use.schema else self.scope.index.ids.get(use.dotted.casefold())
        if found == node_id(self.spec.kind, self.spec.name):
            self.itself = self.itself or place.at(*locate(*position(text, use.start), text, template))
            return
        if found is not None:
            if found not in self.inputs:
                self.refs[use.dotted] = found
                self.inputs[found] = None
            return
        line, column = position(text, use.start)
        if any(c in use.name for c in "./\\:"):
            message = f"reading a file by name is not allowed in SQL here: '{use.name}'"
            raise placed(SqlProblem("SK-SQL-003", message, line, column, "declare a source and read it with ref()"), text, template, place)
        hint = self.scope.index.suggestion(use.name) or "every relation is a node, read with ref(), or a CTE"
        raise placed(SqlProblem("SK-REF-001", f"unknown relation '{use.dotted}'", line, column, hint), text, template, place)

    def _dialect_of(self, type_: Any) -> str:
        for provided in self.scope.registry.connections:
            if provided.contribution.name == type_:
                return provided.contribution.dialect
        return type_ if type_ in ("mysql", "postgres", "sqlite", "duckdb", "starrocks") else self.engine.dialect
