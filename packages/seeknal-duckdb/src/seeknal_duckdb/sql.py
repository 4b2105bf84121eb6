"""Writing names and values into DuckDB's SQL."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal.protocols import Files

if TYPE_CHECKING:
    from seeknal.protocols import Query

_MANY = 16
_SIGNS = re.compile(r"[*?\[]")


def identifier(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """A name within a schema, or a catalog and a schema, each part quoted."""
    return ".".join(map(identifier, parts))


def literal(value: Any) -> str:
    """A Python value as DuckDB writes it: text, paths, numbers, booleans, None, and lists and dicts of these."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return "'" + str(value).replace("'", "''") + "'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(literal(str(k)) + ": " + literal(v) for k, v in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(literal, value)) + "]"
    message = f"cannot write {type(value).__name__} as SQL"
    raise TypeError(message)


def cast(column: str, type_: str) -> str:
    """The column as another type."""
    return "CAST(" + identifier(column) + " AS " + type_ + ")"


def call(function: str, paths: Sequence[Path | str], arguments: Mapping[str, Any]) -> str:
    """A table function over files, with named arguments. A path means the file of that name, whatever signs of patterns are in it."""
    parts = [_listed(list(map(str, paths))), *(name + "=" + literal(value) for name, value in arguments.items())]
    return function + "(" + ", ".join(parts) + ")"


def _listed(paths: list[str]) -> str:
    """A list of paths. Many are one text, without what they all begin with: as many literals take DuckDB four times as long, whenever a view is opened."""
    begin = os.path.commonprefix([min(paths), max(paths)]) if len(paths) >= _MANY else ""  # noqa: RUF071 - as text
    text = "\n".join([path[len(begin) :] for path in paths])
    if not begin or "\n" in begin or text.count("\n") != len(paths) - 1:
        return literal([_named(path) for path in paths])
    first = literal(_named(begin))
    return "string_split(" + first + " || replace(" + literal(_named(text)) + ", chr(10), chr(10) || " + first + "), chr(10))"


def _named(text: str) -> str:
    """What means these very letters in a pattern."""
    return _SIGNS.sub(r"[\g<0>]", text)


def wrapped(query: str, replaced: Mapping[str, str] | None = None) -> str:
    """A SELECT around `query`, in which a trailing comment ends and only a SELECT fits.

    `replaced` maps columns to the expressions that take their place. Each of them, and the query, begins on a line of its own,
    so that a place in an error tells which it is; see `lines_before`.
    """
    text = query.rstrip()
    while text.endswith(";"):
        text = text[:-1].rstrip()
    changes = ",\n".join(expression + " AS " + identifier(column) for column, expression in (replaced or {}).items())
    stars = "* REPLACE (\n" + changes + ")" if changes else "*"
    parts = ["SELECT ", stars, " FROM (\n", text, "\n)"]
    return "".join(parts)


def lines_before(replaced: Mapping[str, str]) -> int:
    """How many lines `wrapped` puts before the query."""
    return 1 + len(replaced)


def relation_sql(relation: Files | Query) -> str:
    """The SELECT that reads a relation."""
    if isinstance(relation, Files):
        return "FROM " + call("read_parquet", relation.paths, {})
    if not relation.over:
        return wrapped(relation.sql)
    named = [identifier(said) + " AS NOT MATERIALIZED (FROM " + identifier(meant) + ")" for said, meant in relation.over.items()]
    return "WITH " + ", ".join(named) + " " + wrapped(relation.sql)


def view_sql(name: str, relation: Files | Query) -> str:
    """The statement that makes a relation readable as `name`, which is quoted already."""
    return "CREATE OR REPLACE VIEW " + name + " AS " + relation_sql(relation)


def copy_sql(select: str, target: Path, options: Mapping[str, str]) -> str:
    """COPY of a SELECT to a file; the options' values are SQL already."""
    listed = ", ".join(name + " " + value for name, value in options.items())
    return "COPY (" + select + ") TO " + literal(target) + " (" + listed + ")"
