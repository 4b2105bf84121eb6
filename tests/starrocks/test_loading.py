"""Rows on their way into StarRocks: all or nothing, exactly once."""

import datetime as dt
import ssl
from decimal import Decimal

import pyarrow as pa
import pytest

from seeknal_starrocks import encoding, leftovers, stream_load
from seeknal_starrocks.driver import StarRocksConnection
from seeknal_starrocks.exposures import check_table, distribution_of
from seeknal_starrocks.layout import Layout, differences
from seeknal_starrocks.loading import Loader, Target
from seeknal_starrocks.names import TableName
from seeknal_starrocks.stream_load import StreamLoad

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": pa.array(["a,\"b'\\\n é😀", None, ""], pa.string()),
        "amount": pa.array([Decimal("12345678901234567890.12"), None, Decimal("-0.01")], pa.decimal128(38, 2)),
        "day": pa.array([dt.date(2024, 2, 29), None, dt.date(9999, 12, 31)], pa.date32()),
        "at": pa.array([dt.datetime(2024, 2, 29, 12, 34, 56, 123456), None, dt.datetime(1, 1, 1)], pa.timestamp("us")),
        "good": pa.array([True, None, False], pa.bool_()),
        "share": pa.array([0.1, None, -2.5e-300], pa.float64()),
        "tags": pa.array([["x", 'y"'], None, []], pa.list_(pa.string())),
    }
)
FLAT = ROWS.drop_columns(["tags"])


@pytest.fixture(params=["stream_load json", "stream_load csv", "insert", "files"])
def way(request):
    return request.param


def deploy(driver, table, data, wish=None, *, name="out", key="k1", description=None, **params):
    from seeknal.protocols import Deployment
    from seeknal_starrocks.deploying import deploy_table

    checked = check_table(name, {"table": table, **params, **(wish or {})}, True)
    return deploy_table(Deployment(name, checked, driver, key, lambda: data, description))


def read(driver, table):
    return driver.read(driver.table_query(table)).read_all().sort_by("id")


def test_values_arrive_as_they_were_and_come_back(loading, table, way):
    via, _, format_ = way.partition(" ")
    data = FLAT if format_ == "csv" else ROWS
    assert deploy(loading, table, data, via=via, **({"format": format_} if format_ else {})) == 3
    found = read(loading, table)
    assert found.select(data.schema.names).cast(data.schema).to_pylist() == data.to_pylist()


@pytest.mark.parametrize("via", ["stream_load", "insert", "files"])
def test_uuids_are_loaded_as_their_text(loading, table, via):
    import uuid

    deploy(loading, table, pa.table({"id": [1, 2], "key": pa.array([uuid.UUID(int=7).bytes, None], pa.uuid())}), via=via)
    assert read(loading, table)["key"].to_pylist() == [str(uuid.UUID(int=7)), None]


def test_a_replaced_table_stays_itself_and_views_on_it_stay_active(loading, standin, table):
    loading.write(table, ROWS, "replace")
    standin.run_sql("default_catalog", "analytics", f"CREATE MATERIALIZED VIEW mv REFRESH ASYNC AS SELECT id FROM {table}")
    standin.statements.clear()
    assert loading.write(table, ROWS.slice(0, 1), "replace") == 1
    assert read(loading, table)["id"].to_pylist() == [1]
    assert standin.views["analytics", "mv"].active
    assert not [s for s in standin.statements if s.startswith("DROP TABLE") and "seeknal_load_" not in s]
    assert any(s.startswith(f"INSERT OVERWRITE `analytics`.`{table}`") for s in standin.statements)


def test_a_table_of_other_columns_is_exchanged_in_one_step(loading, standin, table):
    loading.write(table, ROWS, "replace")
    loading.write(table, pa.table({"id": [1], "other": ["x"]}), "replace")
    assert read(loading, table).schema.names == ["id", "other"]
    assert any("SWAP WITH" in s for s in standin.statements)
    assert [n for n, _ in standin.relations() if n[1].startswith("seeknal_")] == []


