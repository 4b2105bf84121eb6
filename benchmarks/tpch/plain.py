"""The pipeline as a plain DuckDB script: ``python -m benchmarks.tpch.plain DATA OUTPUT``.

Two forms. ``parquet`` writes each node's rows to a file, as seeknal does; ``tables`` is what comes
naturally: one database file, one table after the other. Neither checks, fsyncs or remembers
anything.
"""

import argparse
import shutil
from pathlib import Path
from string import Template

import duckdb

from benchmarks.tpch.pipeline import statements

_COPY = Template("COPY ($query) TO '$path' (FORMAT parquet, COMPRESSION $compression)")
_TABLE = Template('CREATE TABLE "$name" AS $query')


def write_parquet(data: Path, output: Path, compression: str, threads: int) -> None:
    """Write ``<output>/<model>.parquet`` for every model, one after the other."""

    def spell(kind: str, name: str) -> str:
        folder = data if kind == "source" else output
        return f"read_parquet('{folder / name}.parquet')"

    with duckdb.connect(config={"threads": threads}) as connection:
        for model in statements():
            path = output / f"{model.name}.parquet"
            copy = _COPY.substitute(query=model.sql(spell), path=path, compression=compression)
            connection.execute(copy)


def write_tables(data: Path, output: Path, threads: int) -> None:
    """Make a table of every model, one after the other, in ``<output>/plain.duckdb``."""

    def spell(kind: str, name: str) -> str:
        return f"'{data / name}.parquet'" if kind == "source" else f'"{name}"'

    with duckdb.connect(str(output / "plain.duckdb"), config={"threads": threads}) as connection:
        for model in statements():
            connection.execute(_TABLE.substitute(name=model.name, query=model.sql(spell)))


def main() -> None:
    """Run the pipeline in one of its forms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tpch.plain", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the TPC-H Parquet files")
    parser.add_argument("output", type=Path, help="a folder that is emptied first")
    parser.add_argument("--form", choices=("parquet", "tables"), default="parquet")
    parser.add_argument("--compression", default="zstd", help="of the Parquet files")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    if options.form == "parquet":
        write_parquet(options.data, options.output, options.compression, options.threads)
    else:
        write_tables(options.data, options.output, options.threads)


if __name__ == "__main__":
    main()
