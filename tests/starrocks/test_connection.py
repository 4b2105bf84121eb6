"""Reaching StarRocks: settings, URL, TLS, front ends, and what is said when it fails."""

import socket

import pytest

from seeknal.errors import ConnectionFailed
from seeknal_starrocks.driver import StarRocksConnection
from seeknal_starrocks.settings import FrontEnd, Login

PASSWORD = "p@ss/w:rd"


def test_a_url_says_what_settings_say():
    login = Login.of({"url": "starrocks://ann:p%40ss%2Fw%3Ard@fe1:9031,fe2/iceberg.sales?http_port=8031&sslmode=require"})
    assert login.front_ends == (FrontEnd("fe1", 9031), FrontEnd("fe2", 9030))
    assert (login.user, login.password, login.catalog, login.database) == ("ann", PASSWORD, "iceberg", "sales")
    assert (login.http_port, login.sslmode) == (8031, "require")
    assert Login.of({"url": "starrocks://ann@fe1/sales", "password": "x", "database": "other"}).database == "other"
    assert PASSWORD not in repr(login)


def test_several_front_ends_are_a_list_or_a_text_with_commas():
    wanted = (FrontEnd("a", 9030), FrontEnd("b", 9031), FrontEnd("::1", 9032))
    assert Login.of({"host": ["a", "b:9031", "[::1]:9032"], "user": "u"}).front_ends == wanted
    assert Login.of({"host": "a, b:9031, [::1]:9032", "user": "u"}).front_ends == wanted


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"user": "u"}, "host"),
        ({"host": "h"}, "user"),
        ({"host": "h", "user": "u", "port": "high"}, "port is 'high'"),
        ({"host": "h", "user": "u", "port": 99999}, "99999"),
        ({"host": "h", "user": "u", "sslmode": "verify_full"}, "verify_full"),
        ({"host": "h", "user": "u", "http_tls": "perhaps"}, "http_tls"),
        ({"url": "mysql://u:secret@h"}, "starrocks://"),
        ({"url": "starrocks://u:secret@h/a/b"}, "cannot be understood"),
        ({"url": "starrocks://u:secret@h/a?prot=1"}, "'prot'"),
    ],
)
def test_settings_that_cannot_be_used_are_told_without_secrets(fails, settings, words):
    with fails("SK-CONN-009", words) as caught:
        Login.of(settings)
    assert "secret" not in caught.value.message + (caught.value.hint or "")
    assert caught.value.hint


def test_check_tells_version_catalog_database_and_user(driver):
    said = driver.check()
    assert said.startswith("StarRocks 3.")
    assert "database analytics, user seeknal" in said


def test_steps_end_with_privileges_and_latency(driver):
    steps = {s.name: s.detail for s in driver.steps()}
    assert list(steps) == ["reach", "log in", "version", "catalog", "database", "privileges", "latency"]
    assert steps["catalog"] == "default_catalog"
    assert "ms" in steps["latency"]


def test_the_next_front_end_is_taken_when_one_does_not_answer(standin, settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        driver = StarRocksConnection(**settings | {"host": f"127.0.0.1:{closed.getsockname()[1]},127.0.0.1:{standin.port}"})
        assert driver.read("SELECT 1 AS a").read_all().to_pylist() == [{"a": 1}]
        assert driver.read("SELECT 2 AS a").read_all().to_pylist() == [{"a": 2}]


def test_when_no_front_end_answers_all_are_named(fails):
    with fails("SK-CONN-001", "127.0.0.1:1", "127.0.0.1:2"):
        StarRocksConnection(host="127.0.0.1:1,127.0.0.1:2", user="u").check()


def test_one_unknown_host_is_said(fails):
    with fails("SK-CONN-001", "nosuch.invalid:9030"):
        StarRocksConnection(host="nosuch.invalid", user="u").check()


def test_a_port_that_speaks_http_is_said(fails):
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with fails("SK-CONN-001", str(server.server_port)):
        StarRocksConnection(host="127.0.0.1", port=server.server_port, user="u", connect_timeout=1).check()
    server.shutdown()
    server.server_close()


def test_a_wrong_password_is_refused_and_never_shown(settings, fails):
    with fails("SK-CONN-002", "Access denied") as caught:
        StarRocksConnection(**settings | {"password": PASSWORD}).check()
    error = caught.value
    while error is not None:
        assert PASSWORD not in str(error)
        assert PASSWORD not in repr(getattr(error, "args", ""))
        error = error.__cause__ or error.__context__


def test_a_missing_database_and_catalog_are_named(settings, fails):
    with fails("SK-CONN-003", "no database 'nosuch'"):
        StarRocksConnection(**settings | {"database": "nosuch"}).check()
    with fails("SK-CONN-003", "no catalog 'lake'"):
        StarRocksConnection(**settings | {"catalog": "lake"}).check()


def test_no_transaction_is_ever_begun_and_the_time_zone_is_sent(standin, settings):
    driver = StarRocksConnection(**settings)
    driver.read("SELECT 1 AS a").read_all()
    sent = [s.upper() for s in standin.statements]
    assert not [s for s in sent if s.startswith(("BEGIN", "START", "COMMIT", "ROLLBACK"))]
    assert any(s.startswith("SET TIME_ZONE = '+00:00'") for s in sent)


# The wire, on MariaDB --------------------------------------------------------------------------------------------------


def test_mariadb_answers_over_the_wire(wired):
    assert "database analytics" in wired.check()


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_tls_is_agreed_on(mariadb_server, sslmode):
    if mariadb_server.certificate is None:
        pytest.skip("openssl is not installed")
    driver = StarRocksConnection(**mariadb_server.settings, sslmode=sslmode, ssl_ca=str(mariadb_server.certificate))
    assert "encrypted (" in {s.name: s.detail for s in driver.steps()}["log in"]


def test_a_certificate_nobody_vouches_for_is_refused(mariadb_server, fails):
    if mariadb_server.certificate is None:
        pytest.skip("openssl is not installed")
    with fails("SK-CONN-007", "certificate"):
        StarRocksConnection(**mariadb_server.settings, sslmode="verify-full").check()
    with fails("SK-CONN-007", "nosuch.pem"):
        StarRocksConnection(**mariadb_server.settings, sslmode="verify-ca", ssl_ca="/nosuch.pem").check()


def test_a_server_that_dies_half_way_is_said(own_mariadb_server, fails):
    own_mariadb_server.sql("CREATE TABLE t AS SELECT seq AS id, repeat('x', 1000) AS text FROM seq_1_to_200000")
    driver = StarRocksConnection(**own_mariadb_server.settings)
    reader = driver.read("SELECT * FROM t")
    reader.read_next_batch()
    own_mariadb_server.process.kill()
    own_mariadb_server.process.wait()
    with fails("SK-CONN-006", "lost"):
        reader.read_all()


def test_closing_stops_a_read_in_another_thread(wired):
    import threading
    import time

    caught = []

    def work():
        try:
            wired.read("SELECT sleep(20) AS a").read_all()
        except ConnectionFailed as error:
            caught.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    wired.close()
    thread.join(10)
    assert caught == ["SK-CONN-006"]
