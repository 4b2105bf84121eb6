"""Projects made up at random, and edits of them: what a year of people's work looks like, in a few seconds.

Every node has the columns `id`, `k`, `v` and `u`, so that any can read any. Sources and queries may have more: numbers, a struct `s`, a list `l`. What
reads them is written anew when they go away, as people would.
"""

from __future__ import annotations

import csv
import io
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tests.properties.random_shapes import BASE, SHAPES, STARS, Values, mentioned, spelled, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeknal.testing.project import ProjectFolder

NUMBERS = frozenset({"INTEGER", "BIGINT"})
EXTRA = {"w": "BIGINT", "w2": "BIGINT", "s": "STRUCT(a BIGINT, b BIGINT)", "l": "BIGINT[]"}
TYPES = {"id": "BIGINT", "k": "VARCHAR", "v": "BIGINT", "u": "BIGINT", **EXTRA}
ARROW = {
    "BIGINT": pa.int64(), "VARCHAR": pa.string(), EXTRA["s"]: pa.struct([("a", pa.int64()), ("b", pa.int64())]), EXTRA["l"]: pa.list_(pa.int64()),
}  # fmt: skip

PYTHON = """\
import pyarrow as pa
import pyarrow.compute as pc
from seeknal import transform
from shared.rates import RATE


@transform(name="{name}", inputs={inputs})
def build(first, second):
    n = second.num_rows
    v = pc.add(pc.multiply(first["v"].cast(pa.int64()), {c}), n + RATE)
    return pa.table({{"id": first["id"].cast(pa.int64()), "k": first["k"], "v": v, "u": first["u"].cast(pa.int64())}})
"""

Row = dict[str, Any]


@dataclass
class Data:
    """A source's file: its rows, and which columns it has in which order."""

    rows: list[Row]
    columns: list[str] = field(default_factory=BASE.split)

    def csv(self) -> str:
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerows([self.columns, *([row[c] for c in self.columns] for row in self.rows)])
        return text.getvalue()

    def arrow(self) -> pa.Table:
        return pa.table({c: pa.array([row[c] for row in self.rows], ARROW[TYPES[c]]) for c in self.columns})


@dataclass
class Sql:
    """A SQL node: one of the shapes over one or two inputs."""

    shape: int
    numbers: tuple[int, int]
    pick: int
    inputs: list[str]
    view: bool = False
    declared: str | None = None
    description: int = 0
    style: int = 0
    broken: bool = False


@dataclass
class Python:
    """A Python node over two inputs."""

    number: int
    inputs: list[str]
    style: int = 0

    def text(self, name: str) -> str:
        return PYTHON.format(name=name, inputs=self.inputs, c=self.number) + f"# {self.style}\n"


@dataclass(frozen=True)
class Written:
    """A node as it stands in its file; and what it computes however it is written, and the columns of its inputs that it mentions.

    Those are sets of names, as a shape has them.
    """

    text: str
    meaning: str
    reads: dict[str, frozenset[str]]


