"""`seeknal env`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.apply import apply_environment
from seeknal.cli.completion import complete_environments
from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import note, plural, print_json, print_table
from seeknal.cli.plan import plan
from seeknal.cli.promote import confirmed, counted, print_moves, promote
from seeknal.errors import EXIT_FAILED
from seeknal.state.environments import PROD, Environment, stamp

if TYPE_CHECKING:
    from seeknal.api import Project
    from seeknal.state.model import Snapshot

_ENV = click.argument("environment", metavar="ENV", shell_complete=complete_environments)


@click.group()
@shared_options
def env() -> None:
    """Look after environments: what each publishes, beside the others."""


env.add_command(plan)
env.add_command(promote)


@env.command(name="list")
@as_json
@shared_options
@click.pass_context
def list_environments(ctx: click.Context, format_: str) -> int:
    """List environments."""
    project = invocation_of(ctx).project()
    snapshot = project.state.read()
    documents = [_document(project, snapshot, e) for e in _known(snapshot)]
    if format_ == "json":
        print_json(documents)
        return 0
    rows = [(d["name"], d["status"], d["nodes"], d["differing"], d["updated"] or "", d["expires"] or "never") for d in documents]
    print_table(["environment", "status", "nodes", "not as prod", "last run", "expires"], rows, numeric=(2, 3))
    return 0


@env.command()
@_ENV
@as_json
@shared_options
@click.pass_context
def show(ctx: click.Context, environment: str, format_: str) -> int:
    """Show what is known of ENV, and in which nodes it differs from prod."""
    project = invocation_of(ctx).project()
    snapshot = project.state.read()
    row = next((e for e in _known(snapshot) if e.name == environment), None)
    if row is None:
        snapshot.require(environment)
    document = _document(project, snapshot, row or Environment(environment, ""))
    own, prod = snapshot.keys(environment), snapshot.keys(PROD)
    listed = [{"id": n, "key": own.get(n), "prod_key": prod.get(n)} for n in sorted({*own, *prod})]
    document["pointers"] = [n for n in listed if n["key"] is not None or environment != PROD]
    if format_ == "json":
        print_json(document)
        return 0
    facts = {**document, "plan": _plan_line(document["plan"]), "failed": ", ".join(document["failed"]), "rollback": document["rollback"]}
    print_table(["", ""], [(k, v) for k, v in facts.items() if k != "pointers" and v not in (None, "")])
    differing = [(n["id"], _cut(n["prod_key"]), _cut(n["key"])) for n in document["pointers"] if n["key"] != n["prod_key"]]
    if differing:
        click.echo("")
        print_table(["node", "prod", environment], differing)
    return 0


@env.command()
@_ENV
@click.option("--force", is_flag=True, help="Run although the plan that was saved for ENV is stale.")
@click.option("--continue-on-error", is_flag=True, help="Build what does not depend on a failed node.")
@click.option("--wait", is_flag=True, help="Wait for another run to end instead of giving up.")
@as_json
@shared_options
@click.pass_context
def apply(ctx: click.Context, environment: str, force: bool, continue_on_error: bool, wait: bool, format_: str) -> int:
    """Run in ENV, as `run --env ENV` does."""
    return apply_environment(invocation_of(ctx), environment, format_, force=force, continue_on_error=continue_on_error, wait=wait)


@env.command()
@_ENV
@click.option("--dry-run", is_flag=True, help="Show what would change and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@shared_options
@click.pass_context
def rollback(ctx: click.Context, environment: str, dry_run: bool, yes: bool, format_: str) -> int:
    """Make ENV publish what it did before the last promotion to it. Nothing is built; doing it again undoes it.

    The project is not changed: its next run publishes what the project says.
    """
    invocation = invocation_of(ctx)
    project = invocation.project()
    found = project.rollback(environment, dry_run=True)
    if format_ == "text":
        print_moves(found.moves, invocation)
    if not dry_run:
        if not confirmed(f"Take '{environment}' back?", yes=yes):
            return EXIT_FAILED
        found = project.rollback(environment)
    if format_ == "json":
        print_json(found.to_json())
    else:
        click.echo(f"'{environment}' {'would go' if dry_run else 'went'} back: {counted(found.moves)}.")
    return 0


@env.command()
@_ENV
@click.option("--dry-run", is_flag=True, help="Show what would be deleted and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared_options
@click.pass_context
def delete(ctx: click.Context, environment: str, dry_run: bool, yes: bool) -> int:
    """Delete ENV. Outputs that others share stay."""
    from seeknal.run.environments import check_deletable

    project = invocation_of(ctx).project()
    snapshot = project.state.read()
    check_deletable(snapshot, environment)
    if dry_run:
        click.echo(f"'{environment}' would be deleted: it points to {plural(len(snapshot.keys(environment)), 'output')}")
        return 0
    if not confirmed(f"Delete '{environment}'?", yes=yes):
        return EXIT_FAILED
    count = project.delete_environment(environment)
    click.echo(f"'{environment}' is deleted; it pointed to {plural(count, 'output')}")
    note("what no other environment points to stays in target/cache until it is cleaned")
    return 0


def _known(snapshot: Snapshot) -> list[Environment]:
    """Every environment, prod first; also those that were only planned."""
    names = {PROD, *snapshot.environments(), *snapshot.tables["plans"]}
    rows = [snapshot.environment(n) or Environment(n, "", base=None if n == PROD else PROD) for n in names]
    return sorted(rows, key=lambda e: (e.name != PROD, e.name))


def _document(project: Project, snapshot: Snapshot, row: Environment) -> dict[str, Any]:
    from seeknal.plan.saved import saved_plan
    from seeknal.run.history import last_run

    own, prod = snapshot.keys(row.name), snapshot.keys(PROD)
    saved = saved_plan(snapshot, row.name)
    holder = project.state.holder(row.name)
    plan_ = None
    if saved is not None:
        plan_ = {"created": saved.created, "digest": saved.digest, "summary": dict(saved.summary or {})}
    exists = row.name == PROD or row.name in snapshot.tables["environments"]
    run = last_run(project.target, row.name) if row.updated is None else None
    last = row.updated if run is None else stamp(datetime.fromisoformat(run["started_at"]))
    return {
        "name": row.name, "status": _status(row, exists=exists, held=holder is not None), "base": row.base, "created": row.created or None,
        "updated": last, "expires": row.expires, "nodes": len(own),
        "differing": sum(own.get(n) != prod.get(n) for n in {*own, *prod}) if exists else 0, "failed": list(row.failed),
        "moved_by": row.moved_by, "moved_at": row.moved_at, "rollback": bool(snapshot.documents("previous", row.name)), "plan": plan_,
        "holder": str(holder) if holder else None,
    }  # fmt: skip


def _status(row: Environment, *, exists: bool, held: bool) -> str:
    if not exists:
        return "planned"
    if held:
        return "running"
    if row.is_expired(datetime.now(UTC)):
        return "expired"
    return "cut off" if row.progress == "running" else row.progress


def _plan_line(document: dict[str, Any] | None) -> str | None:
    if document is None:
        return None
    parts = [f"{count:,} to {action.replace('_', ' ')}" for action, count in document["summary"].items() if count and action != "skip"]
    return f"saved at {document['created']}: {', '.join(parts) or 'nothing to do'}"


def _cut(key: str | None) -> str:
    return "" if key is None else key[:16]
