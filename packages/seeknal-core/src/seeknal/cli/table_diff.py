"""`seeknal table-diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.completion import complete_environments, complete_nodes
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, number, numeric_columns, print_json, print_table
from seeknal.errors import EXIT_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.run.comparison import Comparison, SampleRow, Side

_PREFIX = 16


def _listed(ctx: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    """Names that were given one by one, separated by commas, or both."""
    del ctx, parameter
    return tuple(dict.fromkeys(name.strip() for text in value for name in text.split(",") if name.strip()))


def _tolerance(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 <= value < float("inf"):
        message = "must be 0 or a positive number"
        raise click.BadParameter(message, ctx, parameter)
    return value


@click.command(name="table-diff")
@click.argument("node", shell_complete=complete_nodes)
@click.argument("other", required=False, shell_complete=complete_nodes)
@click.option(
    "--env", "environments", metavar="ENV", multiple=True, shell_complete=complete_environments,
    help="What this environment publishes; give it twice for old and new.",
)  # fmt: skip
@click.option("--on", metavar="COLUMNS", multiple=True, callback=_listed, help="Match rows by these columns (a,b).")
@click.option("--columns", metavar="COLUMNS", multiple=True, callback=_listed, help="Compare these columns only (a,b).")
@click.option(
    "--exclude-columns", "exclude", metavar="COLUMNS", multiple=True, callback=_listed, help="Do not compare these columns (a,b)."
)
@click.option(
    "--tolerance", type=float, default=0.0, callback=_tolerance, metavar="NUMBER",
    help="Floats are equal that lie no further apart, absolutely or relatively.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, help="How many rows each sample shows.")
@click.option("--fail", is_flag=True, help="Exit with 1 when there is a difference.")
@as_json
@shared_options
@click.pass_context
def table_diff(
    ctx: click.Context,
    node: str,
    other: str | None,
    environments: tuple[str, ...],
    on: tuple[str, ...],
    columns: tuple[str, ...],
    exclude: tuple[str, ...],
    tolerance: float,
    limit: int,
    fail: bool,
    format_: str,
) -> int:
    """Compare the data of two outputs of NODE: rows, columns and values, with samples.

    With two --env, the first is old and the second new; with one, prod is old. Without --env, what prod publishes is compared with the
    newest output of NODE besides it. With OTHER, the output of NODE is old, that of OTHER new, both from prod or the --env named.

    Rows are matched by the columns of --on, or else of the node's `unique` audit; without either, whole rows are compared and duplicates
    counted. The exit code is 0 whether or not there are differences; see --fail.
    """
    from seeknal.run.comparing import CompareOptions  # start-up time

    project = invocation_of(ctx).project()
    options = CompareOptions(on, columns, exclude, tolerance, limit)
    found = project.compare(node, other, environments=environments, options=options)
    for text in found.warnings:
        note(f"warning: {text}")
    if format_ == "json":
        print_json(found.to_json())
    else:
        _print(found)
    return EXIT_FAILED if fail and found.differs else 0


def _print(found: Comparison) -> None:
    sides = [("old", found.old), ("new", found.new)]
    print_table(["", "node", "output", "rows", "created", "key"], [(word, *_side(side)) for word, side in sides], numeric=(3,))
    columns: list[tuple[str, str, str | None, str | None]] = [("removed", c.name, c.type, None) for c in found.columns_removed]
    columns += [("added", c.name, None, c.type) for c in found.columns_added]
    columns += [("retyped", c.name, c.old, c.new) for c in found.columns_retyped]
    if columns:
        _section("columns")
        print_table(["", "column", "old", "new"], columns)
    _section(f"rows, matched by {', '.join(found.key)}" if found.key else "rows, compared whole")
    counts = [
        ("removed", found.removed),
        ("added", found.added),
        *([("changed", found.changed)] if found.key else []),
        ("equal", found.equal),
    ]
    print_table(["", "rows"], counts, numeric=(1,))
    values = [(name, number(count), f"{found.percent(name):,.2f} %") for name, count in found.differing.items() if count]
    if values:
        _section("values that differ in matched rows")
        print_table(["column", "rows", "percent"], values, numeric=(1, 2))
    _print_samples(found)


def _print_samples(found: Comparison) -> None:
    if found.changed_rows:
        _section(_first("changed", len(found.changed_rows), found.changed))
        changed = [
            (*map(_shown, row.key.values()), name, f"{_shown(old)} → {_shown(new)}")
            for row in found.changed_rows
            for name, (old, new) in row.values.items()
        ]
        print_table([*found.key, "column", "old → new"], changed)
    for word, rows, count in (("removed", found.removed_rows, found.removed), ("added", found.added_rows, found.added)):
        if rows:
            _section(_first(word, sum(r.copies for r in rows), count))
            _print_rows(rows)


def _print_rows(rows: Sequence[SampleRow]) -> None:
    """Rows as they are, and how many copies where one stands there several times."""
    from seeknal.protocols import Rows  # start-up time

    names = list(rows[0].row)
    repeated = any(r.copies > 1 for r in rows)
    cells = [[*(_shown(r.row[n]) for n in names), *([number(r.copies)] if repeated else [])] for r in rows]
    numeric = numeric_columns(Rows(tuple(names), [tuple(r.row.values()) for r in rows]))
    print_table([*names, *(["(copies)"] if repeated else [])], cells, numeric=[*numeric, len(names)] if repeated else numeric)


def _section(title: str) -> None:
    click.echo(f"\n{title}")


def _first(word: str, shown: int, count: int) -> str:
    return f"{word} rows" + (f", the first {shown:,} of {count:,}" if shown < count else "")


def _side(side: Side) -> tuple[str, str, str, str, str]:
    where = side.environment or "earlier"
    return side.node, where, number(side.rows), side.created_at or "view", side.key[:_PREFIX]


def _shown(value: Any) -> str:
    """A value as it is: NULL is told from empty text."""
    from seeknal.cli.output import cell

    return "NULL" if value is None else cell(value)
