"""Files that commands write."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def writing(ctx: click.Context, path: str | Path | None) -> Iterator[None]:
    """Inside, a file that a person named is written. Raises UsageError where that cannot be done. None is stdout, which is no file."""
    if path is None:
        yield
        return
    try:
        yield
    except OSError as error:
        reason = "there is no such folder" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        message = f"cannot write '{path}': {reason}"
        raise click.UsageError(message, ctx) from None
