"""Random queries over two relations, and random changes to queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    import random

SCHEMAS = {"x": ("a", "b", "c", "k", "arr"), "y": ("a", "d", "k", "s")}
NUMBERS = {"x": ("a", "b", "c", "k"), "y": ("a", "d", "k")}
CLASHING = ("x", "y", "a", "d", "q")
"""Aliases that are names of something else as well."""


@dataclass
class Frame:
    """The relations of one SELECT by alias, each with its columns, and the frame around it."""

    relations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outer: Frame | None = None


class Maker:
    """Makes queries whose columns are all numbers. Not every one of them is one that an engine accepts."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.made = 0

    def query(
        self, depth: int = 2, ctes: dict[str, tuple[str, ...]] | None = None, outer: Frame | None = None
    ) -> tuple[str, tuple[str, ...]]:
        """A query and its columns."""
        chance, ctes = self.chance, dict(ctes or {})
        with_ = ""
        if depth > 0 and chance.random() < 0.35:
            parts = []
            for _ in range(chance.randint(1, 2)):
                name = chance.choice(["x", "y", "w", "v"]) if chance.random() < 0.4 else self.fresh("w")
                text, columns = self.query(depth - 1, ctes, outer if chance.random() < 0.5 else None)
                if name not in ctes and f"{name} AS (" not in " ".join(parts):
                    parts.append(f"{name} AS ({text})")
                    ctes[name] = columns
            with_ = f"WITH {', '.join(parts)} " if parts else ""
        text, columns = self.select(depth, ctes, outer)
        if chance.random() < 0.12:
            other, more = self.select(depth - 1, ctes, outer, width=len(columns))
            if len(more) == len(columns):
                operation = chance.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "UNION ALL BY NAME"])
                text = f"{text} {operation} {other}"
                columns = tuple(dict.fromkeys([*columns, *more])) if "NAME" in operation else columns
        return with_ + text, columns

    def fresh(self, letter: str) -> str:
        """A name that nothing else has."""
        self.made += 1
        return f"{letter}{self.made}_"

    def select(
        self, depth: int, ctes: dict[str, tuple[str, ...]], outer: Frame | None, width: int | None = None
    ) -> tuple[str, tuple[str, ...]]:
        """One SELECT and its columns."""
        chance = self.chance
        frame = Frame(outer=outer)
        from_ = self.from_(depth, ctes, frame)
        grouped = chance.random() < 0.25
        keys = [self.reference(frame) for _ in range(chance.randint(1, 2))] if grouped else []
        items, names = [], []
        for number in range(width or chance.randint(1, 3)):
            value = self.grouped(keys, frame, depth, ctes) if grouped else self.value(frame, depth, ctes)
            name = chance.choice([f"n{number}", f"n{number}", "a", "b", "d", "k"])
            if name in names:
                name = f"n{number}"
            items.append(f"{value} AS {name}")
            names.append(name)
        if not grouped and width is None and chance.random() < 0.1:
            items, names = ["*"], list(dict.fromkeys(c for cs in frame.relations.values() for c in cs))
        clauses = ""
        if chance.random() < 0.4:
            clauses += f" WHERE {self.condition(frame, depth, ctes)}"
        if grouped:
            clauses += f" GROUP BY {', '.join(keys)}" if chance.random() < 0.7 else " GROUP BY ALL"
            clauses += f" HAVING count(*) > {chance.randint(0, 1)}" if chance.random() < 0.3 else ""
        elif chance.random() < 0.1:
            part, order = self.reference(frame), self.everything(frame)
            clauses += f" QUALIFY row_number() OVER (PARTITION BY {part} ORDER BY {order}) <= {chance.randint(1, 2)}"
        if chance.random() < 0.12 and items != ["*"] and width is None:
            clauses += f" ORDER BY {', '.join([*(str(i + 1) for i in range(len(items)))][:: chance.choice([1, -1])])}"
            clauses += f" LIMIT {chance.randint(1, 4)}" if chance.random() < 0.7 else ""
        distinct = "DISTINCT " if chance.random() < 0.1 else ""
        return f"SELECT {distinct}{', '.join(items)} FROM {from_}{clauses}", tuple(names)

    def from_(self, depth: int, ctes: dict[str, tuple[str, ...]], frame: Frame) -> str:
        """A FROM clause; the frame gets its relations."""
        chance = self.chance
        text = ""
        for number in range(chance.choice([1, 1, 2, 2, 3])):
            alias = self.fresh("p") if chance.random() < 0.7 else chance.choice(CLASHING)
            if alias in frame.relations:
                alias = self.fresh("p")
            kind = chance.random()
            if depth > 0 and kind < 0.2:
                inner, columns = self.query(depth - 1, ctes, None)
                item = f"({inner}) AS {alias}"
            else:
                name = chance.choice([*ctes, "x", "y"])
                columns = ctes.get(name) or NUMBERS[name]
                item = f"{name} AS {alias}"
                if chance.random() < 0.2 and name not in frame.relations:
                    item, alias = name, name
            before = Frame(dict(frame.relations), frame.outer)
            if number == 0:
                text, frame.relations[alias] = item, columns
                continue
            shared = [c for c in columns if sum(c in cs for cs in before.relations.values()) == 1]
            how = chance.random()
            frame.relations[alias] = columns
            if shared and how < 0.3:
                text += f" {chance.choice(['JOIN', 'LEFT JOIN', 'FULL JOIN', 'RIGHT JOIN'])} {item} USING ({chance.choice(shared)})"
            elif how < 0.4:
                text += f" {chance.choice(['SEMI', 'ANTI'])} JOIN {item} ON {self.reference(before)} = {alias}.{chance.choice(columns)}"
                del frame.relations[alias]
            else:
                side = chance.choice(["JOIN", "LEFT JOIN", "JOIN", "RIGHT JOIN"])
                text += f" {side} {item} ON {self.reference(before)} = {alias}.{chance.choice(columns)}"
        return text

    def reference(self, frame: Frame) -> str:
        """A column of a frame, at times of one around it, with its relation's name or without."""
        chance = self.chance
        if frame.outer is not None and frame.outer.relations and chance.random() < 0.3:
            frame = frame.outer
        if not frame.relations:
            return "1"
        alias = chance.choice(list(frame.relations))
        column = chance.choice(frame.relations[alias])
        owners = sum(column in columns for columns in frame.relations.values())
        return column if owners == 1 and chance.random() < 0.6 else f"{alias}.{column}"

    def order(self, frame: Frame) -> str:
        """What sorts rows, with a direction."""
        return ", ".join(f"{self.reference(frame)}{self.chance.choice(['', ' DESC', ' NULLS FIRST'])}" for _ in range(3))

    def everything(self, frame: Frame) -> str:
        """What sorts rows so that those that sort alike are the same."""
        every = [f"{alias}.{column}" for alias, columns in frame.relations.items() for column in columns]
        self.chance.shuffle(every)
        return ", ".join(f"{e}{self.chance.choice(['', ' DESC', ' NULLS FIRST'])}" for e in every) or "1"

    def value(self, frame: Frame, depth: int, ctes: dict[str, tuple[str, ...]]) -> str:
        """A number computed from a row."""
        chance, one = self.chance, self.reference(frame)
        form = chance.random()
        if form < 0.35:
            return one
        if form < 0.5:
            return f"{one} {chance.choice('+-*')} {chance.choice([self.reference(frame), str(chance.randint(1, 3))])}"
        if form < 0.6:
            return f"CASE WHEN {one} > {chance.randint(0, 3)} THEN {self.reference(frame)} ELSE {self.reference(frame)} END"
        if form < 0.68:
            return f"coalesce(nullif({one}, {chance.randint(0, 3)}), {self.reference(frame)})"
        if form < 0.78:
            bounds = chance.choice(["", "", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING"])
            order = self.everything(frame) if bounds else self.order(frame)
            return f"{chance.choice(['sum', 'max', 'count'])}({one}) OVER (PARTITION BY {self.reference(frame)} ORDER BY {order}{bounds})"
        if form < 0.84:
            return f"list_sum(list_transform([{one}, 1], lambda q: q + {self.reference(frame)}))"
        if depth > 0:
            return f"({self.scalar(frame, depth - 1, ctes)})"
        return f"greatest({one}, {self.reference(frame)})"

    def scalar(self, frame: Frame, depth: int, ctes: dict[str, tuple[str, ...]]) -> str:
        """A subquery of one number, which may refer to what is around it."""
        inner = Frame(outer=frame)
        from_ = self.from_(depth, ctes, inner)
        where = f" WHERE {self.reference(inner)} = {self.reference(frame)}" if self.chance.random() < 0.7 else ""
        return f"SELECT {self.chance.choice(['max', 'min', 'sum'])}({self.value(inner, depth - 1, ctes)}) FROM {from_}{where}"

    def grouped(self, keys: list[str], frame: Frame, depth: int, ctes: dict[str, tuple[str, ...]]) -> str:
        """A number for each group."""
        chance = self.chance
        if chance.random() < 0.4:
            return chance.choice(keys)
        filtered = f" FILTER (WHERE {self.condition(frame, 0, ctes)})" if chance.random() < 0.2 else ""
        return chance.choice([f"{chance.choice(['sum', 'min', 'max', 'count'])}({self.value(frame, 0, ctes)}){filtered}", "count(*)"])

    def condition(self, frame: Frame, depth: int, ctes: dict[str, tuple[str, ...]]) -> str:
        """A condition on a row."""
        chance, one = self.chance, self.reference(frame)
        form = chance.random()
        if depth > 0 and form < 0.25:
            inner = Frame(outer=frame)
            from_ = self.from_(depth - 1, ctes, inner)
            if form < 0.12:
                return f"{one} {chance.choice(['IN', 'NOT IN'])} (SELECT {self.reference(inner)} FROM {from_})"
            return f"{chance.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {from_} WHERE {self.reference(inner)} = {one})"
        if form < 0.4:
            return f"({self.condition(frame, 0, ctes)} {chance.choice(['AND', 'OR'])} {self.condition(frame, 0, ctes)})"
        other = chance.choice([self.reference(frame), str(chance.randint(0, 3))])
        return f"{one} {chance.choice(['=', '<', '>', '<>', '>='])} {other}"


_SWAPPED = (
    (exp.Add, exp.Sub), (exp.LT, exp.GT), (exp.EQ, exp.NEQ), (exp.GTE, exp.GT), (exp.And, exp.Or), (exp.Max, exp.Min), (exp.Sum, exp.Max),
    (exp.Union, exp.Except), (exp.Except, exp.Intersect), (exp.Greatest, exp.Least), (exp.Like, exp.ILike), (exp.Mul, exp.Add), (exp.Sum, exp.Count),
)  # fmt: skip


def mutated(sql: str, chance: random.Random) -> str | None:
    """The query with one thing in it changed, as text."""
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.ParseError:  # of a query that was changed before
        return None
    nodes = list(tree.walk())
    chance.shuffle(nodes)
    for node in nodes[:40]:
        if _change(node, nodes, chance):
            return tree.sql(dialect="duckdb")
    return None


def _change(node: exp.Expr, nodes: list[exp.Expr], chance: random.Random) -> bool:  # noqa: C901, PLR0912 - one case for each kind
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        others = [n for n in nodes if isinstance(n, exp.Column) and n is not node and not isinstance(n.this, exp.Star)]
        if others:
            other = chance.choice(others)
            if chance.random() < 0.5:
                node.replace(other.copy())
            else:
                node.set("table", other.args["table"].copy() if other.args.get("table") else None)
            return True
    if isinstance(node, exp.Literal):
        replaced = (
            exp.Literal.number((int(node.this) + 1) % 5)
            if not node.is_string and node.this.isdigit()
            else exp.Literal.string(node.this + "1")
        )
        node.replace(replaced)
        return True
    for one, two in _SWAPPED:
        for old, new in ((one, two), (two, one)):
            if type(node) is old and chance.random() < 0.7:
                node.replace(new(**{k: v.copy() if isinstance(v, exp.Expr) else v for k, v in node.args.items() if k in new.arg_types}))
                return True
    if isinstance(node, exp.Join):
        node.set("side", chance.choice([s for s in (None, "LEFT", "RIGHT", "FULL") if s != node.args.get("side")]))
        return True
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        others = [n for n in nodes if isinstance(n, exp.Table) and n.name != node.name]
        if others:
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name)))
            node.set("this", chance.choice(others).this.copy())
            return True
    if isinstance(node, exp.TableAlias) and not node.columns:
        others = [n for n in nodes if isinstance(n, exp.TableAlias) and n is not node and n.this is not None]
        if others and node.this is not None:
            other = chance.choice(others)
            mine, its = node.this.copy(), other.this.copy()
            node.set("this", its)
            other.set("this", mine)
            return True
    if isinstance(node, exp.Ordered):
        node.set(*chance.choice([("desc", not node.args.get("desc")), ("nulls_first", not node.args.get("nulls_first"))]))
        return True
    if isinstance(node, exp.Select):
        return _change_select(node, chance)
    if isinstance(node, exp.SetOperation):
        node.set("distinct", not node.args.get("distinct"))
        return True
    if isinstance(node, exp.With) and len(node.expressions) > 1:
        node.set("expressions", node.expressions[::-1])
        return True
    if isinstance(node, exp.WindowSpec):
        node.set("kind", "RANGE" if node.args.get("kind") == "ROWS" else "ROWS")
        return True
    if isinstance(node, exp.Alias) and chance.random() < 0.5:
        others = [n for n in nodes if isinstance(n, exp.Alias) and n is not node]
        if others:
            node.set("alias", chance.choice(others).args["alias"].copy())
            return True
    return False


def _change_select(node: exp.Select, chance: random.Random) -> bool:
    clause = chance.choice(["where", "distinct", "limit", "having", "qualify", "group", "expressions"])
    if clause == "expressions" and len(node.expressions) > 1:
        node.set("expressions", node.expressions[::-1])
        return True
    if clause == "distinct":
        node.set("distinct", None if node.args.get("distinct") else exp.Distinct())
        return True
    if clause != "expressions" and node.args.get(clause):
        node.set(clause, None)
        return True
    return False
