"""`seeknal history`."""

from __future__ import annotations

from typing import Any

import click

from seeknal.cli.options import as_json, invocation_of, shared_options
from seeknal.cli.output import print_json, print_table, seconds


@click.command()
@click.argument("run", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many runs.")
@as_json
@shared_options
@click.pass_context
def history(ctx: click.Context, run: str | None, limit: int, format_: str) -> int:
    """Show past runs, newest first, or what one RUN did (the beginning of its id will do)."""
    from pathlib import Path

    from seeknal.project.locate import find_root
    from seeknal.run.history import past_run, past_runs

    target = find_root(Path(invocation_of(ctx).project_path or ".")) / "target"
    if run is not None:
        document = past_run(target, run)
        if format_ == "json":
            print_json(document)
        else:
            _print_run(document)
        return 0
    runs = past_runs(target, limit)
    if format_ == "json":
        print_json(runs)
        return 0
    rows = [
        (
            r["run_id"],
            r["started_at"],
            r["environment"],
            r["status"],
            *(r["counts"][k] for k in ("built", "reused", "failed", "skipped")),
            seconds(r["seconds"]),
        )
        for r in runs
    ]
    print_table(["run", "started", "environment", "status", "built", "reused", "failed", "skipped", "took"], rows, numeric=(4, 5, 6, 7, 8))
    return 0


def _print_run(document: dict[str, Any]) -> None:
    click.echo(
        f"run {document['run_id']}: {document['status']}, {seconds(document['seconds'])}, {document['counts']['reused']:,} nodes reused"
    )
    rows = [
        (n["id"], n["status"], n["rows"], seconds(n["seconds"]), (n["error"] or {}).get("message") or n["reason"])
        for n in document["nodes"]
    ]
    print_table(["node", "status", "rows", "took", "why"], rows, numeric=(2, 3))
