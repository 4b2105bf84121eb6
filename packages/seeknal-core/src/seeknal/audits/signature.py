"""An audit's signature is its YAML schema: its keyword parameters are the keys, their annotations the types."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from seeknal.errors import PluginError
from seeknal.plugin import Column, Columns, Sql
from seeknal.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.plugin import Audit, Check


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
        return values, problems


def signature_of(audit: Audit) -> Signature:
    """Read the signature of an audit, importing it if need be. Raises PluginError for one that cannot be an audit."""
    function = audit.function
    while isinstance(function, str):
        loaded = load_target(function)
        function = getattr(loaded, "function", loaded)
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            message = f"audit {audit.name}: parameter '{parameter.name}' must be keyword-only: put it after a *"
            raise PluginError("SK-PLUGIN-005", message)
        required = parameter.default is inspect.Parameter.empty
        parameters[parameter.name] = Parameter(parameter.name, hints.get(parameter.name, Any), required)
    return Signature(audit.name, function, parameters)


def _typed(parameter: Parameter, value: Any) -> Any:
    name = parameter.name
    if parameter.type is Column:
        if not isinstance(value, str):
            message = f"{name} must be the name of a column"
            raise ValueError(message)
        return value
    if parameter.type is Columns:
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(v, str) for v in listed):
            message = f"{name} must be a list of column names"
            raise ValueError(message)
        return listed
    if parameter.type is Sql:
        if not isinstance(value, str):
            message = f"{name} must be SQL text"
            raise ValueError(message)
        return value
    try:
        return TypeAdapter(parameter.type).validate_python(value, strict=not isinstance(value, int))
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        bound = details.get("ctx", {}).get("ge")
        problem = f"must be {bound} or more" if bound is not None else details["msg"].lower()
        message = f"{name}: {problem}" if bound is None else f"{name} {problem}"
        raise ValueError(message) from None
