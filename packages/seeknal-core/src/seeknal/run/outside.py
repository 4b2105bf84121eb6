"""Asking a connection of profiles.yml, in its own SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from seeknal.connections import hidden, named, open_connection, open_driver, secrets_of
from seeknal.errors import ConnectionFailed, ProjectError, did_you_mean
from seeknal.protocols import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seeknal.api import Project
    from seeknal.protocols import ConnectionDriver, Shell

Answer = TypeVar("Answer")


class Outside:
    """A session with a database outside. What goes wrong names the connection and shows no secret."""

    def __init__(self, project: Project, name: str) -> None:
        """`name` is a connection of profiles.yml, or a URL whose scheme is a type of connection. Raises ProjectError, ConnectionFailed."""
        registry = project.loaded.registry
        scheme, is_url, _ = name.partition("://")
        if is_url:
            type_ = registry.connection(scheme)
            if "url" not in type_.optional:
                raise ProjectError(
                    "SK-CFG-004", f"connections of type {scheme} have no URL", hint="define it in profiles.yml, and connect by name"
                )
            values: dict[str, Any] = {"url": name}
            self.name, self._at = scheme, None
            driver = open_driver(project.root, type_, values, scheme, None)
        else:
            known = project.loaded.profiles.connections
            if name not in known:
                hint = did_you_mean(name, known) or (
                    f"known: {', '.join(known)}" if known else "define it under connections: in profiles.yml"
                )
                raise ProjectError("SK-CFG-004", f"no connection '{name}' in profiles.yml", hint=hint)
            settings = known[name]
            type_, values = registry.connection(settings.type, settings.at), settings.resolved()
            self.name, self._at = name, settings.at
            driver = open_connection(project.root, type_, settings)
        self._secrets = secrets_of(type_, values)
        self._driver: ConnectionDriver = driver
        made: Callable[[], Shell] | None = getattr(driver, "shell", None)
        self._shell: Shell = made() if made is not None else _Plain(driver, type_.dialect)

    @property
    def dialect(self) -> str:
        """The SQL that is understood."""
        return self._shell.dialect

    @property
    def commands(self) -> Sequence[tuple[str, str]]:
        """Dot commands of the database's own."""
        return self._shell.commands

    @property
    def reconnected(self) -> bool:
        """Whether the last answer took a new connection."""
        return self._shell.reconnected

    def rows(self, sql: str, limit: int | None = None) -> Rows:
        """Answer one statement. Raises ConnectionFailed, and EngineError SK-RUN-130 where it was interrupted."""
        return self._guarded(lambda: self._shell.rows(sql, limit))

    def command(self, word: str, argument: str) -> Rows | None:
        """Answer a dot command; None for one the database has not. Raises ConnectionFailed."""
        return self._guarded(lambda: self._shell.command(word, argument))

    def interrupt(self) -> None:
        """Cancel what is running, from another thread."""
        self._shell.interrupt()

    def close(self) -> None:
        """Leave."""
        self._shell.close()
        self._driver.close()

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except ConnectionFailed as error:
            raise hidden(named(error, self.name, self._at), self._secrets) from None


class _Plain:
    """The session of a driver that brings none: each statement is one SELECT on a connection of its own."""

    commands: Sequence[tuple[str, str]] = ()
    reconnected = False

    def __init__(self, driver: ConnectionDriver, dialect: str) -> None:
        self._driver = driver
        self.dialect = dialect

    def rows(self, text: str, limit: int | None = None) -> Rows:
        reader: Any = self._driver.read(text.strip().rstrip(";"))
        found: list[tuple[Any, ...]] = []
        for batch in reader:
            found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
            if limit is not None and len(found) >= limit:
                reader.close()
                break
        return Rows(tuple(reader.schema.names), found[:limit])

    def command(self, word: str, argument: str) -> Rows | None:
        del word, argument
        return None

    def interrupt(self) -> None:
        self._driver.close()

    def close(self) -> None:
        """Nothing is open between statements."""
