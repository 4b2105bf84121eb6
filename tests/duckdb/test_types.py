"""What is stored comes back as what it was, or is refused: never as something near it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.duckdb.conftest import Workshop, types

from seeknal.errors import EngineError

EXACT = {
    "true": "BOOLEAN",
    "1::TINYINT": "TINYINT",
    "(-32768)::SMALLINT": "SMALLINT",
    "1::INTEGER": "INTEGER",
    "(-9223372036854775808)::BIGINT": "BIGINT",
    "255::UTINYINT": "UTINYINT",
    "65535::USMALLINT": "USMALLINT",
    "4294967295::UINTEGER": "UINTEGER",
    "18446744073709551615::UBIGINT": "UBIGINT",
    "0.1::FLOAT": "FLOAT",
    "0.1::DOUBLE": "DOUBLE",
    "'nan'::DOUBLE": "DOUBLE",
    "1.25::DECIMAL(38,20)": "DECIMAL(38,20)",
    "'é 日本'": "VARCHAR",
    "'\\x00\\xff'::BLOB": "BLOB",
    "'{\"a\": [1]}'::JSON": "JSON",
    "'47183823-2574-4bfd-b411-99ed177d3e43'::UUID": "UUID",
    "'infinity'::DATE": "DATE",
    "TIME '23:59:59.999999'": "TIME",
    "TIMESTAMP '2024-02-29 12:34:56.123456'": "TIMESTAMP",
    "TIMESTAMP_NS '2024-02-29 12:34:56.123456789'": "TIMESTAMP_NS",
    "TIMESTAMPTZ '2024-02-29 12:34:56.123456+05:30'": "TIMESTAMP WITH TIME ZONE",
    "[1, NULL]": "INTEGER[]",
    "{'a b': 1, 'c': ['x', NULL]}": 'STRUCT("a b" INTEGER, c VARCHAR[])',
    "MAP {'k': [1.5]}": "MAP(VARCHAR, DECIMAL(2,1)[])",
}

STORED_AS_ANOTHER = {
    "170141183460469231731687303715::HUGEINT": "DECIMAL(38,0)",
    "99999999999999999999999999999999999999::UHUGEINT": "DECIMAL(38,0)",
    "sum(9223372036854775807::BIGINT)": "DECIMAL(38,0)",
    "{'a': 1::HUGEINT, 'b': [2::HUGEINT]}": "STRUCT(a DECIMAL(38,0), b DECIMAL(38,0)[])",
    "MAP {1::UHUGEINT: 2::HUGEINT}": "MAP(DECIMAL(38,0), DECIMAL(38,0))",
    "'a'::ENUM('a', 'b')": "VARCHAR",
    "['a'::ENUM('a', 'b')]": "VARCHAR[]",
    "TIMESTAMP_S '2024-02-29 12:34:56'": "TIMESTAMP",
    "TIMESTAMP_MS '2024-02-29 12:34:56.123'": "TIMESTAMP",
    "[1, 2]::INTEGER[2]": "INTEGER[]",
    "NULL": "INTEGER",
    "[]": "INTEGER[]",
}

REFUSED = (
    "INTERVAL '1 day'",
    "[INTERVAL '1 day']",
    "TIMETZ '12:00:00+02'",
    "'101'::BIT",
    "union_value(a := 1)",
    "1::BIGNUM",
    "row(1, 2)",
    "1::VARIANT",
    "TIME_NS '12:00:00.123456789'",
)


@pytest.mark.parametrize(("value", "type_"), EXACT.items())
def test_types_parquet_holds_come_back_as_they_were(shop: Workshop, value: str, type_: str) -> None:
    assert types(shop.write(f"SELECT {value} AS x")) == [type_]
    assert shop.rows(f"SELECT x IS NOT DISTINCT FROM {value}, typeof(x) FROM stored") == [(True, type_)]


@pytest.mark.parametrize(("value", "type_"), STORED_AS_ANOTHER.items())
def test_other_types_are_stored_as_one_that_holds_every_value(shop: Workshop, value: str, type_: str) -> None:
    query = f"SELECT {value} AS x"
    assert types(shop.write(query)) == [type_]
    assert [[str(v) for v in row] for row in shop.rows("SELECT x::VARCHAR FROM stored")] == [
        [str(v) for v in row] for row in shop.rows(f"SELECT x::VARCHAR FROM ({query})")
    ]


@pytest.mark.parametrize("value", REFUSED)
def test_types_that_would_lose_something_are_refused_with_advice(shop: Workshop, value: str) -> None:
    with pytest.raises(EngineError) as caught:
        shop.write(f"SELECT {value} AS lossy")
    assert caught.value.code == "SK-DATA-004"
    assert "'lossy'" in caught.value.message
    assert caught.value.hint


def test_sum_of_bigints_is_exact_beyond_what_a_double_holds(shop: Workshop) -> None:
    shop.write("SELECT sum(v) AS total FROM (VALUES (9223372036854775807), (9223372036854775806)) AS t(v)")
    assert shop.rows() == [(Decimal(18446744073709551613),)]


def test_value_too_wide_for_its_stored_type_names_the_column(shop: Workshop) -> None:
    huge = "170141183460469231731687303715884105727::HUGEINT"
    with pytest.raises(EngineError) as caught:
        shop.write(f"SELECT 1::HUGEINT AS small, {huge} AS wide FROM range(3)")
    assert caught.value.code == "SK-DATA-004"
    assert "'wide'" in caught.value.message
    assert "'small'" not in caught.value.message


def test_cast_the_user_wrote_fails_in_the_users_words_and_place(shop: Workshop) -> None:
    with pytest.raises(EngineError) as caught:
        shop.write("SELECT 1::HUGEINT AS h,\n  'x'::INTEGER AS i")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("SK-SQL-012", 2, 6)


def test_two_columns_of_one_name_are_told_apart_as_duckdb_does(shop: Workshop) -> None:
    written = shop.write("SELECT 1 AS a, 2 AS a, 3 AS A")
    assert [c.name for c in written.schema] == [c.name for c in shop.session.describe("SELECT 1 AS a, 2 AS a, 3 AS A")]
    assert shop.rows() == [(1, 2, 3)]


def test_rewritten_file_is_read_anew(shop: Workshop) -> None:
    target = shop.inside / "same.parquet"
    for number, kind in enumerate(["BIGINT", "UBIGINT", "DOUBLE", "TIMESTAMP_NS"] * 25):
        value = f"make_timestamp_ns({number})" if kind == "TIMESTAMP_NS" else f"{number}::{kind}"
        written = shop.session.write(f"SELECT {value} AS x", target, {})
        assert types(written) == [kind], "files of one size, written within one tick of the disk's clock, must not be mixed up"
        shop.rows(f"SELECT x FROM '{target}'")


def test_rows_keep_the_order_of_the_query(shop: Workshop) -> None:
    shop.write("SELECT i FROM range(300000) AS t(i) ORDER BY i DESC")
    assert shop.rows("SELECT i FROM stored LIMIT 2") == [(299999,), (299998,)]


def test_nanoseconds_are_shown(shop: Workshop) -> None:
    texts = ["2026-01-31 10:00:00.123456789", "1700-01-31 10:00:00.12345678", "2026-01-31 10:00:00.5", "infinity", "-infinity"]
    values = ", ".join(f"TIMESTAMP_NS '{text}'" for text in texts)
    (found,) = shop.session.rows(f'SELECT {values} AS "a b", NULL::TIMESTAMP_NS AS x, 1 AS y, TIMESTAMP_NS \'{texts[0]}\' AS "a b"').rows
    assert [str(v) for v in found[:3]] == [texts[0], "1700-01-31 10:00:00.123456780", "2026-01-31 10:00:00.500000"]
    assert found[0].isoformat() == "2026-01-31T10:00:00.123456789"
    assert [str(v)[:4] for v in found[3:5]] == ["9999", "0001"]
    assert (found[5:7], str(found[7])) == ((None, 1), texts[0])
    with pytest.raises(EngineError) as caught:
        shop.session.rows("SELECT TIMESTAMP_NS '2026-01-31' AS t,\n  'x'::INTEGER AS i")
    assert (caught.value.line, caught.value.column) == (2, 6)
