"""The promise of the build model: after any history, an incremental run leaves what a full build from scratch would leave."""

from __future__ import annotations

import copy
import os
import random
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.properties.random_projects import World, damage

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.plan.planner import Plan
    from seeknal.testing.outcomes import Outcome
    from seeknal.testing.project import ProjectFolder, ProjectMaker

SEEDS = range(int(os.environ.get("SEEKNAL_FIRST_SEED", "0")), int(os.environ.get("SEEKNAL_SEEDS", "10")))
STEPS = 5


@pytest.mark.parametrize("seed", SEEDS)
def test_incremental_runs_leave_what_a_full_build_leaves(project: ProjectMaker, seed: int) -> None:
    world = World.start(seed)
    chance = random.Random(seed + 1_000_000)
    folder = project()
    world.write(folder)
    folder.run().assert_success()
    past, log = [], ["started"]
    for step in range(STEPS):
        past.append(copy.deepcopy(world))
        world = _change(world, folder, chance, past, log)
        world.write(folder)
        plan = folder.open().plan()
        outcome = folder.run()
        story = "\n".join(log)
        assert outcome.exit_code == 0, f"{story}\n{outcome.output}"
        _plan_was_honest(plan, outcome, story)
        fresh = project()
        shutil.copytree(folder.root, fresh.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "out", "__pycache__"))
        fresh.run().assert_success()
        assert _everything(folder) == _everything(fresh), story
        again = folder.run().assert_success()
        assert not again.built, f"{story}\nbuilt again: {[(n.id, n.reason) for n in again.result.nodes if n.status == 'built']}"
        assert {d.action for d in folder.open().plan().decisions.values()} == {"reuse"}, story
        shutil.rmtree(fresh.root)
        log.append(f"-- step {step} was right")


def _change(world: World, folder: ProjectFolder, chance: random.Random, past: list[World], log: list[str]) -> World:
    """One to three edits, and at times something that befalls the folder or a run that does half the work."""
    if chance.random() < 0.15:
        state = world.random
        world = copy.deepcopy(chance.choice(past))
        world.random = state
        world.made += 100
        log.append("reverted")
    log += [world.edit() for _ in range(chance.randint(0, 3))]
    if chance.random() < 0.3:
        log.append(damage(folder, chance))
    if chance.random() < 0.2:
        _run_broken(world, folder, chance, log)
    if chance.random() < 0.2:
        world.write(folder)
        some = chance.choice(sorted(folder.open().nodes))
        selector = chance.choice([some, f"+{some}", f"{some}+"])
        folder.run(selector, full=chance.random() < 0.3)
        log.append(f"ran {selector}")
    if chance.random() < 0.15:
        moved = folder.root.with_name(folder.root.name + "_moved")
        if chance.random() < 0.5:
            folder.root.rename(moved)
        else:
            shutil.copytree(folder.root, moved)
            shutil.rmtree(folder.root)
        folder.root = moved
        log.append("moved the folder")
    return world


def _run_broken(world: World, folder: ProjectFolder, chance: random.Random, log: list[str]) -> None:
    """A run in which a node fails, as happens on the way to one that works."""
    name = chance.choice(list(world.nodes))
    node = world.nodes[name]
    if hasattr(node, "broken"):
        node.broken = True
        world.write(folder)
        outcome = folder.run(continue_on_error=chance.random() < 0.5)
        assert outcome.exit_code in (0, 1, 3), outcome.output  # 0 where the broken expression meets no row
        node.broken = False
        log.append(f"ran with {name} broken: {outcome.exit_code}")


def _plan_was_honest(plan: Plan, outcome: Outcome, story: str) -> None:
    """What a plan says is reused is; what it says is built is too, unless what it reads was not known yet."""
    for node, decision in plan.decisions.items():
        status = outcome.status(node)
        certain = {"reuse": {"reused"}, "build": {"built"}}.get(decision.action, set())
        expected = certain if decision.action == "reuse" or decision.key is not None else {"built", "reused"}
        assert status in expected, f"{story}\n{node}: planned {decision}, was {status} ({outcome.reason(node)})"


def _everything(folder: ProjectFolder) -> dict[str, Any]:
    """Every node's columns and rows, as the API, the warehouse and the exported files give them, without their order."""
    opened = folder.open()
    found: dict[str, Any] = {}
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        views = {r[0] for r in connection.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall()}
        for node in opened.nodes.values():
            if node.is_readable:
                rows = opened.rows(node.id)
                found[node.id] = (rows.columns, sorted(rows.rows, key=repr))
                published = connection.execute(f"SELECT * FROM prod.{node.relation}")
                columns = tuple(d[0] for d in published.description)
                assert (columns, sorted(published.fetchall(), key=repr)) == found[node.id], f"{node.id} differs in the warehouse"
    assert views == {n.relation for n in opened.nodes.values() if n.is_readable}
    for path in _exported(folder.root):
        found[path.name] = sorted(path.read_text().splitlines())
    return found


def _exported(root: Path) -> list[Path]:
    wanted = {p.stem.removeprefix("out_") for p in root.glob("seeknal/out_*.yml")}
    return [p for p in sorted(root.glob("out/*.csv")) if p.stem in wanted]
