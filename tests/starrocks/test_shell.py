"""The SQL prompt on a connection."""

import os
import pty
import select
import sys
import threading
import time

import pytest

from seeknal.errors import EngineError
from seeknal_starrocks.shell import _reading

SLOW = "SELECT count(*) AS n FROM a AS a, a AS b, a AS c, a AS d WHERE a.id + b.id + c.id + d.id = -1"


@pytest.fixture
def shell(driver):
    made = driver.shell()
    yield made
    made.close()


def test_statements_that_read_are_answered_with_numbers_as_numbers(shell):
    found = shell.rows("SELECT 1 AS a, 'x' AS b, CAST(1.50 AS DECIMAL(9, 2)) AS c, NULL AS d;")
    assert found.columns == ("a", "b", "c", "d")
    assert [str(v) for v in found.rows[0]] == ["1", "x", "1.50", "None"]
    assert shell.rows("SHOW DATABASES").rows == [("analytics",)]
    assert shell.rows("SELECT 1 AS a UNION ALL SELECT 2 AS a", limit=1).rows == [(1,)]


def test_nothing_else_is(shell, fails):
    refused = (
        "DROP TABLE t", "SELECT 1; DROP TABLE t", "INSERT INTO t SELECT 1", "SET GLOBAL x = 1", "SET a = 1, GLOBAL b = 2", "SET PASSWORD = 'x'",
        "SET DEFAULT ROLE ALL TO u", "SELECT 'x", "", "WITH a AS (SELECT 1) DELETE FROM t USING a", "EXPLAIN ANALYZE INSERT INTO t SELECT 1",
        "DESC ANALYZE DELETE FROM t", "SELECT 1 INTO OUTFILE 's3://b/x'",
    )  # fmt: skip
    for text in refused:
        with fails("SK-CONN-004"):
            shell.rows(text)


def test_words_that_change_are_only_taken_for_such_where_they_do():
    for text in (
        "SHOW DELETE FROM d", "EXPLAIN INSERT INTO t SELECT 1", "SELECT 'delete' AS `insert`, replace(a, 'x', 'y') FROM t", "SET x = 'global'",
        "SET x = DEFAULT", "WITH r AS (SELECT insert('a', 1, 1, 'b')) (SELECT * FROM r)", "SET CATALOG `global`", "EXPLAIN ANALYZE SELECT 1",
    ):  # fmt: skip
        assert _reading(f"{text};") == text


def test_dot_commands(shell, run):
    run("CREATE TABLE t (id INT, v LARGEINT)", "CREATE MATERIALIZED VIEW mv REFRESH ASYNC AS SELECT id FROM t")
    assert ("t",) in shell.command(".tables", "").rows
    assert [r[:2] for r in shell.command(".schema", "analytics.t").rows] == [("id", "int"), ("v", "largeint")]
    assert ("default_catalog", "Internal") in shell.command(".catalogs", "").rows
    assert shell.command(".mvs", "").rows[0][:4] == ("analytics", "mv", "ASYNC", "true")
    assert shell.command(".nosuch", "") is None


def test_interrupt_kills_the_query_and_the_session_goes_on(shell, run, standin):
    standin.run_sql("default_catalog", "analytics", "CREATE TABLE a (id INT)")
    standin.db.cursor().execute("INSERT INTO default_catalog.analytics.a SELECT * FROM range(20000)")
    codes = []

    def work():
        try:
            shell.rows(SLOW)
        except EngineError as error:
            codes.append(error.code)

    shell.rows("SELECT 1 AS a")
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.7)
    shell.interrupt()
    thread.join(20)
    assert codes == ["SK-RUN-130"]
    assert any(s.startswith("KILL QUERY") for s in standin.statements)
    assert shell.rows("SELECT 2 AS a").rows == [(2,)]


