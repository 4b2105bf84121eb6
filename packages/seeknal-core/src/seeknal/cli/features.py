"""`seeknal features`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.completion import complete_nodes
from seeknal.cli.options import as_json, env_option, invocation_of, shared_options
from seeknal.cli.output import note, number, plural, print_json, print_rows

if TYPE_CHECKING:
    from seeknal.protocols import Session

FORMATS = {"parquet": "parquet", "csv": "csv", "json": "json", "jsonl": "jsonl", "ndjson": "jsonl"}


@click.group()
def features() -> None:
    """Features for machine learning: what there is, and what their values were at a time."""


@features.command()
@click.option("--features", "names", metavar="A.F,B.F", default="", help="Which: group.feature, or group.*; default: all of the entity.")
@click.option("--entity", metavar="NAME", help="Whom they are about; features of other entities are refused.")
@click.option(
    "--spine", metavar="FILE|NODE", required=True, help="Who is asked about, and as of when: parquet, csv, json, jsonl, or a node."
)
@click.option("--as-of", metavar="COLUMN", help="The spine's column of times; default: event_time, or the only one.")
@env_option
@click.option("--full-names", is_flag=True, help="Name columns group__feature.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write all rows: parquet, csv, json, jsonl."
)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many rows are shown; 0 means all.")
@click.option("--sql", "show_sql", is_flag=True, help="Print the query instead of its answer.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@shared_options
@click.pass_context
def get(
    ctx: click.Context,
    names: str,
    entity: str | None,
    spine: str,
    as_of: str | None,
    environment: str,
    full_names: bool,
    output: Path | None,
    limit: int,
    show_sql: bool,
    format_: str,
) -> int:
    """Show what features were known at the times of a spine.

    For each of its rows: the newest values at or before the row's time that are not older than their time to live, never a later one.
    """
    from seeknal.run.retrieval import Asked, answering

    if output is not None:
        _format_of(ctx, output)
    project = invocation_of(ctx).project()
    wanted = tuple(n.strip() for n in names.split(",") if n.strip())
    folders = [] if output is None else [output.absolute().parent]
    with answering(project, spine, Asked(wanted, entity, as_of, full_names, environment), folders) as (session, query):
        if show_sql:
            click.echo(query)
        else:
            _answer(ctx, session, query, output, limit, format_)
    return 0


@features.command("list")
@click.option("--entity", metavar="NAME", help="Only those of one entity.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@shared_options
@click.pass_context
def list_features(ctx: click.Context, entity: str | None, format_: str) -> int:
    """List features: the group, whom they are about, type, default and description."""
    from seeknal.protocols import Rows
    from seeknal.run.retrieval import feature_groups, members

    groups = feature_groups(invocation_of(ctx).project())
    chosen = list(groups.values()) if entity is None else members(groups, entity)
    rows = [
        (f"{g.name}.{f.name}", g.entity, f.type, f.default, f.description)
        for g in sorted(chosen, key=lambda g: (g.entity, g.name))
        for f in g.features
    ]
    print_rows(Rows(("feature", "entity", "type", "default", "description"), rows), format_)
    return 0


@features.command()
@click.argument("name", metavar="GROUP|TRAINING_SET", shell_complete=complete_nodes)
@env_option
@as_json
@shared_options
@click.pass_context
def describe(ctx: click.Context, name: str, environment: str, format_: str) -> int:
    """Show what a feature group or a training set says, and the versions of its rows that exist."""
    from seeknal.cli.features_text import describe_text
    from seeknal.run.describing import describe as described

    document = described(invocation_of(ctx).project(), name, environment)
    if format_ == "json":
        print_json(document)
    else:
        describe_text(document)
    return 0


@features.command()
@click.argument("name", metavar="NAME[.FEATURE]", shell_complete=complete_nodes)
@click.option("--version", metavar="KEY", help="Of an earlier version, by the beginning of its key; default: what is published.")
@click.option("--against", metavar="KEY", help="Compare with this version, or with `previous`: drift as population stability index.")
@env_option
@as_json
@shared_options
@click.pass_context
def stats(ctx: click.Context, name: str, version: str | None, against: str | None, environment: str, format_: str) -> int:
    """Show what the values of features look like: NULLs, distinct values, quantiles; and how far they have drifted.

    Below 0.1 a population stability index says that nothing much has moved, from 0.25 on that much has.
    """
    from dataclasses import asdict

    from seeknal.cli.features_text import stats_text
    from seeknal.run.featurestats import statistics

    found = statistics(invocation_of(ctx).project(), name, version, against, environment=environment)
    if format_ == "json":
        print_json(asdict(found))
    else:
        stats_text(found)
    return 0


@features.command()
@click.argument("name", metavar="TRAINING_SET", shell_complete=complete_nodes)
@click.option("--version", metavar="KEY", help="An earlier version, by the beginning of its key; default: what is published.")
@env_option
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write all rows: parquet, csv, json, jsonl."
)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="How many rows are shown; 0 means all.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@shared_options
@click.pass_context
def data(ctx: click.Context, name: str, version: str | None, environment: str, output: Path | None, limit: int, format_: str) -> int:
    """Show or write the rows of a training set, or of any stored node, as they were in a version."""
    from seeknal.run.versions import reading_version

    folders = []
    if output is not None:
        _format_of(ctx, output)
        folders = [output.absolute().parent]
    project = invocation_of(ctx).project()
    with reading_version(project, name, version, environment=environment, folders=folders) as (session, query, _):
        _answer(ctx, session, query, output, limit, format_)
    return 0


def _answer(ctx: click.Context, session: Session, query: str, output: Path | None, limit: int, format_: str) -> None:
    """Print rows, or write all of them to a file."""
    if output is None:
        result = session.rows(_sorted(ctx, session, query), limit or None)
        print_rows(result, format_)
        if format_ == "table" and limit and len(result.rows) == limit:
            note(f"the first {plural(limit, 'row')}; --limit 0 shows all, --output writes all")
        return
    click.echo(f"{output}: {number(write(ctx, session, query, output))} rows")


def _sorted(ctx: click.Context, session: Session, query: str) -> str:
    """The query with its rows in order of their values, so that the same ones are shown each time. One that has an order keeps it."""
    from sqlglot import exp, parse_one  # start-up time

    opened = invocation_of(ctx).opened
    dialect = opened.loaded.engine.dialect if opened is not None else None
    tree = parse_one(query, dialect=dialect)
    if tree.args.get("order"):
        return query
    rows = exp.Subquery(this=tree, alias=exp.TableAlias(this=exp.to_identifier("answer")))
    places = (exp.Literal.number(n) for n in range(1, len(session.describe(query)) + 1))
    return exp.select("*").from_(rows).order_by(*places).sql(dialect=dialect)


def write(ctx: click.Context, session: Session, query: str, output: Path) -> int:
    """Write a query's rows to a file, whole or not at all; its folder is made where there is none."""
    from seeknal.durable import sync_file, sync_folder, temporary_beside

    target = output.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot write '{output}': {error.strerror or error}"
        raise click.UsageError(message, ctx) from None
    temporary = temporary_beside(target)
    try:
        rows = session.export(query, temporary, _format_of(ctx, output), {})
        sync_file(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return rows


def _format_of(ctx: click.Context, output: Path) -> str:
    format_ = FORMATS.get(output.suffix.lower().lstrip("."))
    if format_ is None:
        message = f"cannot tell the format of '{output}': its name must end in .parquet, .csv, .json or .jsonl"
        raise click.UsageError(message, ctx)
    return format_
