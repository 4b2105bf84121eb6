"""Queries as they are run: names of nodes replaced by relations in those that were written, and those that a kind built as trees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from seeknal.nodes import SqlLogic, TextPlace
from seeknal.sql.canonical import canonical, clock
from seeknal.sql.guard import TableUse, parse_select

_WORDS = re.compile("(kind|name|description|owner|tags) *:")
"""Lines of a node that name no column."""

if TYPE_CHECKING:
    from sqlglot import exp

    from seeknal.project.references import NodeIndex
    from seeknal.project.yaml import Document


def built_query(tree: exp.Query, dialect: str, source: Document, materialized: Literal["table", "view"]) -> tuple[str, SqlLogic]:
    """What a built query means, and the logic that runs it. The document stands in for its text: an unknown name is looked up there."""
    sql = tree.sql(dialect=dialect, pretty=True)
    checked = parse_select(sql, dialect)
    start = source.at().line
    lines = source.lines[start - 1 :]
    end = next((n for n, line in enumerate(lines) if n and line.startswith("---")), len(lines))
    lines = ["" if _WORDS.match(line) else line for line in lines[:end]]
    place = TextPlace(source.path, start, 1)
    return canonical(checked, dialect), SqlLogic(sql, dialect, materialized, clock(checked), "\n".join(lines), place, built=True)


def relations_named(text: str, uses: list[TableUse], index: NodeIndex) -> str:
    """The text with `source.users` replaced by the relation it means, aliased so that `users.id` still works."""
    for use in reversed(uses):
        if use.schema:
            relation = index.ids[use.dotted.casefold()].replace(".", "_", 1)
            alias = "" if use.aliased else f" AS {use.name}"
            text = f"{text[: use.start]}{relation}{alias}{text[use.end + 1 :]}"
    return text
