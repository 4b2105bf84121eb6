"""Where a database server is and how to log in there, checked; and the names of tables."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Required, TypedDict

from sqlglot import exp

from seeknal.errors import did_you_mean, visible
from seeknal.nodes import fold
from seeknal_duckdb.connections import failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal.errors import ConnectionFailed

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
CONNECT_SECONDS = 5
_HIGHEST_PORT = 65535


class ServerSettings(TypedDict, total=False):
    """The keys profiles.yml may have for a database server. Numbers may be text, as `${VAR}` makes them."""

    host: Required[str]
    user: Required[str]
    database: Required[str]
    port: int | str
    password: str | None
    sslmode: str
    ssl_ca: str
    connect_timeout: float | str
    schema: str


@dataclass(frozen=True, slots=True)
class Login:
    """Checked `ServerSettings`. The password is in no repr."""

    type: str
    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    sslmode: str = "prefer"
    ssl_ca: str | None = None
    connect_timeout: int = CONNECT_SECONDS
    schema: str | None = None

    @classmethod
    def of(cls, type_: str, default_port: int, settings: ServerSettings) -> Login:
        """Check the settings. Raises ConnectionFailed (SK-CONN-009)."""
        sslmode = settings.get("sslmode") or "prefer"
        if sslmode not in SSL_MODES:
            hint = did_you_mean(str(sslmode), SSL_MODES) or f"one of {', '.join(SSL_MODES)}"
            message = f"sslmode '{sslmode}' is unknown"
            raise failures.unusable(message, hint)
        password = settings.get("password")
        return cls(
            type_,
            str(settings["host"]),
            int(_number("port", settings.get("port") or default_port, _HIGHEST_PORT)),
            str(settings["user"]),
            str(settings["database"]),
            None if password is None else str(password),
            sslmode,
            settings.get("ssl_ca") or None,
            math.ceil(_number("connect_timeout", settings.get("connect_timeout") or CONNECT_SECONDS, 24 * 3600)),
            settings.get("schema") or None,
        )

    @property
    def place(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    def scrub(self, text: str) -> str:
        """`text` without the password, should a driver or server have repeated it."""
        return text.replace(self.password, "***") if self.password else text


def _number(key: str, value: float | str, highest: int) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= highest:
        message = f"{key} is '{value}'"
        raise failures.unusable(message, f"a number between 1 and {highest}")
    return number


_PART = re.compile(r'"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^."`]+)')


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name, and the schema it is in where one was said. Quoted whenever it becomes SQL."""

    name: str
    schema: str | None = None

    @classmethod
    def parse(cls, text: str, default_schema: str | None = None, *, longest: int | None = None) -> TableName:
        """Understand `table` and `schema.table`; a part that has a dot in it stands in double quotes or backticks.

        `longest` is the number of bytes the database lets a name have (some silently cut off the rest). Raises ConnectionFailed
        (SK-CONN-009).
        """
        parts: list[str] = []
        position = 0
        while (found := _PART.match(text, position)) and len(parts) <= 1:
            double, back, plain = found.groups()
            parts.append(double.replace('""', '"') if double is not None else back.replace("``", "`") if back is not None else plain)
            position = found.end()
            if position == len(text):
                break
            if text[position] != ".":
                raise bad_name(text, "a quoted part ends before its end")
            position += 1
        if position != len(text) or not parts or text.endswith("."):
            raise bad_name(text, "it is not one name or two")
        for part in parts:
            check_identifier(part, text, longest)
        return cls(parts[-1], parts[0] if len(parts) > 1 else default_schema)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def expression(self) -> exp.Table:
        """The table in SQL, quoted."""
        return exp.table_(exp.to_identifier(self.name, quoted=True), db=exp.to_identifier(self.schema, quoted=True))

    def quoted(self, dialect: str) -> str:
        """The name as this dialect's SQL has it."""
        return self.expression().sql(dialect=dialect)

    def select_all(self, dialect: str) -> str:
        """The SELECT that reads the whole table."""
        return exp.select("*").from_(self.expression()).sql(dialect=dialect)


def quoted(name: str, dialect: str) -> str:
    """A column's name as this dialect's SQL has it."""
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def check_identifier(name: str, whole: str, longest: int | None = None) -> None:
    """Refuse what no sane table or column is called, and what the database would cut off. Raises ConnectionFailed."""
    if not name or name != name.strip():
        raise bad_name(whole, "a part is empty or begins or ends with a blank")
    if visible(name) != name or "\n" in name or "\t" in name:
        raise bad_name(whole, "it has control or invisible characters")
    if longest is not None and len(name.encode()) > longest:
        raise bad_name(whole, f"a name may have {longest} bytes here")


def bad_name(text: str, why: str) -> ConnectionFailed:
    """SK-CONN-009 for a name."""
    hint = "a table is written as table or schema.table; a part with a dot in it stands in double quotes"
    return failures.unusable(f"'{visible(text)}' cannot be used as a name: {why}", hint)


def check_columns(names: Iterable[str], longest: int | None = None) -> None:
    """The names of columns to be written: each usable, no two alike but for case. Raises ConnectionFailed."""
    seen: set[str] = set()
    for name in names:
        check_identifier(name, name, longest)
        if fold(name) in seen:
            message = f"two columns are called '{name}'"
            raise failures.misfit(message, "rename one of them with AS")
        seen.add(fold(name))
    if not seen:
        message = "there are no columns"
        raise failures.misfit(message, "select at least one")
