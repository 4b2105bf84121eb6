"""`seeknal schema`."""

from __future__ import annotations

import json

import jsonschema
import pytest

from seeknal import builtins
from seeknal.project import yaml
from seeknal.project.parsing import refused
from seeknal.scaffold.project import template_files
from seeknal.targets import load_target
from seeknal.testing.commands import seeknal


@pytest.mark.parametrize("kind", ["source", "transform", "exposure", "rule", "feature_group"])
def test_a_kinds_schema_says_what_its_file_may_hold(tmp_path, kind):
    document = seeknal("schema", kind, cwd=tmp_path).assert_success().json()
    assert document["properties"]["kind"]["const"] == kind
    assert document["required"][:2] == ["kind", "name"]
    assert document["additionalProperties"] is False
    model = load_target(next(k.target for k in builtins.seeknal_node_kinds() if k.name == kind))
    assert not refused(model) & set(document["properties"])
    assert document["properties"]["name"]["description"]


def test_every_reference_in_a_schema_has_its_definition(tmp_path):
    for arguments in [(), ("transform",)]:
        outcome = seeknal("schema", *arguments, cwd=tmp_path).assert_success()
        names = {part.split('"')[0] for part in outcome.stdout.split("#/$defs/")[1:]}
        assert names <= set(outcome.json()["$defs"])


def test_what_is_written_in_two_ways_is_allowed_in_both(tmp_path):
    properties = seeknal("schema", "transform", cwd=tmp_path).json()["properties"]
    assert {choice["type"] for choice in properties["columns"]["anyOf"]} == {"array", "object"}
    assert {choice["type"] for choice in properties["tags"]["anyOf"]} == {"array", "string"}


def test_without_a_kind_the_schema_covers_all(tmp_path):
    document = seeknal("schema", cwd=tmp_path).assert_success().json()
    kinds = document["properties"]["kind"]["enum"]
    assert {"source", "transform", "exposure", "rule"} <= set(kinds)
    assert len(document["oneOf"]) == len(kinds)
    assert set(document["discriminator"]["mapping"]) == set(kinds)


def test_a_schema_is_written_to_a_file(tmp_path):
    outcome = seeknal("schema", "rule", "--output", "rule.schema.json", cwd=tmp_path).assert_success()
    assert outcome.stdout == ""
    assert json.loads((tmp_path / "rule.schema.json").read_text())["title"] == "rule"


def test_a_kind_of_the_projects_own_plugin_is_covered(project):
    folder = project(
        {
            "plugins/kinds.py": """
                from seeknal.plugin import NodeKind, hookimpl

                @hookimpl
                def seeknal_node_kinds():
                    return [NodeKind("check", "seeknal.kinds.rule:RuleSpec", "A rule by another name.")]
                """
        }
    )
    assert folder.cli("schema", "check").assert_success().json()["properties"]["kind"]["const"] == "check"


def test_an_unknown_kind_is_suggested(tmp_path):
    outcome = seeknal("schema", "sorce", cwd=tmp_path).assert_failed("SK-PLUGIN-001", exit_code=2)
    assert "did you mean 'source'?" in outcome.stderr


def test_files_of_unit_tests_have_a_schema(tmp_path):
    schema = seeknal("schema", "unit_test", cwd=tmp_path).assert_success().json()
    validator = jsonschema.validators.validator_for(schema)(schema)
    for template in ("shop", "starter"):
        for name, data in template_files(template).items():
            if name.startswith("tests/"):
                assert [list(validator.iter_errors(d.value)) for d in yaml.load(data.decode(), name)] == [[]] * data.decode().count("node:")
    short = {"name": "a", "node": "b", "inputs": {"c": [{"d": 1}]}, "expect": [{"d": 1}]}
    assert not list(validator.iter_errors(short))
    assert list(validator.iter_errors({**short, "inptus": {}}))
