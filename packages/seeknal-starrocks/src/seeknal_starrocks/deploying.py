"""What the exposures of StarRocks bring about. See `seeknal.plugin.Exposure`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal_starrocks import ddl, encoding, failures
from seeknal_starrocks.ddl import MaterializedView
from seeknal_starrocks.exposures import distribution_of, refresh_of
from seeknal_starrocks.loading import Loader, Target
from seeknal_starrocks.names import TableName
from seeknal_starrocks.views import Views, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.protocols import ArrowStream, Deployment
    from seeknal_starrocks.driver import StarRocksConnection


def deploy_table(deployment: Deployment) -> int:
    """Load a node's rows into a table. Returns how many. Raises ConnectionFailed."""
    params, driver = deployment.params, deployment.driver
    target = Target(
        TableName.parse(params["table"]),
        params["mode"],
        params["key_kind"],
        tuple(params["key"]),
        params["partition_by"],
        distribution_of(params),
        tuple(params["order_by"]),
        params["properties"],
        params["types"],
        params["comment"] or deployment.description,
        params["format"],
        params["via"],
        deployment.key,
    )
    if deployment.rows is None:
        raise failures.unusable("there are no rows to load", "give the exposure an input")
    with driver.connected() as connection:
        return Loader(driver.login, connection, target).load(encoding.incoming(deployment.rows()))


def deploy_view(deployment: Deployment) -> int | None:
    """Bring a materialized view to its definition, loading an input's rows into a table under it first. Returns the rows that were loaded."""
    params, driver = deployment.params, deployment.driver
    name = _placed(driver, params["name"])
    rows, query, renewed = None, params["sql"], False
    if deployment.rows is not None:
        base = _placed(driver, params["base_table"] or f"{name}_base")
        with driver.connected() as connection:
            target = Target(base, comment=f"the rows of the materialized view {name}")
            loader = Loader(driver.login, connection, target)
            rows, renewed = loader.load(encoding.incoming(deployment.rows())), loader.exchanged
        query = f"SELECT * FROM {base.sql}"
    view = MaterializedView(
        name,
        query,
        refresh_of(params["refresh"]),
        params["partition_by"],
        distribution_of(params),
        tuple(params["order_by"]),
        params["properties"],
        params["comment"] or deployment.description,
    )
    with driver.connected() as connection:
        views = Views(driver.login, connection)
        existing = views.existing(name)
        change = plan(view, existing, swap=params["replace"] == "swap", renewed=renewed)
        for table in params["refresh_external"]:
            views.run(ddl.refresh_external_table(TableName.parse(table)))
        views.apply(change, params["timeout"])
        filled = change.fresh is not None and view.refresh.moment != "DEFERRED"
        if (params["wait"] and not filled) or (rows is not None and change.action in ("leave", "alter", "activate")):
            views.refresh(name, params["timeout"])
        elif existing is not None and existing.failed is not None and change.action == "leave":
            raise failures.refresh_failed(str(name), existing.failed)
    return rows


def write_rows(driver: StarRocksConnection, table: str, data: ArrowStream, mode: str, keys: Sequence[str] = ()) -> int:
    """What an exposure of type `table` does: `replace`, `append` or `upsert`, a table made with what its rows need. Raises ConnectionFailed."""
    target = Target(TableName.parse(table), mode, "PRIMARY" if keys else "DUPLICATE", tuple(keys))
    with driver.connected() as connection:
        return Loader(driver.login, connection, target).load(encoding.incoming(data))


def _placed(driver: StarRocksConnection, written: str) -> TableName:
    name = TableName.parse(written, driver.login.database)
    if name.database is None:
        raise failures.unusable(f"'{written}' is in no database", "set `database` in profiles.yml, or write database.name")
    return replace(name)
