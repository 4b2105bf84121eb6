"""What this package brings. Listing it imports nothing but this."""

from __future__ import annotations

from seeknal.plugin import Column, NodeKind, Relation, RowCheck, audit, hookimpl, literal


@audit
def matches(target: Relation, *, column: Column, pattern: str) -> RowCheck:
    """Every value of `column` matches the regular expression `pattern`; NULLs are left out."""
    return RowCheck(f"not regexp_full_match(cast({column} as varchar), {literal(pattern)})")


@hookimpl
def seeknal_node_kinds() -> list[NodeKind]:
    """The kind `union`."""
    return [NodeKind("union", target="seeknal_example.union:UnionSpec", description="Rows of several nodes, one below the other.")]
