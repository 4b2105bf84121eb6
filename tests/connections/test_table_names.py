"""Names of tables and columns: any that can be meant, quoted; nothing in them is ever run."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal.errors import ConnectionFailed
from seeknal_duckdb.connections.settings import TableName

HOSTILE = [
    "orders; DROP TABLE sentinel; --",
    "o'; DROP TABLE sentinel; --",
    '"o""; DROP TABLE sentinel; --"',
    "`o``; DROP TABLE sentinel; #`",
    "x) VALUES (1); --",
    "100% %s %(a)s {0} :a ?",
    "select",
    "Größe 数",
    "back\\slash'",
    "/* */",
    '"with.dot"',
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_a_name_whatever_it_says(driver, name):
    sentinel = pa.table({"v": [7]})
    driver.write("sentinel", sentinel, "replace")
    plain = TableName.parse(name).name
    columns = {plain: [1, 2], "b\"c`d'e": ["x", None]}
    for mode in ("replace", "append", "replace"):
        assert driver.write(name, pa.table(columns), mode) == 2
    assert driver.read(driver.table_query(name)).read_all().to_pydict() == columns
    changed = pa.table({'other"': [1]})
    assert driver.write(name, changed, "replace") == 1
    assert driver.read(driver.table_query(name)).read_all().to_pydict() == changed.to_pydict()
    assert driver.read(driver.table_query("sentinel")).read_all().to_pydict() == {"v": [7]}


@pytest.mark.parametrize(
    "name", ["", " ", ".", "a.", ".b", "a.b.c", "a..b", '"a', '"a"b', '""', "a\0b", "a\nb", "a\u202eb", "a\u200bb", " a", "a "]
)
def test_what_is_no_name_is_refused(driver, fails, name):
    with fails("SK-CONN-009", "name"):
        driver.table_query(name)
    with fails("SK-CONN-009", "name"):
        driver.write(name, pa.table({"v": [1]}), "replace")


def test_postgres_would_cut_off_a_long_name_so_it_is_refused(postgres, table, fails):
    with fails("SK-CONN-009", "63 bytes"):
        postgres.table_query("é" * 32)
    with fails("SK-CONN-009", "63 bytes"):
        postgres.write(table, pa.table({"c" * 64: [1]}), "replace")


def test_mysql_says_itself_that_a_name_is_too_long(mysql, table, fails):
    with fails("SK-CONN-004", "too long"):
        mysql.write(table, pa.table({"c" * 65: [1]}), "replace")


def test_mysql_has_no_names_with_characters_beyond_the_first_plane(mysql, table, fails):
    with fails("SK-CONN-009", "U+FFFF"):
        mysql.table_query("😀")
    with fails("SK-CONN-009", "U+FFFF"):
        mysql.write(table, pa.table({"😀": [1]}), "replace")


def test_a_sqlite_file_has_no_schemas(sqlite, fails, rows):
    with fails("SK-CONN-009", "no schemas"):
        sqlite.write("other.t", pa.table({"v": [1]}), "replace")
    sqlite.write("main.t", pa.table({"v": [1]}), "replace")
    assert rows(sqlite, "t") == [{"v": 1}]


@pytest.mark.parametrize("columns", [["a", "A"], ["a\nb"], [""], []], ids=str)
def test_columns_that_cannot_be_told_apart_or_named_are_refused(driver, table, columns):
    data = pa.Table.from_arrays([pa.array([1])] * len(columns), columns)
    with pytest.raises(ConnectionFailed) as caught:
        driver.write(table, data, "replace")
    assert caught.value.code in {"SK-CONN-008", "SK-CONN-009"}


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_quoted_parts_are_taken_as_they_are(schema, name):
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    assert TableName.parse(quoted) == TableName(name, schema)
