"""Projects made up at random, and edits of them: what a year of people's work looks like, in a few seconds.

Every node has the columns `id`, `k` and `v`, so that any can read any. A `*` passes on what else a source happens to have.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeknal.testing.project import ProjectFolder

SHAPES = (
    "SELECT id, k, (v + {c}) % 10007 AS v FROM {a}",
    "SELECT id, k, v FROM {a} WHERE v % {c} <> 0",
    "SELECT min(id) AS id, k, (sum(v) % 10007)::BIGINT AS v FROM {a} GROUP BY k HAVING count(*) < 100 + {c}",
    "SELECT a.id, a.k, (a.v + coalesce(b.v, {c})) % 10007 AS v FROM {a} a LEFT JOIN (SELECT k, max(v) AS v FROM {b} GROUP BY k) b USING (k)",
    "SELECT id, k, v FROM {a} UNION ALL SELECT id + {c}, k, v FROM {b}",
    "SELECT * FROM {a} WHERE v <> {c}",
    "SELECT DISTINCT {c} AS id, k, 0::BIGINT AS v FROM {a}",
    "WITH source_s0 AS (SELECT * FROM {a}), x AS (SELECT * FROM source_s0) SELECT id, k, v FROM x WHERE id <> {c}",
    "SELECT id, k, (v * (SELECT count(*) FROM {b})) % 10007 + {c} AS v FROM {a}",
    "SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY id, v) + {c} AS v FROM {a}",
)

PYTHON = """\
import pyarrow as pa
import pyarrow.compute as pc
from seeknal import transform
from shared.rates import RATE


@transform(name="{name}", inputs={inputs})
def build(first, second):
    n = second.num_rows
    v = pc.add(pc.multiply(first["v"], {c}), n + RATE)
    return pa.table({{"id": first["id"], "k": first["k"], "v": v}})
