"""Small tables as SQL: values with the types that are declared, or that the values themselves say, and never changed on the way."""

from __future__ import annotations

import datetime as dt
import functools
import json
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from seeknal.errors import ProjectError
from seeknal.nodes import fold
from seeknal.unit_tests.values import Cells, Given, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal.errors import Location

Kind = exp.DataType.Type
_NUMBERS = {*exp.DataType.INTEGER_TYPES, Kind.DECIMAL}
_LONGEST = 2**63
_WIDE = Context(prec=400)
_TIMES = (Kind.TIMESTAMP, Kind.TIMESTAMPNTZ)
_TYPES = {dt.date: Kind.DATE, str: Kind.TEXT, Decimal: Kind.DOUBLE, float: Kind.DOUBLE}


@functools.cache
def type_of(text: str, dialect: str) -> exp.DataType | None:
    """A type's tree, to be copied before it is put into another; None for one that only the engine knows."""
    try:
        return exp.DataType.build(text, dialect=dialect)
    except SqlglotError:
        return None


def same_type(one: exp.DataType | None, other: exp.DataType | None) -> bool:
    """Whether two trees are one type, however it is spelt."""
    if one is None or other is None:
        return False
    if not one.expressions and not other.expressions and one.this == other.this:
        return True
    return one.sql(dialect="duckdb") == other.sql(dialect="duckdb")


def values_query(rows: Sequence[Cells], types: Mapping[str, exp.DataType | None]) -> exp.Select:
    """A SELECT that returns these rows, with a column for each of `types`. Raises ProjectError at a value that its column cannot hold."""
    names = list(types)
    nulls: list[exp.Expr] = [exp.null() for _ in names]
    found = [[_literal(_cell(row, name), types[name], name) for name in names] for row in rows]
    alias = exp.TableAlias(this=exp.to_identifier("given"), columns=[exp.to_identifier(n, quoted=True) for n in names])
    source = exp.Values(expressions=[exp.Tuple(expressions=r) for r in found or [nulls]], alias=alias)
    select = exp.select(*(_projected(n, types[n]) for n in names)).from_(source)
    return select if found else select.where(exp.false())


def column_names(rows: Iterable[Cells]) -> list[str]:
    """The columns that any row has, in the order they come up; two spellings of one name are one column."""
    found: dict[str, str] = {}
    for row in rows:
        for name in row:
            found.setdefault(fold(name), name)
    return list(found.values())


def inferred(rows: Iterable[Cells], column: str) -> exp.DataType | None:
    """The type that a column's values say, None where they say none. Raises ProjectError where they do not agree."""
    found: exp.DataType | None = None
    for row in rows:
        cell = _cell(row, column)
        own = _own_type(cell)
        if own is None:
            continue
        both = own if found is None else _common(found, own)
        if both is None:
            hint = f"give its type: columns: {{{column}: VARCHAR}}"
            message = f"column '{column}' holds both {_sql(found)} and {_sql(own)}"
            raise ProjectError("SK-TEST-005", message, at=place_of(cell), hint=hint)
        found = both
    return found


def is_simple(type_: exp.DataType | None) -> bool:
    """Whether Python holds every value of a type as it is; others are compared as the engine writes them."""
    simple = {
        *exp.DataType.INTEGER_TYPES, Kind.DECIMAL, Kind.BOOLEAN, Kind.TEXT, Kind.VARCHAR, Kind.DATE, Kind.FLOAT, Kind.DOUBLE, *_TIMES,
        Kind.TIMESTAMPTZ, Kind.TIMESTAMP_MS, Kind.TIMESTAMP_S, Kind.UUID,
    }  # fmt: skip
    if type_ is None:
        return False
    if type_.this in (Kind.STRUCT, Kind.ARRAY, Kind.LIST, Kind.MAP):
        return all(is_simple(inner) for _, inner in _children(type_))
    return type_.this in simple


def _cell(row: Cells, column: str) -> Given | None:
    if column in row:
        return row[column]
    folded = fold(column)
    return next((v for k, v in row.items() if fold(k) == folded), None)


