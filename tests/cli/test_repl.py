"""`seeknal repl`."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pty
import select
import signal
import sys
import time

import pytest

SLOW = "SELECT count(*) FROM range(10000000) a, range(10000000) b"


def test_a_statement_is_answered(built):
    outcome = built.cli("repl", "--exec", "SELECT name FROM transform.adults ORDER BY id").assert_success()
    assert outcome.stdout == "name\nAyu\nBudi\n"
    assert outcome.stderr == ""


@pytest.mark.parametrize("relation", ["transform.names", "transform_names", "Transform.Names", "transform.names AS n"])
def test_nodes_are_relations_by_either_name(built, relation):
    outcome = built.cli("repl", "--exec", f"SELECT count(*) AS n FROM {relation}", "--format", "json").assert_success()
    assert outcome.json() == [{"n": 2}]


def test_columns_can_be_qualified_with_the_nodes_name(built):
    sql = "SELECT adults.name FROM transform.adults JOIN source.people ON people.id = adults.id WHERE people.age > 40"
    assert built.cli("repl", "--exec", sql, "--format", "json").assert_success().json() == [{"name": "Budi"}]


def test_csv_is_rfc_4180(built):
    outcome = built.cli("repl", "--exec", "SELECT 'a,\"b\"' AS x, NULL AS y", "--format", "csv").assert_success()
    assert list(csv.reader(io.StringIO(outcome.stdout))) == [["x", "y"], ['a,"b"', ""]]


def test_what_is_piped_in_is_run(built):
    text = ".tables\nSELECT 1 AS one;\n.schema adults\nSELECT ';' AS two -- ;\n"
    outcome = built.cli("repl", stdin=text).assert_success()
    assert "transform.names   view" in outcome.stdout
    assert "one\n  1\n" in outcome.stdout
    assert "name    VARCHAR" in outcome.stdout
    assert outcome.stdout.endswith("two\n;\n")


def test_the_first_failure_ends_a_script(built):
    outcome = built.cli("repl", stdin="SELECT 1 AS a; SELECT nix; SELECT 3 AS c").assert_exit(1)
    assert "a\n1" in outcome.stdout
    assert "c\n" not in outcome.stdout


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE transform_adults",
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO transform_adults VALUES (9, 'x')",
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'x.duckdb'",
        "SET memory_limit='1GB'",
        "SELECT * FROM read_csv('data/people.csv')",
        "SELECT * FROM 'data/people.csv'",
        "WITH x AS (SELECT 1) DELETE FROM transform_adults",
    ],
)
def test_nothing_but_reading_is_possible(built, sql):
    before = {p for p in built.root.rglob("*") if p.is_file()}
    built.cli("repl", "--exec", sql).assert_failed(exit_code=2)
    assert {p for p in built.root.rglob("*") if p.is_file()} - before <= {built.root / "target/settings.json"}
    assert built.rows("transform.adults") == [(1, "Ayu"), (2, "Budi")]


def test_an_error_shows_the_engines_message_and_place(built):
    outcome = built.cli("repl", "--exec", "SELECT id,\n  agee FROM source.people").assert_failed("SK-SQL-011", exit_code=1)
    assert '"agee" not found' in outcome.stderr
    assert "2 |   agee FROM source.people\n  |   ^\n" in outcome.stderr


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT * FROM adults", "write transform.adults"),
        ("SELECT * FROM transform.adult", "did you mean 'transform.adults'?"),
        ("SELECT * FROM adlts", "did you mean 'transform.adults'?"),
        ("SELECT * FROM nix", ".tables"),
    ],
)
def test_an_unknown_relation_is_suggested(built, sql, hint):
    assert hint in built.cli("repl", "--exec", sql).assert_failed("SK-REF-001", exit_code=2).stderr


def test_what_is_not_built_yet_says_how_to_build_it(people):
    outcome = people.cli("repl", "--exec", "SELECT * FROM transform.adults").assert_failed("SK-RUN-002", exit_code=1)
    command = outcome.stderr.partition("build it first: seeknal ")[2].replace("'", "").split()
    people.cli(*command).assert_success()
    people.cli("repl", "--exec", "SELECT * FROM transform.adults").assert_success()


@pytest.mark.parametrize(
    ("sql", "code"), [("", "SK-SQL-001"), (".tabels", "SK-REPL-001"), (".schema", "SK-REPL-001"), (".schema nix", "SK-SEL-002")]
)
def test_what_cannot_be_answered_is_explained(built, sql, code):
    built.cli("repl", "--exec", sql).assert_failed(code, exit_code=2)


def test_one_json_document_answers_one_statement(built):
    built.cli("repl", "--exec", "SELECT 1; SELECT 2", "--format", "json").assert_failed("SK-SQL-002", exit_code=2)


class Terminal:
    """`seeknal` on a terminal of its own: what is typed goes in, what is shown comes out. Every wait ends."""

    def __init__(self, root, *arguments):
        self.pid, self.handle = pty.fork()
        if self.pid == 0:  # the child
            os.chdir(root)
            os.environ |= {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1", "PYTHONUTF8": "1"}
            os.execv(sys.executable, [sys.executable, "-c", "from seeknal.cli import main; main()", *arguments])
        self.shown = ""

    def type(self, keys):
        """Press keys; `\\r` is Enter."""
        os.write(self.handle, keys.encode())

    def wait_for(self, text, seconds=30.0):
        """Read until the text is shown. Returns what came before it since the last time."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} was not shown; this was:\n{self.shown}"
            if select.select([self.handle], [], [], left)[0]:
                self.shown += os.read(self.handle, 65536).decode(errors="replace")
        before, _, self.shown = self.shown.partition(text)
        return before

    def ask(self, keys, text):
        """Type a line, wait for the text in the answer and for the next prompt. Returns the answer up to the text."""
        self.type(keys + "\r")
        answer = self.wait_for(text)
        self.wait_for("seeknal>")
        return answer

    def exit_code(self, seconds=20.0):
        """Wait for the end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.handle], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.handle, 65536).decode(errors="replace")
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = None
                return os.waitstatus_to_exitcode(status)
        message = f"it did not end; it showed:\n{self.shown}"
        raise AssertionError(message)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.handle)


@pytest.fixture
def terminal(built):
    opened = Terminal(built.root, "repl")
    opened.wait_for("seeknal>")
    yield opened
    opened.close()


def test_on_a_terminal_a_statement_may_have_many_lines(terminal):
    terminal.type("SELECT name\r")
    terminal.wait_for("->")
    assert "Budi" in terminal.ask("FROM transform.adults ORDER BY id;", "2 rows in ")
    terminal.type(".quit\r")
    assert terminal.exit_code() == 0


def test_on_a_terminal_an_error_ends_nothing(terminal):
    assert "Traceback" not in terminal.ask("SELECT nix FROM transform.adults;", "error[SK-SQL-011]")
    terminal.ask("DROP TABLE x;", "only SELECT is understood here")
    terminal.ask("SELECT 41 + 1 AS answer;", "42")
    terminal.type("\x04")
    assert terminal.exit_code() == 0


def test_on_a_terminal_ctrl_c_cancels_the_query_and_nothing_else(terminal):
    terminal.type(SLOW + ";\r")
    time.sleep(2)
    terminal.type("\x03")
    terminal.wait_for("cancelled")
    terminal.wait_for("seeknal>")
    terminal.ask("SELECT 41 + 1 AS answer;", "42")
    terminal.type("exit\r")
    assert terminal.exit_code() == 0


def test_on_a_terminal_names_are_completed(terminal):
    terminal.type("SELECT count(*) AS n FROM transform.adu\t")
    terminal.wait_for("lts")  # only what changes is drawn
    assert "error" not in terminal.ask(";", "1 row in ")


def test_on_a_terminal_commands_describe_what_there_is(terminal):
    terminal.ask(".tables", "source.people")
    terminal.ask(".schema names", "VARCHAR")
    terminal.ask(".help", ".schema NODE")


def test_on_a_terminal_what_a_run_publishes_meanwhile_is_seen(terminal, built):
    terminal.ask("SELECT count(*) + 70 AS n FROM transform.adults;", "72")
    built.edit("seeknal/transforms/adults.sql", ">= 30", ">= 0").run().assert_success()
    terminal.ask("SELECT count(*) + 70 AS n FROM transform.adults;", "73")


def test_what_was_typed_is_remembered_for_its_owner_only(terminal, built):
    terminal.ask("SELECT 12345 AS n;", "1 row in ")
    history = built.root / "target/repl_history"
    assert "SELECT 12345" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_interrupted_from_a_script_it_exits_with_130(built):
    started = Terminal(built.root, "repl", "--exec", SLOW)
    time.sleep(2.5)
    started.type("\x03")
    assert started.exit_code() == 130
    started.close()
