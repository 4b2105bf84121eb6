"""Digests: equal for equal rows in any order and layout, different for anything else."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.duckdb.conftest import Workshop

from seeknal.errors import EngineError
from seeknal.protocols import Files, SessionSettings
from seeknal_duckdb.engine import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_duckdb.session import DuckDBSession

STRUCT = pa.struct([("p", pa.int64()), ("q", pa.list_(pa.float64()))])
SCHEMA = pa.schema([
    ("i", pa.int64()),
    ("f", pa.float64()),
    ("s", pa.string()),
    ("l", pa.list_(pa.list_(pa.int32()))),
    ("t", STRUCT),
    ("m", pa.map_(pa.string(), pa.int64())),
])  # fmt: skip
small = st.integers(-2, 2)
texts = st.sampled_from(["", "a", "A", "NULL", "a, b", "[]"])
floats = st.sampled_from([0.0, -0.0, 1.5, float("inf"), -1.5])
row = st.fixed_dictionaries({
    "i": st.none() | small,
    "f": st.none() | floats,
    "s": st.none() | texts,
    "l": st.none() | st.lists(st.none() | st.lists(st.none() | small, max_size=2), max_size=2),
    "t": st.none() | st.fixed_dictionaries({"p": st.none() | small, "q": st.none() | st.lists(st.none() | floats, max_size=2)}),
    "m": st.none() | st.dictionaries(texts, st.none() | small, max_size=2).map(lambda d: sorted(d.items())),
})  # fmt: skip
rows = st.lists(row, max_size=5)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[DuckDBSession]:
    session = DuckDBEngine().open(SessionSettings(folder / "scratch", (folder,), (folder,), threads=2))
    yield session
    session.close()


def stored(folder: Path, *parts: list[dict[str, Any]], schema: pa.Schema = SCHEMA, **options: Any) -> Files:
    """Files with these rows, written by another library than the engine."""
    paths = []
    for number, part in enumerate(parts):
        paths.append(folder / f"part-{number}.parquet")
        pq.write_table(pa.Table.from_pylist(part, schema), paths[-1], **options)
    return Files(tuple(paths))


def canonical(content: list[dict[str, Any]]) -> list[str]:
    """A text for each row that tells -0.0 from 0.0, sorted."""
    return sorted(repr([r[name] for name in SCHEMA.names[:4]] + [r["t"] and list(map(r["t"].get, "pq")), r["m"]]) for r in content)


@settings(deadline=None, max_examples=150)
@given(content=rows, seed=st.randoms(use_true_random=False), cut=st.integers(0, 5))
def test_order_and_layout_do_not_matter(folder: Path, session: DuckDBSession, content: list[dict[str, Any]], seed: Any, cut: int) -> None:
    one = session.digests(stored(folder, content), [SCHEMA.names])[0]
    shuffled = list(content)
    seed.shuffle(shuffled)
    files = stored(folder, shuffled[:cut], shuffled[cut:], row_group_size=2, compression="gzip", use_dictionary=False)
    names = list(SCHEMA.names)
    seed.shuffle(names)
    assert session.digests(files, [names])[0] == one


@settings(deadline=None, max_examples=300)
@given(one=rows, other=rows)
def test_digests_are_equal_only_for_equal_rows(
    folder: Path, session: DuckDBSession, one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    first = session.digests(stored(folder, one), [SCHEMA.names])[0]
    second = session.digests(stored(folder, other), [SCHEMA.names])[0]
    assert (first == second) == (canonical(one) == canonical(other))


VALUES = {
    "BIGINT[]": ["NULL", "[]", "[NULL]", "[NULL, NULL]", "[0]", "[1, 2]", "[2, 1]"],
    "BIGINT[][]": ["NULL", "[]", "[[]]", "[NULL]", "[[NULL]]", "[[1], [2]]", "[[1, 2]]", "[[1, 2], []]", "[[], [1, 2]]"],
    "STRUCT(a BIGINT, b BIGINT)": ["NULL", "{'a': NULL, 'b': NULL}", "{'a': 1, 'b': NULL}", "{'a': NULL, 'b': 1}", "{'a': 2, 'b': 2}"],
    "MAP(VARCHAR, BIGINT)": ["NULL", "MAP {}", "MAP {'a': NULL}", "MAP {'a': 1}", "MAP {'b': 1}", "MAP {'a': 1, 'b': 2}"],
    "DOUBLE": ["NULL", "'0.0'", "'-0.0'", "1.0", "'nan'", "'inf'"],
    "DOUBLE[]": ["['0.0']", "['-0.0']", "['0.0', NULL]"],
    "STRUCT(x FLOAT)": ["{'x': '0.0'}", "{'x': '-0.0'}"],
    "MAP(VARCHAR, STRUCT(l DOUBLE[]))": ["MAP {'k': {'l': ['0.0']}}", "MAP {'k': {'l': ['-0.0']}}", "MAP {'k': {'l': []}}"],
    "VARCHAR": ["NULL", "''", "' '", "'NULL'", "'a'", "'A'", "'á'"],
    "BOOLEAN": ["NULL", "true", "false"],
    "TIMESTAMP": ["NULL", "'2024-01-01'", "'2024-01-01 00:00:00.000001'", "'infinity'"],
    "DECIMAL(18,2)": ["NULL", "0", "0.01", "1"],
    "BLOB": ["NULL", "''", "'\\x00'", "'\\x00\\x00'"],
}


@pytest.mark.parametrize("type_", VALUES)
def test_values_that_differ_in_any_way_differ(shop: Workshop, type_: str) -> None:
    digests = {}
    for value in VALUES[type_]:
        shop.write(f"SELECT ({value})::{type_} AS x")
        digests[value] = shop.session.digests(Files((shop.inside / f"stored-{shop.stored}.parquet",)), [["x"]])[0]
    assert len(set(digests.values())) == len(VALUES[type_]), digests


def test_types_count(shop: Workshop) -> None:
    found = set()
    for type_ in ("INTEGER", "BIGINT", "UTINYINT", "DECIMAL(9,0)", "DECIMAL(10,0)"):
        shop.write(f"SELECT 1::{type_} AS x")
        found.add(shop.session.digests(Files((shop.inside / f"stored-{shop.stored}.parquet",)), [["x"]])[0])
    assert len(found) == 5


def test_intervals_of_files_in_place_are_told_apart(folder: Path, session: DuckDBSession) -> None:
    found = []
    for text in ("1 month", "30 days"):
        duckdb.connect().execute(f"COPY (SELECT INTERVAL '{text}' AS x) TO '{folder}/interval.parquet' (FORMAT parquet)")
        found.append(session.digests(Files((folder / "interval.parquet",)), [["x"]])[0])
    assert len(set(found)) == 2


def test_values_swapped_between_rows_are_noticed(folder: Path, session: DuckDBSession) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64()), ("c", pa.int64())])
    found = set()
    for order in itertools.permutations([1, 2, 3]):
        content = [{"a": n, "b": b, "c": n} for n, b in zip([1, 2, 3], order, strict=True)]
        found.add(session.digests(stored(folder, content, schema=schema), [["a", "b", "c"]])[0])
    assert len(found) == 6


def test_unknown_column_is_an_error_with_the_nearest(folder: Path, session: DuckDBSession) -> None:
    with pytest.raises(EngineError) as caught:
        session.digests(stored(folder, []), [["ii"]])
    assert caught.value.hint == "did you mean 'i'?"
