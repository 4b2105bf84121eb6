"""Forty audits of the TPC-H pipeline: two for each model, more for those that others are made of."""

import json
from pathlib import Path
from typing import Any

_KEYS = {
    "stg_customers": "customer_id", "stg_geography": "nation_id", "stg_orders": "order_id", "stg_parts": "part_id", "stg_suppliers": "supplier_id",
    "order_totals": "order_id", "customer_orders": "customer_id", "returned_items": "customer_id", "late_orders": "priority",
    "orders_per_customer": "orders", "large_orders": "order_id", "shipping_priority": "order_id",
}  # fmt: skip
_COMBINED = {
    "stg_part_supply": ["part_id", "supplier_id"], "local_suppliers": ["nation", "ordered_in"], "pricing_summary": ["return_flag", "line_status"],
    "shipping_modes": ["ship_mode", "received_in"], "supplier_months": ["supplier_id", "shipped_in"],
    "part_type_profit": ["nation", "part_type", "ordered_in"],
}  # fmt: skip
_OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("stg_orders", {"type": "accepted_values", "column": "status", "values": ["O", "F", "P"]}),
    ("stg_orders", {"type": "relationships", "column": "customer_id", "to": "transform.stg_customers"}),
    ("stg_lineitems", {"type": "not_null", "columns": ["order_id", "line", "part_id", "supplier_id"]}),
    ("stg_lineitems", {"type": "accepted_range", "column": "discount", "min": 0, "max": 1}),
    ("stg_lineitems", {"type": "compare", "column": "shipped_on", "op": "<=", "other": "received_on"}),
    ("stg_lineitems", {"type": "row_count_vs", "to": "transform.stg_orders", "op": ">="}),
    ("order_lines", {"type": "not_null", "columns": ["order_id", "customer_id"]}),
    ("order_lines", {"type": "expression", "sql": "quantity > 0"}),
    ("order_lines", {"type": "row_count_vs", "to": "transform.stg_lineitems"}),
    ("order_totals", {"type": "aggregate", "column": "lines", "fn": "mean", "min": 1, "max": 7}),
]


def audits() -> list[dict[str, Any]]:
    """All of them, each with the model that it is for."""
    found: list[tuple[str, dict[str, Any]]] = [(m, {"type": "unique", "columns": c}) for m, c in _KEYS.items()]
    found += [(m, {"type": "not_null", "columns": c}) for m, c in _KEYS.items()]
    found += [(m, {"type": "unique_combination", "columns": c}) for m, c in _COMBINED.items()]
    return [{"select": f"transform.{model}", **audit} for model, audit in [*found, *_OTHERS]]


def write_audits(project: Path, *, wanted: bool) -> None:
    """Write the project's settings with or without the audits."""
    (project / "seeknal_project.yml").write_text(json.dumps({"name": "tpch", "audits": audits() if wanted else []}))
