"""The analysis of a query that reads its own earlier output: a column of that comes from what the column is made of in turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.nodes import fold
from seeknal.sql.relations import NOWHERE, ROWS, Origin, shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.sql.analysis import Analysis
    from seeknal.sql.relations import Origins


def without_itself(analysis: Analysis, relation: str) -> Analysis:
    """The same in terms of other relations alone.

    What reads a column of the earlier output is made as that column is, so the shapes of such columns go into its own.
    """
    if not any(_is_own(o, relation) for o in analysis.everything):
        return analysis
    if analysis.columns is None or analysis.opaque is not None:
        return replace(analysis, rows=_others(analysis.rows, relation), order=_others(analysis.order, relation))
    rows = _Followed(analysis, relation, analysis.rows)
    columns = []
    for column in analysis.columns:
        value, decides = _Followed(analysis, relation, column.value), _Followed(analysis, relation, column.filter)
        mixed = _mixed(column.shape, *value.shapes, *decides.shapes)
        uncast = _mixed(column.uncast, *value.shapes, *decides.shapes)
        origins = value.filter | decides.value | decides.filter
        columns.append(replace(column, shape=mixed, uncast=uncast, value=value.value, filter=origins - value.value))
    order = _Followed(analysis, relation, analysis.order)
    return replace(
        analysis,
        rows_shape=_mixed(analysis.rows_shape, *rows.shapes),
        rows=rows.value | rows.filter,
        columns=tuple(columns),
        order=order.value | order.filter,
    )


class _Followed:
    """Origins, those in the earlier output replaced by what they come from; and the shapes of the columns that led there."""

    def __init__(self, analysis: Analysis, relation: str, origins: Iterable[Origin]) -> None:
        self.value: Origins = NOWHERE
        self.filter: Origins = NOWHERE
        self.shapes: list[str] = []
        seen: set[tuple[str, bool]] = set()
        waiting = [(o, True) for o in sorted(origins)]
        for origin, is_value in waiting:
            if not _is_own(origin, relation):
                self.value |= {origin} if is_value else NOWHERE
                self.filter |= {origin} if not is_value else NOWHERE
                continue
            mark = (fold(origin.column), is_value)
            if mark in seen:
                continue
            seen.add(mark)
            column = analysis.column(origin.column) if origin.column != ROWS else None
            self.shapes.append(column.shape if column is not None else analysis.rows_shape)
            waiting += [(o, is_value) for o in sorted(column.value if column is not None else NOWHERE)]
            waiting += [(o, False) for o in sorted(column.filter if column is not None else analysis.rows)]
        self.filter -= self.value


def _mixed(own: str, *others: str) -> str:
    return shape(own, *sorted(set(others))) if others else own


def _others(origins: Origins, relation: str) -> Origins:
    return frozenset(o for o in origins if not _is_own(o, relation))


def _is_own(origin: Origin, relation: str) -> bool:
    return fold(origin.relation) == fold(relation)
