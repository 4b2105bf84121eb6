"""What features were at a time, against a definition in plain Python; over random histories."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from itertools import product

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeknal.features.model import Choice, Feature, Group
from seeknal.features.pointintime import point_in_time

START = dt.datetime.fromisoformat("2026-03-27T00:00:00+00:00")
HOURS = st.integers(0, 72)
ZONES = ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"]
FEATURES = (Feature("f", "BIGINT"), Feature("g", "VARCHAR", default="none"))


@dataclass(frozen=True)
class Row:
    """A row of a group, or with f and g None one of a spine."""

    key: int | None
    other: str | None
    at: dt.datetime | None
    created: dt.datetime | None = None
    f: int | None = None
    g: str | None = None


def moment(hours: int | None) -> dt.datetime | None:
    return None if hours is None else START + dt.timedelta(hours=hours)


KEYS = st.sampled_from([1, 2, None])
OTHERS = st.sampled_from(["a", "b", None])
TIMES = st.one_of(HOURS, st.none()).map(moment)
HISTORY = st.lists(
    st.builds(Row, KEYS, OTHERS, TIMES, TIMES, st.one_of(st.none(), st.integers(0, 3)), st.sampled_from(["x", "y", None])), max_size=14
)
SPINE = st.lists(st.builds(Row, KEYS, OTHERS, TIMES), max_size=10)


def as_known(group: Group, history: list[Row], asked: Row) -> tuple[int | None, str]:
    """The definition: of the rows for these keys that were there, the newest; nothing where that is too old."""
    if asked.at is None or asked.key is None or asked.other is None:
        return None, "none"

    def precedence(row: Row) -> tuple:
        parts = [(row.created is not None, row.created)] if group.created_time else []
        return (row.at, *parts, (row.f is not None, row.f), (row.g is not None, row.g))

    found = [r for r in history if (r.key, r.other) == (asked.key, asked.other) and r.at is not None and r.at <= asked.at]
    if group.when_created:
        found = [r for r in found if r.created is None or r.created <= asked.at]
    newest = max(
        found, key=lambda r: tuple(p if not isinstance(p, tuple) else (p[0], p[1] if p[0] else 0) for p in precedence(r)), default=None
    )
    if newest is None or (group.ttl is not None and newest.at + dt.timedelta(seconds=group.ttl) < asked.at):
        return None, "none"
    return newest.f, newest.g if newest.g is not None else "none"


def table(rows: list[Row], type_: str) -> str:
    """A VALUES list, its times written in the type; one row at least, which is filtered out."""

    def literal(value: object) -> str:
        if value is None:
            return "NULL"
        return str(value) if isinstance(value, int) else f"'{value}'"

    lines = [
        f"({literal(r.key)}, {literal(r.other)}, {literal(r.at)}, {literal(r.created)}, {literal(r.f)}, {literal(r.g)}, true)" for r in rows
    ]
    listed = ", ".join([*lines, "(NULL, NULL, NULL, NULL, NULL, NULL, false)"])
    return (
        f"SELECT k::BIGINT AS k, o::VARCHAR AS o, t::TIMESTAMPTZ::{type_} AS t, c::TIMESTAMPTZ::TIMESTAMP AS c, f::BIGINT AS f, g::VARCHAR AS g"
        f" FROM (VALUES {listed}) AS v(k, o, t, c, f, g, real) WHERE real"
    )


def day(rows: list[Row], type_: str) -> list[Row]:
    """A date is its first moment."""
    if type_ != "DATE":
        return rows
    return [replace(r, at=r.at and r.at.replace(hour=0)) for r in rows]


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def answer(engine, group: Group, history: list[Row], spine: list[Row], types: tuple[str, str]) -> list[tuple]:
    engine.execute(f"CREATE OR REPLACE TEMP TABLE feature_group_h AS {table(history, types[0])}")
    engine.execute(f"CREATE OR REPLACE TEMP TABLE asked AS SELECT row_number() OVER () AS n, k, o, t FROM ({table(spine, types[1])})")
    choices = [Choice(group, f, f"value_of_{f.name}") for f in group.features]
    query = point_in_time("asked", "t", choices, "duckdb").sql(dialect="duckdb")
    found = engine.execute(f"SELECT n, value_of_f, value_of_g FROM ({query}) ORDER BY n").fetchall()
    assert [n for n, *_ in found] == list(range(1, len(spine) + 1)), "every row of the spine once"
    return [tuple(values) for _, *values in found]


@pytest.mark.parametrize("types", list(product(ZONES, ZONES)), ids=" ".join)
@pytest.mark.parametrize(("created", "when_created"), [(None, False), ("c", False), ("c", True)])
@given(history=HISTORY, spine=SPINE, ttl=st.sampled_from([None, 3600, 36_000, 172_800]))
@settings(max_examples=25, deadline=None)
def test_what_was_known_is_what_the_definition_says(engine, types, created, when_created, history, spine, ttl):
    group = Group("feature_group.h", "h", ("k", "o"), "t", FEATURES, created, ttl, resolve=True, when_created=when_created)
    history, spine = day(history, types[0]), day(spine, types[1])
    found = answer(engine, group, history, spine, types)
    assert found == [as_known(group, history, asked) for asked in spine]
    assert answer(engine, group, history[::-1], spine, types) == found, "however the rows are stored"


@given(history=HISTORY, spine=SPINE, later=HISTORY)
@settings(max_examples=100, deadline=None)
def test_what_comes_later_changes_nothing(engine, history, spine, later):
    """No value from the future: rows after the newest time that is asked about make no difference."""
    group = Group("feature_group.h", "h", ("k", "o"), "t", FEATURES, "c", None, resolve=True)
    last = max((r.at for r in spine if r.at is not None), default=START)
    future = [replace(r, at=last + dt.timedelta(seconds=1 + n)) for n, r in enumerate(later)]
    types = ("TIMESTAMP", "TIMESTAMP")
    assert answer(engine, group, history, spine, types) == answer(engine, group, history + future, spine, types)


def test_many_rows_are_answered_as_few_are(engine):
    """The engine joins a large spine in another way than a small one."""
    group = Group("feature_group.h", "h", ("k", "o"), "t", FEATURES, "c", 36_000)
    history = [Row(n % 7, "a", moment(n * 5 % 73), moment(n % 50), n % 3, None) for n in range(300)]
    spine = [Row(n % 8, "a", moment(n % 90)) for n in range(2000)]
    found = answer(engine, group, history, spine, ("TIMESTAMP", "TIMESTAMP"))
    assert found == [as_known(group, history, asked) for asked in spine]


# Through the project


def test_each_row_gets_what_was_known_then(built):
    found = built.open().features("source.labels", ["spend.orders", "spend.revenue"], as_of="asked_at")
    rows = sorted((r["customer_id"], r["asked_at"].day, r["orders"], r["revenue"]) for r in found.to_pylist())
    assert rows == [(1, 4, 1, 10.0), (1, 20, 0, None), (2, 2, 0, None), (3, 9, 0, None)]


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars", "parquet", "csv", "jsonl", "node"])
def test_a_spine_is_a_table_a_file_or_a_node(built, kind):
    table = pa.table(
        {"customer_id": [1, 2], "event_time": [dt.datetime.fromisoformat("2026-01-04"), dt.datetime.fromisoformat("2026-01-04")]}
    )
    spines = {
        "arrow": lambda: table,
        "pandas": table.to_pandas,
        "polars": lambda: __import__("polars").from_arrow(table),
        "parquet": lambda: written(built, "spine.parquet", table),
        "csv": lambda: written(built, "spine.csv", table),
        "jsonl": lambda: written(built, "spine.jsonl", table),
        "node": lambda: "feature_group.spend",
    }
    found = built.open().features(spines[kind](), "spend.*", full_names=True)
    by_key = {(r["customer_id"], r["event_time"].day): r["spend__revenue"] for r in found.to_pylist()}
    assert by_key == ({(1, 1): 10.0, (1, 5): 30.0, (2, 3): 7.5} if kind == "node" else {(1, 4): 10.0, (2, 4): 7.5})
    assert not list((built.root / "target/cache").glob(".spine*"))


def written(folder, name: str, table: pa.Table) -> str:
    path = folder.root / name
    form = {"parquet": "PARQUET", "csv": "CSV", "jsonl": "JSON"}[path.suffix[1:]]
    duckdb.from_arrow(table).query("t", f"COPY t TO '{path}' (FORMAT {form})")
    return str(path)


@pytest.mark.parametrize("to", ["arrow", "pandas", "polars"])
def test_the_answer_is_what_is_asked_for(built, to):
    with pytest.raises(ValueError, match="arrow, pandas, polars"):
        built.open().features("labels", entity="customer", to="spark")
    found = built.open().features("labels", entity="customer", as_of="asked_at", to=to)
    assert type(found).__module__.startswith({"arrow": "pyarrow", "pandas": "pandas", "polars": "polars"}[to])
    assert len(found) == 4


def test_answers_are_in_the_order_of_the_table_that_asks(built):
    """Of several row groups and so several threads: people put values beside labels by their place."""
    many = 300_000
    asked = pa.table({"customer_id": [1 + n * 7919 % 3 for n in range(many)], "spine_row": range(many), "t": [NOW] * many})
    found = built.open().features(asked, "spend.orders")
    assert found.column_names == ["customer_id", "spine_row", "t", "orders"]
    assert found.select(asked.column_names).equals(asked)


def test_an_instant_is_the_same_in_every_zone(built):
    at = pa.array(
        [dt.datetime.fromisoformat("2026-01-05T06:30:00+07:00"), dt.datetime.fromisoformat("2026-01-05T07:00:00+07:00")],
        pa.timestamp("us", "Asia/Jakarta"),
    )
    found = built.open().features(pa.table({"customer_id": [1, 1], "at": at}), "spend.orders")
    assert sorted(r["orders"] for r in found.to_pylist()) == [1, 2]


def test_features_are_got_on_the_command_line(built):
    outcome = built.cli(
        "features", "get", "--features", "spend.orders", "--spine", "source.labels", "--as-of", "asked_at", "--format", "json"
    )
    assert sorted(r["orders"] for r in outcome.assert_success().json()) == [0, 0, 0, 1]
    built.cli("features", "get", "--entity", "customer", "--spine", "data/labels.csv", "--output", "out/train.parquet").assert_success()
    assert duckdb.sql(f"SELECT count(*), sum(revenue) FROM '{built.root}/out/train.parquet'").fetchall() == [(4, 10.0)]
    shown = built.cli("features", "get", "--entity", "customer", "--spine", "labels", "--sql").assert_success().stdout
    assert "ASOF LEFT JOIN" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--features", "spend.ordres"], "SK-FEAT-001", "did you mean 'orders'?"),
        (["--features", "spnd.orders"], "SK-FEAT-001", "did you mean 'spend'?"),
        (["--features", "orders"], "SK-FEAT-001", "write group.feature"),
        ([], "SK-FEAT-001", "no features are asked for"),
        (["--entity", "custmer"], "SK-FEAT-001", "did you mean 'customer'?"),
        (["--entity", "customer", "--as-of", "askd_at"], "SK-FEAT-004", "did you mean 'asked_at'?"),
        (["--entity", "customer", "--as-of", "churned"], "SK-FEAT-004", "is BOOLEAN, not a time"),
    ],
)
def test_what_cannot_be_answered_is_explained(built, arguments, code, words):
    outcome = built.cli("features", "get", *arguments, "--spine", "labels").assert_failed(code, exit_code=2)
    assert words in outcome.stderr


def spine(**columns: list) -> pa.Table:
    return pa.table(columns)


NOW = dt.datetime.fromisoformat("2026-01-05")


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [
        (spine(customer=[1], t=[NOW]), "SK-FEAT-004", "no column 'customer_id', a key of 'spend'"),
        (spine(customer_id=[1], t=[1]), "SK-FEAT-004", "no column of times"),
        (spine(customer_id=[1], t=[NOW], u=[NOW]), "SK-FEAT-004", "several columns of times: t, u"),
        (spine(customer_id=["1"], t=[NOW]), "SK-FEAT-004", "is VARCHAR, that of 'spend' BIGINT"),
        (spine(customer_id=[1], t=[NOW], orders=[1]), "SK-FEAT-002", "would both be in a column 'orders'"),
    ],
)
def test_a_spine_that_cannot_be_asked_about_is_explained(built, table, code, words):
    from seeknal.errors import ProjectErrors, SeeknalError

    with pytest.raises(SeeknalError) as caught:
        built.open().features(table, "spend.*")
    found = caught.value.errors if isinstance(caught.value, ProjectErrors) else [caught.value]
    assert [e.code for e in found] == [code]
    assert words in found[0].message
    assert found[0].exit_code == 2


def test_a_group_that_is_not_built_is_named(history):
    outcome = history.cli("features", "get", "--entity", "customer", "--spine", "data/labels.csv")
    assert "seeknal run --select '+feature_group.spend'" in outcome.assert_failed("SK-RUN-002", exit_code=1).stderr


def test_a_group_that_was_built_without_a_feature_is_named(built):
    built.edit("seeknal/spend.yml", "orders: {", "customer_id2: BIGINT\n  orders: {")
    outcome = built.cli("features", "get", "--entity", "customer", "--spine", "labels")
    assert "last built without customer_id2" in outcome.assert_failed("SK-RUN-002", exit_code=1).stderr


LATE = "customer_id,event_time,created,orders,revenue\n1,2026-01-01,2026-01-01,1,1\n1,2026-01-03,2026-01-10,3,3\n1,2026-01-03,2026-01-12,4,4\n1,2026-01-02,2026-01-11,2,2\n"


def test_what_arrived_late_counts_from_its_event_time_on_or_from_its_arrival(built):
    asked = spine(customer_id=[1] * 4, t=[dt.datetime.fromisoformat(f"2026-01-{day}") for day in ("02", "09", "11", "13")])
    built.write("data/orders.csv", LATE).edit("seeknal/spend.yml", "ttl: 30d", "created_time: created").run().assert_success()

    def known() -> list[int]:
        rows = built.open().features(asked, "spend.orders").to_pylist()
        return [r["orders"] for r in sorted(rows, key=lambda r: r["t"])]

    assert known() == [2, 4, 4, 4]
    built.edit("seeknal/spend.yml", "created_time: created", "created_time: created\nknown_from: created_time").run().assert_success()
    assert known() == [1, 1, 3, 4]
    built.edit("seeknal/spend.yml", "created_time: created\n", "")
    assert "needs 'created_time'" in built.run().assert_failed("SK-KEY-004", exit_code=2).output


@pytest.mark.parametrize("name", ["known_at", "newest"])
@pytest.mark.parametrize("where", ["orders", "event_time", "customer_id"])
def test_a_column_is_called_what_it_likes_where_rows_are_known_from_their_arrival(engine, name, where):
    key, time, feature = (name if where == one else one for one in ("customer_id", "event_time", "orders"))
    group = Group("feature_group.g", "c", (key,), time, (Feature(feature),), "created", ttl=3 * 86_400, when_created=True)
    engine.execute(f"""CREATE OR REPLACE TEMP TABLE "{group.relation}" AS SELECT 1 AS "{key}", TIMESTAMP '2026-01-01' AS "{time}",
                       TIMESTAMP '2026-01-05' AS created, 7 AS "{feature}" """)
    engine.execute(f"""CREATE OR REPLACE TEMP TABLE asked AS SELECT 1 AS "{key}", unnest([TIMESTAMP '2026-01-04', '2026-01-05']) AS t""")
    for ttl, found in ((None, [None, 7]), (3 * 86_400, [None, None])):
        one = replace(group, ttl=ttl)
        query = point_in_time("asked", "t", [Choice(one, one.features[0], "found")], "duckdb").sql("duckdb")
        assert [row[2] for row in engine.execute(f"{query} ORDER BY t").fetchall()] == found
