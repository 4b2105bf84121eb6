"""One description of a project, from which every tool's project is written."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal

Shape = Literal["chain", "wide", "layered", "realistic"]

TEMPLATES = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Reference:
    """What a model reads: a source or another model."""

    kind: Literal["source", "model"]
    name: str


Spelling = Callable[[Reference], str]
"""How a tool writes a reference in SQL."""


@dataclass(frozen=True)
class Edit:
    """What somebody changed in one model.

    ``rate`` is added to a factor, in thousandths: the values of a column change. ``columns`` is the
    number of columns added that nobody reads.
    """

    rate: int = 0
    columns: int = 0


UNEDITED = Edit()


@dataclass(frozen=True)
class Model:
    """One node: a template of SQL, and what its placeholders stand for."""

    name: str
    template: str
    inputs: Mapping[str, Reference]
    values: Mapping[str, str] = field(default_factory=dict)
    edit: Edit = UNEDITED

    def sql(self, spell: Spelling) -> str:
        """The model's SQL, with references written as `spell` says."""
        factor = 1 + self.edit.rate / 1000
        added = "".join(f",\n    {number} AS added_{number}" for number in range(self.edit.columns))
        return Template(read_template(self.template)).substitute(
            {placeholder: spell(reference) for placeholder, reference in self.inputs.items()},
            factor=f"CAST({factor:.3f} AS DECIMAL(6, 3))",
            added=added,
            **self.values,
        )


@cache
def read_template(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return (TEMPLATES / f"{name}.sql").read_text()


@dataclass(frozen=True)
class ProjectDescription:
    """A project of `nodes` models in one of the shapes, over the CSV files of `benchmarks.sources`.

    The model at an index is a function of the index, so a project of any size takes no memory.
    """

    shape: Shape
    nodes: int
    build: Callable[[int, int], Model]
    edited_index: int
    """The model that the edit steps edit."""

    def model(self, index: int, edit: Edit = UNEDITED) -> Model:
        """The model at `index`, as somebody left it."""
        model = self.build(index, self.nodes)
        return Model(model.name, model.template, model.inputs, model.values, edit)

    def models(self) -> Iterator[Model]:
        """All models, inputs before the models that read them."""
        return (self.model(index) for index in range(self.nodes))

    def downstream(self, index: int) -> int:
        """How many models read the one at `index`, directly or through others."""
        readers: dict[str, list[str]] = {}
        for model in self.models():
            for reference in model.inputs.values():
                readers.setdefault(reference.name, []).append(model.name)
        seen: set[str] = set()
        waiting = deque([self.model(index).name])
        while waiting:
            found = [name for name in readers.get(waiting.popleft(), ()) if name not in seen]
            seen.update(found)
            waiting.extend(found)
        return len(seen)
