"""The shapes of project that are compared.

chain      every model reads the one before it: the depth is the number of models
wide       every model reads the first one: the depth is two
layered    ten layers; a model joins two of the layer before it
realistic  joins, CTEs, aggregations and window functions over five sources, in groups of ten
"""

from collections.abc import Callable

from benchmarks.description import Model, ProjectDescription, Reference, Shape

LAYERS = 10

STAGING = ("customers", "products", "orders", "order_items", "payments")

GROUP: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("orders_enriched", ("stg_orders", "stg_customers", "earlier")),
    ("order_totals", ("stg_order_items", "stg_products", "orders_enriched")),
    ("daily_sales", ("order_totals",)),
    ("daily_trend", ("daily_sales",)),
    ("customer_value", ("order_totals", "stg_customers")),
    ("customer_rank", ("customer_value",)),
    ("product_sales", ("stg_order_items", "stg_products", "orders_enriched")),
    ("product_rank", ("product_sales",)),
    ("payments_matched", ("stg_payments", "order_totals")),
    ("segment_summary", ("customer_rank", "payments_matched")),
)
"""The models of one group, and what each reads: staging models, or models of the same group."""

FANOUT = 3
"""A group reads an earlier one; so many groups read the same."""


def describe(shape: Shape, nodes: int) -> ProjectDescription:
    """A project of `nodes` models in the given shape."""
    build, edited = _SHAPES[shape]
    return ProjectDescription(shape, nodes, build, edited(nodes))


def _model(name: str) -> Reference:
    return Reference("model", name)


def _first(name: str) -> Model:
    return Model(name, "first", {"orders": Reference("source", "orders")})


def _chain(index: int, nodes: int) -> Model:
    del nodes
    if index == 0:
        return _first("link_00000")
    return Model(f"link_{index:05}", "link", {"before": _model(f"link_{index - 1:05}")})


def _wide(index: int, nodes: int) -> Model:
    del nodes
    if index == 0:
        return _first("trunk")
    values = {"least": str(index % 97)}
    return Model(f"leaf_{index:05}", "leaf", {"trunk": _model("trunk")}, values)


def _layered(index: int, nodes: int) -> Model:
    width = _width(nodes)
    layer, place = divmod(index - 1, width)
    if index == 0:
        return _first("base")
    if layer == 0:
        values = {"least": str(place % 97)}
        return Model(_layer_name(0, place), "leaf", {"trunk": _model("base")}, values)
    left = _layer_name(layer - 1, place)
    right = _layer_name(layer - 1, (place * 7 + 3) % width)
    inputs = {"left": _model(left), "right": _model(right)}
    return Model(_layer_name(layer, place), "joined", inputs)


def _layer_name(layer: int, place: int) -> str:
    return f"layer_{layer}_{place:04}"


def _width(nodes: int) -> int:
    return max(1, -(-(nodes - 1) // LAYERS))


def _realistic(index: int, nodes: int) -> Model:
    del nodes
    if index < len(STAGING):
        name = STAGING[index]
        return Model(f"stg_{name}", f"realistic/stg_{name}", {name: Reference("source", name)})
    group, place = divmod(index - len(STAGING), len(GROUP))
    name, reads = GROUP[place]
    inputs = {read: _model(_group_input(group, read)) for read in reads}
    values = {"least": str(group % 50)}
    return Model(_group_name(group, name), f"realistic/{name}", inputs, values)


def _group_input(group: int, read: str) -> str:
    if read.startswith("stg_"):
        return read
    if read != "earlier":
        return _group_name(group, read)
    # The first group has no earlier one; customers have the columns it needs.
    return "stg_customers" if group == 0 else _group_name((group - 1) // FANOUT, "customer_value")


def _group_name(group: int, name: str) -> str:
    return f"g{group:04}_{name}"


def _middle(nodes: int) -> int:
    return nodes // 2


def _second_layer(nodes: int) -> int:
    return min(nodes - 1, 1 + _width(nodes))


def _order_totals(nodes: int) -> int:
    groups = max(1, (nodes - len(STAGING)) // len(GROUP))
    return min(nodes - 1, len(STAGING) + (groups // FANOUT**2) * len(GROUP) + 1)


_SHAPES: dict[Shape, tuple[Callable[[int, int], Model], Callable[[int], int]]] = {
    "chain": (_chain, _middle),
    "wide": (_wide, _middle),
    "layered": (_layered, _second_layer),
    "realistic": (_realistic, _order_totals),
}
