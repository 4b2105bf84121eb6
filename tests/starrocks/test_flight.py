"""Reading over Arrow Flight SQL: real Flight servers that answer like StarRocks' (`flight_standin`)."""

import gc
import socket
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.starrocks.flight_standin import Cable, FlightStandIn
from tests.starrocks.test_reading import COLUMNS

from seeknal.connections import failed_step
from seeknal.errors import ConnectionFailed, EngineError
from seeknal.protocols import SessionSettings
from seeknal_starrocks import flight as sut
from seeknal_starrocks.driver import StarRocksConnection
from seeknal_starrocks.engine import StarRocksEngine
from seeknal_starrocks.settings import Login


@pytest.fixture
def servers(standin):
    made = FlightStandIn(standin)
    yield made
    made.stop()


@pytest.fixture
def by_flight(settings, servers):
    made = StarRocksConnection(**settings | {"flight_port": servers.port})
    yield made
    made.close()


@pytest.fixture
def numbers(standin):
    """A table of 20,000 rows."""
    standin.run_sql("default_catalog", "analytics", "CREATE TABLE numbers (id INT, t STRING)")
    standin.db.execute("INSERT INTO default_catalog.analytics.numbers SELECT range, repeat('x', 100) FROM range(20000)")
    return "SELECT id, t FROM numbers ORDER BY id"


def test_both_ways_give_the_same_types_and_values(by_flight, settings, standin, table):
    names = [f"v{number}" for number in range(len(COLUMNS))]
    declared = ", ".join(f"{n} {c[0]} NULL" for n, c in zip(names, COLUMNS, strict=True))
    standin.run_sql("default_catalog", "analytics", f"CREATE TABLE {table} (id INT, {declared})")
    for row in (f"1, {', '.join(c[1] for c in COLUMNS)}", f"2{', NULL' * len(names)}"):
        standin.run_sql("default_catalog", "analytics", f"INSERT INTO {table} SELECT {row}")
    query = f"SELECT {', '.join(names)} FROM {table} ORDER BY id"
    found = by_flight.read(query).read_all()
    assert found.schema == pa.schema([pa.field(n, c[2]) for n, c in zip(names, COLUMNS, strict=True)])
    assert found.to_pylist() == [dict(zip(names, (c[3] for c in COLUMNS), strict=True)), dict.fromkeys(names)]
    assert StarRocksConnection(**settings).read(query).read_all().equals(found)
    assert by_flight.read(f"{query.partition('ORDER')[0]} WHERE id > 9").read_all().schema == found.schema


def test_the_query_goes_over_flight_in_the_session_s_database_and_zone_and_the_session_ends(by_flight, servers, standin, numbers):
    assert by_flight.read(numbers).read_all().num_rows == 20_000
    assert servers.statements == ["SET time_zone = '+00:00'", "USE `analytics`", numbers]
    assert numbers not in standin.statements
    assert servers.sessions == {}


