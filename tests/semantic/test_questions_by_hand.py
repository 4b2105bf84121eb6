"""What is answered is what SQL written by hand gives, and what has no answer is refused in words that help."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pytest
from tests.semantic.questions_by_hand import CASES, EXTRA, REFUSED

from seeknal import Project
from seeknal.errors import SeeknalError
from seeknal_semantic.compiler import Question
from seeknal_semantic.query import Asking

SHARED = Path(__file__).resolve().parents[3] / "shared/cases/semantic"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared shop is not beside this clone")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("by_hand")
    for part in ("project", "project_ext"):
        shutil.copytree(SHARED / part, folder, dirs_exist_ok=True)
    shutil.copytree(SHARED / "data", folder / "data")
    (folder / "seeknal/metrics/extra.yml").write_text(EXTRA, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def asking(root):
    project = Project.open(root)
    project.run()
    return Asking(project)


@pytest.fixture(scope="module")
def tables(root):
    database = duckdb.connect()
    for path in (root / "data").glob("*.csv"):
        database.execute(f"CREATE VIEW {path.stem} AS FROM read_csv('{path}')")
    return database


def words(text):
    return tuple(filter(None, text.split(",")))


def plain(value):
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def alike(one, other):
    if isinstance(one, str | None) or isinstance(other, str | None):
        return one == other
    return abs(one - other) <= 1e-9 * max(1, abs(one))


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_answer_is_that_of_hand_written_sql(asking, tables, case):
    question = Question(words(case.metrics), words(case.dimensions), case.filters, words(case.order_by), case.limit)
    found = [tuple(map(plain, row)) for row in asking.answer(question).rows.rows]
    wanted = [tuple(map(plain, row)) for row in tables.execute(case.sql).fetchall()]
    if not case.order_by:
        found, wanted = sorted(found, key=repr), sorted(wanted, key=repr)
    told = f"{asking.compile(question).sql()}\n{found}\n{wanted}"
    assert len(found) == len(wanted), told
    assert all(alike(a, b) for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)), told


@pytest.mark.parametrize("refused", REFUSED, ids=lambda r: f"{r.metrics} {r.dimensions} {r.filters} {r.order_by}")
def test_refusal_says_what_is_meant(asking, refused):
    question = Question(words(refused.metrics), words(refused.dimensions), refused.filters, words(refused.order_by))
    with pytest.raises(SeeknalError) as caught:
        asking.compile(question)
    said = f"{caught.value} {caught.value.hint}".lower()
    assert all(w.lower() in said for w in refused.words), said
