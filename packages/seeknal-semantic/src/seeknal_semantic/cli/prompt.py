"""What the prompt of `seeknal repl` knows of metrics."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError
from seeknal.protocols import Rows

if TYPE_CHECKING:
    from seeknal.api import Project

_OPTIONS = {"--filter": "filters", "--order-by": "order_by", "--limit": "limit"}


def list_metrics(project: Project, argument: str, environment: str) -> Rows:
    """The metrics of the project."""
    del argument, environment
    from seeknal_semantic.catalog import catalog
    from seeknal_semantic.cli.metrics import listed

    return Rows(("metric", "type", "made of", "description"), [listed(m) for m in catalog(project.nodes).metrics.values()])


def list_dimensions(project: Project, argument: str, environment: str) -> Rows:
    """What some metrics can be asked by."""
    del environment
    from seeknal_semantic.catalog import catalog
    from seeknal_semantic.cli.query import words
    from seeknal_semantic.dimensions import dimensions_of

    found = dimensions_of(catalog(project.nodes), words(argument))
    return Rows(("dimension", "type", "model", "grains"), [(d.name, d.type, d.model, ", ".join(d.grains)) for d in found])


def ask(project: Project, argument: str, environment: str) -> Rows:
    """`revenue, orders by region, ordered_at__month --filter "region <> 'North'" --order-by -revenue --limit 5`."""
    from seeknal_semantic.cli.query import words
    from seeknal_semantic.query import query

    try:
        parts = shlex.split(argument)
    except ValueError as error:
        raise ProjectError("SK-REPL-001", f".query cannot be read: {error}", hint="put a filter in double quotes") from None
    options: dict[str, Any] = {"filters": [], "order_by": (), "limit": None}
    plain: list[str] = []
    rest = iter(parts)
    for part in rest:
        key = _OPTIONS.get(part)
        if key is None and part.startswith("--"):
            raise ProjectError("SK-REPL-001", f".query knows no {part}", hint=f"it knows {', '.join(_OPTIONS)}")
        if key is None:
            plain.append(part)
            continue
        value = next(rest, "")
        if key == "limit" and not value.isdecimal():
            raise ProjectError("SK-REPL-001", "--limit needs a whole number")
        options[key] = [*options["filters"], value] if key == "filters" else int(value) if key == "limit" else words(value)
    metrics, _, dimensions = " ".join(plain).partition(" by ")
    return query(project, words(metrics), words(dimensions), environment=environment, **options).rows
