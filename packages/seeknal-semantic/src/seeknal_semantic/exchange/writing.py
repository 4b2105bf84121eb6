"""Plain values as YAML documents that people can read and edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable


def as_yaml(documents: Iterable[Any]) -> str:
    """The documents, one after another, keys in the order they were given."""
    return "---\n".join(yaml.safe_dump(d, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False) for d in documents)
