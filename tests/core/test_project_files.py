"""Text on disk: YAML and its limits, front matter, older spellings, settings, and errors all at once in their places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.core.conftest import SHOP

from seeknal.errors import ProjectError
from seeknal.project import yaml

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectMaker


def refused(text: str | bytes) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        yaml.load(yaml.decode(text if isinstance(text, bytes) else text.encode(), "f.yml"), "f.yml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\na: 2\n", "SK-YAML-006", 2),
        ("a:\n  b: 1\n  b: 2\n", "SK-YAML-006", 3),
        ("a: {b: 1, b: 2}\n", "SK-YAML-006", 1),
        ("a:\n\tb: 1\n", "SK-YAML-001", 2),
        ("a: [1, 2\n", "SK-YAML-001", 1),
        ("a: 'x\n", "SK-YAML-001", 1),
        ("a: b: c\n", "SK-YAML-001", 1),
        ("a: *x\n", "SK-YAML-001", 1),
        ("a: &x [*x]\n", "SK-YAML-003", 1),
        ("a: &x 1\n<<: {b: 2}\n", "SK-YAML-002", 2),
        ("a: !!python/object/apply:os.system [x]\n", "SK-YAML-002", 1),
        ("a: !x 1\n", "SK-YAML-002", 1),
        ("? [a]\n: 1\n", "SK-YAML-002", 1),
        ("? {a: 1}\n: 1\n", "SK-YAML-002", 1),
        ("&a a: 1\n*a : 2\n", "SK-YAML-002", 2),
        ("a: x\0y\n", "SK-YAML-005", 1),
        ('a: 1\nb: "\\0"\n', "SK-YAML-005", 2),
        ("a: " + "9" * 5000 + "\n", "SK-YAML-002", 1),
        ("a: 1\nb: \x01\n", "SK-YAML-001", 2),
        ("a: " + "[" * 200 + "]" * 200, "SK-YAML-003", 1),
        ("[" * 60_000, "SK-YAML-003", 1),
        ("{a: " * 60_000, "SK-YAML-003", 1),
        ("- " * 60_000, "SK-YAML-003", 1),
        ("a:\n" + "".join(f"{' ' * i}- \n" for i in range(1, 150)), "SK-YAML-003", None),
        ("a: &a [" + "x, " * 5000 + "]\n" + "".join(f"b{i}: *a\n" for i in range(30)), "SK-YAML-003", None),
        ("a: &a 1\nb: [" + "*a, " * 51 + "]\n", "SK-YAML-003", 2),
        ("- x\n" * 100_001, "SK-YAML-003", None),
        ("x" * (2 * 1024 * 1024 + 1), "SK-YAML-004", 1),
        ("a: 1\n--- \nb: [\n", "SK-YAML-001", None),
        ("%YAML 9.9\n---\na: 1\n", "SK-YAML-001", 1),
    ],
)  # fmt: skip
def test_what_yaml_may_not_be(text: str, code: str, line: int | None) -> None:
    error = refused(text)
    assert error.code == code, error.message
    assert line is None or error.at.line == line


@pytest.mark.parametrize(
    "data", ["a: 1\n".encode("utf-16"), "a: 1\n".encode("utf-16-le"), "a: é\n".encode("latin-1"), b"a: 1\nb: \xff\n", b"\x80"]
)
def test_only_utf_8_is_read(data: bytes) -> None:
    assert refused(data).code == "SK-YAML-005"


def test_an_alias_bomb_costs_nothing() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 12)]
    assert refused("\n".join(levels)).code == "SK-YAML-003"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("NO", "NO"), ("on", "on"), ("yes", "yes"), ("y", "y"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("1", 1), ("-1", -1), ("0o17", 15), ("0x1F", 31),
        ("017", 17), ("1_000", "1_000"), ("1:30", "1:30"), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("2026-01-31", "2026-01-31"), ("2026-13-99", "2026-13-99"), ("'1'", "1"), ('"true"', "true"), (".inf", float("inf")),
        ("1.2.3", "1.2.3"), ("+", "+"), (".", "."), ("-", None), ("0x", "0x"), ("1e", "1e"), ("<<", "<<"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_values_follow_yaml_1_2(text: str, value: object) -> None:
    try:
        (document,) = yaml.load(f"a: {text}\n", "f.yml")
    except ProjectError:
        assert text == "-"
        return
    assert document.value == {"a": value}


def test_every_key_and_value_remembers_where_it_was_written() -> None:
    (document,) = yaml.load("a: 1\nb:\n  - c: x\n    d: [1, {e: 2}]\nf: |\n    one\n    two\n", "f.yml")
    places = [("a",), ("b", 0, "c"), ("b", 0, "d", 1, "e"), ("f",)]
    assert [str(document.at(*p)) for p in places] == ["f.yml:1:4", "f.yml:3:8", "f.yml:4:16", "f.yml:5:4"]
    assert str(document.text_at("f").at(2, 3)) == "f.yml:7:7"


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("sql: SELECT a FROM nowhere\n", 3, 20),
        ("sql: 'SELECT a FROM nowhere'\n", 3, 21),
        ("sql: |\n  SELECT a\n  FROM nowhere\n", 5, 8),
        ("sql: |2\n  SELECT a\n    FROM nowhere\n", 5, 10),
        ("sql: |\n\n  SELECT a\n  FROM nowhere\n", 6, 8),
        ("sql: >\n  SELECT a\n  FROM nowhere\n", 5, 8),
        ("sql: >-\n  SELECT a\n  FROM nowhere\n", 5, 8),
        ("sql: |-\n      SELECT a,\n             b\n      FROM nowhere\n", 6, 12),
        ("description: x\nsql: |\n  SELECT a\n  FROM nowhere\n", 6, 8),
        ("sql: |\n  SELECT {{ var('x', 1) }} AS a, b\n  FROM nowhere\n", 5, 8),
        ("sql: |\n  {% if true %}\n  SELECT 1\n  {% endif %}\n  FROM nowhere\n", 7, 8),
        ("sql: |\n  SELECT 1 AS ü, '日本' AS b FROM nowhere\n", 4, 33),
    ],
)
def test_a_problem_in_sql_is_shown_in_the_files_own_lines(project: ProjectMaker, written: str, line: int, column: int) -> None:
    outcome = project({"seeknal/t.yml": f"kind: transform\nname: t\n{written}".encode()}).run()
    outcome.assert_failed("SK-REF-001", exit_code=2)
    assert f"seeknal/t.yml:{line}:{column}" in outcome.output


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("SELECT nothing FROM {{ ref('users') }}", 1, 8),
        ("-- a\n\nSELECT id,\n       nothing\nFROM {{ ref('users') }}", 4, 8),
        ("/* ---\ndescription: x\n--- */\nSELECT id,\n  nothing FROM source_users", 5, 3),
        ("/* ---\ncolumns: {id: VARCHAR}\n--- */\n\nSELECT id,\n  nothing FROM source_users", 6, 3),
        ("{% set x = 1 %}\nSELECT {{ x }} AS x, id,\n  nothing FROM {{ ref('users') }}", 3, 3),
        ("SELECT id FROM {{ ref('users') }}\nWHERE no_such(id)", 2, 7),
        ("/* ---\nmaterialized: view\n--- */\nSELECT id FROM {{ ref('users') }}\nWHERE no_such(id)", 5, 7),
    ],
)
def test_what_the_engine_says_is_shown_in_the_files_own_lines(project: ProjectMaker, written: str, line: int, column: int) -> None:
    outcome = project({**SHOP, "seeknal/t.sql": written}).run("+t").assert_failed(exit_code=1)
    assert f"seeknal/t.sql:{line}:{column}" in outcome.output, outcome.output


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("sql: SELECT nothing FROM source_users\n", 3, 13),
        ("sql: |\n  SELECT id,\n    nothing\n  FROM source_users\n", 5, 5),
        ("sql: >\n  SELECT id,\n  nothing\n  FROM source_users\n", 5, 3),
        ('sql: "SELECT nothing FROM source_users"\n', 3, 14),
        ("sql: |\n  SELECT id,\n    {{ var('n', 1) }} AS n,\n    nothing\n  FROM source_users\n", 6, 5),
    ],
)
def test_what_the_engine_says_of_sql_in_yaml_too(project: ProjectMaker, written: str, line: int, column: int) -> None:
    outcome = project({**SHOP, "seeknal/t.yml": f"kind: transform\nname: t\n{written}".encode()}).run("+t").assert_failed(exit_code=1)
    assert f"seeknal/t.yml:{line}:{column}" in outcome.output, outcome.output


# Files


def test_a_file_may_hold_several_nodes(project: ProjectMaker) -> None:
    folder = project({"seeknal/all.yml": "---\nkind: transform\nname: a\nsql: SELECT 1 AS n\n---\n---\nkind: transform\nname: b\nsql: SELECT n + 1 AS n FROM transform.a\n...\n"})  # fmt: skip
    folder.run().assert_success()
    assert folder.rows("b") == [(2,)]


def test_front_matter_says_what_the_file_does_not(project: ProjectMaker) -> None:
    text = "/*---\nname: other\ntags: one\ndescription: What it is\ncolumns:\n  n: BIGINT\naudits:\n  - type: not_null\n    columns: [n]\n---*/\nSELECT 1 AS n"
    folder = project({"seeknal/a.sql": text})
    node = folder.open().nodes["transform.other"]
    assert (node.tags, node.description, len(node.audits)) == (("one",), "What it is", 1)
    assert str(node.audits[0].at) == "seeknal/a.sql:8:11"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("/* ---\nname: a b\n--- */\nSELECT 1", "SK-KEY-004", "a.sql:2:7"),
        ("/* ---\ntag: x\n--- */\nSELECT 1", "SK-KEY-001", "a.sql:2:1"),
        ("\n\n/* ---\n\nname: [\n--- */\nSELECT 1", "SK-YAML-001", "a.sql:5"),
        ("/* ---\nsql: SELECT 2\n--- */\nSELECT 1", "SK-KEY-001", "a.sql:2:1"),
        ("/* ---\n- x\n--- */\nSELECT 1", "SK-YAML-007", "a.sql:2:1"),
        ("/* ---\nname: x\n--- */\n", "SK-", "a.sql"),
        ("", "SK-", "a.sql"),
        ("/* ---\nname: x\n--- */\nSELECT 1 +", "SK-SQL-001", "a.sql:4"),
        ("/* ---\nkind: source\n--- */\nSELECT 1", "SK-KEY", "a.sql"),
    ],
)
def test_wrong_front_matter_is_told_in_its_place(project: ProjectMaker, text: str, code: str, place: str) -> None:
    outcome = project({"seeknal/a.sql": text.encode()}).run().assert_failed(exit_code=2)
    assert f"[{code}" in outcome.output
    assert f"seeknal/{place}" in outcome.output


def test_a_byte_order_mark_and_foreign_line_ends_are_no_harm(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": b"\xef\xbb\xbf/* ---\r\nname: x\r\n--- */\r\nSELECT 1 AS n\r\n", "seeknal/b.yml": b"\xef\xbb\xbfkind: transform\r\nname: b\r\nsql: |\r\n  SELECT n\r\n  FROM transform.x\r\n"})  # fmt: skip
    folder.run().assert_success()
    assert folder.rows("b") == [(1,)]


def test_everything_that_is_wrong_is_told_at_once_and_in_order(project: ProjectMaker) -> None:
    folder = project({
        **SHOP,
        "seeknal/a.yml": "kind: transform\nname: a\nsql: SELECT 1 FROM nowhere\nauditz: []\n",
        "seeknal/b.yml": "kind: sorce\nname: b\n---\nkind: source\nname: c\ntype: cvs\ntable: x\n",
        "seeknal/c.sql": "SELECT * FROM {{ ref('adlts') }}",
        "seeknal/d.sql": "SELECT * FROM {{ ref('adults') }} WHERE {{ nothing }}",
        "seeknal/e.py": "from seeknal import transform\n\n@transform(inputs=['source.usrs'])\ndef e(x):\n    return x\n",
        "seeknal/f.yml": "a: [",
    })  # fmt: skip
    outcome = folder.run().assert_failed(exit_code=2)
    places = [str(e.at) for e in outcome.errors]
    assert [p.rpartition(":")[0] for p in places] == [
        "seeknal/a.yml:4", "seeknal/b.yml:1", "seeknal/b.yml:6", "seeknal/c.sql:1", "seeknal/d.sql:1", "seeknal/e.py:3", "seeknal/f.yml:1",
    ]  # fmt: skip
    for hint in ("'audits'", "'source'", "'csv'", "'adults'", "'source.users'"):
        assert f"did you mean {hint}?" in outcome.output
    assert not (folder.root / "target").exists()
    assert "7 errors in the project; nothing was written." in folder.cli("plan").assert_failed(exit_code=2).stderr


def test_older_spellings_load_unchanged(project: ProjectMaker) -> None:
    folder = project({
        "data/a.csv": "n\n1\n",
        "seeknal/a.yml": "kind: source\nname: a\nsource: csv\ntable: data/a.csv\n",
        "seeknal/b.yml": "kind: transform\nname: b\ntransform: SELECT n FROM source.a\naudits:\n  - type: accepted_values\n    columns: [n]\n    values: [1]\n",
    })  # fmt: skip
    folder.run().assert_success()
    assert folder.rows("b") == [(1,)]
    folder.edit("seeknal/b.yml", "SELECT n FROM source.a", "SELECT n FROM source.aa")
    assert "seeknal/b.yml:3:26" in folder.run().assert_failed("SK-REF-001").output


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("kind: transform\nname: 1a\nsql: SELECT 1\n", "SK-KEY-004", "name"),
        ("kind: transform\nname: con\nsql: SELECT 1\n", "SK-KEY-004", "reserved"),
        ("kind: transform\nname: " + "a" * 121 + "\nsql: SELECT 1\n", "SK-KEY-004", "120"),
        ("kind: transform\nname: no\n", "SK-KEY-002", "sql"),
        ("kind: transform\nname: 12\nsql: SELECT 1\n", "SK-KEY-003", "quotes"),
        ("kind: transform\nname: a\nsql: [SELECT 1]\n", "SK-KEY-003", "sql"),
        ("kind: transform\nname: a\nsql: SELECT 1\nenabled: yes please\n", "SK-KEY-003", "enabled"),
        ("kind: transform\nname: a\nsql: SELECT 1\nmaterialized: increment\n", "SK-KEY-003", "view"),
        ("kind: transform\nname: a\nsql: SELECT 1\nschedule: '0 6 * * *'\n", "SK-INT-001", "time_column"),
        (
            "kind: rule\nname: a\ninputs: [{ref: transform.b}]\naudits: [{type: row_count, min: 1}]\nschedule: '0 6 * * *'\n",
            "SK-KEY-005",
            "schedule",
        ),
        ("kind: transform\nname: a\nsql: SELECT 1\nengine: nothing\n", "SK-PLUGIN", "nothing"),
        ("kind: transform\nname: a\nsql: SELECT 1\ndialect: mysq\n", "SK-SQL-007", "mysql"),
        ("kind: transform\nname: a\nsql: SELECT 1\naudits: {type: not_null}\n", "SK-KEY-004", "list"),
        ("kind: rule\nname: a\ninputs: []\naudits: [{type: row_count, min: 1}]\n", "SK-KIND-002", "one input"),
        ("name: a\nsql: SELECT 1\n", "SK-KEY-002", "kind"),
        ("- a\n", "SK-YAML-007", "mapping"),
        ("just text\n", "SK-YAML-007", "mapping"),
        ("# nothing\n", "SK-YAML-008", "empty"),
        ("kind: source\nname: a\ntype: csv\ntable: /etc/passwd\n", "SK-PATH-001", "outside"),
        ("kind: source\nname: a\ntype: csv\ntable: ../x.csv\n", "SK-PATH-001", "outside"),
        ("kind: source\nname: a\ntype: csv\ntable: https://x/y.csv\n", "SK-PATH-001", "this machine"),
        ("kind: source\nname: a\ntype: csv\ntable: x.csv\nparams: {delimeter: x}\n", "SK-DATA-006", "did you mean 'delimiter'?"),
        ("kind: source\nname: a\ntype: csv\ntable: x.csv\ncache: false\n", "SK-KIND-001", "in place"),
        ("kind: exposure\nname: a\ntype: file\ninputs: [{ref: transform.ok}]\nparams: {path: ../x.csv}\n", "SK-PATH", "outside"),
        ("kind: exposure\nname: a\ntype: file\ninputs: [{ref: transform.ok}]\nparams: {path: seeknal/x.csv}\n", "SK-PATH", "seeknal"),
        ("kind: exposure\nname: a\ntype: file\ninputs: [{ref: transform.ok}]\nparams: {path: seeknal_project.yml}\n", "SK-", ""),
        ("kind: exposure\nname: a\ntype: file\ninputs: [{ref: transform.ok}]\nparams: {path: x.cvs}\n", "SK-KIND-001", "csv"),
        ("kind: exposure\nname: a\ntype: table\ninputs: [{ref: transform.ok}]\nconnection: nothing\n", "SK-CFG-004", "profiles.yml"),
    ],
)
def test_what_a_node_may_not_say(project: ProjectMaker, text: str, code: str, words: str) -> None:
    outcome = project({"seeknal/ok.sql": "SELECT 1 AS n", "seeknal/a.yml": text}).run().assert_failed(exit_code=2)
    assert f"[{code}" in outcome.output
    assert words in outcome.output
    assert "seeknal/a.yml:" in outcome.output


@pytest.mark.parametrize(("one", "two"), [("a", "a"), ("a", "A"), ("Users", "uSERS")])
def test_two_nodes_cannot_share_a_name_whatever_its_case(project: ProjectMaker, one: str, two: str) -> None:
    outcome = project({"seeknal/x/f.yml": f"kind: transform\nname: {one}\nsql: SELECT 1\n", "seeknal/y/g.yml": f"kind: transform\nname: {two}\nsql: SELECT 1\n"}).run()  # fmt: skip
    outcome.assert_failed("SK-NODE-001", exit_code=2)
    assert "seeknal/x/f.yml:1:1" in outcome.output
    assert "seeknal/y/g.yml:1:1" in outcome.output


def test_columns_are_a_list_or_a_map(project: ProjectMaker) -> None:
    folder = project({
        "seeknal/a.sql": "/* ---\ncolumns: {n: INTEGER, s: VARCHAR}\n--- */\nSELECT 1 AS n, 'x' AS s",
        "seeknal/b.sql": "/* ---\ncolumns:\n  - {name: n, type: INTEGER}\n  - name: s\n    type: VARCHAR\n--- */\nSELECT 1 AS n, 'x' AS s",
        "seeknal/c.sql": "/* ---\ncolumns: {n: {type: INTEGER, description: The number}, s: {}}\n--- */\nSELECT 1 AS n, 'x' AS s",
    })  # fmt: skip
    columns = {n.name: [(c.name, c.type) for c in n.columns] for n in folder.open().nodes.values()}
    assert columns["a"] == columns["b"] == [("n", "INTEGER"), ("s", "VARCHAR")]
    assert columns["c"] == [("n", "INTEGER"), ("s", None)]


def test_a_disabled_node_is_named_where_it_is_read(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "/* ---\nenabled: false\n--- */\nSELECT 1 AS n", "seeknal/b.sql": "SELECT * FROM {{ ref('a') }}"})
    assert "disabled" in folder.run().assert_failed("SK-REF-001", exit_code=2).output


def test_a_name_that_several_kinds_have_needs_its_kind(project: ProjectMaker) -> None:
    folder = project(
        {
            **SHOP,
            "seeknal/users.sql": "SELECT 1 AS id",
            "seeknal/adults.sql": "SELECT * FROM {{ ref('users') }}",
            "seeknal/spent.sql": "SELECT 1",
        }
    )
    assert "source.users, transform.users" in folder.run().assert_failed("SK-REF-001").output


# Settings, profiles and secrets


def test_variables_come_from_the_project_the_profile_and_the_command_line(project: ProjectMaker) -> None:
    files = {
        "seeknal_project.yml": "name: x\nvars: {a: 1, b: 1, c: 1}\nprofile: dev\n",
        "profiles.yml": "profiles:\n  dev: {vars: {b: 2, c: 2}}\n  prod: {vars: {c: 9}}\n",
        "seeknal/t.sql": "SELECT {{ var('a') }} AS a, {{ var('b') }} AS b, {{ var('c') }} AS c, {{ var('d', 7) }} AS d",
    }
    folder = project(files)
    folder.run().assert_success()
    assert folder.rows("t") == [(1, 2, 2, 7)]
    folder.cli("run", "--vars", "{c: 3, d: 4}").assert_success()
    assert "3" in folder.cli("show", "t", "--vars", "{c: 3, d: 4}", "--format", "json").stdout
    folder.cli("run", "--profile", "prod").assert_success()
    assert folder.rows("t") == [(1, 1, 9, 7)]
    assert "did you mean 'prod'?" in folder.cli("run", "--profile", "prd").assert_failed("SK-CFG-002", exit_code=2).stderr


def test_an_environment_variable_that_changed_is_noticed(project: ProjectMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project({"seeknal/t.sql": "SELECT '{{ env_var('SHOP_REGION', 'none') }}' AS r", "seeknal/u.sql": "SELECT 1 AS n"})
    monkeypatch.delenv("SHOP_REGION", raising=False)
    for value in (None, "north", "south", None):
        if value is None:
            monkeypatch.delenv("SHOP_REGION", raising=False)
        else:
            monkeypatch.setenv("SHOP_REGION", value)
        folder.run().assert_success()
        assert folder.rows("t") == [(value or "none",)]
    assert folder.open().loaded.parsed == 0


def test_a_missing_environment_variable_is_named_with_its_place(project: ProjectMaker) -> None:
    outcome = project({"seeknal/t.sql": "SELECT 1,\n  '{{ env_var('NO_SUCH_VARIABLE') }}'"}).run().assert_failed(exit_code=2)
    assert "NO_SUCH_VARIABLE" in outcome.output
    assert "seeknal/t.sql:2:4" in outcome.output


def test_secrets_are_in_no_file_and_no_output(project: ProjectMaker) -> None:
    secret = "S3CRET-value-4711"
    profiles = "connections:\n  db:\n    type: postgres\n    host: 127.0.0.1\n    port: 1\n    user: u\n    password: ${SHOP_PASSWORD}\n    database: d\n"
    folder = project({"profiles.yml": profiles, "seeknal/s.yml": "kind: source\nname: s\ntype: postgres\nconnection: db\ntable: t\n"})
    env = {"SHOP_PASSWORD": secret}
    for command in (["plan"], ["run"], ["run", "-v"], ["parse"], ["history"], ["state", "info"]):
        assert secret not in folder.cli(*command, env=env).output
    for path in folder.root.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    missing = folder.cli("run").assert_failed()
    assert "SHOP_PASSWORD" in missing.stderr
    assert "profiles.yml:7" in missing.stderr


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("name: a b c!\n", "SK-KEY-004", ":1:7"), ("nam: x\n", "SK-KEY-001", ":1:1"), ("name: x\nengine: duckbd\n", "SK-PLUGIN", ""), ("name: x\nexecution: {max_workers: 0}\n", "SK-KEY-004", ":2"),
        ("name: x\nexecution: {memory_limit: 4}\n", "SK-KEY", ":2"), ("name: x\nexecution: {memory_limit: lots}\n", "SK-KEY-004", ":2"), ("name: x\nstate: {backend: fil}\n", "SK-", ""), ("", "SK-", ""), ("- x\n", "SK-YAML-007", ""),
        ("name: x\nenvironments: {ttl: soon}\n", "SK-KEY-004", ":2"), ("name: x\n---\nname: y\n", "SK-", ""), ("name: x\nvars: [a]\n", "SK-KEY-003", ":2"), ("name: x\naudits: {default_severity: fatal}\n", "SK-KEY-003", ":2"),
    ],
)  # fmt: skip
def test_wrong_settings_are_told_in_their_place(project: ProjectMaker, text: str, code: str, place: str) -> None:
    folder = project({"seeknal_project.yml": text, "seeknal/a.sql": "SELECT 1 AS n"})
    done = folder.cli("run").assert_failed(exit_code=2)
    assert f"[{code}" in done.stderr
    assert f"seeknal_project.yml{place}" in done.stderr or not place
    assert not (folder.root / "target/cache").exists()


# Parsing only what changed


def test_only_changed_files_are_parsed_again(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    assert folder.open().loaded.parsed == 0
    folder.edit("seeknal/spent.sql", "total", "amount")
    assert folder.open().loaded.parsed == 1


def test_files_that_refer_to_changed_ones_are_parsed_again_only_when_names_change(project: ProjectMaker) -> None:
    folder = project({"seeknal/a.sql": "SELECT 1 AS n", **{f"seeknal/b{i}.sql": "SELECT n FROM {{ ref('a') }}" for i in range(3)}})
    folder.run().assert_success()
    folder.edit("seeknal/a.sql", "1 AS", "2 AS")
    assert folder.open().loaded.parsed == 1
    folder.write("seeknal/s.yml", "kind: source\nname: a\nsource: csv\ntable: a.csv\n")
    assert folder.cli("run").assert_failed(exit_code=2).stderr.count("'a'") >= 3  # it could be either
    folder.delete("seeknal/s.yml")
    (folder.root / "seeknal/a.sql").rename(folder.root / "seeknal/c.sql")
    assert folder.cli("run").assert_failed(exit_code=2).stderr.count("'a'") >= 3


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("seeknal_project.yml", "name: other\n"),
        ("profiles.yml", "source_defaults: {csv: {header: true}}\n"),
        ("macros/m.sql", "{% macro one() %}1{% endmacro %}"),
        ("plugins/p.py", "X = 1\n"),
    ],
)
def test_what_all_files_depend_on_has_all_of_them_parsed_again(project: ProjectMaker, path: str, text: str) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    folder.write(path, text)
    assert folder.open().loaded.parsed == 4
    folder.run().assert_success()
    assert folder.open().loaded.parsed == 0


def test_a_macro_that_changed_reaches_the_nodes_that_use_it(project: ProjectMaker) -> None:
    folder = project(
        {
            **SHOP,
            "macros/age.sql": "{% macro grown() %}age >= 18{% endmacro %}",
            "seeknal/adults.sql": "SELECT id, name FROM {{ ref('users') }} WHERE {{ grown() }}",
        }
    )
    folder.run().assert_success()
    folder.write("macros/age.sql", "{% macro grown() %}age >= 16{% endmacro %}")
    assert folder.run().assert_success().built == {"transform.adults", "transform.spent"}


def test_a_removed_node_is_missed_by_its_unchanged_readers(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    folder.delete("seeknal/adults.sql")
    outcome = folder.run().assert_failed("SK-REF-001", exit_code=2)
    assert "seeknal/spent.sql:1" in outcome.output


def test_a_renamed_node_is_missed_by_its_unchanged_readers(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    (folder.root / "seeknal/adults.sql").rename(folder.root / "seeknal/grown.sql")
    folder.run().assert_failed("SK-REF-001", exit_code=2)


def test_a_node_that_makes_a_bare_name_ambiguous_is_noticed_by_unchanged_readers(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    folder.write("seeknal/adults.yml", "kind: source\nname: adults\ntype: csv\ntable: data/users.csv\n")
    assert "could be any of" in folder.run().assert_failed("SK-REF-001", exit_code=2).output


def test_a_node_that_moves_to_another_file_is_the_same_node(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    (folder.root / "seeknal/sub").mkdir()
    (folder.root / "seeknal/adults.sql").rename(folder.root / "seeknal/sub/adults.sql")
    assert folder.run().assert_success().built == set()


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'{"format": 1}', b'{"format": 1, "context": "x", "files": 3}'])
def test_a_damaged_cache_is_no_more_than_slower(project: ProjectMaker, content: bytes) -> None:
    folder = project(SHOP)
    folder.run().assert_success()
    for name in ("parsed.json", "settings.json"):
        (folder.root / "target" / name).write_bytes(content)
    assert folder.run().assert_success().built == set()


def test_what_is_read_from_the_cache_is_what_was_parsed(project: ProjectMaker) -> None:
    folder = project({**SHOP, "seeknal/py.py": "from seeknal import transform\n\n@transform(inputs=['source.users'], tags=['a'])\ndef py(x):\n    return x\n",
                      "seeknal/r.yml": "kind: rule\nname: r\ninputs: [{ref: source.users}]\naudits: [{type: not_null, columns: [id], where: 'id > 0'}]\nmeta: {a: [1, {b: null}], c: 1.5}\n",
                      "seeknal/e.yml": "kind: exposure\nname: e\ntype: file\ninputs: [{ref: spent}]\nparams: {path: out/e.csv}\n",
                      "seeknal/d.yml": "kind: exposure\nname: d\ntype: dashboard\nurl: https://x\ninputs: [{ref: spent}]\n"})  # fmt: skip
    folder.run().assert_success()
    cached = folder.open()
    assert cached.loaded.parsed == 0
    folder.write("macros/x.sql", "")
    parsed = folder.open()
    assert parsed.loaded.parsed == 8
    assert parsed.nodes == cached.nodes


def test_parse_writes_a_manifest_and_says_what_there_is(project: ProjectMaker) -> None:
    folder = project(SHOP)
    folder.cli("parse").assert_success()
    manifest = json.loads(folder.read("target/manifest.json"))
    assert len(manifest["nodes"]) == 4
