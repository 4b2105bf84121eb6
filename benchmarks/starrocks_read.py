"""How fast rows are read over the MySQL protocol, against a plain loop: python -m benchmarks.starrocks_read [ROWS].

The server is a MariaDB on loopback with a table of 8 columns. The plain loop is what one would write: pymysql's SSCursor, its own
conversions, batches of 20,000 rows turned into Arrow. Both are measured in processes of their own, for their memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

ROWS = 10_000_000
_TABLE = (
    "CREATE OR REPLACE TABLE rows8 AS SELECT seq AS id, seq % 1000 AS small, cast(seq * 1.01 AS decimal(18, 2)) AS amount, seq * 1e0 / 3 AS share,"
    " concat('customer ', seq % 100000) AS name, date_add('2020-01-01', INTERVAL seq % 2000 DAY) AS day,"
    " timestamp('2020-01-01') + INTERVAL seq % 86400 SECOND AS at, if(seq % 7 = 0, NULL, 'x') AS flag FROM seq_1_to_{rows}"
)


def plain(settings: dict[str, object]) -> int:
    """The loop one would write."""
    import pyarrow as pa
    import pymysql
    from pymysql.cursors import SSCursor

    with pymysql.connect(**settings) as connection, connection.cursor(SSCursor) as cursor:  # type: ignore[call-overload]
        cursor.execute("SELECT * FROM rows8")
        names = [d[0] for d in cursor.description]
        rows = 0
        while found := cursor.fetchmany(20_000):
            rows += pa.record_batch([pa.array(c) for c in zip(*found, strict=True)], names=names).num_rows
    return rows


def ours(settings: dict[str, object]) -> int:
    """The source's reader."""
    from seeknal_starrocks.driver import StarRocksConnection

    return sum(batch.num_rows for batch in StarRocksConnection(**settings).read("SELECT * FROM rows8"))


def measured(which: str, settings: dict[str, object]) -> tuple[float, float]:
    """Rows a second, and the most memory in MB."""
    command = [sys.executable, "-m", "benchmarks.starrocks_read", which, json.dumps(settings)]
    rows, seconds, kilobytes = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    return rows / seconds, kilobytes / 1024


def main() -> None:
    """Measure both."""
    if len(sys.argv) > 2:  # noqa: PLR2004 - a child
        begun = time.perf_counter()
        rows = {"plain": plain, "ours": ours}[sys.argv[1]](json.loads(sys.argv[2]))
        print(rows, time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    from tests.servers import running_mariadb

    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with running_mariadb() as server:
        server.sql(_TABLE.format(rows=count))
        found = {which: measured(which, server.settings) for which in ("plain", "ours")}
    for which, (speed, memory) in found.items():
        print(f"{which:<6} {speed:>10,.0f} rows/s  {memory:>6,.0f} MB")
    print(f"ours is {found['ours'][0] / found['plain'][0]:.0%} of plain")


if __name__ == "__main__":
    main()
