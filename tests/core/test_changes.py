"""What a plan says of an edit, what a run then builds, and that it leaves what a build from scratch would."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.core.change_cases import CASES, SOURCES, Case, Expected

from seeknal.testing.project import ProjectMaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.core.change_cases import Files

    from seeknal.nodes import NodeId
    from seeknal.plan.changes import Change
    from seeknal.testing.outcomes import Outcome
    from seeknal.testing.project import ProjectFolder


def _ids() -> list[Any]:
    return [pytest.param(c, id=c.name, marks=[pytest.mark.xfail(reason=c.xfail, strict=True)] if c.xfail else []) for c in CASES]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """The folder of a case's project as it was before the edit, built once for all cases that start from it."""
    made: dict[object, Path] = {}
    maker = ProjectMaker(tmp_path_factory.mktemp("started"))

    def start(case: Case) -> Path:
        files = {**_sources(case), **case.before}
        key = tuple(sorted(files.items()))
        if key not in made:
            folder = maker()
            _write(folder, files)
            folder.run().assert_success()
            made[key] = folder.root
        return made[key]

    return start


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine fails during these tests."""
    monkeypatch.setattr("os.fsync", lambda file: None)


@pytest.mark.parametrize("case", _ids())
def test_an_edit(project: ProjectMaker, started: Callable[[Case], Path], case: Case) -> None:
    folder = project()
    shutil.copytree(started(case), folder.root, dirs_exist_ok=True)
    for files in case.between:
        _write(folder, files)
        folder.run().assert_success()
    _write(folder, case.after)
    opened = folder.open()
    plan = opened.plan()
    wrong = [] if case.changes is None else _differences(case.changes, plan.changes)
    outcome = folder.run().assert_success()
    wrong += _built_otherwise(case, outcome)
    wrong += [f"{n} was built, the plan said it would be reused" for n in sorted(outcome.built) if plan.decisions[n].action == "reuse"]
    assert outcome.built | outcome.reused >= {n.id for n in opened.nodes.values() if n.is_readable}
    fresh = project()
    shutil.copytree(folder.root, fresh.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target", "out", "__pycache__"))
    fresh.run().assert_success()
    published, right = _published(folder), _published(fresh)
    for node in sorted({*published, *right}):
        if published.get(node) != right.get(node):
            wrong.append(f"{node} holds {published.get(node)}, built from scratch {right.get(node)}")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 120
    assert len({c.name for c in CASES}) == len(CASES)


def _id(name: str) -> str:
    return name if "." in name else f"transform.{name}"


def _sources(case: Case) -> Files:
    """The sources that a case speaks of."""
    texts = " ".join(filter(None, (t for files in (case.before, case.after, *case.between) for pair in files.items() for t in pair)))
    return {path: text for path, text in SOURCES.items() if any(s in texts and s in path for s in ("orders", "customers"))}


def _built_otherwise(case: Case, outcome: Outcome) -> list[str]:
    found, expected, either = outcome.built, {_id(n) for n in case.built.split()}, {_id(n) for n in case.either.split()}
    needless = [f"{n} was built for nothing: {outcome.reason(n)}" for n in sorted(found - expected - either)]
    return [*needless, *(f"{n} was not built" for n in sorted(expected - found))]


def _write(folder: ProjectFolder, files: Files) -> None:
    for name, content in files.items():
        path = name if "/" in name or name.endswith(".yml") else f"seeknal/{name}.sql"
        if content is None:
            folder.delete(path)
        elif path.endswith(".parquet"):
            folder.write(path, _parquet(content))
        else:
            folder.write(path, content)


@cache
def _parquet(query: str) -> bytes:
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        path = Path(scratch) / "made.parquet"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


def _differences(expected: Mapping[str, Expected], found: Mapping[NodeId, Change]) -> list[str]:
    """Where a plan says something else than the table."""
    wrong = []
    by_id = {_id(n): e for n, e in expected.items()}
    for node in sorted({*by_id, *found}):
        wanted, change = by_id.get(node), found.get(node)
        if wanted is None or change is None:
            if wanted is None or not wanted.optional:
                wrong.append(f"{node}: expected {wanted}, the plan says {change}")
        elif not wanted.optional:
            wrong += [f"{node}: {line}" for line in _unlike(wanted, change)]
    return wrong


def _unlike(wanted: Expected, change: Change) -> list[str]:
    edits = {" ".join(filter(None, (e.kind, e.column))) for e in change.edits}
    via = None if wanted.via is None else {v if v.startswith("source.") else f"transform.{v}" for v in wanted.via}
    pairs = [
        ("change", wanted.change, change.change),
        ("category", wanted.category, change.category),
        ("edits", wanted.edits, edits),
        ("via", via, set(change.via)),
    ]
    differ = [f"{what} is {found}, expected {expected}" for what, expected, found in pairs if expected is not None and expected != found]
    if wanted.change in ("added", "removed") and change.category is not None:
        differ.append(f"category is {change.category}, expected none")
    return differ


def _published(folder: ProjectFolder) -> dict[str, Any]:
    """Every table's columns, their types, and rows without their order."""
    found: dict[str, Any] = {}
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod'").fetchall()
        for (name,) in names:
            relation = connection.execute(f"FROM prod.{name}")
            columns = [(d[0], str(d[1])) for d in relation.description or ()]
            found[name] = (columns, sorted(map(repr, relation.fetchall())))
    return found
