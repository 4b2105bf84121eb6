"""What is said when a server cannot be reached, lets nobody in or goes away; and that a password is never part of it."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

import pyarrow as pa
import pytest

from seeknal.errors import ConnectionFailed, explain
from seeknal_duckdb.connections.mysql import MySQLConnection
from seeknal_duckdb.connections.postgres import PostgresConnection

SECRET = "hunter2-é😀'\"\\ x"
TYPES = {"postgres": (PostgresConnection, "postgres_server"), "mysql": (MySQLConnection, "mariadb_server")}


@pytest.fixture(params=TYPES)
def server(request):
    """A server, and the driver for it."""
    driver, fixture = TYPES[request.param]
    server = request.getfixturevalue(fixture)
    return server, lambda **changes: driver(**{**server.settings, **changes})


@pytest.fixture
def silent():
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def everything(error):
    """All that could be shown of an error: itself, what it came from, and every traceback."""
    shown = [explain(error), repr(error), str(error.args), "".join(traceback.format_exception(error))]
    links = [error]
    while links:
        link = links.pop()
        shown += [repr(link), str(link), repr(vars(link))]
        links += [e for e in (link.__cause__, None if link.__suppress_context__ else link.__context__) if e is not None]
    return "\n".join(shown)


CHANGES = {
    "wrong password": {"password": SECRET},
    "no such user": {"user": "nobody", "password": SECRET},
    "no such database": {"database": "nowhere"},
    "nothing there": {"port": 1, "password": SECRET},
    "no such host": {"host": "nowhere.invalid", "password": SECRET},
    "wrong certificate": {"sslmode": "verify-full", "password": SECRET},
    "no certificate file": {"sslmode": "verify-ca", "ssl_ca": "/nowhere.pem", "password": SECRET},
    "bad mode": {"sslmode": "maybe", "password": SECRET},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_password_is_in_no_message_repr_or_chain(server, change):
    server, make = server
    changes = CHANGES[change]
    with pytest.raises(ConnectionFailed) as caught:
        make(**changes).check()
    shown = everything(caught.value)
    assert changes.get("password", server.password) not in shown
    assert "hunter2" not in shown
    with contextlib.suppress(ConnectionFailed):
        assert SECRET not in repr(make(**changes)) + repr(vars(make(**changes)))


def test_a_password_that_a_server_repeats_is_blotted_out(postgres_server, fails):
    driver = PostgresConnection(**postgres_server.settings)
    with fails("SK-CONN-004", "***") as caught:
        driver.read(f'SELECT "{postgres_server.password}"')
    assert postgres_server.password not in everything(caught.value)


def test_nothing_at_the_port_is_said_at_once(server, fails):
    _, make = server
    with fails("SK-CONN-001", "cannot connect to", "at 127.0.0.1:1: ", "onnection refused"):
        make(port=1).check()


def test_a_host_that_nobody_knows_is_said(server, fails):
    _, make = server
    with fails("SK-CONN-001", "at nowhere.invalid:", "ame or service not known"):
        make(host="nowhere.invalid").read("SELECT 1")


def test_a_server_that_does_not_answer_is_given_up_on(server, silent, fails):
    _, make = server
    begin = time.monotonic()
    with fails("SK-CONN-001", f"at 127.0.0.1:{silent}: "):
        make(port=silent, connect_timeout=1).check()
    assert 0.5 < time.monotonic() - begin < 60


def test_something_else_at_the_port_is_said(server, fails):
    _, make = server
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer():
            for _ in range(2):
                with contextlib.suppress(OSError), listener.accept()[0] as peer:
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with fails("SK-CONN-001"):
            make(port=listener.getsockname()[1], connect_timeout=2).check()


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"password": None}, {"user": "nobody"}], ids=str)
def test_a_login_that_is_refused_is_said(server, fails, change):
    _, make = server
    with fails("SK-CONN-002", "refused the login"):
        make(**change).write("t", pa.table({"a": [1]}), "replace")


def test_a_database_that_is_not_there_is_said(server, fails):
    _, make = server
    with fails("SK-CONN-003", "'nowhere'"):
        make(database="nowhere").check()


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
def test_every_mode_of_tls_works_with_the_right_certificate(server, mode):
    server, make = server
    if server.certificate is None:
        pytest.skip("needs openssl: apt-get install openssl")
    driver = make(sslmode=mode, ssl_ca=str(server.certificate) if mode.startswith("verify") else None)
    if server.kind == "postgres":
        query, encrypted = "SELECT ssl::text AS v FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "true"
        plain = "false"
    else:
        query, encrypted = "SELECT variable_value > '' AS v FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'", 1
        plain = 0
    if mode != "allow":
        assert driver.read(query).read_all()["v"].to_pylist() == [plain if mode == "disable" else encrypted]
    else:
        assert driver.check()


@pytest.mark.parametrize("change", [{"sslmode": "verify-full"}, {"sslmode": "verify-ca", "ssl_ca": "/nowhere.pem"}], ids=str)
def test_a_certificate_that_proves_nothing_is_refused(server, fails, change):
    _, make = server
    with fails("SK-CONN-007", "TLS"):
        make(**change).check()


def test_a_certificate_for_another_host_is_refused(server, fails):
    server, make = server
    if server.certificate is None:
        pytest.skip("needs openssl: apt-get install openssl")
    with fails("SK-CONN-007", "localhost"):
        make(host="localhost", sslmode="verify-full", ssl_ca=str(server.certificate)).check()
    assert make(host="localhost", sslmode="verify-ca", ssl_ca=str(server.certificate)).check()


SETTINGS = [
    ({"port": "five"}, "port is 'five'"),
    ({"port": 70000}, "port is '70000'"),
    ({"connect_timeout": -1}, "connect_timeout is '-1'"),
    ({"sslmode": "requrie"}, "sslmode 'requrie'"),
]


@pytest.mark.parametrize(("change", "words"), SETTINGS, ids=[s[1] for s in SETTINGS])
def test_a_setting_that_cannot_be_used_is_named(server, fails, change, words):
    _, make = server
    with fails("SK-CONN-009", words):
        make(**change)


def test_numbers_may_be_text_as_variables_make_them(server):
    server, make = server
    assert make(port=str(server.port), connect_timeout="3").check()


def test_a_server_that_dies_half_way_is_said_and_nothing_passes_for_whole(own_postgres_server, fails):
    driver = PostgresConnection(**own_postgres_server.settings)
    reader = driver.read("SELECT generate_series(1, 10000000) AS i, repeat('x', 100)")
    assert reader.read_next_batch().num_rows > 0
    own_postgres_server.process.send_signal(signal.SIGQUIT)
    with fails("SK-CONN-006", f"lost the connection to postgres at 127.0.0.1:{own_postgres_server.port}"):
        reader.read_all()
    own_postgres_server.process.wait(20)
    with fails("SK-CONN-001"):
        driver.check()


def test_a_mariadb_server_that_dies_half_way_is_said(own_mariadb_server, fails):
    driver = MySQLConnection(**own_mariadb_server.settings)
    reader = driver.read("SELECT seq, repeat('x', 100) FROM seq_1_to_10000000")
    assert reader.read_next_batch().num_rows > 0
    own_mariadb_server.process.kill()
    with fails("SK-CONN-006", f"lost the connection to mysql at 127.0.0.1:{own_mariadb_server.port}"):
        reader.read_all()


def until(run, *statements):
    """Run statements until the last has rows."""
    return any(run(*statements) for _ in range(100))


def test_a_query_ends_at_its_semicolon_and_has_no_nul(driver, fails):
    driver.write("t", pa.table({"v": [1]}), "replace")
    for query in ("SELECT v FROM t; -- all of it", "SELECT v FROM t ;;\n/* end */", "/* ; */ SELECT v FROM t -- ;"):
        assert driver.read(query).read_all()["v"].to_pylist() == [1]
    with fails("SK-CONN-004", "NUL"):
        driver.read("SELECT v FROM t\0; DROP TABLE t")
    for query in ("", ";", "-- nothing"):
        with fails("SK-CONN-004"):
            driver.read(query).read_all()


def test_a_query_that_is_cancelled_is_said(postgres, postgres_server, fails):
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%pg_sleep(30)%' AND state = 'active'"
    other = threading.Thread(target=until, args=(postgres_server.sql, "SELECT pg_sleep(0.05)", cancel))
    other.start()
    with fails("SK-CONN-004", "canceling statement"):
        postgres.read("SELECT pg_sleep(30)").read_all()
    other.join(20)


def test_a_mariadb_query_that_is_killed_is_said(mysql, mariadb_server, fails):
    def kill():
        running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT sleep(30)%'"
        until(mariadb_server.sql, "SELECT sleep(0.05)", running)
        mariadb_server.sql(f"KILL QUERY {mariadb_server.sql(running)[0][0]}")

    other = threading.Thread(target=kill)
    other.start()
    with fails("SK-CONN-004", "interrupted"):
        mysql.read("SELECT sleep(30), seq FROM seq_1_to_2").read_all()
    other.join(20)


@pytest.mark.parametrize(("module", "package", "extra"), [("postgres", "psycopg", "postgres"), ("mysql", "pymysql", "mysql")])
def test_a_package_that_is_not_installed_is_said_with_how_to_install_it(module, package, extra):
    code = f"""
