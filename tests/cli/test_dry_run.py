"""`seeknal dry-run`."""

from __future__ import annotations

import pytest

GROWN = """\
kind: transform
name: grown
sql: SELECT id, name FROM {{ ref('source.people') }} WHERE age > 25 ORDER BY id
"""


def everything_under(folder):
    """Every file but the caches of what was read, which nothing is compared against."""
    caches = ("parsed.json", "settings.json")
    return {
        p.relative_to(folder): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file() and p.name not in caches
    }


def test_columns_and_first_rows_are_shown(built):
    outcome = built.write("draft.yml", GROWN).cli("dry-run", "draft.yml", "--limit", "1").assert_success()
    assert "transform.grown stores a table\n" in outcome.stdout
    assert "id      BIGINT\nname    VARCHAR\n" in outcome.stdout
    assert "Ayu" in outcome.stdout
    assert "Budi" not in outcome.stdout
    assert "seeknal apply draft.yml" in outcome.stderr


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("draft.yml", GROWN),
        ("draft.yml", "kind: source\nname: more\ntype: csv\ntable: data/people.csv\n"),
        ("draft.yml", "kind: exposure\nname: out\ntype: file\ninputs: [{ref: source.people}]\nparams: {path: out/people.csv}\n"),
        ("draft.yml", "kind: rule\nname: some\ninputs: [{ref: source.people}]\naudits: [{type: row_count, min: 1}]\n"),
        ("draft.py", "from seeknal import transform\n\n@transform(inputs=['source.people'])\ndef same(people):\n    return people\n"),
        ("draft.sql", "SELECT 1 AS one"),
    ],
)
def test_nothing_is_written(built, file, text):
    built.write(file, text)
    before = everything_under(built.root)
    built.cli("dry-run", file).assert_success()
    assert everything_under(built.root) == before
    assert built.cli("plan").assert_success().stdout.startswith("Nothing to do")


def test_a_source_is_read(people):
    people.write("draft.yml", "kind: source\nname: more\ntype: csv\ntable: data/people.csv\ncolumns: {age: DOUBLE}\n")
    outcome = people.cli("dry-run", "draft.yml").assert_success()
    assert "source.more stores a table of 3 rows" in outcome.stdout
    assert "age     DOUBLE" in outcome.stdout
    assert "Citra" in outcome.stdout


def test_an_exposure_says_what_it_would_write(built):
    built.write("draft.yml", "kind: exposure\nname: out\ntype: file\ninputs: [{ref: transform.names}]\nparams: {path: out/n.csv}\n")
    outcome = built.cli("dry-run", "draft.yml").assert_success()
    assert "exposure.out writes 2 rows to out/n.csv (csv)" in outcome.stdout
    assert not (built.root / "out").exists()


def test_a_documented_exposure_builds_nothing(people):
    people.write("draft.yml", "kind: exposure\nname: board\ntype: dashboard\ninputs: [{ref: transform.names}]\n")
    assert "documents a dashboard" in people.cli("dry-run", "draft.yml").assert_success().stdout


def test_a_rule_says_what_its_audits_find(built):
    built.write("draft.yml", "kind: rule\nname: many\ninputs: [{ref: transform.adults}]\naudits: [{type: row_count, min: 10}]\n")
    outcome = built.cli("dry-run", "draft.yml").assert_exit(1)
    assert "fail  row_count: count(*) is 2, expected at least 10" in outcome.stdout
    assert "seeknal apply" not in outcome.stderr


def test_a_warning_does_not_fail(built):
    built.write("draft.yml", GROWN + "audits: [{type: row_count, min: 10, severity: warn}]\n")
    assert "warn  row_count" in built.cli("dry-run", "draft.yml").assert_success().stdout


def test_declared_types_are_enforced(built):
    built.write("draft.yml", GROWN + "columns: {id: VARCHAR}\n")
    assert "id      VARCHAR" in built.cli("dry-run", "draft.yml").assert_success().stdout
    built.write("draft.yml", GROWN + "columns: {idd: VARCHAR}\n")
    built.cli("dry-run", "draft.yml").assert_failed("SK-DATA-005", exit_code=1)


