"""The pipeline's SQL, stored once in ``models/*.sql``, and what each model reads."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

TABLES = (
    "customer",
    "lineitem",
    "nation",
    "orders",
    "part",
    "partsupp",
    "region",
    "supplier",
)
"""The Parquet files the pipeline reads."""

MODELS = Path(__file__).parent / "models"

_REFERENCE = re.compile(r"\{\{ ref\('(source|transform)\.(\w+)'\) \}\}")


@dataclass(frozen=True)
class Statement:
    """One model: its SQL as written, and the names of the models it reads."""

    name: str
    text: str
    reads: frozenset[str]

    def sql(self, spell: Callable[[str, str], str]) -> str:
        """The SQL with each reference written as ``spell(kind, name)`` says."""
        return _REFERENCE.sub(lambda found: spell(found[1], found[2]), self.text)


def statements() -> list[Statement]:
    """All models, each after those it reads."""
    found = {path.stem: _read(path) for path in sorted(MODELS.glob("*.sql"))}
    graph: Mapping[str, frozenset[str]] = {name: model.reads for name, model in found.items()}
    return [found[name] for name in TopologicalSorter(graph).static_order()]


def _read(path: Path) -> Statement:
    text = path.read_text()
    reads = frozenset(name for kind, name in _REFERENCE.findall(text) if kind == "transform")
    return Statement(path.stem, text, reads)
