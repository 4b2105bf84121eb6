"""Descriptions and statistics of features as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.output import cell, number, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal.run.featurestats import Stats

_SHORT = 16
_MUCH, _SOME = 0.25, 0.1
_LABELS = {
    "entity": "entity", "join_keys": "keys", "event_time": "event time", "created_time": "created time", "known_from": "known from",
    "ttl": "time to live",
    "spine": "spine", "as_of": "as of", "label": "label",
}  # fmt: skip


def describe_text(document: Mapping[str, Any]) -> None:
    """A group or training set: what it says, its features, its versions."""
    click.echo(f"{document['id']}  {document['path']}")
    if document["description"]:
        click.echo(document["description"])
    click.echo()
    for key, label in _LABELS.items():
        value = document.get(key)
        if value and (key != "known_from" or document["created_time"]):
            click.echo(f"{label:<14}{', '.join(value) if isinstance(value, list) else value}")
    click.echo()
    features = document["features"]
    columns = [c for c in ("name", "type", "default", "description") if any(f.get(c) is not None for f in features)]
    print_table(["feature", *columns[1:]], [[f.get(c) for c in columns] for f in features])
    click.echo()
    rows = [(v["version"][:_SHORT], number(v["rows"]), v["created_at"], _status(v)) for v in document["versions"]]
    if rows:
        print_table(["version", "rows", "made at", ""], rows, numeric=[1])
    else:
        click.echo("not built yet")


def _status(version: Mapping[str, Any]) -> str:
    if version["current"]:
        return "published"
    return "rejected by its audits" if version["rejected"] else ""


def stats_text(stats: Stats) -> None:
    """One line a column."""
    compared = f" against {stats.against[:_SHORT]}" if stats.against else ""
    click.echo(f"{stats.node}  version {stats.version[:_SHORT]}{compared}  {number(stats.rows)} rows\n")
    head = ["column", "type", "nulls", "distinct", "min", "p5", "p25", "p50", "p75", "p95", "max"]
    rows = []
    for column in stats.columns:
        share = f"{100 * column.nulls / stats.rows:.1f}%" if stats.rows else ""
        quantiles = [_shown(column.quantiles.get(q)) for q in head[5:10]]
        found = [column.column, column.type, share, number(column.distinct), _shown(column.minimum), *quantiles, _shown(column.maximum)]
        rows.append([*found, *([_drift(column.psi)] if stats.against else [])])
    print_table([*head, *(["drift (PSI)"] if stats.against else [])], rows, numeric=range(2, 11))


def _shown(value: Any) -> str:
    """A value in few characters."""
    return f"{value:,.4g}" if isinstance(value, float) else cell(value)


def _drift(psi: float | None) -> str:
    if psi is None:
        return "not comparable"
    return f"{psi:.3f}{'  much' if psi >= _MUCH else '  some' if psi >= _SOME else ''}"
