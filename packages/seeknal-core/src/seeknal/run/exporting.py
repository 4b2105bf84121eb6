"""Handing rows to the outside: whole files, whole tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal.durable import sync_file, sync_folder, temporary_beside
from seeknal.errors import ConnectionFailed

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.nodes import ExposureLogic
    from seeknal.protocols import ConnectionDriver, Session

_OWN_KEYS = ("path", "format")


def export_file(root: Path, logic: ExposureLogic, session: Session, query: str) -> int:
    """Write a file under a temporary name and swap it in. Returns the number of rows."""
    target = root / str(logic.params["path"])
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    options = {k: v for k, v in logic.params.items() if k not in _OWN_KEYS}
    try:
        rows = session.export(query, temporary, str(logic.params["format"]), options)
        sync_file(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return rows


def export_table(driver: ConnectionDriver, logic: ExposureLogic, session: Session, query: str) -> int:
    """Put the rows into a table, all or nothing. Returns the number of rows."""
    try:
        return driver.write(str(logic.params["table"]), session.arrow(query), "append" if logic.params["mode"] == "append" else "replace")
    except ConnectionFailed as error:
        raise ConnectionFailed(error.code, f"connection '{logic.connection}': {error.message}", at=logic.place, hint=error.hint) from None
    finally:
        driver.close()
