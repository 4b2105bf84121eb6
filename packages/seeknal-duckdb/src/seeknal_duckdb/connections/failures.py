"""What can go wrong with a database outside: what `seeknal_drivers.failures` lists, and what only databases here know of."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from seeknal_drivers.failures import (
    login_refused,
    lost,
    misfit,
    not_representable,
    not_there,
    package_missing,
    query_failed,
    tls_failed,
    type_not_representable,
    unreachable,
    unusable,
    value_refused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seeknal.errors import ConnectionFailed

__all__ = [
    "login_refused",
    "lost",
    "misfit",
    "no_file",
    "no_unique_key",
    "not_representable",
    "not_there",
    "optional",
    "package_missing",
    "query_failed",
    "tls_failed",
    "type_not_representable",
    "unreachable",
    "unusable",
    "value_refused",
]


def no_file(path: Path) -> ConnectionFailed:
    """SK-CONN-003 for a database that is a file."""
    return not_there(f"there is no file {path}", "check `path` in profiles.yml; it is relative to the project")


def no_unique_key(table: object, keys: Sequence[str]) -> ConnectionFailed:
    """SK-CONN-008: a table that holds rows cannot be written by these keys."""
    listed = ", ".join(keys)
    hint = f"add one: CREATE UNIQUE INDEX … ON {table} ({listed}); or let seeknal create the table"
    return misfit(f"table '{table}' has no primary key or unique index on just {listed}", hint)


@contextlib.contextmanager
def optional(extra: str) -> Iterator[None]:
    """Import what the extra of this name installs, or raise SK-CONN-010 saying how to install it."""
    try:
        yield
    except ImportError as error:
        message = f"the {extra} connection needs a package that is not installed ({error})"
        raise package_missing(message, f"pip install seeknal-duckdb[{extra}]") from None
