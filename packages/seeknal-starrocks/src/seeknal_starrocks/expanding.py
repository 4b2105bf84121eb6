"""Queries over a session's relations, as StarRocks can run them: each relation replaced by its table, or by its query in brackets.

Names live in the session, so any text can name a relation, threads and runs do not get in each other's way, and nothing is left behind.
What a query may read is what the session defines: other tables of the server, and table functions such as FILES(), are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from seeknal.errors import EngineError, did_you_mean
from seeknal.nodes import fold
from seeknal_starrocks.names import DIALECT

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE = "this is not one SELECT"


@dataclass(frozen=True, slots=True)
class Defined:
    """A relation: tables with the same columns, or a query with the schema its plain names are looked up in, and what some of them stand for.

    `columns` are those of the tables that the relation has, in its order; None where it has them as the tables do.
    """

    tables: tuple[exp.Table, ...] = ()
    columns: tuple[str, ...] | None = None
    query: exp.Query | None = None
    schema: str = ""
    over: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Names:
    """The relations of a session, by folded schema (empty: none) and name."""

    known: dict[tuple[str, str], Defined] = field(default_factory=dict)

    def expand(self, query: str) -> exp.Query:
        """The query with every relation in it replaced. Raises EngineError (SK-SQL-010, SK-SQL-011, SK-SQL-015)."""
        return self.expanded(Defined(query=parse(query)))

    def expanded(self, relation: Defined, within: tuple[tuple[str, str], ...] = ()) -> exp.Query:
        """The same of a relation that is a query. `within` are those that it stands in."""
        if relation.query is None:
            message = "tables have nothing to expand"
            raise TypeError(message)
        tree = relation.query.copy()
        real = [
            node
            for scope in traverse_scope(tree)
            for node, source in scope.selected_sources.values()
            if isinstance(source, exp.Table) and isinstance(node, exp.Table)
        ]
        for table in real:
            if not isinstance(table.this, exp.Identifier) or table.args.get("catalog"):
                raise EngineError(
                    "SK-SQL-015", f"'{table.sql(dialect=DIALECT)[:60]}' is not allowed: SQL reads the relations of the project"
                )
            key = self._key(table, relation)
            if key in within:
                raise EngineError("SK-SQL-011", f"relation '{table.name}' reads itself")
            table.replace(self._replacement(table, self.known[key], (*within, key)))
        return tree

    def _key(self, table: exp.Table, within: Defined) -> tuple[str, str]:
        name = fold(table.name if table.db else within.over.get(fold(table.name), table.name))
        candidates = [(fold(table.db), name)] if table.db else [(fold(within.schema), name), ("", name)]
        for key in candidates:
            if key in self.known:
                return key
        hint = did_you_mean(table.name, [name for _, name in self.known])
        raise EngineError("SK-SQL-011", f"there is no relation '{table.name}'", hint=hint)

    def _replacement(self, table: exp.Table, found: Defined, within: tuple[tuple[str, str], ...]) -> exp.Expr:
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        if found.query is not None:
            query = self.expanded(found, within)
        elif len(found.tables) == 1 and found.columns is None:
            made = found.tables[0].copy()
            made.set("alias", alias.copy())
            made.set("joins", table.args.get("joins"))
            return made
        else:
            wanted = ["*"] if found.columns is None else [exp.column(c, quoted=True) for c in found.columns]
            selects = [exp.select(*wanted).from_(t.copy()) for t in found.tables]
            query = exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]
        return exp.Subquery(this=query, alias=alias.copy(), joins=table.args.get("joins"))


def parse(query: str) -> exp.Query:
    """One SELECT. Raises EngineError SK-SQL-010, with the place where the parser names one."""
    try:
        trees = [t for t in sqlglot.parse(query, dialect=DIALECT) if t is not None and not isinstance(t, exp.Semicolon)]
    except ParseError as error:
        place = error.errors[0] if error.errors else {}
        said = str(place.get("description") or error).splitlines()[0]
        raise EngineError("SK-SQL-010", f"this cannot be parsed: {said}", line=place.get("line"), column=place.get("col")) from None
    except SqlglotError as error:
        raise EngineError("SK-SQL-010", f"this cannot be parsed: {str(error).splitlines()[0]}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query) or trees[0].find(exp.Into, exp.DML) is not None:
        raise EngineError("SK-SQL-010", _ONE)
    return trees[0]