@dataclass
class World:
    """A project as it is meant to be: nodes, data, and how it gets onto the disk."""

    random: random.Random
    data: dict[str, Data] = field(default_factory=dict)
    nodes: dict[str, Sql | Python] = field(default_factory=dict)
    exposed: list[str] = field(default_factory=list)
    rate: int = 1
    made: int = 0
    in_place: bool = False

    @classmethod
    def start(cls, seed: int) -> World:
        world = cls(random.Random(seed))
        world.in_place = world.random.random() < 0.25
        for name in ("s0", "s1", "p"):
            world.data[name] = Data([world.row() for _ in range(world.random.randint(0, 8))])
        for _ in range(world.random.randint(0, 2)):
            world.add_or_remove_column()
        for _ in range(world.random.randint(3, 7)):
            world.add_node()
        return world

    def row(self) -> Row:
        chance = self.random
        row: Row = {"id": chance.randint(1, 30), "k": chance.choice("abc"), "v": chance.randint(0, 50)}
        row["u"] = chance.randint(0, 9) if chance.random() < 0.9 else None
        row |= {"w": chance.randint(0, 9), "w2": chance.randint(0, 9)}
        return row | {"s": {"a": chance.randint(0, 9), "b": chance.randint(0, 9)}, "l": [chance.randint(0, 9), 1]}

    def readable(self, before: str | None = None) -> list[str]:
        names = list(self.nodes)
        sources = [f"source.{s}" for s in self.data]
        return [*sources, *(f"transform.{n}" for n in (names[: names.index(before)] if before else names))]

    def add_node(self) -> str:
        chance = self.random
        name = f"t{self.made}"
        self.made += 1
        inputs = [chance.choice(self.readable()) for _ in range(2)]
        if chance.random() < 0.1:
            self.nodes[name] = Python(chance.randint(1, 9), inputs)
        else:
            self.nodes[name] = Sql(self._shape(), self._numbers(), chance.randrange(12), inputs, chance.random() < 0.3)
        if chance.random() < 0.2:
            self.exposed.append(name)
        return f"added {name}"

    def _shape(self) -> int:
        return self.random.choice(STARS) if self.random.random() < 0.3 else self.random.randrange(len(SHAPES))

    def _numbers(self) -> tuple[int, int]:
        return self.random.randint(2, 9), self.random.randint(2, 9)

    # Files

    def written(self) -> dict[str, Written]:
        """Every node as it stands in its file, by name. The engine is asked which columns each has for those that read it."""
        found: dict[str, Written] = {}
        with duckdb.connect() as engine:
            for name, data in self.data.items():
                engine.execute(f"CREATE TABLE source_{name} ({', '.join(f'{c} {TYPES[c]}' for c in data.columns)})")
            for name, node in self.nodes.items():
                if isinstance(node, Python):
                    meaning = f"{node.text(name).partition('# ')[0]} {self.rate}"
                    found[name] = Written(node.text(name), meaning, dict.fromkeys(node.inputs, frozenset({"*"})))
                    engine.execute(f"CREATE TABLE transform_{name} ({', '.join(f'{c} {TYPES[c]}' for c in BASE.split())})")
                else:
                    found[name] = _written(node, engine)
                    query = found[name].meaning.partition("\n")[2]
                    engine.execute(f"CREATE TABLE transform_{name} AS SELECT {_cast(node)} FROM ({query}) WITH NO DATA")
        return found

    def files(self) -> dict[str, str]:
        found = {"shared/rates.py": f"RATE = {self.rate}\n", "shared/__init__.py": ""}
        for name, data in self.data.items():
            if name == "p":
                found["seeknal/p.yml"] = "kind: source\nname: p\ntype: parquet\ntable: data/p.parquet\n"
                found["seeknal/p.yml"] += "" if self.in_place else "cache: true\n"
                continue
            found[f"data/{name}.csv"] = data.csv()
            columns = ", ".join(f"{c}: {TYPES[c]}" for c in data.columns)
            found[f"seeknal/{name}.yml"] = f"kind: source\nname: {name}\ntype: csv\ntable: data/{name}.csv\ncolumns: {{{columns}}}\n"
        for name, node in self.written().items():
            found[f"seeknal/{name}.{'sql' if isinstance(self.nodes[name], Sql) else 'py'}"] = node.text
        for name in self.exposed:
            found[f"seeknal/out_{name}.yml"] = (
                f"kind: exposure\nname: out_{name}\ntype: file\ninputs: [{{ref: transform.{name}}}]\nparams: {{path: out/{name}.csv}}\n"
            )
        return found

    def write(self, folder: ProjectFolder) -> None:
        """Bring the folder to this state, leaving what is the same alone."""
        wanted = self.files()
        for path in folder.root.glob("seeknal/*"):
            if path.is_file() and path.relative_to(folder.root).as_posix() not in wanted:
                path.unlink()
        for name, content in wanted.items():
            path = folder.root / name
            if not path.exists() or path.read_text() != content:
                folder.write(name, content.encode())
        _write_parquet(folder.root / "data/p.parquet", self.data["p"].arrow())

    # Edits of the project

    def edit(self) -> str:
        """Change something a person would. Returns what it was."""
        edits: list[tuple[Callable[[], str], int]] = [
            (self.add_node, 2), (self.change_number, 4), (self.change_shape, 2), (self.respell, 4), (self.describe, 1), (self.declare, 1),
            (self.toggle_view, 2), (self.rewire, 2), (self.remove_node, 1), (self.change_rate, 1),
            (self.change_rows, 3), (self.swap_values, 3), (self.swap_columns, 1), (self.duplicate_row, 2), (self.shuffle_rows, 2),
            (self.add_or_remove_column, 4), (self.reorder_columns, 1), (self.rename_column, 1), (self.change_one_column, 4),
        ]  # fmt: skip
        return self.random.choices([e for e, _ in edits], [w for _, w in edits])[0]()

    def _some(self) -> str:
        return self.random.choice(list(self.nodes))

    def _some_sql(self) -> tuple[str, Sql] | None:
        found = [(n, node) for n, node in self.nodes.items() if isinstance(node, Sql)]
        return self.random.choice(found) if found else None

    def _some_data(self) -> tuple[str, Data]:
        return self.random.choice(list(self.data.items()))

    def change_number(self) -> str:
        name = self._some()
        node = self.nodes[name]
        if isinstance(node, Python):
            node.number = self.random.randint(1, 9)
        elif self.random.random() < 0.5:
            node.numbers = (node.numbers[0], self.random.randint(2, 9))
        else:
            node.numbers = (self.random.randint(2, 9), node.numbers[1])
        return f"changed a number in {name}"

    def change_shape(self) -> str:
        some = self._some_sql()
        if some is None:
            return self.add_node()
        some[1].shape, some[1].pick = self._shape(), self.random.randrange(12)
        return f"wrote another query for {some[0]}"

    def respell(self) -> str:
        name = self._some()
        self.nodes[name].style += self.random.randint(1, 5)
        return f"reformatted {name}"

    def describe(self) -> str:
        some = self._some_sql()
        if some is None:
            return self.respell()
        some[1].description += 1
        return f"described {some[0]}"

    def declare(self) -> str:
        some = self._some_sql()
        if some is None:
            return self.respell()
        some[1].declared = self.random.choice(["INTEGER", "BIGINT", None])
        return f"declared v of {some[0]} {some[1].declared}"

    def toggle_view(self) -> str:
        some = self._some_sql()
        if some is None:
            return self.respell()
        some[1].view = not some[1].view
        return f"toggled view of {some[0]}"

    def rewire(self) -> str:
        name = self._some()
        node = self.nodes[name]
        if self.random.random() < 0.5:
            node.inputs = node.inputs[::-1]
            return f"swapped the inputs of {name}"
        node.inputs = [self.random.choice(self.readable(name)) for _ in range(2)]
        return f"rewired {name}"

    def change_rate(self) -> str:
        self.rate = self.random.randint(1, 9)
        return "changed the shared module"

    def remove_node(self) -> str:
        read = {i for n in self.nodes.values() for i in n.inputs}
        leaves = [n for n in self.nodes if f"transform.{n}" not in read]
        if len(self.nodes) < 3:
            return self.add_node()
        name = self.random.choice(leaves)
        del self.nodes[name]
        self.exposed = [e for e in self.exposed if e != name]
        return f"removed {name}"

    # Edits of the data

    def change_rows(self) -> str:
        name, data = self._some_data()
        if data.rows and self.random.random() < 0.5:
            data.rows[self.random.randrange(len(data.rows))] = self.row()
        elif data.rows and self.random.random() < 0.2:
            data.rows.clear()
        else:
            data.rows.append(self.row())
        return f"changed rows of {name}"

    def change_one_column(self) -> str:
        """Other values in one column, some of them or all."""
        name, data = self._some_data()
        column = self.random.choice(data.columns)
        share = self.random.choice([0.3, 1])
        for row in data.rows:
            if self.random.random() < share:
                row[column] = self.row()[column]
        return f"changed {column} of {name}"

    def swap_values(self) -> str:
        """The same values in a column, in other rows."""
        name, data = self._some_data()
        column = self.random.choice(data.columns)
        values = [row[column] for row in data.rows]
        self.random.shuffle(values)
        for row, value in zip(data.rows, values, strict=True):
            row[column] = value
        return f"swapped values of {column} in {name}"

    def swap_columns(self) -> str:
        name, data = self._some_data()
        one, other = self.random.sample([c for c in data.columns if TYPES[c] == "BIGINT" and c != "id"], 2)
        for row in data.rows:
            row[one], row[other] = row[other], row[one]
        return f"swapped {one} and {other} of {name}"

    def duplicate_row(self) -> str:
        name, data = self._some_data()
        if data.rows:
            data.rows.append(dict(self.random.choice(data.rows)))
        return f"duplicated a row of {name}"

    def shuffle_rows(self) -> str:
        name, data = self._some_data()
        self.random.shuffle(data.rows)
        return f"shuffled {name}"

    def add_or_remove_column(self) -> str:
        name, data = self._some_data()
        column = self.random.choice(["w", "w2"] if name != "p" else list(EXTRA))
        if column in data.columns:
            data.columns.remove(column)
            return f"removed {column} from {name}"
        data.columns.insert(self.random.randint(0, len(data.columns)), column)
        return f"added {column} to {name}"

    def reorder_columns(self) -> str:
        name, data = self._some_data()
        self.random.shuffle(data.columns)
        return f"reordered the columns of {name}"

    def rename_column(self) -> str:
        name, data = self._some_data()
        if len({"w", "w2"} & set(data.columns)) != 1:
            return self.reorder_columns()
        old, new = ("w", "w2") if "w" in data.columns else ("w2", "w")
        data.columns[data.columns.index(old)] = new
        for row in data.rows:
            row[old], row[new] = row[new], row[old]
        return f"renamed {old} of {name} to {new}"


