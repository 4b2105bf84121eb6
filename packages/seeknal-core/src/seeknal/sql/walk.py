"""Reading one expression: what it refers to, and the text its shape is made from.

The text has every part of every node in it, in order, except what means nothing: parentheses, quoting, and the case of most names. Each
column stands in it as the shape of what it means, so that aliases and the names of CTEs play no part either.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from sqlglot import exp

from seeknal.nodes import fold
from seeknal.sql.functions import SCALAR
from seeknal.sql.relations import OpaqueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal.sql.relations import Derived

_OPAQUE = (exp.PositionalColumn, exp.MatchRecognize, exp.Parameter, exp.Placeholder, exp.Star, exp.Aliases)
_SEVERAL_ROWS = (exp.Explode, exp.Unnest, exp.Posexplode, exp.Inline)
_NAMES_MATTER = (exp.Struct, exp.Anonymous, exp.JSONObject)
_NAMED_BY_FIRST = (exp.PropertyEQ, exp.Kwarg, exp.ColumnDef, exp.Alias)
_FUNCTION_HOLDERS = (exp.IgnoreNulls, exp.RespectNulls, exp.Filter, exp.WithinGroup)
_ASIDE: dict[type, frozenset[str]] = {exp.Window: frozenset({"partition_by", "order", "spec"}), exp.Filter: frozenset({"expression"})}
_WRITTEN = frozenset({"alias"})
"""Functions whose value is how their argument is written."""


class ColumnsMet(OpaqueError):
    """COLUMNS() stands where nothing was said of what it means."""


class _Kind(enum.Enum):
    """How a class of node is read."""

    PLAIN = enum.auto()
    PAREN = enum.auto()
    COLUMN = enum.auto()
    IDENTIFIER = enum.auto()
    WORD = enum.auto()
    QUERY = enum.auto()
    COLUMNS = enum.auto()
    COUNT = enum.auto()
    LAMBDA = enum.auto()
    COMPREHENSION = enum.auto()
    FUNCTION = enum.auto()
    AGGREGATE = enum.auto()
    SEVERAL_ROWS = enum.auto()
    WINDOW = enum.auto()
    ORDERED = enum.auto()
    OPAQUE = enum.auto()


_KINDS = (
    (exp.Paren, _Kind.PAREN),
    (exp.Column, _Kind.COLUMN),
    (exp.Identifier, _Kind.IDENTIFIER),
    (exp.Var, _Kind.WORD),
    ((exp.Query, exp.Pivot, exp.Values), _Kind.QUERY),
    (exp.Columns, _Kind.COLUMNS),
    (_OPAQUE, _Kind.OPAQUE),
    (exp.Count, _Kind.COUNT),
    (exp.Lambda, _Kind.LAMBDA),
    (exp.Comprehension, _Kind.COMPREHENSION),
    ((exp.Anonymous, exp.AnonymousAggFunc), _Kind.FUNCTION),
    (_SEVERAL_ROWS, _Kind.SEVERAL_ROWS),
    (exp.AggFunc, _Kind.AGGREGATE),
    (exp.Window, _Kind.WINDOW),
    (exp.Ordered, _Kind.ORDERED),
)


_known_kinds: dict[type, _Kind] = {}


def _kind(cls: type) -> _Kind:
    found = _known_kinds.get(cls)
    if found is None:
        found = _known_kinds[cls] = next((kind for classes, kind in _KINDS if issubclass(cls, classes)), _Kind.PLAIN)
    return found


class Walk:
    """One reading of one expression. `column` and `query` say what references and subqueries mean; `known` whether a name means something.

    `columns` are what COLUMNS() stands for, where it stands for something here.
    """

    def __init__(
        self,
        column: Callable[[exp.Column], tuple[Derived, list[str]]],
        query: Callable[[exp.Expr], Derived],
        known: Callable[[str], Derived | None],
        columns: Mapping[bool, list[Derived]] | None = None,
    ) -> None:
        self._column = column
        self._query = query
        self._known = known
        self._columns = columns
        self._bound: frozenset[str] = frozenset()
        self._aside = False
        self.parts: list[str] = []
        self.value: list[Derived] = []
        self.filters: list[Derived] = []
        self.aggregates = False
        self.may_aggregate = False
        self.multiplies = False
        self.windows = False
        self.counts = False

    def read(self, node: exp.Expr, *, named: bool = False, windowed: bool = False) -> None:
        """Read a node and what is below it. `named`: its name counts where it is one; `windowed`: it is the function of a window."""
        kind = _kind(type(node))
        if kind is _Kind.PLAIN:
            self._plain(node, windowed=windowed)
        elif kind is _Kind.COLUMN:
            self._reference(node, named=named)
        elif kind is _Kind.PAREN:
            self.read(node.this, named=named, windowed=windowed)
        elif kind is _Kind.IDENTIFIER:
            self.parts.append(f"i{node.name if named else fold(node.name)!r}")
        elif kind is _Kind.WORD:
            self.parts.append(f"v{fold(node.name)!r}")
        elif kind is _Kind.QUERY:
            self._take(self._query(node), "query")
        else:
            self._special(node, kind, windowed=windowed)

    def _special(self, node: exp.Expr, kind: _Kind, *, windowed: bool) -> None:
        if kind is _Kind.OPAQUE:
            message = f"{node.key.upper()} within an expression"
            raise OpaqueError(message)
        if kind is _Kind.COLUMNS:
            self._chosen(node)
        elif kind in {_Kind.LAMBDA, _Kind.COMPREHENSION}:
            self._binding(node, kind)
        elif kind is _Kind.ORDERED:
            self._arguments(node, {k: v for k, v in node.args.items() if k != "desc" or v})
        elif kind is _Kind.WINDOW:
            self.windows = self.counts = True
            self._plain(node)
        elif kind is _Kind.FUNCTION:
            self._function(node)
        else:
            self.counts = True
            self.aggregates |= kind is not _Kind.SEVERAL_ROWS and not windowed
            self.multiplies |= kind is _Kind.SEVERAL_ROWS
            if kind is _Kind.COUNT and _is_bare_star(node.this):
                self._arguments(node, {k: v for k, v in node.args.items() if k != "this"})
                self.parts.append("every row")
            else:
                self._plain(node)

    def _plain(self, node: exp.Expr, *, windowed: bool = False) -> None:
        self._arguments(node, node.args, windowed=windowed)

    def _arguments(self, node: exp.Expr, args: Mapping[str, object], *, windowed: bool = False) -> None:
        """The class of a node and each of its arguments."""
        cls = type(node)
        parts = self.parts
        parts.append(f"({cls.__name__}")
        named, first = isinstance(node, _NAMES_MATTER), isinstance(node, _NAMED_BY_FIRST)
        aside = _ASIDE.get(cls)
        within_window = windowed and isinstance(node, _FUNCTION_HOLDERS)
        for key, child in args.items():
            if child is None or child == []:
                continue
            parts.append(key)
            before = self._aside
            if aside is not None and key in aside:
                self._aside = True
            holds = key == "this" and (within_window or cls is exp.Window)
            if isinstance(child, exp.Expr):
                self.read(child, named=named or (key == "this" and first), windowed=holds)
            elif isinstance(child, list):
                parts.append("[")
                for item in child:
                    if isinstance(item, exp.Expr):
                        self.read(item, named=named)
                    else:
                        parts.append(repr(item))
                parts.append("]")
            else:  # the parser keeps the words of a frame as they are written
                parts.append(repr(child.upper() if cls is exp.WindowSpec and isinstance(child, str) else child))
            self._aside = before
        parts.append(")")

    def _take(self, derived: Derived, label: str) -> None:
        (self.filters if self._aside else self.value).append(derived)
        self.parts.append(f"{label} {derived.shape}")

    def _reference(self, node: exp.Expr, *, named: bool) -> None:
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            message = "a star within an expression"
            raise OpaqueError(message)
        if fold(node.parts[0].name) in self._bound:
            self.parts += ["bound", *(repr(fold(p.name)) for p in node.parts)]
            return
        found, fields = self._column(node)
        self._take(found, "column")
        if fields:
            self.parts += ["fields", *(repr(fold(f)) for f in fields)]
        if named:
            self.parts.append(repr(node.name if isinstance(node.parent, exp.Struct | exp.Paren) else fold(node.name)))

    def _chosen(self, node: exp.Expr) -> None:
        unpacked = bool(node.args.get("unpack"))
        if self._columns is None or unpacked not in self._columns:
            message = "COLUMNS() stands where it is not analysed"
            raise ColumnsMet(message)
        for derived in self._columns[unpacked]:
            self._take(derived, "chosen")

    def _binding(self, node: exp.Expr, kind: _Kind) -> None:
        """A lambda or comprehension. `j -> '$.a'` within a call may be a lambda or a path into the column `j`."""
        before = self._bound
        if kind is _Kind.LAMBDA:
            names = [e.name for e in node.expressions]
            for name in names:
                column = self._known(name) if fold(name) not in before else None
                if column is not None:
                    self._take(column, "parameter or column")
            self._bound = before | {fold(n) for n in names}
            self._plain(node)
        else:
            self.parts.append("iterator")
            self.read(node.args["iterator"])
            variables = [node.args[k] for k in ("expression", "position") if node.args.get(k)]
            self._bound = before | {fold(i.name) for v in variables for i in v.find_all(exp.Identifier)}
            self._arguments(node, {k: v for k, v in node.args.items() if k != "iterator"})
        self._bound = before

    def _function(self, node: exp.Expr) -> None:
        """A function the parser has no class for."""
        name = fold(node.name)
        if name in _WRITTEN:
            message = f"{name}() depends on how its argument is written"
            raise OpaqueError(message)
        self.counts = True
        if name not in SCALAR:
            self.may_aggregate = self.multiplies = True
        self.parts.append(repr(name))
        self._arguments(node, {k: v for k, v in node.args.items() if k != "this"})


def spreads(node: exp.Expr) -> bool:
    """Whether it may come out as several columns: a struct that is unnested."""
    if not isinstance(node, _SEVERAL_ROWS):
        return False
    listed = isinstance(node.this, exp.Array | exp.Split | exp.GenerateSeries | exp.RegexpExtractAll)
    listed = listed or (isinstance(node.this, exp.Cast) and node.this.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST))
    return not listed or bool(node.expressions)


def _is_bare_star(node: object) -> bool:
    star = node.this if isinstance(node, exp.Column) else node
    return isinstance(star, exp.Star) and not any(star.args.values())
