"""Side by side with dbt and SQLMesh: the same project, the same machine, the same minutes.

``python -m benchmarks.run`` compares the tools, ``python -m benchmarks.startup`` looks at start-up
time alone, ``python -m benchmarks.tpch`` compares a pipeline with a plain DuckDB script.
"""
