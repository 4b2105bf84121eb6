"""`seeknal starrocks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from seeknal.cli.options import invocation_of, shared_options
from seeknal.errors import ConnectionFailed, ProjectError

if TYPE_CHECKING:
    from seeknal_starrocks.settings import Login


@click.group()
@shared_options
def starrocks() -> None:
    """Look after a StarRocks cluster."""


@starrocks.command("setup-catalog")
@click.argument("connection")
@click.option("--catalog", metavar="NAME", help="The catalog's name (default: the connection's `catalog`).")
@click.option("--show-secrets", is_flag=True, help="Print secrets instead of placeholders.")
@click.option("--execute", is_flag=True, help="Run the statement instead of printing it.")
@shared_options
@click.pass_context
def setup_catalog(ctx: click.Context, connection: str, catalog: str | None, show_secrets: bool, execute: bool) -> int:
    """Print the statement that creates an external catalog for Iceberg, from the `iceberg` settings of CONNECTION, or run it.

    A catalog that exists is left as it is.
    """
    from seeknal.cli.connection import find_connection  # start-up time
    from seeknal.connections import hidden, named
    from seeknal_starrocks.catalogs import catalog_statement, secrets_in
    from seeknal_starrocks.settings import DEFAULT_CATALOG, Login

    settings = find_connection(invocation_of(ctx).project(), connection)
    if settings.type != "starrocks":
        raise ProjectError("SK-KIND-001", f"connection '{connection}' is of type {settings.type}, not starrocks", at=settings.at)
    values = settings.resolved()
    iceberg = values.get("iceberg")
    secrets = secrets_in(iceberg) if isinstance(iceberg, dict) else []
    try:
        login = Login.of(values)
        name = catalog or login.catalog
        statement = catalog_statement(name or "", iceberg, show_secrets=show_secrets or execute)
        if name is None or name == DEFAULT_CATALOG:
            raise ProjectError(
                "SK-KEY-002", "the catalog has no name", at=settings.at, hint="set `catalog` in profiles.yml, or say --catalog NAME"
            )
        if not execute:
            click.echo(f"{statement};")
            return 0
        _run(login, statement, catalog_statement(name, iceberg, show_secrets=False))
    except ConnectionFailed as error:
        raise hidden(named(error, connection, settings.at), [*secrets, login_password(values)]) from None
    click.echo(f"catalog '{name}' is there")
    return 0


def login_password(values: dict[str, object]) -> str:
    """The password, for taking it out of messages; a text that occurs nowhere where there is none."""
    return str(values.get("password") or "\0")


def _run(login: Login, statement: str, shown: str) -> None:
    """Run it outside of any catalog and database: the one it creates may be the one that is set. Errors have `shown`."""
    from dataclasses import replace
    from functools import partial

    from seeknal_drivers.mysql.connecting import closing
    from seeknal_starrocks import wire

    login = replace(login, catalog=None, database=None)
    connection, _ = wire.connect(login)
    with closing(connection, partial(wire.explain, login, statement=shown)):
        wire.rows(connection, statement)