def test_appending_twice_under_one_key_appends_once(loading, table):
    data = pa.table({"id": [1, 2]})
    for _ in range(2):  # also where a run ended before anybody knew that the table was made
        deploy(loading, table, data, mode="append", key="first")
    deploy(loading, table, data, mode="append", key="second")
    deploy(loading, table, data, mode="append", key="second")
    assert read(loading, table)["id"].to_pylist() == [1, 1, 2, 2]


def test_what_was_appended_to_a_table_that_was_dropped_is_appended_to_the_new_one(loading, standin, table):
    for _ in range(2):
        deploy(loading, table, pa.table({"id": [1, 2]}), mode="append", key="first")
        assert read(loading, table)["id"].to_pylist() == [1, 2]
        standin.run_sql("default_catalog", "analytics", f"DROP TABLE {table}")


def test_appended_columns_must_be_those_of_the_table(loading, table, fails):
    loading.write(table, pa.table({"id": [1]}), "append")
    with fails("SK-CONN-008", table):
        loading.write(table, pa.table({"id": [1], "more": [2]}), "append")


def test_the_ddl_says_keys_partitions_and_types(loading, standin, table):
    params = {
        "primary_key": ["id"],
        "distributed_by": "id",
        "buckets": 4,
        "partition_by": "date_trunc('day', day)",
        "types": {"name": "VARCHAR(40)"},
    }
    deploy(loading, table, FLAT, properties={"replication_num": 1}, order_by=["day"], description="About 'users'", **params)
    made = next(s for s in standin.statements if s.startswith("CREATE TABLE `analytics`.`seeknal_load_"))
    assert made.partition("(")[2] == (
        "`id` BIGINT NOT NULL, `name` VARCHAR(40) NULL, `amount` DECIMAL(38, 2) NULL, `day` DATE NULL, `at` DATETIME NULL, `good` BOOLEAN NULL,"
        " `share` DOUBLE NULL) PRIMARY KEY (`id`) COMMENT 'About ''users''' PARTITION BY DATE_TRUNC('day', `day`)"
        ' DISTRIBUTED BY HASH (`id`) BUCKETS 4 ORDER BY (`day`) PROPERTIES ("replication_num" = "1")'
    )


def test_rows_that_repeat_a_primary_key_are_refused_and_nothing_changes(loading, table, fails):
    deploy(loading, table, pa.table({"id": [1, 2]}), primary_key="id")
    with fails("SK-CONN-008", "repeat a key"):
        deploy(loading, table, pa.table({"id": [3, 3]}), primary_key="id")
    with fails("SK-CONN-008", "repeat a key"):
        deploy(loading, table, pa.table({"id": [3, 3]}))  # the table keeps the key that it has
    assert read(loading, table)["id"].to_pylist() == [1, 2]


def test_a_table_of_another_primary_key_is_exchanged_when_it_is_replaced(loading, standin, table, fails):
    rows = pa.table({"id": [1, 2], "other": [7, 7]})
    deploy(loading, table, rows)
    deploy(loading, table, rows, primary_key="id")
    assert any("SWAP WITH" in s for s in standin.statements)
    with fails("SK-CONN-008", "repeat a key"):
        deploy(loading, table, rows, primary_key="other")
    assert read(loading, table)["id"].to_pylist() == [1, 2]
    standin.statements.clear()
    deploy(loading, table, rows, primary_key="ID")
    assert not any("SWAP WITH" in s for s in standin.statements)


LAID_OUT = {"key": ["id"], "partition_by": "day", "distributed_by": "id", "buckets": 4, "properties": {"replication_num": 1}}