def test_inputs_that_are_not_built_are_named_with_the_command_that_builds_them(people):
    people.write("draft.yml", "kind: transform\nname: t\nsql: SELECT * FROM {{ ref('transform.names') }}\n")
    outcome = people.cli("dry-run", "draft.yml").assert_failed("SK-RUN-002", exit_code=1)
    command = outcome.stderr.partition("build it first: seeknal ")[2].split()
    people.cli(*command).assert_success()
    people.cli("dry-run", "draft.yml").assert_success()


def test_inputs_that_changed_since_they_were_built_are_mentioned(built):
    built.edit("seeknal/transforms/adults.sql", ">= 30", ">= 40")
    built.write("draft.yml", "kind: transform\nname: t\nsql: SELECT * FROM {{ ref('transform.names') }}\n")
    outcome = built.cli("dry-run", "draft.yml").assert_success()
    assert "transform.adults changed since the last run" in outcome.stderr


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("kind: transform\nname: t\nsql: SELECT * FROM {{ ref('source.peopl') }}\n", "SK-REF-001", "draft.yml:3:20"),
        ("kind: transform\nname: t\nsqll: SELECT 1\n", "SK-KEY-001", "draft.yml:3:1"),
        ("kind: transform\nname: adults\nsql: SELECT 1 AS a\n", "SK-NODE-001", "draft.yml:1:1"),
    ],
)
def test_what_is_wrong_is_shown_at_the_drafts_own_place(built, text, code, place):
    outcome = built.write("draft.yml", text).cli("dry-run", "draft.yml").assert_failed(code, exit_code=2)
    assert f"--> {place}" in outcome.stderr


def test_an_engines_error_is_shown_at_the_drafts_own_place(built):
    built.write("draft.yml", "kind: transform\nname: t\nsql: |\n  SELECT id,\n    agee FROM {{ ref('source.people') }}\n")
    outcome = built.cli("dry-run", "draft.yml").assert_failed("SK-SQL-011", exit_code=1)
    assert "--> draft.yml:5:5" in outcome.stderr


def test_python_that_fails_is_shown_at_its_line(built):
    built.write(
        "draft.py", "from seeknal import transform\n\n@transform(inputs=['source.people'])\ndef t(people):\n    return people['nix']\n"
    )
    outcome = built.cli("dry-run", "draft.py").assert_failed("SK-PY-010", exit_code=1)
    assert "--> draft.py:5:" in outcome.stderr


def test_a_sql_draft_is_named_by_its_file(built):
    built.write("draft_transform_ages.sql", "SELECT age FROM source.people")
    assert "transform.ages " in built.cli("dry-run", "draft_transform_ages.sql").assert_success().stdout


def test_a_file_in_place_can_be_tried_too(built):
    built.edit("seeknal/transforms/adults.sql", ">= 30", ">= 40")
    outcome = built.cli("dry-run", "seeknal/transforms/adults.sql").assert_success()
    assert "transform.adults stores a table of 1 row" in outcome.stdout


def test_a_draft_may_stand_outside_the_project(built, tmp_path):
    outside = tmp_path / "elsewhere.yml"
    outside.write_text("kind: transform\nname: t\nsql: SELECT * FROM {{ ref('source.people') }}\n")
    built.cli("dry-run", str(outside)).assert_success()


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("draft.txt", "kind: rule", "SK-DRAFT-005"),
        ("draft.yml", "kind: transform\nname: t\nenabled: false\nsql: SELECT 1 AS a\n", "SK-DRAFT-006"),
        ("draft.py", "def t():\n    pass\n", "SK-DRAFT-006"),
    ],
)
def test_a_file_without_a_node_is_refused(built, file, text, code):
    built.write(file, text).cli("dry-run", file).assert_failed(code, exit_code=2)


def test_a_misspelt_file_is_suggested(built):
    built.write("draft_rule_r.yml", "kind: rule")
    outcome = built.cli("dry-run", "draft_rule_x.yml").assert_failed("SK-DRAFT-005", exit_code=2)
    assert "did you mean 'draft_rule_r.yml'?" in outcome.stderr
