"""The JSON Schema of a file of tests, made from the spec that checks it, for editors."""

from __future__ import annotations

from typing import Any

from seeknal.project.schema import DIALECT
from seeknal.unit_tests.spec import UnitTestSpec

NAME = "unit_test"
_ROWS_ALONE = ("TableSpec", "Expectation")


def unit_test_schema() -> dict[str, Any]:
    """The schema of one document below `tests/`. A table may be its rows alone."""
    found = UnitTestSpec.model_json_schema()
    definitions = found.pop("$defs")
    for name in _ROWS_ALONE:
        rows = {"type": "array", "items": {"type": "object"}, "description": "Rows, each a mapping."}
        definitions[name] = {"anyOf": [rows, definitions[name]]}
    found.pop("title")
    return {"$schema": DIALECT, "title": NAME, **found, "$defs": definitions}
