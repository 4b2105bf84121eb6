"""A TPC-H pipeline: the same SQL built by seeknal and by a plain DuckDB script."""