def test_a_proxy_of_the_environment_is_not_asked(by_flight, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert by_flight.read("SELECT 1 AS a").read_all().to_pylist() == [{"a": 1}]


def test_numbers_arrive_aligned(by_flight, standin):
    standin.db.execute("CREATE TABLE default_catalog.analytics.odd AS SELECT 'eu' AS t, range AS n FROM range(77)")
    for _ in range(5):
        for batch in by_flight.read("SELECT t, n FROM odd"):
            assert [b.address % 8 for b in (batch["n"].buffers()[1], batch["t"].buffers()[1])] == [0, 0]


def test_the_message_is_what_flight_sql_says():
    assert sut._command("SELECT 1") == b"\nCtype.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery\x12\n\n\x08SELECT 1"
    long = sut._command("x" * 300)
    assert long.endswith(b"\x12\xaf\x02\n\xac\x02" + b"x" * 300)


@pytest.mark.parametrize("location", [None, "arrow-flight-reuse-connection://?", "front end"])
def test_rows_come_from_the_front_end_where_it_passes_them_on(by_flight, servers, numbers, location):
    servers.location = f"grpc+tcp://127.0.0.1:{servers.port}" if location == "front end" else location
    assert by_flight.read(numbers).read_all().num_rows == 20_000


def test_states_and_values_that_do_not_fit_are_refused_as_over_mysql(by_flight, standin, table, fails):
    standin.run_sql("default_catalog", "analytics", f"CREATE TABLE {table} (id INT, seen VARBINARY, v LARGEINT)")
    standin.types["analytics", table]["seen"] = "bitmap"
    standin.run_sql(
        "default_catalog", "analytics", f"INSERT INTO {table} SELECT 1, NULL, CAST('170141183460469231731687303715884105727' AS LARGEINT)"
    )
    with fails("SK-CONN-005", "column 'seen'", "BITMAP") as caught:
        by_flight.read(by_flight.table_query(table))
    assert "bitmap_to_string" in caught.value.hint
    with fails("SK-CONN-005", "column 'v'", "170141183460469231731687303715884105727"):
        by_flight.read(f"SELECT v FROM {table}").read_all()
    with fails("SK-CONN-004"):
        by_flight.read("DELETE FROM t")


def test_a_wrong_password_is_refused_and_never_shown(settings, servers, fails):
    login = Login.of(settings | {"flight_port": servers.port, "password": "hunter2hunter2"})
    with fails("SK-CONN-002", f"127.0.0.1:{servers.port}", "Access denied", "***") as caught:
        sut.log_in(login)
    error = caught.value
    while error is not None:
        assert "hunter2" not in str(error)
        error = error.__cause__ or error.__context__


def test_a_session_that_cannot_be_entered_is_ended(settings, servers, fails):
    with fails("SK-CONN-004", "Unknown catalog 'nosuch'"):
        sut.log_in(Login.of(settings | {"flight_port": servers.port, "catalog": "nosuch"}))
    assert servers.sessions == {}


def test_a_closed_port_and_one_that_speaks_something_else_are_said(settings, standin, fails):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with fails("SK-CONN-001", f"127.0.0.1:{port}", "refused") as caught:
            StarRocksConnection(**settings | {"flight_port": port}).read("SELECT 1 AS a")
        assert "arrow_flight_port" in caught.value.hint
    with fails("SK-CONN-001", f"127.0.0.1:{standin.port}", "Arrow Flight SQL", "does not speak"):
        StarRocksConnection(**settings | {"flight_port": standin.port, "connect_timeout": 1}).read("SELECT 1 AS a")


def test_a_back_end_that_cannot_be_reached_is_named_with_what_helps(by_flight, servers, fails):
    servers.location = "grpc+tcp://127.0.0.1:1"
    with fails("SK-CONN-001", "127.0.0.1:1", f"front end 127.0.0.1:{servers.port}") as caught:
        by_flight.read("SELECT 1 AS a").read_all()
    assert "arrow_flight_proxy_enabled" in caught.value.hint


def test_a_server_that_goes_half_way_is_lost(by_flight, servers, numbers, fails):
    cable = Cable(servers.back_end.port)
    servers.location = f"grpc+tcp://127.0.0.1:{cable.port}"
    servers.pausing = threading.Event()
    reader = by_flight.read(numbers)
    assert reader.read_next_batch().num_rows == 4096
    cable.cut()
    with fails("SK-CONN-006", "lost"):
        reader.read_all()


def test_a_front_end_that_hangs_up_while_it_is_asked_is_lost(settings, servers, fails):
    cable = Cable(servers.port)
    session = sut.log_in(Login.of(settings | {"flight_port": cable.port}))
    cable.cut()
    with fails("SK-CONN-006", "lost"):
        session.start("SELECT 1")


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_where_encryption_is_demanded_flight_is_encrypted_all_the_way(settings, standin, certificate, sslmode, fails):
    chain, key = certificate
    servers = FlightStandIn(standin, tls_certificates=[(chain.read_bytes(), key.read_bytes())])
    try:
        servers.location = None
        login = Login.of(settings | {"flight_port": servers.port, "sslmode": sslmode, "ssl_ca": str(chain)})
        assert sut.probe(login).startswith("front end 127.0.0.1")
        assert sut.probe(Login.of(settings | {"flight_port": servers.port, "flight_tls": True})).startswith("front end 127.0.0.1")
        servers.location = f"grpc+tcp://127.0.0.1:{servers.back_end.port}"
        with fails("SK-CONN-007", "would not be encrypted"):
            sut.probe(login)
        with fails("SK-CONN-007", "certificate"):
            sut.log_in(Login.of(settings | {"flight_port": servers.port, "sslmode": "verify-full"}))
        with fails("SK-CONN-001", "Arrow Flight SQL", "does not speak"):
            sut.log_in(Login.of(settings | {"flight_port": servers.port, "connect_timeout": 1}))
    finally:
        servers.stop()


def test_a_back_end_that_fails_half_way_says_why(by_flight, servers, numbers, fails):
    servers.failing = pa.flight.FlightServerError("Memory of process exceed limit")
    with fails("SK-CONN-004", "Memory of process exceed limit"):
        by_flight.read(numbers).read_all()
    assert servers.sessions == {}


def test_a_token_that_ends_is_said_without_the_token(by_flight, servers, numbers, fails):
    servers.location = None
    reader = by_flight.read(numbers)
    token = next(iter(servers.sessions))
    servers.sessions.clear()
    with fails("SK-CONN-006", "token is expired") as caught:
        reader.read_all()
    assert token not in caught.value.message


def test_what_the_server_refuses_is_said(by_flight, servers, standin, fails):
    with fails("SK-CONN-003", "nosuch"):
        by_flight.read("SELECT * FROM nosuch")
    standin.refuse["ORDER BY"] = (1064, "Access denied; you need (at least one of) the SELECT privilege(s)")
    login = by_flight.login
    session = sut.log_in(login)
    with fails("SK-SR-005", "SELECT privilege"):
        session.start("SELECT 1 ORDER BY 1")
    with fails("SK-CONN-004", "Unknown database 'nosuch'"):
        session.start("SELECT * FROM nosuch.t")
    session.close()
    with fails("SK-CONN-006"):
        session.start("SELECT 1")


def test_the_engine_reads_its_outputs_back_over_flight_and_can_be_interrupted_then(settings, servers, tmp_path):
    engine = StarRocksEngine(**settings | {"flight_port": servers.port}).open(SessionSettings(tmp_path))
    assert engine.write("SELECT 1 AS id, CAST(NULL AS DATE) AS d", tmp_path / "one.parquet", {}).rows == 1
    assert [s for s in servers.statements if s.startswith("SELECT * FROM `seeknal_artifacts`.`seeknal_load_")]
    assert pq.read_table(tmp_path / "one.parquet").to_pylist() == [{"id": 1, "d": None}]
    servers.pausing, sent, caught = threading.Event(), servers.batches_sent, []

    def work():
        try:
            engine.write("SELECT 2 AS id", tmp_path / "two.parquet", {})
        except EngineError as error:
            caught.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    while servers.batches_sent == sent:
        time.sleep(0.01)
    engine.interrupt()
    thread.join(10)
    assert caught == ["SK-RUN-130"]
    assert servers.sessions == {}
    assert not (tmp_path / "two.parquet").exists()


@pytest.mark.parametrize("where", ["while the query is planned", "between rows"])
def test_closing_stops_a_read_in_another_thread(by_flight, servers, numbers, where):
    servers.pausing, servers.busy = threading.Event(), where == "while the query is planned"
    caught = []

    def work():
        try:
            by_flight.read(numbers).read_all()
        except ConnectionFailed as error:
            caught.append((error.code, error.message))

    thread = threading.Thread(target=work)
    thread.start()
    while numbers not in servers.statements if servers.busy else not servers.batches_sent:
        time.sleep(0.01)
    by_flight.close()
    thread.join(10)
    assert [code for code, _ in caught] == ["SK-CONN-006"]
    assert servers.sessions == {}


def test_a_reader_that_was_closed_before_its_first_row_fails(by_flight, servers, numbers, fails):
    reader = by_flight.read(numbers)
    by_flight.close()
    with fails("SK-CONN-006", "it was closed"):
        reader.read_all()
    assert servers.sessions == {}


def test_a_reader_that_is_let_go_ends_its_session(by_flight, servers, numbers):
    reader = by_flight.read(numbers)
    reader.read_next_batch()
    del reader
    gc.collect()
    assert servers.sessions == {}


def test_memory_stays_bounded_while_many_rows_arrive(by_flight, servers, standin):
    standin.db.execute("CREATE TABLE default_catalog.analytics.wide AS SELECT range AS id, repeat('x', 200) AS t FROM range(300000)")
    reader = by_flight.read("SELECT id, t FROM wide")
    servers.results = {k: v.slice(0) for k, v in servers.results.items()}
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in reader:
        rows += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 300_000
    assert most < 32 << 20


def test_the_connection_test_has_a_step_for_it(by_flight, servers, settings, fails):
    steps = {s.name: s.detail for s in by_flight.steps()}
    assert list(steps)[-1] == "flight"
    assert steps["flight"] == f"front end 127.0.0.1:{servers.port} answers, rows come from 127.0.0.1:{servers.back_end.port}"
    servers.location = "grpc+tcp://127.0.0.1:1"
    with fails("SK-CONN-001", "127.0.0.1:1") as caught:
        list(by_flight.steps())
    assert failed_step(caught.value) == "flight"


def test_the_next_front_end_is_taken_when_one_has_no_flight(settings, servers):
    driver = StarRocksConnection(**settings | {"host": f"localhost:1,127.0.0.1:{settings['port']}", "flight_port": servers.port})
    assert driver.read("SELECT 1 AS a").read_all().to_pylist() == [{"a": 1}]


def test_settings_say_where_and_whether_encrypted(fails):
    assert Login.of({"url": "starrocks://u@h?flight_port=9408&flight_tls=true"}).flight_port == 9408
    assert Login.of({"host": "h", "user": "u", "flight_port": 9408}).flight_tls is False
    assert Login.of({"host": "h", "user": "u", "flight_port": 9408, "sslmode": "require"}).flight_tls is True
    assert Login.of({"host": "h", "user": "u", "flight_port": 9408, "sslmode": "require", "flight_tls": False}).flight_tls is False
    with fails("SK-CONN-009", "flight_port is 'x'"):
        Login.of({"host": "h", "user": "u", "flight_port": "x"})
