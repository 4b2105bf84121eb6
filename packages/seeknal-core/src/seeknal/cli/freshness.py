"""`seeknal freshness`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import as_json, env_option, invocation_of, shared_options
from seeknal.cli.output import note, print_json, print_table
from seeknal.errors import EXIT_FAILED, explain

if TYPE_CHECKING:
    from seeknal.run.freshness import Aged

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@click.command()
@click.argument("selector", required=False, nargs=-1, shell_complete=complete_nodes)
@env_option
@as_json
@shared_options
@click.pass_context
def freshness(ctx: click.Context, selector: tuple[str, ...], environment: str, format_: str) -> int:
    """Check how old the newest data of sources is, of all that say `freshness` or those a SELECTOR names.

    It is the data as it was last read: nothing is read anew.

    Exit code 1: a source is older than its error_after, or it cannot be told.
    """
    from seeknal.run.freshness import check_freshness

    project = invocation_of(ctx).project()
    chosen = project.select(" ".join(selector) if selector else None, environment=environment)
    found = check_freshness(project, chosen, environment)
    if format_ == "json":
        print_json([_document(a) for a in found])
    elif not found:
        note("nothing to check: no source that was named says how fresh it must be")
    else:
        rows = [(a.node, a.status, a.newest, age(a.age_seconds), a.freshness.warn_after, a.freshness.error_after) for a in found]
        print_table(["source", "status", "newest", "age", "warn after", "error after"], rows, numeric=(3, 4, 5))
        for error in (explain(a.error, project.root) for a in found if a.error is not None):
            note(str(error))
    return EXIT_FAILED if any(a.blocks for a in found) else 0


def _document(aged: Aged) -> dict[str, Any]:
    return {
        "node": aged.node,
        "status": aged.status,
        "time_column": aged.freshness.time_column,
        "newest": aged.newest,
        "age_seconds": aged.age_seconds,
        "warn_after": aged.freshness.warn_after,
        "error_after": aged.freshness.error_after,
        "error": None if aged.error is None else aged.error.message,
    }


def age(seconds: float | None) -> str:
    """How old something is, in its two largest units."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // _DAY, whole % _DAY // _HOUR, whole % _HOUR // _MINUTE
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % _MINUTE} s"