"""


@dataclass
class Sql:
    """A SQL node: one of the shapes over one or two inputs."""

    shape: int
    constant: int
    inputs: list[str]
    view: bool = False
    noise: int = 0
    broken: bool = False

    def text(self) -> str:
        a, b = (f"{{{{ ref('{i}') }}}}" for i in (self.inputs[0], self.inputs[-1]))
        sql = SHAPES[self.shape].format(a=a, b=b, c=self.constant)
        if self.broken:
            sql = f"SELECT id, k, error('broken')::BIGINT AS v FROM ({sql})"
        lines = [f"-- {self.noise}", sql.replace("SELECT", "select") if self.noise % 2 else sql, " " * (self.noise % 3)]
        return "/* ---\nmaterialized: " + ("view" if self.view else "table") + "\n--- */\n" + "\n".join(lines) + "\n"


@dataclass
class Python:
    """A Python node over two inputs."""

    constant: int
    inputs: list[str]
    noise: int = 0

    def text(self, name: str) -> str:
        return PYTHON.format(name=name, inputs=self.inputs, c=self.constant) + f"# {self.noise}\n"


@dataclass
class World:
    """A project as it is meant to be: nodes, data, and how it gets onto the disk."""

    random: random.Random
    sources: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    extra: dict[str, bool] = field(default_factory=dict)
    parquet: list[tuple[int, str, int]] = field(default_factory=list)
    nodes: dict[str, Sql | Python] = field(default_factory=dict)
    exposed: list[str] = field(default_factory=list)
    rate: int = 1
    made: int = 0

    @classmethod
    def start(cls, seed: int) -> World:
        world = cls(random.Random(seed))
        for name in ("s0", "s1"):
            world.sources[name] = [world.row() for _ in range(world.random.randint(0, 8))]
        world.parquet = [world.row() for _ in range(5)]
        for _ in range(world.random.randint(3, 7)):
            world.add_node()
        return world

    def row(self) -> tuple[int, str, int]:
        return self.random.randint(1, 30), self.random.choice("abc"), self.random.randint(0, 50)

    def readable(self, before: str | None = None) -> list[str]:
        names = list(self.nodes)
        return ["source.s0", "source.s1", "source.p", *(f"transform.{n}" for n in (names[: names.index(before)] if before else names))]

    def add_node(self) -> str:
        name = f"t{self.made}"
        self.made += 1
        inputs = [self.random.choice(self.readable()) for _ in range(2)]
        if self.random.random() < 0.2:
            self.nodes[name] = Python(self.random.randint(1, 9), inputs)
        else:
            self.nodes[name] = Sql(self.random.randrange(len(SHAPES)), self.random.randint(2, 9), inputs, self.random.random() < 0.3)
        if self.random.random() < 0.2:
            self.exposed.append(name)
        return f"added {name}"

    # Files

    def files(self) -> dict[str, str | bytes]:
        found: dict[str, str | bytes] = {"shared/rates.py": f"RATE = {self.rate}\n", "shared/__init__.py": ""}
        for name, rows in self.sources.items():
            extra = self.extra.get(name, False)
            lines = ["id,k,v" + (",w" if extra else ""), *(f"{i},{k},{v}" + (f",{i * v}" if extra else "") for i, k, v in rows)]
            found[f"data/{name}.csv"] = "\n".join(lines) + "\n"
            found[f"seeknal/{name}.yml"] = (
                f"kind: source\nname: {name}\ntype: csv\ntable: data/{name}.csv\ncolumns: {{id: BIGINT, k: VARCHAR, v: BIGINT}}\n"
            )
        found["seeknal/p.yml"] = "kind: source\nname: p\ntype: parquet\ntable: data/p.parquet\n"
        for name, node in self.nodes.items():
            found[f"seeknal/{name}.{'sql' if isinstance(node, Sql) else 'py'}"] = node.text() if isinstance(node, Sql) else node.text(name)
        for name in self.exposed:
            found[f"seeknal/out_{name}.yml"] = (
                f"kind: exposure\nname: out_{name}\ntype: file\ninputs: [{{ref: transform.{name}}}]\nparams: {{path: out/{name}.csv}}\n"
            )
        return found

    def write(self, folder: ProjectFolder) -> None:
        """Bring the folder to this state, leaving what is the same alone."""
        wanted = self.files()
        for path in [*folder.root.glob("seeknal/*"), *folder.root.glob("out/*")]:
            relative = path.relative_to(folder.root).as_posix()
            if path.is_file() and relative.startswith("seeknal/") and relative not in wanted:
                path.unlink()
        for name, content in wanted.items():
            path = folder.root / name
            if not path.exists() or path.read_text() != content:
                folder.write(name, content if isinstance(content, bytes) else content.encode())
        self._write_parquet(folder.root / "data/p.parquet")

    def _write_parquet(self, path: Path) -> None:
        ids, ks, vs = ([r[i] for r in self.parquet] for i in range(3))
        table = pa.table({"id": pa.array(ids, pa.int64()), "k": pa.array(ks, pa.string()), "v": pa.array(vs, pa.int64())})
        if not path.exists() or not pq.read_table(path).equals(table):
            temporary = path.with_suffix(".tmp")
            pq.write_table(table, temporary)
            temporary.replace(path)

    # Edits of the project

    def edit(self) -> str:
        """Change something a person would. Returns what it was."""
        edits: list[Callable[[], str]] = [
            self.add_node, self.change_sql, self.change_sql, self.format_only, self.toggle_view, self.rewire, self.change_rows, self.change_rows,
            self.shuffle_rows, self.remove_node, self.add_or_remove_column, self.change_rate, self.change_parquet,
        ]  # fmt: skip
        return self.random.choice(edits)()

    def _some(self) -> str:
        return self.random.choice(list(self.nodes))

    def change_sql(self) -> str:
        name = self._some()
        self.nodes[name].constant = self.random.randint(2, 9)
        return f"changed {name}"

    def format_only(self) -> str:
        name = self._some()
        self.nodes[name].noise += 1
        return f"reformatted {name}"

    def toggle_view(self) -> str:
        name = self._some()
        node = self.nodes[name]
        if isinstance(node, Sql):
            node.view = not node.view
        return f"toggled view of {name}"

    def rewire(self) -> str:
        name = self._some()
        node = self.nodes[name]
        if self.random.random() < 0.5:
            node.inputs = node.inputs[::-1]
            return f"swapped the inputs of {name}"
        node.inputs = [self.random.choice(self.readable(name)) for _ in range(2)]
        return f"rewired {name}"

    def change_rows(self) -> str:
        name = self.random.choice(list(self.sources))
        rows = self.sources[name]
        if rows and self.random.random() < 0.5:
            rows[self.random.randrange(len(rows))] = self.row()
        elif rows and self.random.random() < 0.3:
            rows.clear()
        else:
            rows.append(self.row())
        return f"changed rows of {name}"

    def shuffle_rows(self) -> str:
        name = self.random.choice(list(self.sources))
        self.random.shuffle(self.sources[name])
        return f"shuffled {name}"

    def add_or_remove_column(self) -> str:
        name = self.random.choice(list(self.sources))
        self.extra[name] = not self.extra.get(name, False)
        return f"column of {name}"

    def change_rate(self) -> str:
        self.rate = self.random.randint(1, 9)
        return "changed the shared module"

    def change_parquet(self) -> str:
        self.parquet[self.random.randrange(len(self.parquet))] = self.row()
        return "changed the Parquet file"

    def remove_node(self) -> str:
        read = {i for n in self.nodes.values() for i in n.inputs}
        leaves = [n for n in self.nodes if f"transform.{n}" not in read]
        if len(self.nodes) < 3:
            return self.add_node()
        name = self.random.choice(leaves)
        del self.nodes[name]
        self.exposed = [e for e in self.exposed if e != name]
        return f"removed {name}"


def damage(folder: ProjectFolder, chance: random.Random) -> str:
    """Do to target/ what disks, tools and people do."""
    target = folder.root / "target"
    parts = sorted(target.glob("cache/*/*/*/part-*.parquet"))
    part = chance.choice(parts) if parts else None
    choice = chance.randrange(10)
    if choice == 0 and part:
        part.unlink()
        return f"deleted {part.parent}"
    if choice == 1 and part:
        data = bytearray(part.read_bytes())
        data[chance.randrange(len(data))] ^= 0xFF
        part.write_bytes(data)
        return f"flipped bits of {part}"
    if choice == 2 and part:
        os.truncate(part, part.stat().st_size // 2)
        return f"truncated {part}"
    if choice == 3 and part:
        shutil.rmtree(part.parent)
        return f"deleted the folder {part.parent}"
    if choice == 4:
        for path in target.glob("run_state*"):
            path.unlink()
        return "deleted the state"
    if choice == 5:
        (target / "warehouse.duckdb").unlink(missing_ok=True)
        return "deleted the warehouse"
    if choice == 6:
        shutil.rmtree(target, ignore_errors=True)
        return "deleted target/"
    if choice == 7 and part:
        (part.parent / "artifact.json").unlink(missing_ok=True)
        return "deleted an artifact's description"
    if choice == 8 and (target / "run_state.json").exists():
        (target / "run_state.json").write_bytes(b'{"schema_version": "2.0", "lin')
        return "damaged the state"
    for path in [*folder.root.glob("data/*"), *folder.root.glob("seeknal/*.sql")]:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1_000_000_007))
    return "touched every file"
