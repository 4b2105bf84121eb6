"""What this package brings. Listing it imports neither pymysql nor Arrow."""

from __future__ import annotations

from seeknal.plugin import Command, Connection, Engine, Exposure, FileFormat, hookimpl
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
            upserts=True,
        )
    ]


@hookimpl
def seeknal_exposures() -> list[Exposure]:
    """Tables and materialized views."""
    return [
        Exposure(
            name="starrocks_table",
            target="seeknal_starrocks.deploying:deploy_table",
            check="seeknal_starrocks.exposures:check_table",
            connection="starrocks",
            params=(
                "table", "mode", "key", "primary_key", "unique_key", "types", "format", "via", "distributed_by", "buckets", "partition_by", "order_by",
                "properties", "comment",
            ),
            description="a node's rows, loaded into a table",
        ),
        Exposure(
            name="starrocks_materialized_view",
            target="seeknal_starrocks.deploying:deploy_view",
            check="seeknal_starrocks.exposures:check_view",
            connection="starrocks",
            params=(
                "name", "mv_name", "sql", "query", "refresh", "wait", "timeout", "refresh_external", "replace", "base_table", "distributed_by",
                "buckets", "partition_by", "order_by", "properties", "comment",
            ),
            description="a materialized view that StarRocks keeps up to date",
        ),
    ]  # fmt: skip


@hookimpl
def seeknal_commands() -> list[Command]:
    """What only StarRocks needs."""
    return [
        Command("starrocks", target="seeknal_starrocks.commands:starrocks", description="Look after a StarRocks cluster."),
        Command("deploy-metrics", target="seeknal_starrocks.deploy_metrics:deploy_metrics", description="Have StarRocks serve metrics."),
    ]


@hookimpl
def seeknal_engines() -> list[Engine]:
    """StarRocks as the engine that builds nodes."""
    return [
        Engine(
            name="starrocks",
            target="seeknal_starrocks.engine:StarRocksEngine",
            dialect="starrocks",
            version_of="seeknal-starrocks",
            formats=(FileFormat("parquet", writable=True), FileFormat("csv", writable=True), FileFormat("jsonl", writable=True)),
            capabilities=frozenset({"export", "interrupt", "lockdown", "nested_types", "schemas"}),
            connection="starrocks",
            description="StarRocks, through a connection; artifacts in Parquet",
        )
    ]
