"""`seeknal plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.changes import change_document, counted, print_changes
from seeknal.cli.completion import complete_environments
from seeknal.cli.options import Invocation, as_json, invocation_of, shared_options
from seeknal.cli.output import colored, note, plural, print_json
from seeknal.cli.windows import Asked, window_options
from seeknal.intervals.windowing import described, told
from seeknal.state.environments import PROD, check_name

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.plan.planner import Decision, Plan

_MARKS = {"build": ("+", "green"), "may_build": ("?", "yellow"), "reuse": ("=", "bright_black"), "skip": ("-", "bright_black")}


@click.command()
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=complete_environments)
@click.option("--select", "-s", "selector", metavar="SELECTOR", help="Only these nodes.")
@click.option("--exclude", metavar="SELECTOR", help="Not these nodes.")
@click.option("--full", is_flag=True, help="As for `run --full`.")
@window_options
@click.option("--sql", is_flag=True, help="Show the SQL of the nodes that would be built.")
@as_json
@shared_options
@click.pass_context
def plan(
    ctx: click.Context,
    environment: str | None,
    selector: str | None,
    exclude: str | None,
    full: bool,
    asked: Asked,
    sql: bool,
    format_: str,
) -> int:
    """Show what a run would do, and why. Builds nothing.

    With ENV the plan is for that environment, which need not exist yet, and saved: `run --env ENV` runs it, or says that it is stale.
    A plan for certain windows, or for another time, is shown only: give the run the same options.
    """
    invocation = invocation_of(ctx)
    project = invocation.project()
    name = PROD if environment is None else environment
    check_name(name)
    selected = project.select(selector, exclude, name)
    windows, selected = asked.request(project, selected)
    save = environment is not None and asked == Asked()
    found = project.plan(selected=selected, full=full, environment=name, save=save, now=asked.as_of, windows=windows)
    print_plan(project, found, invocation, format_, sql=sql)
    if environment is not None and format_ == "text" and not invocation.quiet:
        kept = f"The plan is saved: `seeknal run --env {name}` runs it."
        note(kept if save else f"The plan is not saved: give `seeknal run --env {name}` the same options.")
    return 0


def print_plan(project: Project, plan: Plan, invocation: Invocation, format_: str, *, sql: bool = False) -> None:
    """Print a plan as text or JSON."""
    for text in plan.notices:
        note(f"warning: {text}")
    if format_ == "json":
        print_json(plan_document(plan))
        return
    for text in plan.stale:
        note(f"warning: the plan that was saved for '{plan.environment}' is stale: {text}")
    counts = plan.counts
    audits = [d.audits for d in plan.decisions.values()]
    color = colored(invocation.color)
    print_changes(plan.changes, color=color, verbose=invocation.verbose)
    for node, decision in plan.decisions.items():
        if (
            decision.action in ("reuse", "skip")
            and decision.audits == "known"
            and not is_published_anew(decision)
            and not (invocation.verbose or "upstream failed" in decision.reason)
        ):
            continue
        mark, label, shade, reason = _shown(decision)
        line = f"{mark} {label:<9}  {node}  ({reason})"
        click.echo(click.style(line, fg=shade) if color else line)
        query = getattr(project.nodes[node].logic, "sql", None)
        if sql and query and decision.action != "reuse":
            from seeknal.sql.moments import as_written  # start-up time

            click.echo("\n".join(f"      {part}" for part in as_written(query.strip()).splitlines()))
    for node in plan.removed:
        click.echo(f"- remove     {node}  (no longer in the project)")
    if any(c.change in ("modified", "indirect") for c in plan.changes.values()):
        click.echo(counted(plan.changes))
    anew = sum(map(is_published_anew, plan.decisions.values()))
    click.echo(_total(counts, len(plan.removed), audits.count("missing"), audits.count("failed"), anew))
    if any(d.windows is not None for d in plan.decisions.values()):
        _print_left_out(plan)


def _print_left_out(plan: Plan) -> None:
    from seeknal.run.intervals import left_out  # start-up time

    for status in left_out(plan):
        click.echo(f"Left to --backfill: {status.node}, {described(status.left, status.windowing)}.")


def is_published_anew(decision: Decision) -> bool:
    """Whether an output that exists is another than the environment publishes now."""
    return (
        decision.action == "reuse" and decision.artifact is not None and decision.audits == "known" and decision.reason[:9] != "unchanged"
    )


def _shown(decision: Decision) -> tuple[str, str, str, str]:
    """A decision's mark, label, colour and reason."""
    if decision.audits == "missing":
        return "~", "audit", "yellow", "audits that this output has not been through"
    if decision.audits == "failed":
        return "!", "fails", "red", "an audit failed on this data before"
    if is_published_anew(decision):
        return "=", "publish", "green", f"{decision.reason}; its output exists"
    mark, shade = _MARKS[decision.action]
    return mark, decision.action.replace("_", " "), shade, decision.reason


def _total(counts: dict[str, int], removed: int, audits: int, failed: int, anew: int) -> str:
    if not any((counts["build"], counts["may_build"], removed, audits, failed, anew)):
        return f"Nothing to do: {plural(counts['reuse'], 'node')} up to date."
    up_to_date = counts["reuse"] - audits - failed - anew
    parts = [f"{counts['build']:,} to build", f"{counts['may_build']:,} may build", f"{up_to_date:,} up to date"]
    parts += [f"{anew:,} to publish"] if anew else []
    parts += [f"{audits:,} to audit"] if audits else []
    parts += [f"{failed:,} failing"] if failed else []
    parts += [f"{counts['skip']:,} skipped"] if counts["skip"] else []
    parts += [f"{removed:,} to remove"] if removed else []
    return f"Plan for {plural(sum(counts[action] for action in _MARKS), 'node')}: {', '.join(parts)}."


def plan_document(plan: Plan) -> dict[str, Any]:
    """The JSON form."""
    changes = [change_document(change) for _, change in sorted(plan.changes.items())]
    nodes = [
        {"id": n, "action": d.action, "reason": d.reason, "audits": d.audits, "intervals": [[told(s), told(e)] for s, e in d.intervals]}
        for n, d in plan.decisions.items()
    ]
    return {
        "environment": plan.environment, "base": plan.base, "stale": bool(plan.stale), "changes": changes, "nodes": nodes, "summary": plan.counts,
    }  # fmt: skip