def test_another_layout_is_exchanged_when_the_table_is_replaced_and_else_refused_with_what_differs(loading, standin, table, fails):
    rows = pa.table({"id": [1, 2], "day": [dt.date(2026, 1, 1)] * 2, "n": [1, 2]})
    deploy(loading, table, rows, LAID_OUT)
    other = {"partition_by": ["n"], "distributed_by": "RANDOM", "buckets": 8, "order_by": ["n"], "properties": {"replication_num": 3}}
    different = (
        "its key is DUPLICATE KEY (id), not DUPLICATE KEY (day, id)", "what it is partitioned by is day, not n", "its sort key is id, not n",
        "what it is distributed by is id, not RANDOM", "its number of buckets is 4, not 8", "its property replication_num is 1, not 3",
    )  # fmt: skip
    for wish, said in ((other, different[1:]), ({"key": ["day", "id"]}, different[:1])):
        with fails("SK-CONN-008", table, *said) as caught:
            deploy(loading, table, rows, LAID_OUT | wish, mode="append", key="new")
        assert "mode replace" in caught.value.hint
    standin.statements.clear()
    deploy(loading, table, rows, LAID_OUT | {"key": ["ID"], "partition_by": "date_trunc('month', day)"}, mode="append", key="same")
    deploy(loading, table, rows)  # what is not asked for stays
    assert not any("SWAP WITH" in s for s in standin.statements)
    for _ in range(2):
        deploy(loading, table, rows, LAID_OUT | other)
    assert sum("SWAP WITH" in s for s in standin.statements) == 1
    assert read(loading, table)["id"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("wish", "found", "said"),
    [
        ({"key": "id"}, Layout("PRIMARY", ("id",), order=("id",)), ["its key is PRIMARY KEY (id), not DUPLICATE KEY (id)"]),
        ({"primary_key": ["a", "id"]}, Layout("PRIMARY", ("id", "A")), []),
        ({"unique_key": "id"}, Layout("DUPLICATE", order=("id",)), ["its key is DUPLICATE KEY (id), not UNIQUE KEY (id)"]),
        ({"key": "id", "order_by": "n"}, Layout("DUPLICATE", order=("n",)), []),
        ({"primary_key": "id", "buckets": 4}, Layout("PRIMARY", ("id",), distribution=("id",), buckets=4), []),
        ({"buckets": 4}, Layout("DUPLICATE"), []),  # the server decides, and does not say
        ({"partition_by": ["a", "date_trunc('day', b)"]}, Layout("DUPLICATE", partition=("__generated_partition_column_0", "a")), []),
        ({"partition_by": "a"}, Layout("DUPLICATE"), ["what it is partitioned by is none, not a"]),
        ({"properties": {"compression": "ZSTD", "in_memory": False, "x": 1}}, Layout("DUPLICATE", properties={"compression": "LZ4", "in_memory": "FALSE"}), []),
        ({}, Layout("UNIQUE", ("a",), ("b",), ("c",), 3, ("d",), {"replication_num": "3"}), []),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_and_beyond_doubt_is_another_layout(wish, found, said):
    params = check_table("t", {"table": "t", **wish}, True)
    target = Target(
        TableName("t"), "replace", params["key_kind"], tuple(params["key"]), params["partition_by"], distribution_of(params),
        tuple(params["order_by"]), params["properties"],
    )  # fmt: skip
    assert differences(target, found) == said


def test_buckets_alone_leave_a_keyed_table_distributed_by_its_key(loading, standin, table):
    deploy(loading, table, pa.table({"id": [1]}), primary_key="id", buckets=4)
    made = next(s for s in standin.statements if s.startswith("CREATE TABLE"))
    assert "DISTRIBUTED BY HASH (`id`) BUCKETS 4" in made


# Stream Load -----------------------------------------------------------------------------------------------------------


def test_the_redirect_is_followed_with_authorization_expect_and_label(loading, stub, table):
    loading.write(table, ROWS, "replace")
    fe, be = stub.seen
    assert (fe["role"], be["role"]) == ("fe", "be")
    assert fe["Authorization"] == be["Authorization"]
    assert fe["Expect"] == be["Expect"] == "100-continue"
    assert fe["label"] == be["label"]
    assert (be["timezone"], be["max_filter_ratio"], be["strict_mode"]) == ("+00:00", "0", "true")


def test_many_rows_go_in_chunks_of_bounded_size_each_with_a_label(loading, stub, table, monkeypatch):
    monkeypatch.setattr(encoding.bodies, "__defaults__", (20_000,))
    data = pa.table({"id": list(range(5_000)), "text": ["x" * 20] * 5_000})
    assert loading.write(table, pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=500)), "replace") == 5_000
    assert len(stub.sizes) > 5
    assert max(stub.sizes) < 50_000
    assert len({s["label"] for s in stub.seen}) == len(stub.sizes)
    assert len(read(loading, table)) == 5_000


