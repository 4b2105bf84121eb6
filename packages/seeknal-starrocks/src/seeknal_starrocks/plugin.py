"""What this package brings. Listing it imports neither pymysql nor Arrow."""

from __future__ import annotations

from seeknal.plugin import Connection, hookimpl
from seeknal_starrocks.settings import OPTIONS


@hookimpl
def seeknal_connections() -> list[Connection]:
    """StarRocks, over its MySQL protocol and HTTP."""
    return [
        Connection(
            name="starrocks",
            target="seeknal_starrocks.driver:StarRocksConnection",
            dialect="starrocks",
            optional=OPTIONS,
            secrets=("password", "url"),
            paths=("ssl_ca",),
            description="StarRocks",
        )
    ]