def _projected(name: str, type_: exp.DataType | None) -> exp.Expr:
    column = exp.column(exp.to_identifier(name, quoted=True), table="given")
    return (exp.cast(column, type_.copy()) if type_ is not None else column).as_(name, quoted=True)


def _literal(cell: Given | None, type_: exp.DataType | None, column: str) -> exp.Expr:
    """A value as SQL. Scalars of a known type are text, which the engine casts; lists and mappings are built field by field."""
    kind = type_.this if type_ is not None else None
    if cell is None or (isinstance(cell, Scalar) and cell.value is None):
        return exp.null()
    if kind == Kind.JSON and not isinstance(cell, Scalar):
        return exp.Literal.string(json.dumps(_plain(cell), ensure_ascii=False))
    if isinstance(cell, Scalar):
        if kind in (Kind.STRUCT, Kind.ARRAY, Kind.LIST, Kind.MAP):
            raise _unfit(cell, f"'{cell.text}'", type_, column)
        _check_fits(cell, type_, column)
        return exp.Literal.string(cell.text)
    if isinstance(cell, list) and type_ is not None and kind in (Kind.ARRAY, Kind.LIST):
        inner = _children(type_)[0][1]
        return exp.Array(expressions=[_typed(c, inner, column) for c in cell])
    if isinstance(cell, dict) and type_ is not None and kind == Kind.STRUCT:
        return _struct(cell, type_, column)
    if isinstance(cell, dict) and type_ is not None and kind == Kind.MAP:
        (_, key), (_, value) = _children(type_)
        keys = [exp.cast(exp.Literal.string(k), key.copy()) for k in cell]
        return exp.Map(keys=exp.Array(expressions=keys), values=exp.Array(expressions=[_typed(v, value, column) for v in cell.values()]))
    raise _unfit(cell, "a list" if isinstance(cell, list) else "a mapping", type_, column)


def _struct(cell: dict[str, Any], type_: exp.DataType, column: str) -> exp.Expr:
    fields = _children(type_)
    known = {fold(n) for n, _ in fields}
    for name, value in cell.items():
        if fold(name) not in known:
            listed = ", ".join(n for n, _ in fields)
            message = f"column '{column}' has no field '{name}'"
            raise ProjectError("SK-TEST-005", message, at=place_of(value), hint=f"its fields: {listed}")
    pairs = [
        exp.PropertyEQ(this=exp.to_identifier(n, quoted=True), expression=_typed(_cell(cell, n), inner, column)) for n, inner in fields
    ]
    return exp.Struct(expressions=pairs)


def _typed(cell: Given | None, type_: exp.DataType, column: str) -> exp.Expr:
    return exp.cast(_literal(cell, type_, column), type_.copy())


def _children(type_: exp.DataType) -> list[tuple[str, exp.DataType]]:
    """The types a nested type is made of, with the names of fields."""
    found = []
    for child in type_.expressions:
        if isinstance(child, exp.ColumnDef):
            found.append((child.name, child.args["kind"]))
        elif isinstance(child, exp.DataType):
            found.append(("", child))
    return found


def _check_fits(cell: Scalar, type_: exp.DataType | None, column: str) -> None:
    """Refuse what the engine would round, cut or shift to make it fit."""
    kind = type_.this if type_ is not None else None
    if type_ is not None and kind in _NUMBERS:
        try:
            number = Decimal(cell.text)
        except InvalidOperation:
            raise _unfit(cell, f"'{cell.text}'", type_, column) from None
        if not number.is_finite() or number != number.quantize(Decimal(1).scaleb(-_scale(type_)), context=_WIDE):
            raise _unfit(cell, cell.text, type_, column)
    elif kind in (Kind.DATE, *_TIMES):
        found = cell.value if isinstance(cell.value, dt.datetime) else _datetime(cell.text)
        cut = kind == Kind.DATE and found is not None and found.time() != dt.time()
        if cut or (found is not None and found.utcoffset()):
            raise _unfit(cell, cell.text, type_, column)


