"""`seeknal draft`."""

from __future__ import annotations

import re

import pytest
import yaml

from seeknal.kinds.aggregation import AggregationSpec, SecondOrderAggregationSpec
from seeknal.kinds.exposure import ExposureSpec
from seeknal.kinds.feature_group import FeatureGroupSpec
from seeknal.kinds.rule import RuleSpec
from seeknal.kinds.source import SourceSpec
from seeknal.kinds.training_set import TrainingSetSpec
from seeknal.kinds.transform import TransformSpec
from seeknal.project.parsing import refused
from seeknal.testing.commands import seeknal

SPECS = {
    "source": SourceSpec,
    "transform": TransformSpec,
    "exposure": ExposureSpec,
    "rule": RuleSpec,
    "feature_group": FeatureGroupSpec,
    "aggregation": AggregationSpec,
    "second_order_aggregation": SecondOrderAggregationSpec,
    "training_set": TrainingSetSpec,
}


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_is_explained_as_its_spec_does(people, kind):
    people.cli("draft", kind, "new").assert_success()
    text = people.read(f"draft_{kind}_new.yml")
    for key, field in SPECS[kind].model_fields.items():
        if key in refused(SPECS[kind]):
            assert not re.search(rf"^#?{key}:", text, re.MULTILINE), f"{key} would be refused"
        else:
            assert re.search(rf"^#?{key}:", text, re.MULTILINE), f"{key} is missing"
            assert f"# {field.description or ''}" in text


@pytest.mark.parametrize("kind", SPECS)
def test_a_draft_with_every_comment_taken_away_is_yaml_of_its_kind(people, kind):
    people.cli("draft", kind, "new").assert_success()
    text = people.read(f"draft_{kind}_new.yml")
    uncommented = re.sub(r"^#(?=\S|  -)", "", text, flags=re.MULTILINE)
    SPECS[kind].model_validate(yaml.safe_load(uncommented))


@pytest.mark.parametrize(
    ("kind", "deps"),
    [("transform", ()), ("transform", ("--deps", "people")), ("exposure", ("--deps", "adults")), ("rule", ("--deps", "transform.adults"))],
)
def test_a_fresh_draft_passes_a_dry_run(built, kind, deps):
    built.cli("draft", kind, "new", *deps).assert_success()
    built.cli("dry-run", f"draft_{kind}_new.yml").assert_success()


@pytest.mark.parametrize("deps", [(), ("--deps", "people,names")])
def test_a_fresh_python_draft_passes_a_dry_run(built, deps):
    built.cli("draft", "transform", "new", "--python", *deps).assert_success()
    built.cli("dry-run", "draft_transform_new.py").assert_success()


def test_nodes_that_share_a_name_are_told_apart(built):
    built.write("seeknal/transforms/people.sql", "SELECT * FROM {{ ref('source.people') }}").run().assert_success()
    built.cli("draft", "transform", "new", "--python", "--deps", "source.people,transform.people").assert_success()
    assert "def new(source_people: pa.Table, transform_people: pa.Table)" in built.read("draft_transform_new.py")
    built.cli("dry-run", "draft_transform_new.py").assert_success()


def test_dependencies_become_references(people):
    people.cli("draft", "transform", "new", "--deps", "people, transform.adults").assert_success()
    text = people.read("draft_transform_new.yml")
    assert "FROM {{ ref('source.people') }} AS people" in text
    assert "JOIN {{ ref('transform.adults') }} AS adults" in text


def test_the_installed_audits_are_listed(people):
    people.cli("draft", "rule", "new").assert_success()
    people.cli("draft", "transform", "new").assert_success()
    assert re.search("# +accepted_values +Every value of `column` is one of `values`", people.read("draft_transform_new.yml"))


def test_a_draft_is_never_overwritten(people):
    people.write("draft_rule_new.yml", "mine")
    people.cli("draft", "rule", "new").assert_failed("SK-DRAFT-003", exit_code=2)
    assert people.read("draft_rule_new.yml") == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("transfrom", "x"), "SK-PLUGIN-001", "did you mean 'transform'?"),
        (("transform", "1x"), "SK-DRAFT-001", "must not start with a digit"),
        (("transform", "../x"), "SK-DRAFT-001", "letters (a-z)"),
        (("transform", "adults"), "SK-NODE-001", "seeknal/transforms/adults.sql"),
        (("transform", "x", "--deps", "adult"), "SK-SEL-002", "did you mean 'adults'?"),
        (("rule", "x", "--python"), "SK-DRAFT-002", "leave out --python"),
        (("source", "x", "--python", "--deps", "people"), "SK-DRAFT-002", "leave out --deps"),
    ],
)
def test_what_cannot_be_drafted_is_explained(people, arguments, code, hint):
    outcome = people.cli("draft", *arguments).assert_failed(code, exit_code=2)
    assert hint in outcome.stderr
    assert not list(people.root.glob("draft_*"))


def test_a_broken_project_keeps_nobody_from_drafting(people):
    people.write("seeknal/sources/broken.yml", "kind: sauce")
    people.cli("draft", "rule", "new").assert_success()
    people.cli("draft", "rule", "newer", "--deps", "adults").assert_failed("SK-PLUGIN-001", exit_code=2)


def test_outside_a_project_there_is_nothing_to_draft_for(tmp_path):
    seeknal("draft", "rule", "new", cwd=tmp_path).assert_failed("SK-CFG-001", exit_code=2)
