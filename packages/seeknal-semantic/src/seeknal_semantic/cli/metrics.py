"""`seeknal metrics`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal_semantic.cli.files import writing

if TYPE_CHECKING:
    from seeknal_semantic.catalog import Catalog, Metric


@click.group(invoke_without_command=True)
@as_json
@shared_options
@click.pass_context
def metrics(ctx: click.Context, format_: str) -> int:
    """List, describe, check, import and export metrics. Without a subcommand: list them."""
    return 0 if ctx.invoked_subcommand is not None else _list(ctx, format_)


@metrics.command(name="list")
@as_json
@shared_options
@click.pass_context
def list_metrics(ctx: click.Context, format_: str) -> int:
    """List metrics: their type, what they are made of, what they are for."""
    return _list(ctx, format_)


def _list(ctx: click.Context, format_: str) -> int:
    from seeknal.cli.output import print_json, print_table

    known = _catalog(ctx)
    if format_ == "json":
        print_json([document(m) for m in known.metrics.values()])
        return 0
    print_table(["metric", "type", "made of", "description"], [listed(m) for m in known.metrics.values()])
    return 0


@metrics.command()
@click.argument("name")
@as_json
@shared_options
@click.pass_context
def describe(ctx: click.Context, name: str, format_: str) -> int:
    """Show a metric, what it is made of, and what it can be asked by."""
    from seeknal.cli.output import print_json, print_table
    from seeknal_semantic.dimensions import dimensions_of
    from seeknal_semantic.resolve import Resolver

    known = _catalog(ctx)
    resolver = Resolver(known)
    resolver.metric(name)
    metric = known.metrics.get(name)
    askable = dimensions_of(known, [name])
    if format_ == "json":
        print_json({**(document(metric) if metric else {"name": name, "type": "measure"}), "dimensions": [d.name for d in askable]})
        return 0
    shown: list[tuple[str, str]] = []
    if metric is not None:
        shown += [(k, _text(v)) for k, v in document(metric).items() if k != "name" and v not in (None, [], "", False)]
    for leaf in resolver.leaves:
        measure = known.models[leaf.model].measures[leaf.measure]
        parts = [f"{measure.agg} of {measure.expr} in {leaf.model}", *(f"where {f}" for f in leaf.filters)]
        shown.append(("reads", " ".join([*parts, *(f"{o} before" for o in leaf.offsets)])))
    shown.append(("dimensions", ", ".join(d.name for d in askable)))
    print_table(["metric" if metric is not None else "measure", name], shown)
    return 0


@metrics.command()
@click.option("--metrics", "names", metavar="A,B", required=True, help="Metrics or measures, by name.")
@as_json
@shared_options
@click.pass_context
def dimensions(ctx: click.Context, names: str, format_: str) -> int:
    """List what all of some metrics can be asked by."""
    from seeknal.cli.output import print_json, print_table
    from seeknal_semantic.cli.query import words
    from seeknal_semantic.dimensions import dimensions_of

    found = dimensions_of(_catalog(ctx), words(names))
    if format_ == "json":
        print_json([{"name": d.name, "type": d.type, "model": d.model, "grains": list(d.grains)} for d in found])
        return 0
    print_table(["dimension", "type", "model", "grains"], [(d.name, d.type, d.model, ", ".join(d.grains)) for d in found])
    return 0


@metrics.command()
@shared_options
@click.pass_context
def validate(ctx: click.Context) -> int:
    """Check every model, metric and saved query, and compile each metric alone. All errors are reported together.

    Columns that models name are looked up where those of their node are known: where it has been built, or its query says them.
    """
    from seeknal.cli.output import plural
    from seeknal.errors import ProjectErrors, SeeknalError
    from seeknal_semantic.catalog import catalog
    from seeknal_semantic.compiler import Question, compiled

    project = invocation_of(ctx).project()
    known = catalog(project.nodes)
    errors: list[SeeknalError] = project.document_errors()
    questions = [Question((name,), _needed(known, name)) for name in known.metrics]
    for kept in known.saved.values():
        lists = {k: tuple(kept.get(k, ())) for k in ("metrics", "dimensions", "filters", "order_by")}
        questions.append(Question(**lists, limit=kept.get("limit")))
    for question in questions:
        try:
            compiled(question, known)
        except SeeknalError as error:
            errors.append(error)
    if errors:
        raise ProjectErrors(errors)
    measures = sum(len(m.measures) for m in known.models.values())
    counts = (plural(len(known.models), "semantic model"), plural(measures, "measure"), plural(len(known.metrics), "metric"))
    saved = f"{len(known.saved):,} saved {'query' if len(known.saved) == 1 else 'queries'}"
    click.echo(f"All right: {', '.join(counts)}, {saved}.")
    return 0


def _needed(known: Catalog, name: str) -> tuple[str, ...]:
    """The dimensions without which a metric cannot be asked: a time, where it looks back."""
    from seeknal_semantic.resolve import Resolver

    resolver = Resolver(known)
    resolver.metric(name)
    grains = {o.normal[1] for leaf in resolver.leaves for o in leaf.offsets}
    return () if not grains else (f"metric_time__{'day' if 'day' in grains else 'month'}",)


@metrics.command(name="import")
@click.argument("format_", metavar="FORMAT", type=click.Choice(["metricflow"]))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.option("--output", metavar="FILE", default="seeknal/metrics/imported.yml", show_default=True, help="Where the nodes are written.")
@shared_options
@click.pass_context
def import_metrics(ctx: click.Context, format_: str, folder: str, output: str) -> int:
    """Turn the YAML of another semantic layer below DIR into ours. What could not be translated is listed, and nothing is made up for it."""
    del format_
    from seeknal.cli.output import note, plural
    from seeknal.errors import ProjectError
    from seeknal_semantic.exchange.metricflow import translated
    from seeknal_semantic.exchange.writing import as_yaml

    root = invocation_of(ctx).root()
    target = (root or Path()) / output
    if target.exists():
        message = f"'{output}' is there already; name another file with --output"
        raise click.UsageError(message, ctx)
    result = translated(Path(folder))
    if not result.nodes:
        raise ProjectError("SK-SEM-026", "nothing of this could be translated", hint="; ".join(result.left_out[:5]))
    with writing(ctx, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_yaml(result.nodes), encoding="utf-8")
    for line in result.left_out:
        note(f"not translated: {line}")
    click.echo(f"{target}: {plural(len(result.nodes), 'node')}, {plural(len(result.left_out), 'thing')} not translated.")
    return 0


@metrics.command(name="export")
@click.argument("format_", metavar="FORMAT", type=click.Choice(["osi"]))
@click.option("--output", metavar="FILE", help="Write to this file instead of stdout.")
@shared_options
@click.pass_context
def export_metrics(ctx: click.Context, format_: str, output: str | None) -> int:
    """Write models and metrics for other programs: osi is the Open Semantic Interchange format."""
    del format_
    from seeknal.cli.output import note
    from seeknal_semantic.exchange.osi import exported
    from seeknal_semantic.exchange.writing import as_yaml

    project = invocation_of(ctx).project()
    from seeknal_semantic.catalog import catalog

    document_, left_out = exported(catalog(project.nodes), project.loaded.settings.name)
    for line in left_out:
        note(f"not exported: {line}")
    text = as_yaml([document_])
    if output is None:
        click.echo(text.rstrip("\n"))
    else:
        with writing(ctx, output):
            Path(output).write_text(text, encoding="utf-8")
        click.echo(output)
    return 0


def _catalog(ctx: click.Context) -> Catalog:
    from seeknal_semantic.catalog import catalog

    return catalog(invocation_of(ctx).project().nodes)


def listed(metric: Metric) -> tuple[str, str, str, str]:
    """A metric as one line of a table."""
    return metric.name, metric.type, ", ".join(metric.uses), metric.description or ""


def document(metric: Metric) -> dict[str, Any]:
    """A metric as JSON."""
    return {
        "name": metric.name,
        "type": metric.type,
        "description": metric.description,
        "uses": list(metric.uses),
        "expr": metric.expr,
        "filter": metric.filter,
        "window": str(metric.window) if metric.window else None,
        "grain_to_date": metric.grain_to_date,
    }


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
