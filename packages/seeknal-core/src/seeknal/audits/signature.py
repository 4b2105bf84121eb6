"""An audit's signature is its YAML schema: its keyword parameters are the keys, their annotations the types."""

from __future__ import annotations

import inspect
import json
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from seeknal.errors import PluginError
from seeknal.plugin import Column, Columns, ColumnTypes, Condition, Reference, ReferenceColumns, ReferenceTypes, Relation, Sql
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.plugin import Audit, Check


THIS = "__THIS__"
"""The name under which an audit's own query reads the output it is on."""
_OWN_TYPES = (Column, Columns, Sql, Condition, Reference, ReferenceColumns)


@dataclass(frozen=True)
class Parameter:
    """A keyword parameter: its name, type, and whether it must be given."""

    name: str
    type: Any
    required: bool

    @property
    def is_columns(self) -> bool:
        """Whether it names one column or several of the output."""
        return self.type in (Column, Columns)


@dataclass(frozen=True)
class Signature:
    """What YAML may say of an audit, and the function that answers."""

    name: str
    function: Callable[..., Check]
    parameters: Mapping[str, Parameter]
    given: Mapping[str, type[ColumnTypes]] = field(default_factory=dict)
    """The parameters that are filled with columns and types: the output's, or those of the relation it refers to."""

    @property
    def code(self) -> str:
        """The audit's name and source: when it changes, so may what it finds."""
        try:
            return f"{self.name}\n{inspect.getsource(self.function)}"
        except (OSError, TypeError):
            return self.name

    def check(self, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Check parameters as written. Returns the typed values, and `(parameter, problem)` for each that is wrong."""
        values: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for parameter in self.parameters.values():
            if parameter.name not in params:
                if parameter.required:
                    problems.append(("", f"audit {self.name} needs '{parameter.name}'"))
                continue
            try:
                values[parameter.name] = _typed(parameter, params[parameter.name])
            except ValueError as error:
                problems.append((parameter.name, str(error)))
        if not problems:
            problems += [("", problem) for problem in self._rehearsed(values)]
        return values, problems

    def _rehearsed(self, values: Mapping[str, Any]) -> list[str]:
        """What the audit says of these parameters together: a ValueError, as soon as the project is read."""
        if self.given:
            return []
        arguments = dict(values)
        for name, parameter in self.parameters.items():
            if name in values and parameter.is_columns:
                column = Column('"column"')
                arguments[name] = column if parameter.type is Column else Columns([column] * len(values[name]))
            elif name in values and parameter.type is ReferenceColumns:
                arguments[name] = ReferenceColumns([Column('"column"')] * len(values[name]))
            elif name in values and parameter.type in (Sql, Condition, Reference):
                arguments[name] = parameter.type("TRUE")
        try:
            self.function(Relation('"relation"'), **arguments)
        except ValueError as error:
            return [str(error)]
        except Exception:  # noqa: BLE001 - it may be anyone's; a run meets it again, and says whose it is
            return []
        return []


def signature_of(audit: Audit) -> Signature:
    """Read the signature of an audit, importing it if need be. Raises PluginError for one that cannot be an audit."""
    function = audit.function
    while isinstance(function, str):
        loaded = load_target(function)
        function = getattr(loaded, "function", loaded)
    hints = typing.get_type_hints(function, include_extras=True)
    parameters: dict[str, Parameter] = {}
    given: dict[str, type[ColumnTypes]] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            message = f"audit {audit.name}: parameter '{parameter.name}' must be keyword-only: put it after a *"
            raise PluginError("SK-PLUGIN-005", message)
        if hints.get(parameter.name) in (ColumnTypes, ReferenceTypes):
            given[parameter.name] = hints[parameter.name]
            continue
        required = parameter.default is inspect.Parameter.empty
        parameters[parameter.name] = Parameter(parameter.name, _bare(hints.get(parameter.name, Any)), required)
    if sum(p.type is Reference for p in parameters.values()) > 1:
        raise PluginError("SK-PLUGIN-005", f"audit {audit.name} refers to more than one other node")
    return Signature(audit.name, function, parameters, given)


def _bare(annotation: Any) -> Any:
    """`Columns` for `Columns | None`: what is left out need not be named."""
    options = [a for a in typing.get_args(annotation) if a is not type(None)]
    return options[0] if len(options) == 1 and options[0] in _OWN_TYPES else annotation


def _typed(parameter: Parameter, value: Any) -> Any:
    name = parameter.name
    if parameter.type is Column:
        if not isinstance(value, str):
            message = f"{name} must be the name of a column"
            raise ValueError(message)
        return value
    if parameter.type is Reference:
        if not isinstance(value, str):
            message = f"{name} must be the name of a node, such as transform.users"
            raise ValueError(message)
        return value
    if parameter.type in (Columns, ReferenceColumns):
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(v, str) for v in listed):
            message = f"{name} must be a list of column names"
            raise ValueError(message)
        return listed
    if parameter.type in (Sql, Condition):
        if not isinstance(value, str):
            message = f"{name} must be SQL text"
            raise ValueError(message)
        return value
    adapter = TypeAdapter(parameter.type)
    try:
        if isinstance(value, str):  # a date is written as text, a number is not
            return adapter.validate_json(json.dumps(value), strict=True)
        return adapter.validate_python(value, strict=not isinstance(value, int))
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        bound = details.get("ctx", {}).get("ge")
        problem = f"must be {bound} or more" if bound is not None else details["msg"].lower()
        message = f"{name}: {problem}" if bound is None else f"{name} {problem}"
        raise ValueError(message) from None
