"""Databases outside: PostgreSQL, MySQL and MariaDB, SQLite files and DuckDB files.

What all of them hold to:

- A value arrives as it was or not at all. What a type cannot hold is SK-CONN-005, naming the column; nothing is rounded, cut off
  or turned into NULL on the way. Each module says in its first lines how types are mapped.
- `read` runs one SELECT that may not write, on a connection of its own, and hands out batches as they arrive: memory does not
  grow with the number of rows.
- `write` is one transaction or one atomic swap. `replace` keeps the table and all that hangs on it (grants, indexes, views)
  where the table's columns can take the data; where they cannot, columns are changed to what the data has. `append` never
  changes a table. Whoever reads meanwhile sees all of the old rows or all of the new ones.
- Failures are `ConnectionFailed`; `failures` lists the codes. A password is in none of them.
- A driver may be used by several threads at once; each call opens a connection of its own and closes it.
"""
