"""MetricFlow's templates, `{{ Dimension('order__status') }}`, as the names that stand for them here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment


class LeftOut(Exception):
    """What has no counterpart, and why."""


def leave_out(why: str) -> NoReturn:
    """Raise LeftOut."""
    raise LeftOut(why)


def filter_text(template: str) -> str:
    """A filter with our names in place of its templates. Raises LeftOut."""
    from jinja2 import TemplateError

    reason = LeftOut(f"the filter {template.strip()!r}")
    if "{%" in template:
        raise reason
    names = {"Dimension": _dimension, "TimeDimension": _time_dimension, "Entity": _dimension}
    try:
        return _environment().from_string(template).render(names).strip()
    except (TemplateError, TypeError) as error:
        raise reason from error


def column(item: str) -> str:
    """An item of a saved query's group_by or order_by as the column it means, `-` before it where it descends. Raises LeftOut."""
    from jinja2 import TemplateError

    if "(" not in item:
        return item.strip()
    names = {"Dimension": _dimension, "TimeDimension": _time_dimension, "Entity": _dimension, "Metric": _metric}
    try:
        found = _environment().compile_expression(item, undefined_to_none=False)(names)
    except (TemplateError, TypeError) as error:
        raise LeftOut(item) from error
    if not isinstance(found, _Name):
        leave_out(item)
    return f"-{found}" if found.falling else str(found)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals.clear()
    return environment


@dataclass(frozen=True)
class _Name:
    """What Dimension(…) and its like stand for."""

    text: str
    falling: bool = False

    def grain(self, grain: str) -> _Name:
        return _Name(f"{self.text}__{grain.lower()}", self.falling)

    def descending(self, falling: Any = True) -> _Name:
        return _Name(self.text, bool(falling))

    def __str__(self) -> str:
        return self.text


def _dimension(name: str) -> _Name:
    """Names with an entity_path are none of ours: the keyword is refused."""
    return _Name(name)


def _time_dimension(name: str, time_granularity_name: str | None = None, *, descending: bool = False) -> _Name:
    found = _Name(name, descending)
    return found.grain(time_granularity_name) if time_granularity_name else found


def _metric(name: str) -> _Name:
    return _Name(name)
