"""`seeknal run`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_environments
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, print_json
from seeknal.cli.windows import window_options
from seeknal.state.environments import PROD, check_name

if TYPE_CHECKING:
    from types import FrameType

    from seeknal.api import Project, RunOptions
    from seeknal.cli.options import Invocation
    from seeknal.cli.windows import Asked
    from seeknal.nodes import NodeId
    from seeknal.run.results import RunResult

DAY = 24 * 3600.0
_SHOWN_NODES, _SHOWN_ROWS = 5, 5


@click.command()
@click.option(
    "--env", "environment", metavar="ENV", shell_complete=complete_environments, help="The environment to run in (default: prod)."
)
@click.option("--select", "-s", "selector", metavar="SELECTOR", help="Only these nodes: names, tag:x, +x, x+, state:modified …")
@click.option("--nodes", metavar="A,B", help="Only these nodes, by name.")
@click.option("--exclude", metavar="SELECTOR", help="Not these nodes.")
@click.option("--full", is_flag=True, help="Build the selected nodes even where nothing changed.")
@window_options
@click.option("--retry", is_flag=True, help="Only what failed or was skipped in the last run.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="How many nodes at the same time.")
@click.option("--parallel/--no-parallel", default=None, help="Build independent nodes at the same time (default).")
@click.option("--memory-limit", metavar="AMOUNT", help="What the engine may use, such as 4GB.")
@click.option("--continue-on-error", is_flag=True, help="Build what does not depend on a failed node.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--force", is_flag=True, help="Run although the plan that was saved for ENV is stale.")
@click.option("--wait", is_flag=True, help="Wait for another run to end instead of giving up.")
@as_json
@shared_options
@click.pass_context
def run(
    ctx: click.Context,
    environment: str | None,
    selector: str | None,
    nodes: str | None,
    exclude: str | None,
    full: bool,
    asked: Asked,
    retry: bool,
    workers: int | None,
    parallel: bool | None,
    memory_limit: str | None,
    continue_on_error: bool,
    dry_run: bool,
    force: bool,
    wait: bool,
    format_: str,
) -> int:
    """Build what changed, check it, publish it.

    With --env it is published in that environment, which is made from prod where there is none of the name. A plan that was saved for it is run, unless
    nodes are selected here.

    Exit code 0: done; 1: a node or an audit failed; 2: the project is wrong or the saved plan stale, and nothing was touched; 3: some nodes failed and
    --continue-on-error built the others; 4: another run is at it.

    Nodes with schedule and time_column are built window by window: those that are due and missing. --start and --end limit which, and fill every gap between
    them; with --restate they are built again, and with them the windows that they touch in whatever reads them.
    """
    from seeknal.api import RunOptions

    invocation = invocation_of(ctx)
    project = invocation.project()
    name = PROD if environment is None else environment
    check_name(name)
    chosen = _selected(project, selector, nodes, exclude, name, retry=retry)
    windows, chosen = asked.request(project, chosen)
    if dry_run:
        from seeknal.cli.plan import print_plan

        print_plan(
            project,
            project.plan(selected=chosen, full=full, environment=name, now=asked.as_of, windows=windows),
            invocation,
            format_,
        )
        return 0
    options = RunOptions(
        selected=chosen,
        full=full,
        workers=1 if parallel is False else workers,
        continue_on_error=continue_on_error,
        wait_seconds=DAY if wait else 0.0,
        memory_limit=_memory(memory_limit),
        environment=environment,
        force=force,
        now=asked.as_of,
        windows=windows,
    )
    return execute(project, options, invocation, format_)


def execute(project: Project, options: RunOptions, invocation: Invocation, format_: str) -> int:
    """Run, show how it goes and what came of it. Returns the exit code."""
    from seeknal.cli.progress import Progress, summary

    progress = Progress(invocation, project.root)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = project.run(options, progress)
    finally:
        progress.close()
    if not invocation.quiet and invocation.log_format == "text" and format_ == "text":
        _show_failing(project, result)
    for text in result.notices:
        note(f"warning: {text}")
    if format_ == "json":
        print_json(result.to_json())
    else:
        (note if invocation.log_format == "json" else click.echo)(summary(result))
    wanted = options.windows.restate
    if wanted and result.exit_code == 0 and all(n.status != "built" for n in result.nodes if n.id in wanted):
        note(f"warning: nothing was restated: no window of {', '.join(sorted(wanted))} in that time is due")
    return result.exit_code


def _show_failing(project: Project, result: RunResult) -> None:
    """A few of the rows for which nodes failed their audits."""
    failed = [(n.id, n.key) for n in result.nodes if n.status == "failed" and n.key is not None]
    if not failed:
        return
    from seeknal.cli.audit import print_failing
    from seeknal.run.checking import failing_rows

    for node, key in failed[:_SHOWN_NODES]:
        for checked in failing_rows(project, node, key, _SHOWN_ROWS):
            if checked.blocks:
                print_failing(checked, err=True)


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM stops a run as Ctrl-C does. Once is enough: what is being put in order must not be cut off by another."""
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _memory(amount: str | None) -> str | None:
    if amount is None:
        return None
    from seeknal.project.config import check_memory

    try:
        return check_memory(amount)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--memory-limit") from None


def _selected(
    project: Project, selector: str | None, nodes: str | None, exclude: str | None, environment: str, *, retry: bool
) -> frozenset[NodeId] | None:
    if retry:
        from seeknal.run.history import unfinished

        again = frozenset(n for n in unfinished(project.target, environment) if n in project.nodes)
        if not again:
            note("nothing to retry: nothing failed in the last run")
        chosen = project.select(selector, exclude, environment)
        return again if chosen is None else again & chosen
    if nodes is not None:
        listed = " ".join(project.find(name.strip()).id for name in nodes.split(",") if name.strip())
        selector = f"{selector} {listed}" if selector else listed
    chosen = project.select(selector, exclude, environment)
    if chosen is not None and not chosen:
        note(f"warning: no node matches '{selector or ''}'" + (f" without '{exclude}'" if exclude else ""))
    return chosen
