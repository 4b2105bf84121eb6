"""Turns one entry of `audits:` into an audit: finds it, checks its parameters, SQL and references, and places every error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal.audits.signature import THIS, signature_of
from seeknal.errors import PluginError, ProjectError, SeeknalError, did_you_mean
from seeknal.nodes import AuditSpec, NodeId, fold, kind_of, relation_name
from seeknal.plugin import Condition, Reference, ReferenceColumns, Sql
from seeknal.project.hashing import audit_definition
from seeknal.project.placing import placed
from seeknal.project.references import UNREADABLE, UnknownReference
from seeknal.project.selectors import names
from seeknal.sql.canonical import canonical
from seeknal.sql.guard import SqlProblem, parse_condition, parse_select, position, refuse_shadows, tables
from seeknal.sql.moments import with_standing
from seeknal.sql.transpile import with_relations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal.audits.signature import Signature
    from seeknal.errors import Location
    from seeknal.nodes import TextPlace
    from seeknal.plugin import Audit
    from seeknal.project.config import Config, ProjectAudit
    from seeknal.project.lowering import Scope
    from seeknal.project.named_audits import NamedAudit
    from seeknal.project.references import NodeIndex
    from seeknal.project.yaml import Document
    from seeknal.specs import AuditEntry
    from seeknal.sql.guard import TableUse

    Path = tuple[str | int, ...]

_REF = re.compile(r"""(?:\{\{\s*)?ref\(\s*['"]([^'"]+)['"]\s*\)(?:\s*\}\})?""")


@dataclass(frozen=True)
class ProjectAudits:
    """The audits of many nodes that the project's settings have, each with its path in their document."""

    document: Document
    entries: tuple[tuple[Path, ProjectAudit], ...] = ()

    @classmethod
    def of(cls, config: Config, document: Document) -> ProjectAudits:
        """What the settings say."""
        prefix: Path = ("audits", "apply") if ("audits", "apply") in document.marks else ("audits",)
        return cls(document, tuple(((*prefix, i), e) for i, e in enumerate(config.audits.apply)))

    def unknown(self, index: NodeIndex) -> Iterator[ProjectError]:
        """The nodes that selectors name and that there are not."""
        for path, entry in self.entries:
            for name in names(entry.select):
                try:
                    index.resolve(name)
                except UnknownReference as error:
                    message, _, hint = str(error.args[0]).partition("; ")
                    yield ProjectError("SK-REF-001", message, at=self.document.at(*path, "select"), hint=hint or None)


