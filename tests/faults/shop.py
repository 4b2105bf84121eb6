"""The project that faults are tried on: 30 nodes, in several versions that differ in what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = 4
ROWS = 4000
_TRANSFORMS = 23


def files(version: int, state: str = "{backend: file}") -> dict[str, str]:
    """Every file of the project as a version has it. `state` is the setting of that name."""
    orders = "\n".join(f"{n},{n % 97},{n * 7 % 1000}" for n in range(400))
    users = "\n".join(f"{n},{'abcde'[n % 5]}" for n in range(97))
    made = {
        "seeknal_project.yml": f"name: faults\nstate: {state}\n",
        "data/orders.csv": f"id,user_id,amount\n{orders}\n",
        "data/users.csv": f"id,region\n{users}\n",
        "seeknal/sources.yml": "\n---\n".join(
            f"kind: source\nname: {name}\ntype: csv\ntable: data/{name}.csv" for name in ("orders", "users")
        ),
        "seeknal/t0.sql": f"SELECT range AS n, range * {version + 1} AS v FROM range({ROWS})",
        "seeknal/paid.sql": f"SELECT * FROM {{{{ ref('orders') }}}} WHERE amount > {version * 100}",
        "seeknal/by_user.sql": "SELECT user_id, sum(amount) AS total FROM {{ ref('paid') }} GROUP BY user_id",
        "seeknal/regional.yml": "kind: transform\nname: regional\nmaterialized: view\nsql: >-\n"
        "  SELECT region, sum(total) AS total FROM {{ ref('by_user') }} JOIN {{ ref('users') }} ON id = user_id GROUP BY region",
        "seeknal/out.yml": "kind: exposure\nname: regions\ntype: file\nparams: {format: csv, path: out/regions.csv}\ninputs: [{ref: regional}]",
        "seeknal/rule.yml": "kind: rule\nname: enough\ninputs: [{ref: by_user}]\naudits: [{type: row_count, min: 1}]",
    }
    for n in range(1, _TRANSFORMS):
        parents = [f"{{{{ ref('t{max(0, n - step)}') }}}}" for step in (1, 3)]
        sql = f"SELECT a.n, a.v + b.v AS v FROM {parents[0]} a JOIN {parents[1]} b USING (n)"
        made[f"seeknal/t{n}.yml"] = f'kind: transform\nname: t{n}\naudits: [{{type: not_null, columns: n}}]\nsql: "{sql}"'
    return made


def write(root: Path, version: int, state: str) -> None:
    """Put the project there, or make it that version."""
    for name, text in files(version, state).items():
        path = root / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def published(root: Path) -> dict[str, tuple[int, str]]:
    """What is visible: for every relation of prod the number of its rows, and a hash of them without regard to order."""
    path = root / "target/warehouse.duckdb"
    if not path.exists():
        return {}
    with duckdb.connect(str(path), read_only=True) as warehouse:
        names = warehouse.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'prod' ORDER BY 1").fetchall()
        found = {}
        for (name,) in names:
            count, digest = warehouse.execute(f'SELECT count(*), sum(hash(t)) FROM prod."{name}" t').fetchall()[0]
            found[name] = (int(count), str(digest))
    exported = root / "out/regions.csv"
    if exported.exists():
        found["out/regions.csv"] = (0, "\n".join(sorted(exported.read_text().splitlines())))
    return found
