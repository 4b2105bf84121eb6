"""`seeknal apply`."""

from __future__ import annotations

import pytest

GROWN = "kind: transform\nname: grown\nsql: SELECT id FROM {{ ref('source.people') }} WHERE age > 25\n"
PYTHON = "from seeknal import transform\n\n@transform(inputs=['source.people'])\ndef same(people):\n    return people\n"


@pytest.mark.parametrize(
    ("file", "text", "place", "node"),
    [
        ("draft_transform_grown.yml", GROWN, "seeknal/transforms/grown.yml", "transform.grown"),
        ("any.yaml", GROWN, "seeknal/transforms/grown.yaml", "transform.grown"),
        ("draft_transform_same.py", PYTHON, "seeknal/transforms/same.py", "transform.same"),
        ("draft_transform_one.sql", "SELECT 1 AS one", "seeknal/transforms/one.sql", "transform.one"),
        ("s.yml", "kind: source\nname: more\ntype: csv\ntable: data/people.csv\n", "seeknal/sources/more.yml", "source.more"),
    ],
)
def test_a_draft_is_moved_to_its_place_and_runs(built, file, text, place, node):
    outcome = built.write(file, text).cli("apply", file).assert_success()
    assert outcome.stdout == f"{node} is in {place}\n"
    assert built.read(place) == text
    assert not (built.root / file).exists()
    command = outcome.stderr.partition("next:\n  seeknal ")[2].split()
    built.cli(*command).assert_success()
    assert built.rows(node)


def test_a_draft_from_a_folder_below_is_moved_too(built):
    built.write("notes/new.yml", GROWN).cli("apply", "new.yml", cwd="notes").assert_success()
    assert (built.root / "seeknal/transforms/grown.yml").is_file()


def test_a_draft_that_is_wrong_stays_where_it_is(built):
    built.write("new.yml", GROWN.replace("source.people", "source.peeple"))
    built.cli("apply", "new.yml").assert_failed("SK-REF-001", exit_code=2)
    assert (built.root / "new.yml").is_file()
    assert not (built.root / "seeknal/transforms/grown.yml").exists()


def test_a_node_that_exists_is_not_replaced(built):
    built.write("new.yml", GROWN.replace("grown", "adults"))
    outcome = built.cli("apply", "new.yml").assert_failed("SK-NODE-001", exit_code=2)
    assert "seeknal/transforms/adults.sql" in outcome.stderr
    assert (built.root / "new.yml").is_file()


def test_a_file_that_exists_is_not_overwritten(built):
    built.write("seeknal/transforms/grown.yml", "kind: transform\nname: other\nsql: SELECT 1 AS a\n")
    built.write("new.yml", GROWN).cli("apply", "new.yml").assert_failed("SK-DRAFT-007", exit_code=2)
    assert "name: other" in built.read("seeknal/transforms/grown.yml")
    assert (built.root / "new.yml").is_file()


def test_what_is_in_place_stays_there(built):
    built.cli("apply", "seeknal/transforms/adults.sql").assert_failed("SK-DRAFT-007", exit_code=2)
    assert (built.root / "seeknal/transforms/adults.sql").is_file()


def test_a_cycle_is_refused(built):
    built.write("new.yml", "kind: transform\nname: loop\nsql: SELECT * FROM {{ ref('transform.loop') }}\n")
    built.cli("apply", "new.yml").assert_failed("SK-GRAPH-001", exit_code=2)
    assert (built.root / "new.yml").is_file()


def test_nothing_to_apply_says_what_there_is(built):
    outcome = built.write("draft_rule_r.yml", "kind: rule").cli("apply", "draft_q").assert_failed("SK-DRAFT-005", exit_code=2)
    assert "drafts here: draft_rule_r.yml" in outcome.stderr
