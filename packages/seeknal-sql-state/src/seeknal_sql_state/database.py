"""A database that keeps state: transactions for reading and writing, and the little in which its SQL differs from others'."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import ColumnElement, Connection, Engine, Executable, Table

    from seeknal.errors import SeeknalError
    from seeknal_sql_state.tables import Tables


class Database(ABC):
    """What `SqlBackend` asks of a database. `place` is how people are told where it is; it holds no secret."""

    name: ClassVar[str]
    alone: ClassVar[bool] = False
    """Whether a database that holds tables of others must be somebody else's."""

    insert: Callable[..., Any]
    """The dialect's INSERT, which knows ON CONFLICT."""

    def __init__(self, engine: Engine, tables: Tables, place: str) -> None:
        self.engine = engine
        self.tables = tables
        self.place = place

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and takes no lock."""
        with self._explained(), self.engine.connect() as connection, self.transaction(connection, writes=False):
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed durably at the end of the block, or undone when the block raises."""
        with self._explained(), self.engine.connect() as connection, self.transaction(connection, writes=True):
            yield connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self.explain(error) from None

    def exists(self) -> bool:
        """Whether there is anything to read."""
        return True

    def close(self) -> None:
        """Let go of connections that are not in use."""
        self.engine.dispose()

    # What differs

    @property
    @abstractmethod
    def clock(self) -> ColumnElement[float]:
        """Seconds since 1970, by the clock that all who share this database go by."""

    @abstractmethod
    def transaction(self, connection: Connection, *, writes: bool) -> AbstractContextManager[Any]:
        """A transaction that cannot wait for ever."""

    @abstractmethod
    def preparing(self) -> AbstractContextManager[Connection]:
        """A transaction that makes and changes tables, and that no other one of its kind can be in. The place for them is made first."""

    @abstractmethod
    def settle(self) -> None:
        """Put what was committed into its final form."""

    @abstractmethod
    def explain(self, error: DBAPIError) -> SeeknalError:
        """What an error of the driver means."""

    # The same for both

    def put(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put rows, each in place of the one that has its address: its primary key."""
        connection.execute(self.upsert(table, self.insert(table)), rows)

    @staticmethod
    def upsert(table: Table, statement: Any) -> Any:
        """An INSERT that replaces what is there."""
        others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)

    def insert_if_missing(self, table: Table, address: Sequence[str]) -> Executable:
        """Put a row unless there is one with its address."""
        statement: Executable = self.insert(table).on_conflict_do_nothing(index_elements=list(address))
        return statement
