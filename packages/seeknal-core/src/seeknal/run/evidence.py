"""Failing rows, kept so that they can be looked at.

    rejected/<kind>/<name>/<key>/<definition>.<n>.parquet

They belong to an output and to what an audit checks, as its outcome does: at most `sample` rows of each audit, what is to be hidden left out,
readable by their owner only.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.artifacts import REJECTED
from seeknal.nodes import fold
from seeknal.protocols import Files, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlglot import exp

    from seeknal.nodes import AuditSpec, Key, NodeId
    from seeknal.protocols import Session

_RELATION = "seeknal_failing_rows"


@dataclass(frozen=True, slots=True)
class FailingRows:
    """Some of the rows that an audit found wrong in an output. `total` is how many there are."""

    audit: str
    total: int
    rows: Rows


class Evidence:
    """The failing rows of all outputs under one target folder."""

    def __init__(self, target: Path, dialect: str) -> None:
        self._root = target / REJECTED
        self._dialect = dialect

    def folder(self, node: NodeId, key: Key) -> Path:
        """Where the failing rows of an output are."""
        kind, _, name = node.partition(".")
        return self._root / kind / name / key

    def keep(self, session: Session, node: NodeId, key: Key, spec: AuditSpec, queries: Sequence[exp.Query]) -> None:
        """Keep what these queries return, in place of what was kept before."""
        for old in self._files(node, key, spec):
            old.unlink(missing_ok=True)
        left = spec.sample if spec.store_failures else 0
        for number, query in enumerate(queries if left else ()):
            name = f"{spec.definition}.{number}.parquet"
            left -= self._write(session, self.folder(node, key), name, shown(session, query, spec, left, self._dialect)) if left else 0

    def kept(self, session: Session, node: NodeId, key: Key, spec: AuditSpec, limit: int) -> Iterator[Rows]:
        """What was kept of an audit, at most `limit` rows of each query that found some."""
        for path in self._files(node, key, spec):
            from sqlglot import exp  # start-up time

            session.define(_RELATION, Files((path,)))
            yield session.rows(exp.select("*").from_(_RELATION).limit(limit).sql(dialect=self._dialect))

    def set_aside(self, session: Session, paths: tuple[Path, ...], label: str, limit: int) -> Rows:
        """Rows that one audit, by its label, set aside."""
        from sqlglot import exp  # start-up time

        session.define(_RELATION, Files(paths))
        audits = exp.func("string_split", exp.column("_audit", quoted=True), exp.Literal.string("; "), dialect=self._dialect)
        found = exp.ArrayContains(this=audits, expression=exp.Literal.string(label))
        return session.rows(exp.select("*").from_(_RELATION).where(found).limit(limit).sql(dialect=self._dialect))

    def _files(self, node: NodeId, key: Key, spec: AuditSpec) -> list[Path]:
        return sorted(self.folder(node, key).glob(f"{spec.definition}.*.parquet"))

    def _write(self, session: Session, folder: Path, name: str, query: str) -> int:
        for path in (self._root, *reversed([p for p in folder.parents if self._root in p.parents]), folder):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = folder / f".{name}.{uuid.uuid4().hex}.tmp"
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            written = session.write(query, temporary, {})
            temporary.chmod(0o600)
            if written.rows:
                temporary.replace(folder / name)
            return written.rows
        finally:
            temporary.unlink(missing_ok=True)


def shown(session: Session, query: exp.Query, spec: AuditSpec, limit: int, dialect: str) -> str:
    """A query for the least of the rows that another one returns, the same ones each time, without what is to be hidden."""
    from sqlglot import exp  # start-up time

    failing = query.copy().subquery("failing_rows")
    names = [c.name for c in session.describe(exp.select("*").from_(failing).sql(dialect=dialect))]
    order = [exp.Literal.number(n + 1) for n in range(len(names))]
    return exp.select(*hidden(names, spec.redact)).from_(failing).order_by(*order).limit(limit).sql(dialect=dialect)


def hidden(names: Iterable[str], redacted: Iterable[str]) -> list[exp.Expr]:
    """Columns by their names, with something else in place of what stands in those that are to be hidden."""
    from sqlglot import exp  # start-up time

    from seeknal.audits.runner import HIDDEN

    unseen = {fold(c) for c in redacted}
    found: list[exp.Expr] = []
    for name in names:
        column = exp.column(exp.to_identifier(name, quoted=True))
        if fold(name) in unseen:
            found.append(exp.case().when(column.is_(exp.null()).not_(), exp.Literal.string(HIDDEN)).as_(name, quoted=True))
        else:
            found.append(column)
    return found
