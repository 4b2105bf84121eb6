"""Handing rows to the outside: whole files, whole tables."""

from __future__ import annotations

import filecmp
import itertools
from typing import TYPE_CHECKING

from seeknal.connections import hidden
from seeknal.durable import sync_file, sync_folder, temporary_beside
from seeknal.errors import ConnectionFailed, NodeError, did_you_mean
from seeknal.nodes import fold
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


def export_table(driver: ConnectionDriver, logic: ExposureLogic, session: Session, query: str, dialect: str) -> int:
    """Put the rows into a table, all or nothing. Returns the number of rows."""
    table = str(logic.params["table"])
    try:
        if logic.params["mode"] == "upsert":
            keys = _check_keys(logic, session, query, dialect)
            return driver.write(table, session.arrow(query), "upsert", keys)
        return driver.write(table, session.arrow(query), "append" if logic.params["mode"] == "append" else "replace")
    except ConnectionFailed as error:
        raise ConnectionFailed(error.code, f"connection '{logic.connection}': {error.message}", at=logic.place, hint=error.hint) from None
    finally:
        driver.close()


def _check_keys(logic: ExposureLogic, session: Session, query: str, dialect: str) -> list[str]:
    """The keys as the rows have them. Raises NodeError where there is no such column, where one is NULL, or rows share them."""
    from sqlglot import exp, parse_one

    from seeknal.features.trees import column  # start-up time

    names = {fold(c.name): c.name for c in session.describe(query)}
    missing = [k for k in logic.params["keys"] if fold(k) not in names]
    if missing:
        hint = did_you_mean(missing[0], names.values()) or f"the rows have: {', '.join(names.values())}"
        raise NodeError("SK-DATA-010", f"the rows have no column '{missing[0]}' to be found by", at=logic.place, hint=hint)
    keys = [names[fold(k)] for k in logic.params["keys"]]
    known = exp.and_(*(exp.Not(this=exp.Is(this=column(k), expression=exp.Null())) for k in keys))
    asked = exp.select(*(exp.cast(column(k), "VARCHAR").as_(k, quoted=True) for k in keys), exp.Count(this=exp.Star()).as_("row_count"))
    asked = asked.from_(exp.Subquery(this=parse_one(query, dialect=dialect), alias=exp.TableAlias(this=exp.to_identifier("q"))))
    asked = asked.group_by(*(column(k, "q") for k in keys), known)
    wrong = asked.having(
        exp.or_(exp.Not(this=exp.Paren(this=known.copy())), exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1)))
    )
    found = session.rows(wrong.sql(dialect=dialect), 1).rows
    if found:
        shown = ", ".join(f"{k} = {v if v is not None else 'NULL'}" for k, v in zip(keys, found[0], strict=False))
        problem = "a key is NULL" if None in found[0] else f"{found[0][-1]} rows share their keys"
        hint = "make the keys unique in the node that is written, and hold it to that with an audit"
        raise NodeError("SK-DATA-010", f"{problem}: {shown}", at=logic.place, hint=hint)
    return keys