def _datetime(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _scale(type_: exp.DataType) -> int:
    if type_.this != Kind.DECIMAL:
        return 0
    parameters = [p for p in type_.expressions if isinstance(p, exp.DataTypeParam)]
    return int(parameters[1].name) if len(parameters) > 1 else 0 if parameters else 3


def _unfit(cell: Given, shown: str, type_: exp.DataType | None, column: str) -> ProjectError:
    message = f"{shown} is no value of column '{column}', which is {_sql(type_)}"
    return ProjectError("SK-TEST-005", message, at=place_of(cell))


def place_of(cell: Given | None) -> Location | None:
    """Where a value stands."""
    if isinstance(cell, Scalar):
        return cell.at
    inner = list(cell.values()) if isinstance(cell, dict) else cell or []
    return next((at for at in map(place_of, inner) if at is not None), None)


def _sql(type_: exp.DataType | None) -> str:
    return "of a type that is not known" if type_ is None else type_.sql(dialect="duckdb")


def _own_type(cell: Given | None) -> exp.DataType | None:
    if cell is None:
        return None
    if isinstance(cell, list):
        found: exp.DataType | None = None
        for item in cell:
            own = _own_type(item)
            found = own if found is None or own is None else _common(found, own) or found
        return exp.DataType(this=Kind.ARRAY, expressions=[found], nested=True) if found is not None else None
    if isinstance(cell, dict):
        fields = [(name, _own_type(value) or exp.DataType(this=Kind.TEXT)) for name, value in cell.items()]
        definitions = [exp.ColumnDef(this=exp.to_identifier(n, quoted=True), kind=t) for n, t in fields]
        return exp.DataType(this=Kind.STRUCT, expressions=definitions, nested=True) if fields else None
    value = cell.value
    if value is None:
        return None
    if isinstance(value, bool):
        return exp.DataType(this=Kind.BOOLEAN)
    if isinstance(value, int):
        return exp.DataType(this=Kind.BIGINT if -_LONGEST <= value < _LONGEST else Kind.INT128)
    if isinstance(value, dt.datetime):
        return exp.DataType(this=Kind.TIMESTAMPTZ if value.tzinfo else Kind.TIMESTAMPNTZ)
    return exp.DataType(this=_TYPES[type(value)])


def _common(one: exp.DataType, other: exp.DataType) -> exp.DataType | None:
    """The type that holds both: whole and other numbers, dates and times; None for the rest."""
    if same_type(one, other):
        return one
    kinds = {one.this, other.this}
    for widening in ([Kind.BIGINT, Kind.INT128, Kind.DOUBLE], [Kind.DATE, Kind.TIMESTAMPNTZ], [Kind.DATE, Kind.TIMESTAMPTZ]):
        if kinds <= set(widening):
            return max((one, other), key=lambda t: widening.index(t.this))
    if kinds == {Kind.ARRAY}:
        inner = _common(_children(one)[0][1], _children(other)[0][1])
        return exp.DataType(this=Kind.ARRAY, expressions=[inner], nested=True) if inner is not None else None
    if kinds == {Kind.STRUCT}:
        return _common_struct(one, other)
    return None


def _common_struct(one: exp.DataType, other: exp.DataType) -> exp.DataType | None:
    fields = {fold(n): (n, t) for n, t in _children(one)}
    for name, type_ in _children(other):
        _, before = fields.get(fold(name), (name, type_))
        both = _common(before, type_)
        if both is None:
            return None
        fields[fold(name)] = (name, both)
    definitions = [exp.ColumnDef(this=exp.to_identifier(n, quoted=True), kind=t) for n, t in fields.values()]
    return exp.DataType(this=Kind.STRUCT, expressions=definitions, nested=True)


def _plain(cell: Given | None) -> Any:
    """A value as JSON has it."""
    if isinstance(cell, list):
        return [_plain(c) for c in cell]
    if isinstance(cell, dict):
        return {k: _plain(v) for k, v in cell.items()}
    if cell is None or cell.value is None or isinstance(cell.value, bool | int | float | str):
        return None if cell is None else cell.value
    return float(cell.value) if isinstance(cell.value, Decimal) else cell.text