def test_names_of_columns_may_be_in_any_script(loading, table):
    data = pa.table({"id": [1], "größe `x`": ["a"], "价格": [2]})
    for format_ in ("csv", "json"):
        deploy(loading, table, data, format=format_, via="stream_load")
        assert read(loading, table).to_pylist() == data.to_pylist()


@pytest.fixture
def tls(certificate):
    """Put a server of the stub behind TLS."""
    chain, key = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)

    def encrypt(server):
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return {"http_port": server.server_port, "http_tls": True, "ssl_ca": str(chain)}

    return encrypt


def test_where_http_is_encrypted_nothing_goes_on_without(settings, stub, tls, table, fails):
    driver = StarRocksConnection(**settings | tls(stub.front_end))
    with fails("SK-SR-004", "would not be encrypted", f"127.0.0.1:{stub.back_end.server_port}"):
        driver.write(table, ROWS, "replace")
    assert [s["role"] for s in stub.seen] == ["fe"]


def test_what_stands_behind_one_address_may_take_the_rows_itself(settings, stub, tls, table):
    driver = StarRocksConnection(**settings | tls(stub.back_end))
    assert driver.write(table, ROWS, "replace") == 3
    assert [s["role"] for s in stub.seen] == ["be"]


def test_a_server_that_knows_nothing_of_expect_is_sent_the_body_after_a_while(loading, stub, table, monkeypatch):
    monkeypatch.setattr(stream_load, "_CONTINUE_SECONDS", 0.2)
    monkeypatch.setattr(stub.back_end.RequestHandlerClass, "handle_expect_100", lambda self: True)
    assert loading.write(table, ROWS, "replace") == 3


def test_a_lost_answer_is_asked_again_and_loads_nothing_twice(loading, stub, table):
    stub.drop_answers = 2
    assert loading.write(table, ROWS, "replace") == 3
    assert len(read(loading, table)) == 3
    assert len({s["label"] for s in stub.seen}) == 1
    assert len(stub.seen) == 6


def test_publish_timeout_is_no_failure(loading, stub, table):
    stub.answers = ["publish timeout"]
    assert loading.write(table, ROWS, "replace") == 3


def test_a_label_whose_load_still_runs_is_waited_for(loading, stub, table):
    loading.write(table, ROWS, "replace")
    stub.answers = [{"Status": "Label Already Exists", "ExistingJobStatus": "RUNNING", "Message": "…"}]
    assert loading.write(table, ROWS, "replace") == 3


def test_rows_are_loaded_through_the_front_end_that_made_the_table_and_may_be_seen_a_little_later(
    settings, stub, standin, table, monkeypatch
):
    front_ends = {"host": ["localhost", "127.0.0.1"], "http_port": stub.port}
    driver = StarRocksConnection(**settings | front_ends)
    with driver.connected() as connection:
        loader = Loader(driver.login, connection, Target(TableName(table)))
        counts = iter([0, 3])
        rows = loader._rows
        monkeypatch.setattr(loader, "_rows", lambda q: [(next(counts),)] if q.startswith("SELECT count(*)") else rows(q))
        asked = []
        request = StreamLoad._request
        monkeypatch.setattr(StreamLoad, "_request", lambda self, host, *rest: (asked.append(host), request(self, host, *rest))[1])
        connection.host = "127.0.0.1"
        assert loader.load(ROWS.to_reader()) == 3
    assert asked == ["127.0.0.1"]


