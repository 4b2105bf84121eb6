"""Python is a transform too: Arrow tables in, an Arrow table out. Nothing here runs before the node is built."""

import pyarrow as pa
import pyarrow.compute as pc

from seeknal import transform


@transform(
    name="customer_segments",
    inputs=["transform.customer_orders"],
    owner="data-team",
    tags=["marketing"],
    audits=[{"type": "accepted_values", "column": "segment", "values": ["new", "loyal", "large"]}],
)
def customer_segments(customers: pa.Table) -> pa.Table:
    """Which customers to write to, and how."""
    large = pc.greater(customers["revenue"], 5000)
    segment = pc.if_else(large, "large", pc.if_else(customers["loyal"], "loyal", "new"))
    return customers.select(["customer_id", "orders", "revenue"]).append_column("segment", segment)
