"""Handing rows to the outside: whole files, whole tables."""

from __future__ import annotations

import filecmp
import itertools
from typing import TYPE_CHECKING

from seeknal.connections import hidden
from seeknal.durable import sync_file, sync_folder, temporary_beside
from seeknal.errors import ConnectionFailed
from seeknal.targets import load_target

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.nodes import ExposureLogic
    from seeknal.protocols import ConnectionDriver, Deployment, Session

_OWN_KEYS = ("path", "format")


def export_file(root: Path, logic: ExposureLogic, session: Session, query: str, *, first: bool) -> int:
    """Write a file under a temporary name and swap it in. Returns the number of rows.

    What stands there when an exposure is written for the `first` time is somebody else's: unless it is the same, it is kept beside it as `<name>.orig`.
    """
    target = root / str(logic.params["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    options = {k: v for k, v in logic.params.items() if k not in _OWN_KEYS}
    try:
        rows = session.export(query, temporary, str(logic.params["format"]), options)
        sync_file(temporary)
        if first and target.is_file() and not filecmp.cmp(target, temporary, shallow=False):
            target.replace(_unused(target.with_name(f"{target.name}.orig")))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return rows


def _unused(path: Path) -> Path:
    """The path, or where it is taken the same with a number."""
    names = itertools.chain([path], (path.with_name(f"{path.name}.{n}") for n in itertools.count(2)))
    return next(p for p in names if not p.exists())


def deploy(target: str, driver: ConnectionDriver, logic: ExposureLogic, deployment: Deployment, secrets: list[str]) -> int | None:
    """Have a plugin bring about what its type of exposure means. Returns the number of rows it wrote, where it wrote some."""
    try:
        done: int | None = load_target(target)(deployment)
    except ConnectionFailed as error:
        failure = ConnectionFailed(error.code, f"connection '{logic.connection}': {error.message}", at=logic.place, hint=error.hint)
        raise hidden(failure, secrets) from None
    finally:
        driver.close()
    return done


def export_table(driver: ConnectionDriver, logic: ExposureLogic, session: Session, query: str) -> int:
    """Put the rows into a table, all or nothing. Returns the number of rows."""
    try:
        return driver.write(str(logic.params["table"]), session.arrow(query), "append" if logic.params["mode"] == "append" else "replace")
    except ConnectionFailed as error:
        raise ConnectionFailed(error.code, f"connection '{logic.connection}': {error.message}", at=logic.place, hint=error.hint) from None
    finally:
        driver.close()
