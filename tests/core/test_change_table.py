"""Every change case: what the plan calls it, what the run builds, and that what is published is what a build from scratch gives.

All cases are nodes of one project, each under a prefix of its own and with sources of its own, so that one plan and a few runs serve them all.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.core.change_table import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal.plan.planner import Plan
    from seeknal.testing.outcomes import Outcome
    from seeknal.testing.project import ProjectFolder

ORDERS = [
    (1, 1, 10, 1, "paid", "2026-01-01", ["a", "b"], {"city": "X", "zip": 1}),
    (2, 1, 20, 2, "paid", "2026-01-02", ["a"], {"city": "Y", "zip": 2}),
    (3, 2, 30, 3, "open", "2026-01-02", [], {"city": "X", "zip": 3}),
    (4, 3, 5, 1, "paid", "2026-01-03", ["c", "a"], {"city": "Z", "zip": 4}),
    (5, 2, 30, 1, "void", "2026-01-04", ["b"], {"city": "Y", "zip": 5}),
    (6, 9, 7, 4, "open", "2026-01-05", ["b", "c"], {"city": "X", "zip": 6}),
]
COLUMNS = ("order_id", "customer_id", "amount", "quantity", "status", "day", "tags", "info")
SHARED = {
    "data/orders.json": json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in ORDERS]),
    "data/customers.csv": "customer_id,name,country,tier\n1,Ann,ID,gold\n2,Bob,MY,silver\n3,Cid,ID,gold\n4,Dee,SG,none\n",
}
SOURCES = (
    "kind: source\nname: {0}orders\ntype: json\ntable: data/orders.json\n---\n"
    "kind: source\nname: {0}customers\ntype: csv\ntable: data/customers.csv\n"
)
REFERENCE = re.compile(r"@(@?)(\w+)")


@dataclass(frozen=True)
class Told:
    """What the plan said before the run, what the run did, and all that is published then, beside a build from scratch."""

    plan: Plan
    outcome: Outcome
    published: Mapping[str, Any]
    fresh: Mapping[str, Any]


class Nodes:
    """The nodes of a case under its prefix."""

    def __init__(self, number: int, case: Case) -> None:
        self.prefix = f"c{number:03}_"
        self.case = case

    def id(self, name: str) -> str:
        text = self.case.before.get(name) or self.case.after.get(name) or ""
        kind = "source" if name in self.case.data else "transform"
        if text.startswith("kind:"):
            kind = text.removeprefix("kind:").partition("\n")[0].strip()
        return f"{kind}.{self.prefix}{name}"

    def write(self, folder: ProjectFolder, nodes: Mapping[str, str | None], *, after: bool) -> None:
        folder.write(f"seeknal/{self.prefix}sources.yml", SOURCES.format(self.prefix))
        for name, text in nodes.items():
            yaml = (text or self.case.before.get(name) or "").startswith("kind:")
            path = f"seeknal/{self.prefix}{name}.{'yml' if yaml else 'sql'}"
            if text is None:
                (folder.root / path).unlink()
            else:
                folder.write(path, self._text(name, text))
        for name, contents in self.case.data.items():
            table = f"data/{self.prefix}{name}.csv"
            folder.write(table, contents[after])
            folder.write(f"seeknal/{self.prefix}{name}.yml", f"kind: source\nname: {self.prefix}{name}\ntype: csv\ntable: {table}\n")

    def _text(self, name: str, text: str) -> str:
        if text.startswith("kind:"):
            return f"{self._referring(text)}\nname: {self.prefix}{name}\n"
        if text.startswith("view:"):
            text = "/* ---\nmaterialized: view\n--- */\n" + text.removeprefix("view:")
        return self._referring(text) + "\n"

    def _referring(self, text: str) -> str:
        def reference(match: re.Match[str]) -> str:
            word = match[2]
            if word == "name":
                return self.prefix
            found = f"source.{self.prefix}{word}" if word in ("orders", "customers") else self.id(word)
            return found if match[1] else f"{{{{ ref('{found}') }}}}"

        return REFERENCE.sub(reference, text)

    def ids(self, words: str) -> set[str]:
        return {self.id(w) for w in words.split()}


NODES = [Nodes(number, case) for number, case in enumerate(CASES)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    from seeknal.testing.project import ProjectFolder

    folder = ProjectFolder(tmp_path_factory.mktemp("changes"))
    folder.write("seeknal_project.yml", "name: changes\nversion: 1\n")
    for path, text in SHARED.items():
        folder.write(path, text)
    for nodes in NODES:
        nodes.write(folder, nodes.case.before, after=False)
    folder.run().assert_success()
    for nodes in NODES:
        nodes.write(folder, nodes.case.after, after=True)
    plan = folder.open().plan()
    outcome = folder.run().assert_success()
    fresh = ProjectFolder(tmp_path_factory.mktemp("fresh"))
    shutil.copytree(folder.root, fresh.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "out"))
    fresh.run().assert_success()
    assert not folder.run().assert_success().built
    return Told(plan, outcome, everything(folder.root), everything(fresh.root))


def everything(root: Path) -> dict[str, Any]:
    """The columns and rows of every published relation."""
    found: dict[str, Any] = {}
    with duckdb.connect(str(root / "target/warehouse.duckdb"), read_only=True) as connection:
        for (name,) in connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'prod'").fetchall():
            cursor = connection.execute(f'SELECT * FROM prod."{name}"')
            found[name] = ([c[:2] for c in cursor.description], sorted(map(repr, cursor.fetchall())))
    return found


def parametrized(nodes: list[Nodes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("nodes", nodes, ids=lambda n: n.case.name)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120


@parametrized(NODES)
def test_the_plan_calls_it_what_it_is(told: Told, nodes: Nodes) -> None:
    found = {n: c.category or c.change for n, c in told.plan.changes.items() if f".{nodes.prefix}" in n}
    expected = dict(pair.split(":") for pair in nodes.case.changes.split())
    assert found == {nodes.id(name): category for name, category in expected.items()}


@parametrized([n for n in NODES if n.case.edits])
def test_the_plan_names_the_edits(told: Told, nodes: Nodes) -> None:
    for name, words in nodes.case.edits.items():
        kind, _, column = words.partition(" ")
        edits = told.plan.changes[nodes.id(name)].edits  # type: ignore[index]
        assert any(e.kind == kind and (not column or column in (e.column, e.detail)) for e in edits), edits


@parametrized([n for n in NODES if n.case.via])
def test_the_plan_says_through_which_columns(told: Told, nodes: Nodes) -> None:
    for name, words in nodes.case.via.items():
        expected = {f"{nodes.id(w.partition('.')[0])}.{w.partition('.')[2]}" for w in words.split()}
        assert set(told.plan.changes[nodes.id(name)].via) == expected  # type: ignore[index]


@parametrized(NODES)
def test_the_run_builds_what_it_must_and_nothing_else(told: Told, nodes: Nodes) -> None:
    built = {n for n in told.outcome.built if f".{nodes.prefix}" in n}
    assert built == nodes.ids(nodes.case.built)


@parametrized(NODES)
def test_the_plan_announced_what_was_built(told: Told, nodes: Nodes) -> None:
    announced = {n for n, d in told.plan.decisions.items() if d.action in ("build", "may_build")}
    assert {n for n in told.outcome.built if f".{nodes.prefix}" in n} <= announced


@parametrized(NODES)
def test_what_is_published_is_what_a_build_from_scratch_gives(told: Told, nodes: Nodes) -> None:
    relations = {r for r in {*told.published, *told.fresh} if f"_{nodes.prefix}" in r}
    assert {r: told.published.get(r) for r in relations} == {r: told.fresh.get(r) for r in relations}
