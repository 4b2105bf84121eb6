"""`seeknal test`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_tests
from seeknal.cli.options import invocation_of, shared_options
from seeknal.cli.output import colored, note, plural, print_json, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.api import Project
    from seeknal.cli.options import Invocation
    from seeknal.unit_tests.model import InvalidTest, TestOutcome, UnitTest

_SHADES = {"passed": "green", "failed": "red", "error": "red", "invalid": "red"}


@click.command()
@click.argument("selector", nargs=-1, shell_complete=complete_tests)
@click.option(
    "--update", is_flag=True, help="Write what comes out now into the tests that fail. Look at the difference before you commit it."
)
@click.option("--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("--workers", type=click.IntRange(1), help="How many tests run at once (default: one a core).")
@shared_options
@click.pass_context
def test(ctx: click.Context, selector: tuple[str, ...], update: bool, format_: str, workers: int | None) -> int:
    """Run the unit tests in tests/*.yml, or those that SELECTOR names.

    SELECTOR is a test's name, a file of tests, or a selector of nodes. Tests run in memory; none reads the project's data. Exit code 1: a
    test did not pass. 2: a test is itself wrong; the others have run all the same.
    """
    from seeknal.unit_tests.loading import load_tests
    from seeknal.unit_tests.reporting import document, exit_code, junit
    from seeknal.unit_tests.running import run_tests
    from seeknal.unit_tests.selecting import select_tests

    invocation = invocation_of(ctx)
    project = invocation.project()
    begun = time.perf_counter()
    tests, invalid = select_tests(project, *load_tests(project), selector)
    outcomes = run_tests(project, tests, invalid, workers=workers)
    if update:
        outcomes = _updated(project, tests, invalid, outcomes)
    took = time.perf_counter() - begun
    if format_ == "json":
        print_json(document(outcomes, took))
    elif format_ == "junit":
        click.echo(junit(outcomes, project.root))
    else:
        _print(outcomes, took, project, invocation)
    return exit_code(outcomes)


def _updated(project: Project, tests: Sequence[UnitTest], invalid: Sequence[InvalidTest], outcomes: list[TestOutcome]) -> list[TestOutcome]:
    """Rewrite what failing tests expect, say what was written, and run them again."""
    from seeknal.unit_tests.loading import load_tests
    from seeknal.unit_tests.running import run_tests
    from seeknal.unit_tests.updating import update_tests

    failing = {(o.node, o.name): o for o in outcomes if o.status == "failed"}
    if not failing:
        note("nothing to update: no test fails by what comes out")
        return outcomes
    for line in update_tests(project, [(t, failing[t.node.id, t.name]) for t in tests if (t.node.id, t.name) in failing]):
        note(line)
    ran = {(t.node.id, t.name) for t in tests}
    again, broken = load_tests(project)
    kept = {i.at for i in invalid}
    return run_tests(project, [t for t in again if (t.node.id, t.name) in ran], [i for i in broken if i.at in kept])


def _print(outcomes: Sequence[TestOutcome], took: float, project: Project, invocation: Invocation) -> None:
    from seeknal.unit_tests.reporting import STATUSES, counts, explained

    if not outcomes:
        note("there are no tests: write tests/NAME.yml, or begin with `seeknal create-test NODE`")
        return
    color = colored(invocation.color)
    for outcome in outcomes:
        if outcome.status != "passed" or invocation.verbose:
            word = click.style(outcome.status, fg=_SHADES[outcome.status]) if color else outcome.status
            click.echo(f"{word}  {outcome.id}  ({outcome.at.path}:{outcome.at.line})  {seconds(outcome.seconds)}")
        if outcome.status != "passed":
            click.echo(f"{explained(outcome, project.root)}\n")
    found = counts(outcomes)
    parts = [f"{found[s]:,} {s}" for s in STATUSES if found[s] or s in ("passed", "failed")]
    click.echo(f"Done in {seconds(took)}: {plural(len(outcomes), 'test')}, {', '.join(parts)}.")
