"""The graph of nodes: order, reach, and selecting parts of it."""