@dataclass
class AuditLowering:
    """Lowers the audits that one document asks for, of the node `own`. Problems gather in `errors`.

    `refs` has the references that were taken (as written → id), `env` the environment variables: a cached node holds while these do.
    """

    scope: Scope
    source: Document
    own: NodeId
    errors: list[SeeknalError]
    refs: dict[str, NodeId] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def lowered(self, entry: AuditEntry, path: Path, column: str | None = None) -> AuditSpec | None:
        """The audit, or None when errors were found. `path` is where it is written, `column` the column it stands under."""
        type_path = (*path, "type") if (*path, "type") in self.source.marks else path
        if entry.type in self.scope.named_audits:
            named = self.scope.named_audits[entry.type]
            return self._named(named, entry, path, column) if named is not None else None
        try:
            signature = signature_of(self._installed(entry.type, type_path))
        except SeeknalError as error:
            self.errors.append(error)
            return None
        before = len(self.errors)
        self._check_thresholds(entry, path)
        values = self._parameters(entry, signature, path, column)
        reads: dict[NodeId, tuple[str, ...] | None] = {}
        for name, value in values.items():
            values[name] = self._value(signature.parameters[name].type, value, (*path, name), reads)
        where = self._condition(entry.where, (*path, "where")) if entry.where is not None else None
        if len(self.errors) > before:
            return None
        _narrow(reads, values, signature)
        return self._spec(entry, values, where, reads, signature, self._places(path, values, type_path))

    def _installed(self, name: str, path: Path) -> Audit:
        """The installed audit of this name. Raises PluginError, which knows those of the project too."""
        try:
            return self.scope.registry.audit(name, self.source.at(*path))
        except PluginError as error:
            error.hint = did_you_mean(name, self.scope.named_audits) or error.hint
            raise

    def _named(self, audit: NamedAudit, entry: AuditEntry, path: Path, column: str | None) -> AuditSpec | None:
        """An audit of the project: its query with the parameters in their places, which is then anyone's own SQL."""
        before, dialect = len(self.errors), self.scope.engine.dialect
        self._check_thresholds(entry, path)
        values = self._parameters(entry, audit.signature, path, column, audit.with_defaults(entry.params))
        reads: dict[NodeId, tuple[str, ...] | None] = {}
        for name, value in values.items():
            values[name] = self._value(audit.signature.parameters[name].type, value, (*path, name), reads)
        where = self._condition(entry.where, (*path, "where")) if entry.where is not None else None
        if len(self.errors) > before:
            return None
        columns = audit.columns(values)
        sql = self._template(audit.spec.sql, audit.place, reads, audit.written(values, dialect), self.source.at(*path))
        if len(self.errors) > before:
            return None
        custom = self.scope.registry.audit("custom_sql")
        label = f"{audit.name}({', '.join(columns)})" if columns else audit.name
        spec = entry.model_copy(update={"type": custom.name, "name": entry.name or label})
        params = {"sql": sql, "columns": columns} if columns else {"sql": sql}
        places = self._places(path, params, (*path, "type"))
        return self._spec(spec, params, where, reads, signature_of(custom), places)

    def _spec(
        self,
        entry: AuditEntry,
        values: dict[str, Any],
        where: str | None,
        reads: dict[NodeId, tuple[str, ...] | None],
        signature: Signature,
        places: dict[str, Location],
    ) -> AuditSpec:
        severity = entry.severity or self.scope.default_severity
        hidden = ["*"] if entry.sample == 0 else entry.redact
        error_if, warn_if = entry.error_if, entry.warn_if
        if entry.mostly is not None:
            from decimal import Decimal  # start-up time

            share = f"> {(1 - Decimal(str(entry.mostly))) * 100:f}%"
            error_if, warn_if = (share, warn_if) if severity == "error" else (error_if, share)
        return AuditSpec(
            type=entry.type,
            params=values,
            severity=severity,
            name=entry.name,
            description=entry.description,
            where=where,
            places=places,
            definition=audit_definition(signature.code, values, where, hidden, quarantines=entry.on_failure == "quarantine"),
            warn_if=warn_if,
            error_if=error_if,
            empty=entry.empty,
            sample=entry.sample,
            redact=tuple(entry.redact),
            store_failures=entry.store_failures,
            tags=tuple(entry.tags),
            reads=reads,
            **entry.quarantine,
        )

    def _places(self, path: Path, values: Mapping[str, Any], type_path: Path) -> dict[str, Location]:
        places = {name: self.source.at(*path, name) for name in (*values, "where", "redact") if (*path, name) in self.source.marks}
        return places | {"": self.source.at(*type_path)}

    def _check_thresholds(self, entry: AuditEntry, path: Path) -> None:
        if entry.mostly is not None and (entry.error_if or entry.warn_if):
            self._report("SK-AUDIT-002", "say either 'mostly', or 'warn_if' and 'error_if'", (*path, "mostly"))

    def _parameters(
        self, entry: AuditEntry, signature: Signature, path: Path, column: str | None, given: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The parameters as YAML says them, typed. The column under which an audit stands is the first that it does not name."""
        params = dict(entry.params if given is None else given)
        if column is not None:
            first = next((p.name for p in signature.parameters.values() if p.is_columns and p.name not in params), None)
            params |= {first: column} if first is not None else {}
        known = [*signature.parameters, *(k for k in type(entry).model_fields if k != "type")]
        for key in params:
            if key not in signature.parameters:
                hint = did_you_mean(key, known) or f"audit {entry.type} knows: {', '.join(known)}"
                self._report("SK-AUDIT-001", f"audit {entry.type} has no parameter '{key}'", (*path, key), hint, key=True)
        values, problems = signature.check(params)
        for name, problem in problems:
            self._report("SK-AUDIT-002", problem, (*path, name or "type"))
        return values

    def _value(self, type_: Any, value: Any, path: Path, reads: dict[NodeId, tuple[str, ...] | None]) -> Any:
        """A parameter's value as the audit will have it. What it looks at of other nodes is added to `reads`."""
        if type_ is Sql:
            return self._query(value, path, reads)
        if type_ is Condition:
            return self._condition(value, path) or ""
        if type_ is Reference:
            return self._reference(value, path, reads)
        return value

    def _reference(self, written: str, path: Path, reads: dict[NodeId, tuple[str, ...] | None]) -> str:
        match = _REF.fullmatch(written.strip())
        name = match[1] if match else written
        try:
            found = self.scope.index.resolve(name)
        except UnknownReference as error:
            message, _, hint = str(error.args[0]).partition("; ")
            self._report("SK-REF-001", message, path, hint or None)
            return written
        self._look_at(found, name, self.source.at(*path), reads)
        return found

    def _look_at(self, node: NodeId, written: str, at: Location, reads: dict[NodeId, tuple[str, ...] | None]) -> None:
        if kind_of(node) in UNREADABLE:
            message = f"'{written}' is no data: nodes of kind {kind_of(node)} store none"
            self.errors.append(ProjectError("SK-REF-002", message, at=at, hint=f"name what {node} reads"))
        elif node != self.own:
            self.refs[written] = node
            reads[node] = None

    def _query(self, template: str, path: Path, reads: dict[NodeId, tuple[str, ...] | None]) -> str:
        return self._template(template, self.source.text_at(*path), reads)

    def _template(
        self,
        template: str,
        place: TextPlace,
        reads: dict[NodeId, tuple[str, ...] | None],
        given: Mapping[str, Any] | None = None,
        used: Location | None = None,
    ) -> str:
        """A query of an audit, rendered and checked. `used` is where an audit of the project is asked for."""
        dialect, text = self.scope.engine.dialect, template
        try:
            rendering = self.scope.templates.render(template, place, THIS, given)
            self.env.update(rendering.env)
            text = rendering.text
            tree = parse_select(with_standing(text, dialect, windowed=False), dialect)
            refuse_shadows(tree, [THIS, relation_name(self.own)])
            for use in tables(tree):
                if use.dotted.upper() != THIS:
                    self._look_at(self._used(use, text), use.dotted, place.at(*position(text, use.start)), reads)
            return canonical(with_relations(tree, self._relation), dialect)
        except SqlProblem as problem:
            error: SeeknalError = placed(problem, text, template, place)
        except SeeknalError as found:
            error = found
        if used is not None:
            error.message += f" (as used at {used})"
        self.errors.append(error)
        return template

    def _used(self, use: TableUse, text: str) -> NodeId:
        """The node that a query of an audit reads. Raises SqlProblem where that is none, or its own."""
        index = self.scope.index
        found = index.ids.get(use.dotted.casefold()) if use.schema else index.relation(use.name)
        if found is not None and found != self.own:
            return found
        near = None if found else index.suggestion(use.name)
        message = f"an audit reads {THIS}, and other nodes by ref(); found {use.dotted}"
        raise SqlProblem("SK-SQL-004", message, *position(text, use.start), near or f"write FROM {THIS}")

    def _relation(self, dotted: str) -> str:
        return relation_name(self.scope.index.ids[dotted.casefold()])

    def _condition(self, text: str, path: Path) -> str | None:
        try:
            return parse_condition(text, self.scope.engine.dialect).sql(dialect=self.scope.engine.dialect)
        except SqlProblem as problem:
            self._report(problem.code, f"{path[-1]} {problem.message}", path, problem.hint)
            return None

    def _report(self, code: str, message: str, path: Path, hint: str | None = None, *, key: bool = False) -> None:
        self.errors.append(ProjectError(code, message, at=self.source.at(*path, key=key), hint=hint))


def _narrow(reads: dict[NodeId, tuple[str, ...] | None], values: Mapping[str, Any], signature: Signature) -> None:
    """An audit that says which columns of the other node it looks at looks at no others."""
    parameters = signature.parameters.values()
    reference = next((values[p.name] for p in parameters if p.type is Reference and p.name in values), None)
    named = next((p for p in parameters if p.type is ReferenceColumns), None)
    if reference not in reads or named is None or signature.given:
        return
    columns = values.get(named.name)
    if columns is None:  # they are called as those of the output are
        columns = next((values[p.name] for p in parameters if p.is_columns and p.name in values), None)
    if columns is not None:
        reads[NodeId(reference)] = tuple(sorted({fold(c) for c in ([columns] if isinstance(columns, str) else columns)}))
