"""DuckDB for seeknal: the embedded engine, the files it reads and writes, the databases it copies from, the warehouse file."""
