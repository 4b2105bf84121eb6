"""`seeknal metrics`."""

from __future__ import annotations

import click

from seeknal.cli.options import shared_options


@click.group(invoke_without_command=True)
@shared_options
def metrics() -> int:
    """List metrics."""
    return 0
