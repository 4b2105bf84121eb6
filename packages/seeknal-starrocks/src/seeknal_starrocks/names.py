"""Names and values as StarRocks' SQL has them. Everything that becomes part of a statement goes through here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from seeknal.errors import visible
from seeknal_starrocks import failures

DIALECT = "starrocks"
LONGEST_NAME = 64
"""What the documentation allows for tables, views and columns; longer names are refused here and not cut off there."""

_PART = re.compile(r'"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^."`]+)')
_MOST_PARTS = 3


def quoted(name: str) -> str:
    """An identifier, quoted."""
    return exp.to_identifier(name, quoted=True).sql(dialect=DIALECT)


def text(value: str) -> str:
    """Text as a literal."""
    return exp.Literal.string(value).sql(dialect=DIALECT)


def double_quoted(value: str) -> str:
    """Text in double quotes, as properties have it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name; database and catalog where they were said. Quoted whenever it becomes SQL."""

    name: str
    database: str | None = None
    catalog: str | None = None

    @classmethod
    def parse(cls, written: str, database: str | None = None) -> TableName:
        """Understand `table`, `database.table` and `catalog.database.table`; a part with a dot in it stands in backticks or double quotes.

        Raises ConnectionFailed (SK-CONN-009).
        """
        parts: list[str] = []
        position = 0
        while (found := _PART.match(written, position)) and len(parts) < _MOST_PARTS:
            double, back, plain = found.groups()
            parts.append(double.replace('""', '"') if double is not None else back.replace("``", "`") if back is not None else plain)
            position = found.end()
            if position == len(written):
                break
            if written[position] != ".":
                raise bad_name(written, "a quoted part ends before its end")
            position += 1
        if position != len(written) or not parts or written.endswith("."):
            raise bad_name(written, "it is not one name, two or three")
        for part in parts:
            check_name(part, written)
        return cls(parts[-1], parts[-2] if len(parts) > 1 else database, parts[0] if len(parts) == _MOST_PARTS else None)

    @property
    def sql(self) -> str:
        """The name in SQL."""
        return ".".join(quoted(part) for part in (self.catalog, self.database, self.name) if part)

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.database, self.name) if part)

    def beside(self, name: str) -> TableName:
        """Another table in the same database."""
        return TableName(name, self.database, self.catalog)


def check_name(name: str, whole: str) -> None:
    """Refuse what no sane table or column is called, and what the server would refuse. Raises ConnectionFailed (SK-CONN-009)."""
    if not name or name != name.strip():
        raise bad_name(whole, "a part is empty or begins or ends with a blank")
    if visible(name) != name or "\n" in name or "\t" in name:
        raise bad_name(whole, "it has control or invisible characters")
    if len(name) > LONGEST_NAME:
        raise bad_name(whole, f"a name may have {LONGEST_NAME} characters")


def bad_name(written: str, why: str) -> Exception:
    """SK-CONN-009 for a name."""
    hint = "a table is written as table, database.table or catalog.database.table"
    shown = visible(written).replace("\n", "\\n").replace("\t", "\\t")
    return failures.unusable(f"'{shown}' cannot be used as a name: {why}", hint)
