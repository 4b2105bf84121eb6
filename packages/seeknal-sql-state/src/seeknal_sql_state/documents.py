"""Documents as rows: read whole, a table of the state model at a time; written as a commit says."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from seeknal.plugin import TABLES
from seeknal.state.bulk import uncollected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from seeknal.plugin import Change
    from seeknal_sql_state.database import Database

_BATCH = 1000


def read_all(connection: Connection, database: Database, project: str) -> dict[Any, dict[str, Any]]:
    """Every table of a project. Raises ValueError for rows that this package did not write."""
    with uncollected():
        return {kind: _read(connection, database, project, kind) for kind in TABLES}


def _read(connection: Connection, database: Database, project: str, kind: str) -> dict[str, Any]:
    """One table by key. Its values are parsed in one go, several times as fast as one by one."""
    documents = database.tables.documents
    query = select(documents.c.key, documents.c.value).where(documents.c.project == project, documents.c.kind == kind)
    rows = connection.execute(query).all()
    values = json.loads(f"[{','.join([value for _, value in rows])}]")
    return dict(sorted(zip([_decoded(key) for key, _ in rows], values, strict=True), key=lambda pair: pair[0]))


def write(connection: Connection, database: Database, project: str, changes: Sequence[Change]) -> None:
    """Apply changes; of several to one document only the last matters."""
    documents = database.tables.documents
    last = {(str(c.table), c.key): c.value for c in changes}
    for kind in TABLES:
        gone = [_id(key) for (of, key), value in last.items() if of == kind and value is None]
        for start in range(0, len(gone), _BATCH):
            here = (documents.c.project == project, documents.c.kind == kind, documents.c.id.in_(gone[start : start + _BATCH]))
            connection.execute(delete(documents).where(*here))
    put = [_row(project, kind, key, value) for (kind, key), value in last.items() if value is not None]
    for start in range(0, len(put), _BATCH):
        database.put(connection, documents, put[start : start + _BATCH])


def _row(project: str, kind: str, key: str, value: Any) -> dict[str, str]:
    text = json.dumps(value, separators=(",", ":"))
    return {"project": project, "kind": kind, "id": _id(key), "key": _encoded(key), "value": text}


def _id(key: str) -> str:
    """A hash that stands for a key, which may be longer than what databases index."""
    return hashlib.blake2b(_encoded(key).encode(), digest_size=16).hexdigest()


def _encoded(key: str) -> str:
    """A key as ASCII: names of files may hold what databases do not take, and differ in what they would take for the same."""
    return key.encode("unicode_escape").decode("ascii")


def _decoded(text: str) -> str:
    return text if "\\" not in text else text.encode("ascii").decode("unicode_escape")
