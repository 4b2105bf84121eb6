"""Which columns come from which, over the whole graph."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.conftest import SHOP

from seeknal.errors import Location
from seeknal.graph.dag import Dag
from seeknal.nodes import ExposureLogic, Node, PythonLogic, SourceLogic, SqlLogic, node_id, relation_name
from seeknal.plan.lineage import Lineage, Point
from seeknal.sql.analysis import Analysis, OutputColumn, opaque
from seeknal.sql.relations import ANY, ROWS, Origin

WIDE = {
    **SHOP,
    "seeknal/everything.sql": "WITH a AS (SELECT * FROM {{ ref('users') }}) SELECT a.*, 1 AS one FROM a",
    "seeknal/counted.sql": "SELECT count(*) AS n FROM {{ ref('adults') }}",
    "seeknal/ranked.sql": "SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY amount) AS rank FROM {{ ref('orders') }}",
    "seeknal/seen.sql": "/* ---\nmaterialized: view\n--- */\nSELECT ID AS Number, upper(NAME) AS shouted FROM {{ ref('users') }} WHERE age > 20",
    "seeknal/loud.sql": "SELECT shouted FROM {{ ref('seen') }}",
    "seeknal/odd.sql": "SELECT id AS \"My col\", {'a': name, 'b': age} AS \"s.t\" FROM {{ ref('users') }}",
    "seeknal/field.sql": 'SELECT "s.t".b AS b, "My col" AS m FROM {{ ref(\'odd\') }}',
    "seeknal/python.py": """
        from seeknal import transform

        @transform(name="scored", inputs=["transform.spent", "source.orders"])
        def scored(spent, orders):
            return spent
        """,
    "seeknal/after.sql": "SELECT total + 1 AS more FROM {{ ref('scored') }}",
    "seeknal/out.yml": "kind: exposure\nname: out\ntype: file\ninputs: [{ref: loud}]\nparams: {path: out/x.csv}\n",
    "seeknal/rule.yml": "kind: rule\nname: enough\ninputs: [{ref: loud}]\naudits: [{type: row_count, min: 1}]\n",
    "seeknal/board.yml": "kind: exposure\nname: board\ntype: dashboard\ninputs: [{ref: after}, {ref: counted}]\n",
}


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    from seeknal.testing.project import ProjectMaker

    folder = ProjectMaker(tmp_path_factory.mktemp("wide"))(WIDE)
    folder.run().assert_success()
    return folder


def short(edges) -> str:
    """Edges in a line: values as they are, filters in brackets."""
    names = [f"{e.node.partition('.')[2]}.{e.column}" for e in edges]
    return " ".join(n if e.kind == "value" else f"[{n}]" for n, e in zip(names, edges, strict=True))


@pytest.mark.parametrize(
    ("column", "above"),
    [
        ("users.id", ""),
        ("adults.name", "users.name [users.age]"),
        ("spent.name", "adults.name [adults.id] [orders.user_id]"),
        ("spent.total", "orders.amount [adults.id] [adults.name] [orders.user_id]"),
        ("everything.age", "users.age"),
        ("everything.one", "[users.*]"),
        ("counted.n", "adults.*"),
        ("ranked.rank", "orders.* [orders.user_id] [orders.amount]"),
        ("seen.shouted", "users.name [users.age]"),
        ("loud.shouted", "seen.shouted"),
        ('odd."My col"', "users.id"),
        ("odd.s.t", "users.name users.age"),
        ('odd."S.T"', "users.name users.age"),
        ("field.b", "odd.s.t"),
        ("field.m", "odd.My col"),
        ("scored.name", "spent.name spent.total orders.id orders.user_id orders.amount"),
        ("after.more", "scored.total"),
        ("ADULTS.NAME", "users.name [users.age]"),
        ("transform.seen.NUMBER", "users.id [users.age]"),
    ],
)
def test_what_a_column_comes_from(wide, column, above):
    found = wide.open().lineage().of(column)
    assert set(short(found.upstream).split(" ")) == set(above.split(" "))


@pytest.mark.parametrize(
    ("column", "below"),
    [
        ("loud.shouted", "out.* enough.*"),
        ("users.name", "adults.name everything.name odd.s.t seen.shouted"),
        ("after.more", "board.*"),
        ("counted.n", "board.*"),
        ("orders.id", "ranked.id scored.name scored.total"),
        ("orders.amount", "[ranked.rank] scored.name scored.total spent.total"),
        ("adults.name", "[spent.total] spent.name"),
        ("adults.id", "[spent.name] [spent.total]"),
    ],
)
def test_what_reads_a_column(wide, column, below):
    assert sorted(short(wide.open().lineage().of(column).downstream).split(" ")) == sorted(below.split(" "))


def test_whole_lineage_counts_as_value_where_some_way_is(wide):
    graph = wide.open().lineage()
    found = graph.of("users.name", whole=True)
    kinds = {(e.node, e.column): e.kind for e in found.downstream}
    assert kinds["transform.spent", "name"] == "value"  # through adults.name
    assert kinds["transform.spent", "total"] == "filter"  # through the grouping
    assert kinds["transform.after", "more"] == "value"  # through Python, which may do anything
    assert ("transform.counted", "n") not in kinds
    above = {(e.node, e.column): e.kind for e in graph.of("counted.n", whole=True).upstream}
    assert above["source.users", "age"] == "filter"


def test_opaque_nodes_are_named_with_a_reason(wide):
    found = wide.open().lineage().of("scored.total", whole=True)
    assert found.opaque == {"transform.scored": "a Python function"}


def test_impact_says_which_columns_are_reached_and_how(wide):
    found = wide.open().lineage().impact("users.age")
    affected = {a.node.partition(".")[2]: (a.columns, a.kind) for a in found.affected}
    assert affected == {
        "adults": (("id", "name"), "filter"),
        "spent": (("name", "total"), "filter"),
        "everything": (("age",), "value"),
        "counted": (("n",), "filter"),
        "seen": (("Number", "shouted"), "filter"),
        "loud": (("shouted",), "filter"),
        "odd": (("s.t",), "value"),
        "field": (("b",), "value"),
        "scored": (("name", "total"), "filter"),
        "after": (("more",), "filter"),
        "out": ((), "filter"),
        "enough": ((), "filter"),
        "board": ((), "filter"),
    }


def test_impact_of_a_node_is_that_of_all_its_columns(wide):
    graph = wide.open().lineage()
    together = {a.node for c in graph.columns("source.users") for a in graph.impact(f"users.{c}").affected}
    assert {a.node for a in graph.impact("source.users").affected} == together


def test_lineage_of_a_node(wide):
    graph = wide.open().lineage()
    found = graph.of("spent")
    assert (found.columns, found.upstream, found.downstream) == (
        ("name", "total"),
        ("source.orders", "transform.adults"),
        ("transform.scored",),
    )
    assert set(graph.of("spent", whole=True).upstream) == {"source.orders", "source.users", "transform.adults"}


def test_nothing_that_reads_something_comes_from_nothing(wide):
    graph = wide.open().lineage()
    for node in graph.dag.order:
        for column in graph.points(node):
            assert bool(graph.upstream(node, column)) == bool(graph.dag.inputs[node])


def test_before_the_first_run_unknown_columns_stand_together(project):
    graph = project(WIDE).open().lineage()
    assert short(graph.of("adults.name").upstream) == "users.*"
    assert graph.opaque("transform.adults") == "columns of what it reads are not known yet"
    assert {a.node for a in graph.impact("users").affected} >= {"transform.adults", "transform.spent", "exposure.out"}
    for node in graph.dag.order:
        for column in graph.points(node):
            assert bool(graph.upstream(node, column)) == bool(graph.dag.inputs[node])


def test_declared_columns_are_known_before_the_first_run(project):
    folder = project({**SHOP, "seeknal/users.yml": SHOP["seeknal/users.yml"] + "columns: [id, name, age]\n"})
    graph = folder.open().lineage()
    found = graph.of("users.age")
    assert {e.column for e in found.downstream} == {"id", "name"}
    assert not graph.is_complete("source.users")


def test_an_edit_counts_before_it_is_built(shop):
    shop.edit("seeknal/adults.sql", "id, name", "id, name || age AS name")
    assert short(shop.open().lineage().of("adults.name").upstream) == "users.name users.age"


def test_a_query_with_a_wrong_name_is_opaque(shop):
    shop.edit("seeknal/adults.sql", "SELECT id", "SELECT identity")
    graph = shop.open().lineage()
    assert "identity" in graph.opaque("transform.adults")
    assert short(graph.upstream("transform.adults", "*")) == "users.id users.name users.age"


# Any graph at all


class Made:
    """An outlook over made-up analyses."""

    def __init__(self, names, analyses):
        self._names, self._analyses = names, analyses

    def names(self, node):
        return self._names.get(node)

    def analysis(self, node):
        return self._analyses.get(node)


def made(node, logic, inputs=()):
    return Node(node, Location("x"), logic, "", tuple(inputs))


SQL, SOURCE, PYTHON, EXPOSURE = SqlLogic("", "duckdb"), SourceLogic("csv"), PythonLogic("", "f", ""), ExposureLogic("file")
COLUMNS = ("a", "B", "c d", "*x")


@st.composite
def graphs(draw):
    """A graph of a few nodes of all sorts, some of whose columns are not known."""
    nodes, names, analyses = {}, {}, {}
    for number in range(draw(st.integers(2, 7))):
        before = sorted(nodes)
        logic = draw(st.sampled_from([SQL, SQL, SQL, PYTHON, EXPOSURE] if before else [SOURCE]))
        readable = [n for n in before if nodes[n].is_readable]
        inputs = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3, unique=True)) if logic is not SOURCE else []
        name = node_id("transform", f"n{number}")
        nodes[name] = made(name, logic, inputs)
        own = tuple(draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)))
        if logic is not EXPOSURE and draw(st.booleans()):
            names[name] = own
        if logic is SQL:
            analyses[name] = _analysis(draw, inputs, own)
    return Lineage(Dag(nodes), Made(names, analyses))


def _analysis(draw, inputs, own):
    relations = [relation_name(i) for i in inputs]
    if draw(st.integers(0, 4)) == 0:
        return opaque("x", relations, "why")
    origin = st.builds(Origin, st.sampled_from(relations), st.sampled_from([*COLUMNS, "A", "b", ROWS, ANY]))
    some = st.frozensets(origin, max_size=3)
    columns = tuple(OutputColumn(draw(st.sampled_from([c, None])), "", draw(some), draw(some)) for c in own)
    return Analysis("x", "x", draw(some), columns if draw(st.booleans()) else None)


def every_point(graph):
    return [Point(n, c) for n in graph.dag.order for c in graph.points(n)]


def repeated(start, step):
    """Everything reached, by nothing but direct edges: `value` where a way of such edges leads there."""
    found = {}
    for kinds in ({"value"}, {"value", "filter"}):
        queue = [start]
        seen = {start}
        while queue:
            for edge in step(*queue.pop()):
                point = Point(edge.node, edge.column)
                if edge.kind in kinds and point not in seen:
                    seen.add(point)
                    queue.append(point)
                    found.setdefault(point, "value" if kinds == {"value"} else "filter")
    return found


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_closures_are_repeated_direct_edges_and_down_is_up_turned_round(graph):
    up = {(p, Point(e.node, e.column), e.kind) for p in every_point(graph) for e in graph.upstream(*p)}
    down = {(Point(e.node, e.column), p, e.kind) for p in every_point(graph) for e in graph.downstream(*p)}
    assert up == down
    for point in every_point(graph):
        assert {Point(e.node, e.column): e.kind for e in graph.all_upstream([point])} == repeated(point, graph.upstream)
        assert {Point(e.node, e.column): e.kind for e in graph.all_downstream([point])} == repeated(point, graph.downstream)
        assert bool(graph.upstream(*point)) == bool(graph.dag.inputs[point.node])


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_nodes_reached_by_columns_are_among_those_reached_by_nodes(graph):
    for point in every_point(graph):
        assert {e.node for e in graph.all_upstream([point])} <= graph.dag.upstream([point.node])
        assert {e.node for e in graph.all_downstream([point])} <= graph.dag.downstream([point.node])


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_what_may_read_anything_is_reached_by_every_column(graph):
    for node in graph.dag.order:
        for reader in graph.dag.readers[node]:
            if graph.opaque(reader) in ("why", "a Python function") or not graph.dag.nodes[reader].is_readable:
                for column in graph.columns(node):
                    assert reader in {e.node for e in graph.downstream(node, column)}


class Deep(Made):
    """An outlook that needs the stack for what it has not been asked before, as the real one does."""

    def __init__(self, dag, names, analyses):
        super().__init__(names, analyses)
        self._dag, self._asked = dag, set()

    def names(self, node):
        if node not in self._asked:
            for source in self._dag.inputs[node]:
                self.names(source)
            self._asked.add(node)
        return super().names(node)


def chain(length):
    nodes, analyses, names = {}, {}, {}
    for number in range(length):
        name, before = node_id("transform", f"n{number}"), node_id("transform", f"n{number - 1}")
        nodes[name] = made(name, SQL if number else SOURCE, [before] if number else [])
        names[name] = ("a", "b")
        origin = {c: frozenset({Origin(relation_name(before), c)}) for c in ("a", "b", ROWS)}
        analyses[name] = Analysis("", "", origin[ROWS] | origin["b"], tuple(OutputColumn(c, "", origin[c]) for c in ("a", "b")))
    dag = Dag(dict(reversed(nodes.items())))
    return Lineage(dag, Deep(dag, names, analyses))


def test_a_chain_may_be_longer_than_the_stack_is_deep():
    graph = chain(5_000)
    found = graph.of("n4999.a", whole=True)
    assert len(found.upstream) == 2 * 4_999
    assert [e.kind for e in found.upstream].count("value") == 4_999
    assert len(graph.impact("n0.a").affected) == 4_999


def test_a_chain_of_fifty_takes_no_time():
    graph = chain(50)
    graph.of("n49.a", whole=True)
    begun = time.process_time()
    graph.of("n49.a", whole=True)
    assert time.process_time() - begun < 0.05
