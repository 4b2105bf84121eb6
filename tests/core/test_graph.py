"""Cycles, and choosing nodes by selectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.conftest import SHOP

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_a_cycle_is_printed_whole(project: ProjectMaker, size: int) -> None:
    files = {f"seeknal/n{i}.sql": f"SELECT * FROM {{{{ ref('n{(i + 1) % size}') }}}}" for i in range(size)}
    outcome = project({**SHOP, **files}).run().assert_failed("SK-GRAPH-001", exit_code=2)
    (error,) = outcome.errors
    names = error.message.removeprefix("cycle: ").split(" -> ")
    assert names[0] == names[-1]
    assert set(names) == {f"transform.n{i}" for i in range(size)}
    assert len(names) == size + 1
    assert str(error.at).startswith("seeknal/n")


def test_each_cycle_arrow_is_an_edge_from_input_to_reader_or_back(project: ProjectMaker) -> None:
    files = {"seeknal/a.sql": "FROM {{ ref('b') }}", "seeknal/b.sql": "FROM {{ ref('c') }}", "seeknal/c.sql": "FROM {{ ref('a') }}"}
    message = project(files).run().errors[0].message
    assert message.removeprefix("cycle: ") in {
        "transform.a -> transform.c -> transform.b -> transform.a", "transform.c -> transform.b -> transform.a -> transform.c", "transform.b -> transform.a -> transform.c -> transform.b",
        "transform.a -> transform.b -> transform.c -> transform.a", "transform.b -> transform.c -> transform.a -> transform.b", "transform.c -> transform.a -> transform.b -> transform.c",
    }  # fmt: skip


@pytest.fixture
def wide(project: ProjectMaker) -> ProjectFolder:
    tag = "/* ---\ntags: [{}]\nowner: {}\n--- */\n"
    return project({
        **SHOP,
        "seeknal/adults.sql": tag.format("daily, people", "ann") + SHOP["seeknal/adults.sql"],
        "seeknal/spent.sql": tag.format("daily", "bob") + SHOP["seeknal/spent.sql"],
        "seeknal/out.yml": "kind: exposure\nname: out\ntype: file\ninputs: [{ref: transform.spent}]\nparams: {path: out/x.csv}\n",
    })  # fmt: skip


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("adults", "adults"), ("transform.adults", "adults"), ("ADULTS", "adults"), ("kind:source", "orders users"), ("kind:*", "adults orders out spent users"), ("tag:daily", "adults spent"), ("tag:people", "adults"),
        ("tag:d*", "adults spent"), ("path:seeknal", "adults orders out spent users"), ("path:seeknal/adults.sql", "adults"), ("path:seeknal/*.sql", "adults spent"), ("owner:bob", "spent"), ("name:*s", "adults orders users"),
        ("source.*", "orders users"), ("*user*", "users"), ("+spent", "adults orders spent users"), ("1+spent", "adults orders spent"), ("2+spent", "adults orders spent users"), ("0+spent", "spent"), ("users+", "adults out spent users"),
        ("users+1", "adults users"), ("1+spent+1", "adults orders out spent"), ("+adults+", "adults out spent users"), ("@adults", "adults orders out spent users"), ("@orders", "adults orders out spent users"), ("adults spent", "adults spent"),
        ("tag:daily,kind:transform,owner:ann", "adults"), ("tag:daily,kind:source", ""), ("+spent,kind:source out", "orders out users"), ("result:failed", ""), ("state:new", "adults orders out spent users"), ("nothing*", ""),
    ],
)  # fmt: skip
def test_what_a_selector_names(wide: ProjectFolder, selector: str, names: str) -> None:
    assert sorted(n.partition(".")[2] for n in wide.open().select(selector) or ()) == names.split()


@pytest.mark.parametrize(
    ("selector", "words"),
    [("adult", "did you mean"), ("tagg:daily", "did you mean 'tag'?"), ("state:old", "state:new"), ("+", "cannot be read"), (",", "empty"), ("++adults", "cannot be read"), ("adults++", "cannot be read"), ("@", "cannot be read"), ("+adults+x", "cannot be read")],
)  # fmt: skip
def test_a_selector_that_cannot_be_read_is_told(wide: ProjectFolder, selector: str, words: str) -> None:
    done = wide.cli("list", selector)
    done.assert_failed(exit_code=2)
    assert words in done.stderr


def test_selectors_by_history_know_the_last_run(wide: ProjectFolder) -> None:
    wide.run().assert_success()
    assert wide.open().select("state:modified") == frozenset()
    wide.edit("seeknal/adults.sql", ">= 18", ">= 16")
    wide.edit("seeknal/spent.sql", "a.name, sum", "error('x')::VARCHAR AS name, sum")
    assert wide.open().select("state:modified") == {"transform.adults", "transform.spent"}
    wide.run().assert_failed()
    assert wide.open().select("result:failed") == {"transform.spent"}
    assert wide.open().select("state:new") == frozenset()
    wide.write("seeknal/more.sql", "SELECT 1 AS n")
    assert wide.open().select("state:new") == {"transform.more"}