def test_rows_the_server_refuses_are_said_and_the_old_ones_stay(loading, stub, standin, table, fails):
    loading.write(table, ROWS, "replace")
    stub.answers = [{"Status": "Fail", "Message": "too many filtered rows", "ErrorURL": "http://be:8040/api/_load_error_log?file=x"}]
    with fails("SK-SR-004", "too many filtered rows", table) as caught:
        loading.write(table, ROWS.slice(0, 1), "replace")
    assert "_load_error_log" in caught.value.hint
    assert len(read(loading, table)) == 3
    assert [n for n, _ in standin.relations() if n[1].startswith("seeknal_")] == []


def test_without_http_rows_are_inserted_and_when_it_is_demanded_that_is_said(driver, table, fails):
    if driver.login.http_port != 1:
        pytest.skip("a real server has its HTTP port")
    assert driver.write(table, ROWS, "replace") == 3
    assert len(read(driver, table)) == 3
    with fails("SK-SR-004", "HTTP port"):
        deploy(driver, table, ROWS, via="stream_load")


def test_a_password_the_http_port_refuses_is_said_without_it(settings, stub, table, fails, monkeypatch):
    from tests.starrocks import standin as si

    driver = StarRocksConnection(**settings | {"http_port": stub.port})
    with driver.connected():
        pass
    opened = driver.connected()
    with opened:
        monkeypatch.setitem(si.USERS, "seeknal", "changed meanwhile")
        with fails("SK-CONN-002") as caught:
            StreamLoad(driver.login, TableName(table, "analytics"), "json", ["id"]).put("l", b"[]")
        assert "correct horse" not in caught.value.message


def test_only_what_is_left_of_loads_that_are_over_is_removed(loading, standin, table, tmp_path):
    target = TableName(table, "analytics")
    with leftovers.name_beside(target) as under_way:
        assert len(under_way) <= 64
        prefix, machine, _, begun, token = under_way.rsplit("_", 4)
        old = f"{int(begun, 16) - leftovers.LONGEST_LOAD - 1:08x}"
        gone, elsewhere, forgotten, foreign = (
            f"{prefix}_{machine}_{2**22 + 1:x}_{begun}_{token}",
            f"{prefix}_0123abcd_1_{begun}_{token}",
            f"{prefix}_0123abcd_1_{old}_{token}",
            f"{prefix}_mine",
        )
        for name in (under_way, gone, elsewhere, forgotten, foreign):
            standin.run_sql("default_catalog", "analytics", f"CREATE TABLE {name} (id INT)")
            (tmp_path / "stage" / name).mkdir(parents=True)
        deploy(loading, table, ROWS, via="files")
        kept = {under_way, elsewhere, foreign}
        assert {n[1] for n, _ in standin.relations() if n[1].startswith("seeknal_")} == kept
        assert {p.name for p in (tmp_path / "stage").iterdir()} == kept
    deploy(loading, table, ROWS, via="files")
    assert {p.name for p in (tmp_path / "stage").iterdir()} == {elsewhere, foreign}


def test_a_server_that_goes_away_while_rows_are_loaded_leaves_the_table_as_it_was(loading, stub, standin, table, fails, monkeypatch):
    loading.write(table, ROWS, "replace")
    load = stub.load

    def restarting(*arguments):
        answer = load(*arguments)
        standin.disconnect_all()
        return answer

    monkeypatch.setattr(stub, "load", restarting)
    with fails("SK-CONN-006", "lost the connection"):
        loading.write(table, ROWS.slice(0, 1), "replace")
    monkeypatch.undo()
    assert len(read(loading, table)) == 3
    loading.write(table, ROWS.slice(0, 1), "replace")
    assert len(read(loading, table)) == 1
    assert [n for n, _ in standin.relations() if n[1].startswith("seeknal_")] == []


def test_a_statement_that_is_refused_is_named_and_the_table_stays(loading, standin, table, fails):
    loading.write(table, ROWS, "replace")
    standin.refuse["INSERT OVERWRITE"] = (1064, "no tablets")
    with fails("SK-SR-001", "no tablets", "INSERT OVERWRITE"):
        loading.write(table, ROWS.slice(0, 1), "replace")
    standin.refuse.clear()
    assert len(read(loading, table)) == 3


