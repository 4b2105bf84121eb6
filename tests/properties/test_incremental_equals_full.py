"""The promise of the build model: after any history, an incremental run leaves what a full build from scratch would leave, and builds nothing for nothing.

`SEEKNAL_SEEDS` says how many histories are made up, `SEEKNAL_FIRST_SEED` with which to begin. Each is a few rounds of edits, mishaps and runs.
"""

from __future__ import annotations

import copy
import functools
import importlib.metadata
import os
import random
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.properties.needless import Published, Table, needless
from tests.properties.random_damage import damage, kill_run
from tests.properties.random_projects import World
from tests.properties.random_shapes import BASE, SHAPES, Shape, Values, mentioned, spelled, written

from seeknal.sql.analysis import analyse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.plan.planner import Plan
    from seeknal.testing.outcomes import Outcome
    from seeknal.testing.project import ProjectFolder, ProjectMaker

FIRST, COUNT = int(os.environ.get("SEEKNAL_FIRST_SEED", "0")), int(os.environ.get("SEEKNAL_SEEDS", "10"))
STEPS = 5
DONE: Counter[str] = Counter()
"""What all histories of this process came to: runs, nodes, built, and needless where something befell the folder, or a reverted edit came in between."""


@pytest.fixture(scope="module", autouse=True)
def _counts(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nincremental runs: {', '.join(f'{n} {what}' for what, n in sorted(DONE.items()))}", file=sys.stderr)


@pytest.fixture(autouse=True)
def _packages_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing what is installed takes longer than most of these runs."""
    monkeypatch.setattr(importlib.metadata, "packages_distributions", _packages)


_packages = functools.cache(importlib.metadata.packages_distributions)


@dataclass
class History:
    """A project's folder, what it is meant to hold, and what has been done to it."""

    world: World
    folder: ProjectFolder
    chance: random.Random
    log: list[str]
    past: list[World] = field(default_factory=list)
    smooth: bool = True

    @property
    def story(self) -> str:
        return "\n".join(self.log)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_incremental_runs_leave_what_a_full_build_leaves(project: ProjectMaker, seed: int) -> None:
    history = History(World.start(seed), project(), random.Random(seed + 1_000_000), [f"seed {seed}"])
    history.world.write(history.folder)
    history.folder.run().assert_success()
    before = Published.after(history.world, _everything(history.folder)[0])
    for step in range(STEPS):
        history.past.append(copy.deepcopy(history.world))
        history.smooth = True
        _change(history)
        history.world.write(history.folder)
        plan = history.folder.open().plan()
        outcome = history.folder.run()
        assert outcome.exit_code == 0, f"{history.story}\n{outcome.output}"
        now = _left_as_from_scratch(history, project())
        _api_says_so_too(history, now)
        _plan_was_honest(plan, outcome, history.story)
        _nothing_for_nothing(history, before, now, outcome)
        _nothing_is_left_to_do(history)
        history.log.append(f"-- step {step} was right")
        before = now


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.sql[:60])
def test_shapes_are_read_for_what_they_mention_however_they_are_written(shape: Shape) -> None:
    """What the histories take for granted."""
    schemas = {"source_s0": BASE.split(), "source_s1": BASE.split()}
    values = Values(("source_s0", "source_s1"), (2, 3), ("v", "v"), ("v", "v"))
    found = [analyse(spelled(written(shape, values), style), "duckdb", schemas).analysis for style in range(12)]
    assert len({a.content for a in found}) == 1
    assert found[0].opaque is None
    for relation, said in zip(schemas, mentioned(shape, values), strict=True):
        reads = found[0].reads(relation)
        assert reads is not None
        assert said is None or "*" in said or reads <= set(said.split())


# What is done to a project


def _change(history: History) -> None:
    """One to three edits, and at times something that befalls the folder or a run that does half the work."""
    chance = history.chance
    if chance.random() < 0.15:
        _revert(history)
    history.log += [history.world.edit() for _ in range(chance.randint(0, 3))]
    for mishap, likely in ((_damage, 0.2), (_run_broken, 0.15), (_run_some, 0.2), (_kill, 0.04)):
        if chance.random() < likely:
            mishap(history)
            history.smooth = False
    if chance.random() < 0.15:
        _move(history)


def _revert(history: History) -> None:
    state = history.world.random
    made = history.world.made
    history.world = copy.deepcopy(history.chance.choice(history.past))
    history.world.random, history.world.made = state, made + 100
    history.smooth = False
    history.log.append("reverted")


def _damage(history: History) -> None:
    history.log.append(damage(history.folder, history.chance))


def _run_broken(history: History) -> None:
    """A run in which a node fails, as happens on the way to one that works."""
    name = history.chance.choice(list(history.world.nodes))
    node = history.world.nodes[name]
    if hasattr(node, "broken"):
        node.broken = True
        history.world.write(history.folder)
        outcome = history.folder.run(continue_on_error=history.chance.random() < 0.5)
        assert outcome.exit_code in (0, 1, 3), outcome.output  # 0 where the broken expression meets no row
        node.broken = False
        history.log.append(f"ran with {name} broken: {outcome.exit_code}")


