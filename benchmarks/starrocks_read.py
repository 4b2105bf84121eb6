"""How fast rows are read over the MySQL protocol, against a plain loop: python -m benchmarks.starrocks_read [--rows N] [--rounds N].

The server is a MariaDB on loopback with a table of 8 columns. The plain loop is what one would write: pymysql's SSCursor, its own
conversions, batches of 20,000 rows turned into Arrow. The sides take turns, each in a process of its own, for its CPU time and memory.
With --made the server makes the rows up while they are read, so that their number is not bounded by a disk.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROWS = 10_000_000
SIDES = ("plain", "starrocks", "mysql")
_QUERY = (
    "SELECT seq AS id, seq % 1000 AS small, cast(seq * 1.01 AS decimal(18, 2)) AS amount, seq * 1e0 / 3 AS share,"
    " concat('customer ', seq % 100000) AS name, date_add('2020-01-01', INTERVAL seq % 2000 DAY) AS day,"
    " timestamp('2020-01-01') + INTERVAL seq % 86400 SECOND AS at, if(seq % 7 = 0, NULL, 'x') AS flag FROM seq_1_to_{rows}"
)


def plain(settings: dict[str, object], query: str) -> int:
    """The loop one would write."""
    import pyarrow as pa
    import pymysql
    from pymysql.cursors import SSCursor

    with pymysql.connect(**settings) as connection, connection.cursor(SSCursor) as cursor:  # type: ignore[call-overload]
        cursor.execute(query)
        names = [d[0] for d in cursor.description]
        rows = 0
        while found := cursor.fetchmany(20_000):
            rows += pa.record_batch([pa.array(c) for c in zip(*found, strict=True)], names=names).num_rows
    return rows


def starrocks(settings: dict[str, object], query: str) -> int:
    """The reader of a source of type starrocks."""
    from seeknal_starrocks.driver import StarRocksConnection

    return sum(batch.num_rows for batch in StarRocksConnection(**settings).read(query))


def mysql(settings: dict[str, object], query: str) -> int:
    """The reader of a source of type mysql."""
    from seeknal_duckdb.connections.mysql import MySQLConnection

    return sum(batch.num_rows for batch in MySQLConnection(**settings).read(query))  # type: ignore[arg-type]


def measured(side: str, settings: dict[str, object], query: str) -> tuple[float, float, float]:
    """Wall and CPU seconds of the reader, and the most memory it had, in MB."""
    command = [sys.executable, "-m", "benchmarks.starrocks_read", "--side", side, json.dumps([settings, query])]
    wall, cpu, kilobytes = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    return wall, cpu, kilobytes / 1024


def _side(side: str, given: str) -> None:
    begun = time.perf_counter()
    {"plain": plain, "starrocks": starrocks, "mysql": mysql}[side](*json.loads(given))
    highest = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(time.perf_counter() - begun, time.process_time(), highest)


def main() -> None:
    """Measure them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=SIDES, help="one side alone")
    parser.add_argument("--made", action="store_true", help="no table: rows are made up while they are read")
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        _side(*given.side)
        return
    from tests.servers import running_mariadb

    sides = (given.only,) if given.only else SIDES
    found: dict[str, list[tuple[float, float, float]]] = {side: [] for side in sides}
    query = _QUERY.format(rows=given.rows)
    with running_mariadb() as server:
        if not given.made:
            server.sql(f"CREATE OR REPLACE TABLE rows8 AS {query}")
            query = "SELECT * FROM rows8"
        for _ in range(given.rounds):
            for side in sides:
                found[side].append(measured(side, server.settings, query))
    for side in sides:
        walls, cpus, memories = zip(*found[side], strict=True)
        ratios = [ours[1] / theirs[1] for ours, theirs in zip(found[side], found[sides[0]], strict=True)]
        print(
            f"{side:<10} {given.rows / statistics.median(walls):>9,.0f} rows/s  {given.rows / statistics.median(cpus):>9,.0f} rows per CPU second"
            f"  {max(memories):>4,.0f} MB  {1 / statistics.median(ratios):.0%} of {sides[0]} by CPU time"
        )


if __name__ == "__main__":
    main()
