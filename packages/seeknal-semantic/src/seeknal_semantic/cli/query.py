"""`seeknal query`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seeknal.cli.connection import complete_connections
from seeknal.cli.options import invocation_of, shared_options
from seeknal_semantic.cli.files import writing

if TYPE_CHECKING:
    from seeknal_semantic.compiler import Question
    from seeknal_semantic.query import Answer, Asking

_FILES = ("json", "csv", "parquet")
FORMATS = ("table", "json", "csv", "parquet", "chart")


def words(text: str | None) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(w for w in (part.strip() for part in (text or "").split(",")) if w)


@click.command()
@click.option("--metrics", metavar="A,B", help="Metrics or measures, by name.")
@click.option("--dimensions", metavar="X,Y", help="What to group by; times at a grain: ordered_at__month, metric_time__week.")
@click.option("--filter", "filters", metavar="SQL", multiple=True, help="A condition on dimensions, or on metrics. May be repeated.")
@click.option("--order-by", metavar="X,-A", help="Columns of the result; with - in front the largest first.")
@click.option("--limit", type=click.IntRange(0), help="At most so many rows.")
@click.option("--saved", metavar="NAME", help="A saved query; what else is said is in its place, filters are added.")
@click.option("--env", "environment", metavar="NAME", default="prod", show_default=True, help="The environment to ask.")
@click.option(
    "--connection", metavar="NAME", shell_complete=complete_connections, help="Ask this connection's tables, in its dialect, instead."
)
@click.option("--compile", "only_sql", is_flag=True, help="Print the SQL instead of running it.")
@click.option("--dialect", type=click.Choice(["duckdb", "starrocks"]), help="With --compile: the dialect to write.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: what the name of --output ends in, and else table.")
@click.option("--output", metavar="FILE", help="Write to this file; parquet needs one.")
@shared_options
@click.pass_context
def query(
    ctx: click.Context,
    metrics: str | None,
    dimensions: str | None,
    filters: tuple[str, ...],
    order_by: str | None,
    limit: int | None,
    saved: str | None,
    environment: str,
    connection: str | None,
    only_sql: bool,
    dialect: str | None,
    format_: str | None,
    output: str | None,
) -> int:
    """Ask metrics by dimensions, of what was last published.

    Conditions on dimensions decide which rows count, conditions on metrics which groups are shown. The same question on unchanged data is
    answered from the last time.
    """
    from seeknal_semantic.compiler import Question  # start-up time: sqlglot
    from seeknal_semantic.query import Asking

    if format_ is None:
        ending = Path(output or "").suffix.lstrip(".")
        format_ = ending if ending in _FILES else "table"
    if format_ == "parquet" and output is None and not only_sql:
        message = "--format parquet needs --output FILE"
        raise click.UsageError(message, ctx)
    if connection is not None and (environment != "prod" or dialect is not None):
        message = (
            f"--connection cannot be used with {'--env' if dialect is None else '--dialect'}: what is outside is of prod, in its own SQL"
        )
        raise click.UsageError(message, ctx)
    invocation = invocation_of(ctx)
    asking = Asking(invocation.project(), environment)
    question = Question(words(metrics), words(dimensions), filters, words(order_by), limit)
    if saved is not None:
        question = asking.saved(saved, question)
    if format_ == "chart" and not question.order_by and question.limit is not None:
        question = replace(question, order_by=question.dimensions)  # else any of the bars, with gaps nobody sees
    if only_sql:
        sql = _sql(asking, question, connection, dialect)
        with writing(ctx, output):
            _emit(sql, output)
        return 0
    if connection is None:
        answer = asking.answer(question)
    else:
        from seeknal_semantic.outside import answer as ask_outside

        answer = ask_outside(asking, asking.compile(question), connection)
    with writing(ctx, output):
        _print(answer, format_, output)
    if not invocation.quiet and format_ in ("table", "chart"):
        from seeknal.cli.output import note, plural, seconds

        how = "as before, nothing it reads has changed" if answer.cached else "asked"
        note(f"{plural(len(answer.rows.rows), 'row')} in {seconds(answer.seconds)} ({how})")
    return 0


def _sql(asking: Asking, question: Question, connection: str | None, dialect: str | None) -> str:
    """What would be run."""
    from seeknal_semantic.dialects import generate
    from seeknal_semantic.outside import compiled_for

    found = asking.compile(question)
    if connection is None:
        return found.sql(dialect or asking.project.loaded.engine.dialect, pretty=True)
    spoken, tree = compiled_for(asking, found, connection)
    return generate(tree, spoken, pretty=True)


def _emit(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text)
    else:
        Path(output).write_text(text + "\n", encoding="utf-8")


def _print(answer: Answer, format_: str, output: str | None) -> None:
    from seeknal.cli.output import print_rows

    if format_ == "parquet":
        import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]  # the engine's

        pq.write_table(answer.to_arrow(), output)
        click.echo(output)
    elif format_ == "chart":
        from seeknal_semantic.chart import chart

        _emit(chart(answer), output)
    elif output is None:
        print_rows(answer.rows, format_)
    else:
        with Path(output).open("w", encoding="utf-8", newline="") as file:
            before, sys.stdout = sys.stdout, file
            try:
                print_rows(answer.rows, format_)
            finally:
                sys.stdout = before
        click.echo(output)