def _written(node: Sql, engine: duckdb.DuckDBPyConnection) -> Written:
    """A SQL node as it stands in its file. Where its shape does not fit what it reads, another stands in."""
    names = (node.inputs[0].replace(".", "_"), node.inputs[-1].replace(".", "_"))
    x, y = (_number(_columns(engine, f"FROM {n}"), node.pick // (1 + 2 * place)) for place, n in enumerate(names))
    for shape in (SHAPES[node.shape], SHAPES[0]):
        values = Values(names, node.numbers, x, y)
        sql = spelled(written(shape, values), 0)
        if _fits(engine, sql):
            break
    references = ("{{ ref('" + node.inputs[0] + "') }}", "{{ ref('" + node.inputs[-1] + "') }}")
    text = spelled(written(shape, Values(references, node.numbers, x, y)), node.style)
    if node.broken:
        text = f"SELECT * REPLACE (error('broken')::BIGINT AS v) FROM (\n{text}\n)"
    declared = node.declared if not node.view else None
    header = [f"materialized: {'view' if node.view else 'table'}"]
    header += [f"description: version {node.description}"] if node.description else []
    header += [f"columns: {{v: {declared}}}"] if declared else []
    reads: dict[str, frozenset[str]] = {}
    for source, columns in zip((node.inputs[0], node.inputs[-1]), mentioned(shape, values), strict=True):
        if columns is not None:
            reads[source] = reads.get(source, frozenset()) | frozenset(columns.split())
    return Written("/* ---\n{}\n--- */\n{}\n".format("\n".join(header), text), f"/* {node.view} {declared} */\n{sql}", reads)


def _cast(node: Sql) -> str:
    return f"* REPLACE (v::{node.declared} AS v)" if node.declared and not node.view else "*"


def _columns(engine: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    return {row[0]: row[1] for row in engine.execute(f"DESCRIBE {sql}").fetchall()}


def _fits(engine: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether a query can be asked, and returns what others rely on."""
    try:
        rows = engine.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error:
        return False
    names = [name.casefold() for name, *_ in rows]
    types = {name: type_ for name, type_, *_ in rows}
    numbers = all(types.get(c) in NUMBERS for c in ("id", "v", "u"))
    return numbers and types.get("k") == "VARCHAR" and len(set(names)) == len(names) and all(re.fullmatch(r"\w+", n) for n in names)


def _number(columns: dict[str, str], pick: int) -> tuple[str, str]:
    """One of the numeric values in a row, and the column it is taken from."""
    found = [(c, c) for c, type_ in columns.items() if type_ in NUMBERS and c not in ("id", "u")]
    found += [(f"{c}.a", c) for c, type_ in columns.items() if type_.startswith("STRUCT(a ")]
    found += [(f"{c}[1]", c) for c, type_ in columns.items() if type_.endswith("[]")]
    return found[pick % len(found)]


def _write_parquet(path: Path, table: pa.Table) -> None:
    if path.exists() and pq.read_table(path).equals(table):
        return
    temporary = path.with_suffix(".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, temporary)
    temporary.replace(path)
