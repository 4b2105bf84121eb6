"""DuckDB for seeknal."""