def test_a_privilege_that_is_missing_is_said(settings, stub, table, fails):
    driver = StarRocksConnection(**settings | {"user": "reader", "password": "only looks", "http_port": stub.port})
    with fails("SK-SR-005", "CREATE"):
        driver.write(table, ROWS, "replace")


# What cannot be carried ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([float("nan")]), "nan"),
        (pa.array([dt.time(1, 2)]), "time64"),
        (pa.array([pa.scalar(-800_000, pa.int32())]).cast(pa.int32()).cast(pa.date32()), "days from 1970"),
        (pa.array([dt.timedelta(1)]), "duration"),
    ],
)
def test_values_no_type_holds_are_refused_by_column(loading, table, fails, column, words):
    with fails("SK-CONN-005", "column 'odd'", words):
        loading.write(table, pa.table({"id": pa.array([1]), "odd": column}), "replace")


@pytest.mark.parametrize(("value", "words"), [("a\x01b", "U+0001"), ("\\N", "NULL")])
def test_text_csv_cannot_carry_is_refused_with_advice(loading, table, fails, value, words):
    with fails("SK-CONN-005", words) as caught:
        deploy(loading, table, pa.table({"id": [1], "t": [value]}), format="csv")
    assert "json" in caught.value.hint


def test_json_is_loaded_as_json(loading, standin, table, way):
    if not hasattr(pa, "json_"):
        pytest.skip("this pyarrow knows no JSON type")
    via, _, format_ = way.partition(" ")
    standin.db.execute("CREATE OR REPLACE MACRO default_catalog.parse_json(x) AS CAST(x AS JSON)")
    text = ['{"a":[1,null]}', None, '"it\'s"']
    data = pa.table({"id": [1, 2, 3], "j": pa.array(text, pa.json_())})
    deploy(loading, table, data, via=via, **({"format": format_} if format_ else {}))
    assert read(loading, table)["j"].to_pylist() == text


JAKARTA = pa.timestamp("us", "Asia/Jakarta")
NESTED = [
    (pa.array([[], [("a", 1)], None], pa.map_(pa.string(), pa.int64())), '[{"v":{}},{"v":{"a":1}},{"v":null}]', "(map{}), (map{'a': 1}), (NULL)"),
    (pa.array([[0]], pa.list_(JAKARTA)), '[{"v":["1970-01-01 00:00:00"]}]', "(['1970-01-01 00:00:00'])"),
    (pa.array([[(0, {"x": True})]], pa.map_(JAKARTA, pa.struct({"x": pa.bool_()}))),
     '[{"v":{"1970-01-01 00:00:00":{"x":true}}}]', "(map{'1970-01-01 00:00:00': row(TRUE)})"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "document", "literals"), NESTED)
def test_nested_values_are_sent_by_their_type(column, document, literals):
    data = pa.table({"v": column})
    assert next(encoding.bodies(data.to_reader(), "json"))[0].decode() == document
    assert next(encoding.values(data.to_reader()))[0] == literals


@pytest.mark.parametrize("column", [pa.array([[float("nan")]]), pa.array([{"x": [float("inf")]}])])
@pytest.mark.parametrize("via", ["stream_load", "insert"])
def test_nested_numbers_that_are_none_are_refused(loading, table, fails, via, column):
    with fails("SK-CONN-005", "column 'odd'"):
        deploy(loading, table, pa.table({"id": [1], "odd": column}), via=via)


@pytest.mark.skipif(not hasattr(pa, "json_"), reason="this pyarrow knows no JSON type")
@pytest.mark.parametrize("written", ["1e400", '{"a": NaN}', "{bad"])
def test_json_that_is_none_is_refused(fails, written):
    with fails("SK-CONN-005", "column 'j'", written):
        next(encoding.bodies(pa.table({"j": pa.array([written], pa.json_())}).to_reader(), "json"))


