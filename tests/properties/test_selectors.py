"""Selectors as an algebra: union and intersection are what they are in sets, and what is above is what is below seen from the other end."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.errors import Location
from seeknal.graph.dag import Dag
from seeknal.graph.selection import History, select
from seeknal.nodes import DocumentLogic, Node, NodeId

TAGS = ("daily", "hourly", "big")
KINDS = ("source", "transform")


@st.composite
def dags(draw: st.DrawFn) -> Dag:
    """Graphs of up to nine nodes; a node reads earlier ones only."""
    nodes: dict[NodeId, Node] = {}
    for number in range(draw(st.integers(1, 9))):
        id_ = NodeId(f"{draw(st.sampled_from(KINDS))}.n{number}")
        inputs = draw(st.lists(st.sampled_from(sorted(nodes)), unique=True, max_size=3)) if nodes else []
        tags = tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2)))
        at = Location(f"seeknal/{draw(st.sampled_from(['a', 'b']))}/n{number}.sql")
        nodes[id_] = Node(id_, at, DocumentLogic(), "", tuple(inputs), tags=tags)
    return Dag(nodes)


def chosen(text: str, dag: Dag) -> set[NodeId]:
    return select(text, dag, History)


PARTS = st.sampled_from(
    [
        "kind:source",
        "kind:transform",
        "tag:daily",
        "tag:*",
        "tag:nothing",
        "path:seeknal/a",
        "*.n1*",
        "n*",
        "name:n2",
        "source.*",
        "*",
        "state:new",
        "result:failed",
        "owner:me",
    ]
)
ENDS = st.sampled_from([("", ""), ("+", ""), ("", "+"), ("+", "+"), ("1+", ""), ("", "+1"), ("2+", "+1"), ("@", "")])
SELECTORS = st.builds(lambda part, ends: f"{ends[0]}{part}{ends[1]}", PARTS, ENDS)
MANY = settings(max_examples=150, deadline=None)


@MANY
@given(dags(), SELECTORS, SELECTORS, SELECTORS)
def test_space_is_union_and_comma_intersection(dag: Dag, a: str, b: str, c: str) -> None:
    x, y, z = (chosen(s, dag) for s in (a, b, c))
    assert chosen(f"{a} {b}", dag) == x | y == chosen(f"{b} {a}", dag)
    assert chosen(f"{a},{b}", dag) == x & y == chosen(f"{b},{a}", dag)
    assert chosen(f"{a},{b} {c}", dag) == (x & y) | z
    assert chosen(f"{a} {a},{b}", dag) == x
    assert chosen(f"{a},{a}", dag) == x


@MANY
@given(dags())
def test_above_and_below_mirror_each_other(dag: Dag) -> None:
    for a in dag.order:
        for b in dag.order:
            assert (a in chosen(f"{b}+", dag)) == (b in chosen(f"+{a}", dag))
            assert (a in chosen(f"{b}+1", dag)) == (b in chosen(f"1+{a}", dag)) == (a == b or b in dag.inputs[a])


@MANY
@given(dags(), PARTS)
def test_depth_only_ever_adds_and_ends_at_everything(dag: Dag, part: str) -> None:
    steps = [chosen(f"{part}+{n}", dag) for n in range(10)]
    assert steps[0] == chosen(part, dag)
    assert all(fewer <= more for fewer, more in itertools.pairwise(steps))
    assert steps[-1] == chosen(f"{part}+", dag)
    for n in range(3):
        assert chosen(f"{part}+{n + 1}", dag) == chosen(f"{part}+{n}", dag) | {
            r for s in chosen(f"{part}+{n}", dag) for r in dag.readers[s]
        }


@MANY
@given(dags(), PARTS)
def test_closures_are_closed(dag: Dag, part: str) -> None:
    below, above, around = chosen(f"{part}+", dag), chosen(f"+{part}", dag), chosen(f"@{part}", dag)
    assert all(r in below for s in below for r in dag.readers[s])
    assert all(i in above for s in above for i in dag.inputs[s])
    assert below <= around
    assert all(i in around for s in around for i in dag.inputs[s])
    assert around == below | dag.upstream(below)
    assert chosen(f"+{part}+", dag) == below | above


@MANY
@given(dags())
def test_the_order_has_inputs_before_readers(dag: Dag) -> None:
    position = {node: index for index, node in enumerate(dag.order)}
    assert sorted(dag.order) == sorted(dag.nodes)
    assert all(position[i] < position[node] for node in dag.order for i in dag.inputs[node])
