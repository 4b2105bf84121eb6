"""What an audit's function is called with: columns found in the schema and quoted, other nodes as relations, types as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.errors import NodeError, did_you_mean
from seeknal.nodes import NodeId, fold, relation_name
from seeknal.plugin import Column, Columns, ColumnTypes, Condition, Reference, ReferenceColumns, ReferenceTypes, Sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.audits.signature import Parameter, Signature
    from seeknal.errors import Location
    from seeknal.nodes import AuditSpec, Schema


@dataclass(frozen=True)
class Arguments:
    """Finds the arguments of one audit. `schema` is the output's, `describe` says that of another relation."""

    spec: AuditSpec
    signature: Signature
    schema: Schema
    describe: Callable[[str], Schema]
    dialect: str
    at: Location | None

    def found(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The keyword arguments, and the columns of the output among them. Raises NodeError for a column that is not there."""
        arguments: dict[str, Any] = dict(self.spec.params)
        named: list[str] = []
        other = self._other()
        for name, parameter in self.signature.parameters.items():
            if name not in arguments:
                continue
            if parameter.is_columns or parameter.type is ReferenceColumns:
                schema, of = (self.schema, "") if parameter.is_columns else (other, f" in {self._reference()}")
                written = [arguments[name]] if parameter.type is Column else arguments[name]
                columns = [self.column(c, schema, self.spec.places.get(name), of) for c in written]
                named += columns if parameter.is_columns else []
                arguments[name] = self._quoted(parameter, columns)
            elif parameter.type is Reference:
                arguments[name] = Reference(_identifier(relation_name(NodeId(arguments[name])), self.dialect))
            elif parameter.type in (Sql, Condition):
                arguments[name] = parameter.type(arguments[name])
        given = {ColumnTypes: self.schema, ReferenceTypes: other}
        arguments |= {n: type_({c.name: c.type or "" for c in given[type_]}) for n, type_ in self.signature.given.items()}
        return arguments, tuple(named)

    def column(self, name: str, schema: Schema, place: Location | None = None, of: str = "") -> str:
        """A column's name as the relation has it. Raises NodeError where it has none of this name."""
        known = {fold(c.name): c.name for c in schema}
        found = known.get(fold(name))
        if found is None:
            hint = did_you_mean(name, known.values()) or f"columns: {', '.join(known.values())}"
            message = f"audit {self.spec.type}: no column '{name}'{of}"
            raise NodeError("SK-AUDIT-004", message, at=place or self.spec.at or self.at, hint=hint)
        return found

    def _reference(self) -> str | None:
        return next(
            (self.spec.params[n] for n, p in self.signature.parameters.items() if p.type is Reference and n in self.spec.params), None
        )

    def _other(self) -> Schema:
        """The columns of the relation that the audit's reference names; none where it has no reference."""
        reference = self._reference()
        return self.describe(relation_name(NodeId(reference))) if reference is not None else ()

    def _quoted(self, parameter: Parameter, columns: list[str]) -> Column | Columns | ReferenceColumns:
        quoted = [Column(_identifier(c, self.dialect)) for c in columns]
        if parameter.type is Column:
            return quoted[0]
        return ReferenceColumns(quoted) if parameter.type is ReferenceColumns else Columns(quoted)


def _identifier(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