def _run_some(history: History) -> None:
    history.world.write(history.folder)
    nodes = sorted(history.folder.open().nodes)
    some = history.chance.sample(nodes, min(len(nodes), history.chance.randint(1, 3)))
    selector = " ".join(history.chance.choice([n, n, f"+{n}", f"{n}+"]) for n in some)
    history.folder.run(selector, full=history.chance.random() < 0.3)
    history.log.append(f"ran {selector}")


def _kill(history: History) -> None:
    history.world.write(history.folder)
    history.log.append(kill_run(history.folder, history.chance))


def _move(history: History) -> None:
    folder = history.folder
    moved = folder.root.with_name(folder.root.name + "_moved")
    if history.chance.random() < 0.5:
        folder.root.rename(moved)
    else:
        shutil.copytree(folder.root, moved)
        shutil.rmtree(folder.root)
    folder.root = moved
    history.log.append("moved the folder")


# What must be so after every run


def _left_as_from_scratch(history: History, fresh: ProjectFolder) -> Published:
    """All that is published and exported is what a build from scratch publishes and exports."""
    kept = shutil.ignore_patterns("target", "out", "__pycache__")
    shutil.copytree(history.folder.root, fresh.root, dirs_exist_ok=True, ignore=kept)
    fresh.run().assert_success()
    left, expected = _everything(history.folder), _everything(fresh)
    stale = [n for some, others in zip(left, expected, strict=True) for n in {*some, *others} if some.get(n) != others.get(n)]
    DONE["stale tables"] += len(stale)
    assert not stale, f"{history.story}\n{_differences(left, expected, stale)}"
    shutil.rmtree(fresh.root)
    return Published.after(history.world, left[0])


def _differences(left: tuple[dict, dict], expected: tuple[dict, dict], stale: list[str]) -> str:
    return "\n".join(f"{n}: {(left[0] | left[1]).get(n)}\nfrom scratch: {(expected[0] | expected[1]).get(n)}" for n in stale)


def _plan_was_honest(plan: Plan, outcome: Outcome, story: str) -> None:
    """What a plan says is reused is; what it says is built is too, unless what it reads was not known yet."""
    for node, decision in plan.decisions.items():
        status = outcome.status(node)
        certain = {"reuse": {"reused"}, "build": {"built"}}.get(decision.action, set())
        expected = certain if decision.action == "reuse" or decision.key is not None else {"built", "reused"}
        assert status in expected, f"{story}\n{node}: planned {decision}, was {status} ({outcome.reason(node)})"


def _nothing_for_nothing(history: History, before: Published, now: Published, outcome: Outcome) -> None:
    """No node was built whose query is what it was, over the rows it was over."""
    spared = needless(before, now, outcome.built)
    DONE.update({"runs": 1, "built": len(outcome.built), "reused": len(outcome.reused)})
    DONE["needless"] += len(spared) if history.smooth else 0
    DONE["needless after mishaps or reverts"] += 0 if history.smooth else len(spared)
    shown = "\n".join(f"{n}, because {outcome.reason(n)}: {now.nodes.get(n.partition('.')[2])}" for n in spared)
    assert not (spared and history.smooth), f"{history.story}\nbuilt for nothing:\n{shown}"


def _nothing_is_left_to_do(history: History) -> None:
    again = history.folder.run().assert_success()
    reasons = [(n.id, n.reason) for n in again.result.nodes if n.status == "built"]
    assert not reasons, f"{history.story}\nbuilt again: {reasons}"
    assert {d.action for d in history.folder.open().plan().decisions.values()} == {"reuse"}, history.story


def _everything(folder: ProjectFolder) -> tuple[dict[str, Table], dict[str, list[str]]]:
    """Every node's columns and rows as they are published, and every exported file, all without their order."""
    nodes = [n for n in folder.open().nodes.values() if n.is_readable]
    found: dict[str, Table] = {}
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        views = {r[0] for r in connection.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall()}
        for node in nodes:
            published = connection.execute(f"SELECT * FROM prod.{node.relation}")
            columns = tuple((d[0], str(d[1])) for d in published.description)
            found[node.id] = Table(columns, sorted(published.fetchall(), key=repr))
    assert views == {n.relation for n in nodes}
    return found, {path.name: sorted(path.read_text().splitlines()) for path in _exported(folder.root)}


def _api_says_so_too(history: History, published: Published) -> None:
    opened = history.folder.open()
    for node in history.chance.sample(sorted(published.tables), 2):
        rows, table = opened.rows(node), published.tables[node]
        same = (rows.columns, sorted(rows.rows, key=repr)) == (tuple(c for c, _ in table.columns), table.rows)
        assert same, f"{history.story}\n{node} differs in the warehouse"


def _exported(root: Path) -> list[Path]:
    wanted = {p.stem.removeprefix("out_") for p in root.glob("seeknal/out_*.yml")}
    return [p for p in sorted(root.glob("out/*.csv")) if p.stem in wanted]