def test_a_lost_connection_is_made_again_where_it_was(shell, standin):
    standin.run_sql("default_catalog", None, "CREATE DATABASE other")
    shell.rows("USE other")
    standin.disconnect_all()
    time.sleep(0.2)
    assert shell.rows("SHOW TABLES").columns == ("Tables_in_other",)
    assert shell.reconnected
    shell.rows("SELECT 1 AS a")
    assert not shell.reconnected


# Through the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(project, standin, monkeypatch):
    monkeypatch.setenv("SR_PASSWORD", "correct horse")
    place = f"host: 127.0.0.1, port: {standin.port}, user: seeknal"
    profiles = f"connections:\n  sr: {{type: starrocks, {place}, password: '${{SR_PASSWORD}}', database: analytics}}\n  lite: {{type: sqlite, path: x.db}}\n"
    return project({"profiles.yml": profiles, "x.db": b""})


def test_a_connection_is_asked(shop):
    done = shop.cli("repl", "--connection", "sr", "--exec", "SELECT 1 AS a, 'x' AS b", "--format", "json").assert_success()
    assert done.json() == [{"a": 1, "b": "x"}]
    assert shop.cli("repl", "-c", "sr", "--exec", ".catalogs").assert_success().stdout.splitlines()[-1].startswith("default_catalog")


def test_errors_name_the_connection_and_commands_are_suggested(shop):
    done = shop.cli("repl", "-c", "sr", "--exec", "SELECT * FROM nosuch")
    assert done.exit_code == 1
    assert "connection 'sr': Getting analyzing error" in done.stderr
    assert "did you mean '.mvs'?" in shop.cli("repl", "-c", "sr", "--exec", ".mv").stderr
    assert "did you mean 'sr'?" in shop.cli("repl", "-c", "srr", "--exec", "SELECT 1").stderr


def test_connect_by_name_by_url_and_back(shop, standin):
    text = f".connect sr\nSELECT 1 AS one;\n.connect starrocks://seeknal:correct%20horse@127.0.0.1:{standin.port}/analytics\nSELECT 2 AS two;\n.connect\n.tables\n"
    done = shop.cli("repl", stdin=text).assert_success()
    assert done.stdout.split() == ["one", "1", "two", "2", "relation", "rows"]
    refused = shop.cli("repl", stdin=f".connect starrocks://seeknal:hunter2@127.0.0.1:{standin.port}\nSELECT 1;\n")
    assert "SK-CONN-002" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_other_connections_answer_selects(shop):
    done = shop.cli("repl", "-c", "lite", "--exec", "SELECT 1 AS a UNION ALL SELECT 2", "--format", "csv").assert_success()
    assert done.stdout.split() == ["a", "1", "2"]
    assert "has no command '.mvs'" in shop.cli("repl", "-c", "lite", "--exec", ".mvs").stderr


def test_ctrl_c_at_the_prompt_kills_the_query_and_the_prompt_goes_on(shop, standin):
    standin.run_sql("default_catalog", "analytics", "CREATE TABLE a (id INT)")
    standin.db.cursor().execute("INSERT INTO default_catalog.analytics.a SELECT * FROM range(20000)")
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(shop.root)
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", "from seeknal.cli import main; main()", "repl", "-c", "sr"])
    seen = b""

    def until(words, seconds=60):
        nonlocal seen
        deadline = time.monotonic() + seconds
        while words not in seen and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    seen += os.read(terminal, 65536)
                except OSError:  # it has ended
                    break
        assert words in seen, seen[-2000:]
        seen = b""

    until(b"sr>")
    os.write(terminal, SLOW.encode() + b";\r")
    deadline = time.monotonic() + 30
    while not any(s.startswith("SELECT count(*)") for s in standin.statements) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    os.write(terminal, b"\x03")
    until(b"SK-RUN-130")
    assert any(s.startswith("KILL QUERY") for s in standin.statements)
    os.write(terminal, b"SELECT 41 + 1 AS answer;\r")
    until(b"42")
    os.write(terminal, b".quit\r")
    os.waitpid(process, 0)
    os.close(terminal)
