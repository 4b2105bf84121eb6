"""What a node or an audit computes, as a hash: what plays no part in the outcome plays none in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seeknal.nodes import Logic, PythonLogic, SqlLogic

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def audit_definition(
    code: str, params: Mapping[str, Any], where: str | None, hidden: Collection[str] = (), *, quarantines: bool = False
) -> str:
    """What an audit checks, and which columns it may not tell of, as a hash. Its severity, name and description play no part.

    One that sets rows aside looks at all rows, any other at those that are left.
    """
    material = [code, dict(params), where, *sorted(hidden), *([True] if quarantines else [])]
    return hashlib.sha256(json.dumps(material, sort_keys=True, default=str).encode()).hexdigest()[:16]


def content_hash(logic: Logic, meaning: str | None = None) -> str:
    """What the node computes, as a hash. Where it was written and how it is kept play no part."""
    if isinstance(logic, SqlLogic):
        material: Any = ["sql", meaning or logic.sql, logic.clock]
    else:
        values = asdict(logic)
        for key in ("place", "cache", "refresh", "marks", "made_of"):
            values.pop(key, None)
        if isinstance(logic, PythonLogic):
            values.pop("path")
        material = [type(logic).__name__, values]
    return hashlib.sha256(json.dumps(material, sort_keys=True, default=str).encode()).hexdigest()
