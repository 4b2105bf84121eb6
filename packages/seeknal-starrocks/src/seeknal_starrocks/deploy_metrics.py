"""`seeknal deploy-metrics`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from seeknal.cli.connection import complete_connections, find_connection
from seeknal.cli.options import invocation_of, shared_options
from seeknal.errors import ConnectionFailed, PluginError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.api import Project
    from seeknal_starrocks.driver import StarRocksConnection
    from seeknal_starrocks.metrics import Served
    from seeknal_starrocks.names import TableName
    from seeknal_starrocks.serving import Step

_UNREACHABLE = "SK-CONN-001"


@click.command("deploy-metrics")
@click.option("--connection", required=True, metavar="NAME", shell_complete=complete_connections, help="A connection of type starrocks.")
@click.option("--metrics", metavar="A,B", help="These only (default: all metrics of the project).")
@click.option(
    "--refresh", metavar="SCHEME", help="When views are brought up to date: ASYNC, MANUAL, EVERY(INTERVAL 5 MINUTE).  [default: ASYNC]"
)
@click.option("--prune", is_flag=True, help="Drop views of this project's metrics that are defined no more.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, with its SQL, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before views are dropped by --prune.")
@shared_options
@click.pass_context
def deploy_metrics(
    ctx: click.Context, connection: str, metrics: str | None, refresh: str | None, *, prune: bool, dry_run: bool, yes: bool
) -> int:
    """Have StarRocks serve metrics: materialized views for simple ones, views over them for the rest.

    What is there and unchanged is left alone, what changed is dropped and created. Nothing that this project did not make is touched.
    """
    if prune and metrics is not None:
        message = "--prune cannot be used with --metrics: it would drop all the others"
        raise click.UsageError(message, ctx)
    from seeknal.connections import hidden, named, open_connection, secrets_of

    invocation = invocation_of(ctx)
    project = invocation.project()
    settings = find_connection(project, connection)
    if settings.type != "starrocks":
        raise ProjectError("SK-KIND-001", f"connection '{connection}' is of type {settings.type}, not starrocks", at=settings.at)
    type_ = project.loaded.registry.connection(settings.type, settings.at)
    driver: StarRocksConnection = open_connection(project.root, type_, settings)  # type: ignore[assignment]
    try:
        served = _served(project, driver, connection, refresh)
        names = [n for n in (part.strip() for part in metrics.split(",")) if n] if metrics is not None else list(served.catalog.metrics)
        if not names:
            raise ProjectError("SK-SEM-001", "there are no metrics to deploy", hint="define one, or name some with --metrics")
        return _deploy(project, driver, served, names, prune=prune, dry_run=dry_run, yes=yes)
    except ConnectionFailed as error:
        raise hidden(named(error, connection, settings.at), secrets_of(type_, settings.resolved())) from None
    finally:
        driver.close()


def _served(project: Project, driver: StarRocksConnection, connection: str, refresh: str | None) -> Served:
    """What views of metrics are made from. Raises ProjectError, ConnectionFailed."""
    try:
        from seeknal_semantic.outside import tables
        from seeknal_semantic.query import Asking
    except ModuleNotFoundError as error:
        if error.name != "seeknal_semantic":
            raise
        raise PluginError("SK-PLUGIN-001", "metrics need the package seeknal-semantic", hint="pip install seeknal-semantic") from None
    from seeknal_starrocks.exposures import refresh_of
    from seeknal_starrocks.metrics import Served

    try:
        scheme = refresh_of(refresh)
    except ValueError as error:
        raise ProjectError("SK-KEY-004", f"--refresh cannot be understood: {refresh}", hint=str(error)) from None
    asking = Asking(project)
    return Served(asking.catalog, tables(project, asking.catalog, connection), asking.types(), _database(driver), scheme)


def _database(driver: StarRocksConnection) -> str:
    if driver.login.database is None:
        from seeknal_starrocks import failures

        raise failures.unusable("views of metrics need a database", "set `database` in profiles.yml")
    return driver.login.database


def _deploy(
    project: Project, driver: StarRocksConnection, served: Served, names: Sequence[str], *, prune: bool, dry_run: bool, yes: bool
) -> int:
    from seeknal.cli.output import note
    from seeknal.cli.promote import confirmed
    from seeknal_starrocks import failures, serving
    from seeknal_starrocks.views import Views

    database, owner = served.database, project.loaded.settings.name
    try:
        with driver.connected() as connection:
            views = Views(driver.login, connection)
            found = serving.found_in(views, database)
            there = served.on(serving.column_types(views, _here(driver, served), database))
            definitions = serving.with_readers(there.definitions(names), partial(there.rest, names), database, found, owner)
            steps = serving.plan(definitions, database, found, owner, prune=prune)
            _show(steps, sql=dry_run)
            absent = serving.missing(definitions, database, found)
            if absent:
                hint = "an exposure of type starrocks_table loads a node's rows there: add one, or `seeknal run` if there is one"
                raise failures.not_there(f"metrics read what is not in {database}: {', '.join(absent)}", hint)
            dropped = [s.name for s in steps if s.action == "drop"]
            if dry_run or (dropped and not confirmed(f"Drop {', '.join(dropped)}?", yes=yes)):
                return 0
            serving.apply(views, steps)
    except ConnectionFailed as error:
        if not dry_run or error.code != _UNREACHABLE:
            raise
        unknown = [replace(s, reason="not compared") for s in serving.plan(served.definitions(names), database, {}, owner)]
        _show(unknown, sql=True)
        note(f"not compared with the server: {error.message}")
        return 0
    note(f"{sum(s.action != 'leave' for s in steps)} of {len(steps)} views changed in {database}")
    return 0


def _here(driver: StarRocksConnection, served: Served) -> dict[str, TableName]:
    """The tables of models whose columns the server can tell: those of its own catalog, by relation."""
    from seeknal_starrocks.names import TableName
    from seeknal_starrocks.settings import DEFAULT_CATALOG

    own = (None, "", DEFAULT_CATALOG)
    tables = {r: TableName(t.name, t.db or served.database, t.catalog or driver.login.catalog) for r, t in served.tables.items()}
    return {relation: table for relation, table in tables.items() if table.catalog in own}


def _show(steps: Sequence[Step], *, sql: bool) -> None:
    from seeknal.cli.output import print_table

    print_table(["view", "action", "why"], [(s.name, s.action, s.reason) for s in steps])
    if sql:
        for step in steps:
            for statement in step.statements:
                click.echo(f"\n{statement};")
