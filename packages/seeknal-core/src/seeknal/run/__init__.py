"""The only part with effects: one loop, one way to build a node, one place where state is committed."""
