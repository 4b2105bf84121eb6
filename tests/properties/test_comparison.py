"""Comparing outputs says what a plain definition of it says, whatever the rows."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seeknal.errors import ProjectError
from seeknal.run.comparing import CompareOptions

NAN = math.nan
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 4)),
        st.sampled_from([None, NAN, 0.0, -0.0, 1.5, math.inf]),
        st.sampled_from([None, "", "a", "A'\""]),
    ),
    max_size=7,
)


def sql(rows) -> str:
    """A query whose rows these are."""
    listed = rows or [(None, None, None)]
    values = ", ".join(
        f"({'NULL' if k is None else k}, {'NULL' if v is None else repr(str(v))}, {'NULL' if s is None else _text(s)})"
        for k, v, s in listed
    )
    query = f"SELECT k::INTEGER AS k, v::DOUBLE AS v, s::VARCHAR AS s FROM (VALUES {values}) AS t(k, v, s)"
    return query if rows else f"{query} WHERE false"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def plain(row):
    """A row that Python compares as the engine does."""
    return tuple("NaN" if isinstance(v, float) and math.isnan(v) else v for v in row)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from seeknal.testing.project import ProjectMaker

    return ProjectMaker(tmp_path_factory.mktemp("comparison"))()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(old=ROWS, new=ROWS, keys=st.sampled_from([(), ("k",), ("s",), ("k", "v"), ("k", "v", "s")]))
def test_comparison(folder, old, new, keys):
    folder.write("seeknal/old.sql", sql(old)).write("seeknal/new.sql", sql(new))
    folder.run().assert_success()
    options = CompareOptions(on=keys, limit=100)
    old, new = [plain(r) for r in old], [plain(r) for r in new]
    if not keys:
        check_rows(folder.open().compare("old", "new", options=options), Counter(old), Counter(new))
        return
    places = ["kvs".index(k) for k in keys]
    by_key = [[(tuple(r[p] for p in places), r) for r in rows] for rows in (old, new)]
    if any(len(dict(pairs)) < len(pairs) for pairs in by_key):
        with pytest.raises(ProjectError, match="SK-DIFF-003"):
            folder.open().compare("old", "new", options=options)
    else:
        check_keyed(folder.open().compare("old", "new", options=options), *map(dict, by_key))


def check_rows(found, old, new):
    assert (found.removed, found.added, found.equal) == ((old - new).total(), (new - old).total(), (old & new).total())
    assert Counter({plain(r.row.values()): r.copies for r in found.removed_rows}) == old - new
    assert Counter({plain(r.row.values()): r.copies for r in found.added_rows}) == new - old
    assert (found.old.rows, found.new.rows) == (old.total(), new.total())


def check_keyed(found, old, new):
    both = old.keys() & new.keys()
    changed = {k for k in both if old[k] != new[k]}
    assert (found.removed, found.added) == (len(old.keys() - both), len(new.keys() - both))
    assert (found.changed, found.equal) == (len(changed), len(both) - len(changed))
    assert dict(found.differing) == {n: sum(old[k]["kvs".index(n)] != new[k]["kvs".index(n)] for k in both) for n in found.differing}
    assert {plain(r.key.values()) for r in found.changed_rows} == changed
    for row in found.changed_rows:
        key = plain(row.key.values())
        expected = {n: (old[key][i], new[key][i]) for i, n in enumerate("kvs") if old[key][i] != new[key][i]}
        assert {n: plain(pair) for n, pair in row.values.items()} == expected
    assert {plain(r.row[n] for n in "kvs") for r in found.removed_rows} == {old[k] for k in old.keys() - both}
    assert {plain(r.row[n] for n in "kvs") for r in found.added_rows} == {new[k] for k in new.keys() - both}