import sys
sys.modules[{package!r}] = None
from seeknal.errors import ConnectionFailed
try:
    import seeknal_duckdb.connections.{module}
except ConnectionFailed as error:
    print(error.code, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == f"SK-CONN-010 pip install seeknal-duckdb[{extra}]"


def test_a_failure_reaches_whoever_reads_through_arrow(postgres):
    with pytest.raises(ConnectionFailed, match="division by zero"):
        postgres.read("SELECT 1 / (200000 - i) AS v FROM generate_series(1, 400000) i").read_all()
    reader = pa.RecordBatchReader.from_stream(postgres.read("SELECT 1 / (200000 - i) AS v FROM generate_series(1, 400000) i"))
    with pytest.raises(pa.ArrowException, match="SK-CONN-004: the query failed: division by zero"):
        reader.read_all()


SLOW = {
    "postgres": "SELECT pg_sleep(60)::text AS v",
    "mysql": "SELECT sleep(60) AS v FROM seq_1_to_2",
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT CAST(max(i) AS TEXT) AS v FROM n",
    "duck": "SELECT count(*) AS v FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 7",
}


@pytest.mark.parametrize("kind", SLOW)
def test_closing_a_driver_ends_a_read_that_another_thread_waits_for(request, kind):
    driver = request.getfixturevalue(kind)
    if kind in {"sqlite", "duck"}:
        driver.write("t", pa.table({"v": [1]}), "replace")
    ended = []

    def wait():
        try:
            driver.read(SLOW[kind]).read_all()
        except ConnectionFailed as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    begin = time.monotonic()
    while thread.is_alive() and time.monotonic() - begin < 30:
        driver.close()
        thread.join(0.2)
    assert ended
    assert ended[0].code in {"SK-CONN-004", "SK-CONN-006"}
    assert driver.check()


def test_closing_a_driver_ends_its_streams(postgres, postgres_server):
    readers = [postgres.read("SELECT generate_series(1, 100000000) AS i") for _ in range(2)]
    readers[0].read_next_batch()
    postgres.close()
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seeknal' AND state = 'active'"
    assert any(postgres_server.sql("SELECT pg_sleep(0.05)", count) == [(0,)] for _ in range(100))
    assert postgres.check()
