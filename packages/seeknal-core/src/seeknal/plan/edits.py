"""The fine-grained edits that turn one query into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal.nodes import fold
from seeknal.plan.types import same, widens
from seeknal.sql.differences import clauses, decisive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal.sql.analysis import Analysis, OutputColumn


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that was changed: what kind of change, the column it is about if any, and in a few words how."""

    kind: str
    column: str | None
    detail: str = ""


def query_edits(
    sql: tuple[str, str, str],
    old: Analysis,
    new: Analysis,
    before: Mapping[str, str | None],
    after: Callable[[], Mapping[str, str | None]],
) -> list[Edit]:
    """How a query was edited. `sql` is the text before and after and its dialect; `before` and `after` are the types of its columns, by folded name."""
    if old.opaque is not None or new.opaque is not None or old.columns is None or new.columns is None:
        why = old.opaque or new.opaque or "its columns are known only when it is built"
        return [Edit("LOGIC_CHANGED", None, f"cannot be compared column by column: {why}")] if old.content != new.content else []
    if any(c.name is None for c in (*old.columns, *new.columns)):
        return [Edit("LOGIC_CHANGED", None, "cannot be compared column by column: some have no name")] if old.content != new.content else []
    found = _column_edits(_by_name(old), _by_name(new), before, after)
    if old.rows_shape != new.rows_shape:
        found += [Edit(kind, None, detail) for kind, detail in clauses(*sql)] or [
            Edit(decisive(sql[1], sql[2]), None, "what a clause is computed from")
        ]
    elif not found and old.content != new.content:
        reordered = [c.name for c in old.columns] != [c.name for c in new.columns]
        found.append(Edit("ORDER_CHANGED", None, "the order of columns" if reordered else "the order of rows"))
    return found


def declared_edits(before: Mapping[str, str | None], after: Mapping[str, str | None], names: Iterable[str] | None) -> list[Edit]:
    """How the types of columns, by folded name, differ from those they had. `names` are the columns' names as they are written."""
    written = {fold(n): n for n in names or ()}
    changed = [(c, before.get(c), type_) for c, type_ in after.items()]
    return [_typed(written.get(c, c), old, new) for c, old, new in changed if old is not None and new is not None and not same(old, new)]


def _column_edits(
    old: Mapping[str, OutputColumn],
    new: Mapping[str, OutputColumn],
    before: Mapping[str, str | None],
    after: Callable[[], Mapping[str, str | None]],
) -> list[Edit]:
    gone, come = [c for c in old if c not in new], [c for c in new if c not in old]
    found: list[Edit] = []
    for name in list(gone):
        same_value = [c for c in come if new[c].shape == old[name].shape]
        if len(same_value) == 1:
            come.remove(same_value[0])
            gone.remove(name)
            found.append(Edit("COLUMN_RENAMED", old[name].name, f"{old[name].name} → {new[same_value[0]].name}"))
    found += [Edit("COLUMN_REMOVED", old[c].name) for c in gone]
    found += [Edit("COLUMN_ADDED", new[c].name) for c in come]
    for name, column in new.items():
        if name in old and old[name].name != column.name:
            found.append(Edit("COLUMN_RENAMED", column.name, f"{old[name].name} → {column.name}"))
        if name in old and old[name].shape != column.shape:
            found.append(_changed(old[name], column, before.get(name), after))
    return found


def _changed(old: OutputColumn, new: OutputColumn, before: str | None, after: Callable[[], Mapping[str, str | None]]) -> Edit:
    """A column that is computed otherwise; only its type, where nothing but the cast around it is new."""
    name = new.name or ""
    if old.uncast and old.uncast == new.uncast and before is not None:
        now = after().get(fold(name))
        if now is not None and not same(before, now):
            return _typed(name, before, now)
    return Edit("COLUMN_EXPRESSION_CHANGED", name)


def _typed(name: str, old: str, new: str) -> Edit:
    return Edit("COLUMN_TYPE_WIDENED" if widens(old, new) else "COLUMN_TYPE_NARROWED", name, f"{old} → {new}")


def _by_name(analysis: Analysis) -> dict[str, OutputColumn]:
    return {fold(c.name or ""): c for c in analysis.columns or ()}
