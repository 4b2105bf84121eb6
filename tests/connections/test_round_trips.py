"""Whatever is written comes back the same, out of every kind of database."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NASTY = st.sampled_from(
    ["", "NULL", "null", "\\N", "\\.", '"', "'", "\\", "{}", "{NULL}", ",", "\t", "\r\n", "a\n\\.\nb", "%s", "%", "\x7f", "😀"]
)
DAYS = st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31))
NORMAL = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)  # MySQL and MariaDB have no smaller ones
COLUMNS = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "real": (pa.float64(), NORMAL),
    "price": (pa.decimal128(15, 4), st.integers(-(10**15) + 1, 10**15 - 1).map(lambda n: Decimal(n).scaleb(-4))),
    "text": (pa.string(), TEXT | NASTY),
    "bytes": (pa.binary(), st.binary(max_size=12)),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), DAYS),
    "time": (pa.time64("us"), st.times()),
    "at": (pa.timestamp("us"), st.datetimes(dt.datetime.fromisoformat("1000-01-01"), dt.datetime.fromisoformat("9999-12-31"))),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}), max_size=8)
SCHEMA = pa.schema([(name, type_) for name, (type_, _) in COLUMNS.items()])
LISTS = pa.schema([("texts", pa.list_(pa.string())), ("numbers", pa.list_(pa.int64()))])
OF_LISTS = st.fixed_dictionaries({
    "texts": st.none() | st.lists(st.none() | TEXT | NASTY, max_size=4),
    "numbers": st.none() | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4),
})  # fmt: skip
MODES = st.sampled_from(["replace", "append"])
some = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@some
@given(ROWS, MODES)
def test_rows_come_back_as_they_were_written(driver, data, mode):
    driver.write("round_trip", pa.Table.from_pylist([], SCHEMA), "replace")
    table = pa.Table.from_pylist(data, SCHEMA)
    assert driver.write("round_trip", table, mode) == len(data)
    back = driver.read(driver.table_query("round_trip")).read_all()
    assert [{**row, "flag": None if row["flag"] is None else bool(row["flag"])} for row in back.to_pylist()] == data


@some
@given(st.lists(OF_LISTS, max_size=8))
def test_lists_come_back_from_postgres(postgres, data):
    assert postgres.write("round_trip_lists", pa.Table.from_pylist(data, LISTS), "replace") == len(data)
    assert postgres.read(postgres.table_query("round_trip_lists")).read_all().to_pylist() == data


@some
@given(st.lists(OF_LISTS, max_size=8))
def test_lists_come_back_from_a_duckdb_file(duck, data):
    assert duck.write("round_trip_lists", pa.Table.from_pylist(data, LISTS), "replace") == len(data)
    assert duck.read(duck.table_query("round_trip_lists")).read_all().to_pylist() == data
