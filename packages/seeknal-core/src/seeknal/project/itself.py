"""What a query that reads its own node, as `{{ this }}`, asks of the node: a before, one order, and columns that are known when nothing has been built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal.errors import Location
    from seeknal.intervals.windowing import Windowing
    from seeknal.nodes import Merging, Schema


def reading_itself(
    windows: Windowing | None, merging: Merging | None, columns: Schema, here: Location, at: Callable[[str], Location]
) -> tuple[Schema, Windowing | None]:
    """The columns that `{{ this }}` has, and the windows, built one by one and in order. `here` is where it is read. Raises ProjectError."""
    if windows is None and merging is None:
        hint = "it is what nodes with materialized: incremental held before; a node that is built whole holds nothing before"
        raise ProjectError("SK-INC-007", "the query reads its own node, {{ this }}, which is built whole", at=here, hint=hint)
    if merging is not None and merging.history:
        hint = "rows that come late take their place in it; {{ this }} would make it depend on when they came"
        raise ProjectError("SK-INC-007", "a history is made of what its query returns, which cannot read {{ this }}", at=here, hint=hint)
    if not columns or any(c.type is None for c in columns):
        unsaid = ", ".join(c.name for c in columns if c.type is None)
        message = f"the query reads {{{{ this }}}}, and {f'the type of {unsaid} is' if unsaid else 'the columns are'} not declared"
        hint = "columns: {id: BIGINT, name: VARCHAR}, all of them: it has no others, and these before anything is built"
        raise ProjectError("SK-INC-007", message, at=here, hint=hint)
    if windows is None:
        return columns, None
    for key, said in (("batch_size", windows.batch_size or 1), ("batch_concurrency", windows.batch_concurrency)):
        if said > 1:
            message = f"a window that reads {{{{ this }}}} needs all before it, so '{key}' cannot be {said}"
            raise ProjectError("SK-INC-007", message, at=at(key), hint="leave it out: such windows are built one by one, in order")
    return columns, replace(windows, batch_size=1, depends_on_past=True)