def test_bytes_inside_of_others_go_by_insert_too():
    assert encoding.has_bytes(pa.struct({"x": pa.map_(pa.string(), pa.list_(pa.binary()))}))
    assert not encoding.has_bytes(pa.struct({"x": pa.map_(pa.string(), pa.list_(pa.string()))}))


def test_nanoseconds_that_would_be_lost_are_refused(loading, table, fails):
    exact = pa.table({"id": [1], "at": pa.array([1_000_000_000], pa.timestamp("ns", "Asia/Jakarta"))})
    assert loading.write(table, exact, "replace") == 1
    assert str(read(loading, table)["at"][0]) == "1970-01-01 00:00:01"
    with fails("SK-CONN-005", "column 'at'", "microsecond"):
        loading.write(table, pa.table({"id": [1], "at": pa.array([1], pa.timestamp("ns"))}), "replace")


def test_no_rows_make_an_empty_table(loading, table):
    assert loading.write(table, ROWS.slice(0, 0), "replace") == 0
    assert read(loading, table).num_rows == 0


def test_bytes_go_by_insert(loading, standin, table):
    pytest.importorskip("pyarrow")
    data = pa.table({"id": [1], "raw": pa.array([b"\x00\xff'"])})
    standin.db.execute("CREATE OR REPLACE MACRO default_catalog.to_binary(x, how) AS unhex(x)")
    assert loading.write(table, data, "replace") == 1
    assert read(loading, table)["raw"].to_pylist() == [b"\x00\xff'"]


# Upserts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", ["stream_load", "insert"])
def test_an_upsert_changes_rows_by_key_and_adds_the_others(loading, standin, table, via):
    wish = {"mode": "upsert", "primary_key": ["id", "region"], "via": via}
    first = pa.table({"id": [1, 2], "region": ["a", "a"], "n": [10, None]})
    assert deploy(loading, table, first, **wish) == 2
    standin.statements.clear()
    assert deploy(loading, table, pa.table({"id": [2, 2], "region": ["a", "b"], "n": [21, 22]}), key="k2", **wish) == 2
    found = sorted((r["id"], r["region"], r["n"]) for r in read(loading, table).to_pylist())
    assert found == [(1, "a", 10), (2, "a", 21), (2, "b", 22)]
    shown = [s for s in standin.statements if f"INTO `analytics`.`{table}`" in s]
    assert len(shown) == 1  # one statement makes all of it visible
    deploy(loading, table, first, **wish)  # under the key of before: values that went back are written again
    assert sorted(r["n"] or 0 for r in read(loading, table).to_pylist()) == [0, 10, 22]


def test_what_an_upsert_cannot_find_rows_by_is_refused_and_nothing_changes(loading, table, fails):
    data = pa.table({"id": [1], "other": [2], "share": [0.5]})
    deploy(loading, table, data, primary_key="id")
    with fails("SK-CONN-008", "has the primary key id", "to be found by other"):
        loading.write(table, data, "upsert", ["other"])
    with fails("SK-CONN-008", "does not have the columns"):
        loading.write(table, data.drop_columns(["other"]), "upsert", ["id"])
    with fails("SK-CONN-008", "takes for no key"):
        loading.write(f"{table}_2", data, "upsert", ["share"])
    with fails("SK-CONN-008", "repeat a key"):
        loading.write(table, pa.table({"id": [5, 5], "other": [1, 2], "share": [0.1, 0.2]}), "upsert", ["id"])
    with fails("SK-SR-004"):
        loading.write(table, pa.table({"id": pa.array([None], pa.int64()), "other": [1], "share": [0.1]}), "upsert", ["id"])
    loading.write(f"{table}_3", data, "replace")
    with fails("SK-CONN-008", "has no primary key"):
        loading.write(f"{table}_3", data, "upsert", ["id"])
    assert read(loading, table).to_pylist() == data.to_pylist()


def test_an_upsert_is_only_by_a_primary_key():
    with pytest.raises(ValueError, match="needs 'primary_key'"):
        check_table("out", {"mode": "upsert", "key": ["id"]}, True)
