"""What the stand-in does with a statement."""

from __future__ import annotations

import fnmatch
import json
import re
import uuid
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from mysql_mimic.errors import MysqlError
from pyarrow import fs, parquet
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from tests.starrocks import standin as si

_CHANGES = ("CREATE", "DROP", "ALTER", "INSERT", "REFRESH", "TRUNCATE", "DELETE", "UPDATE")
_PROPERTY = re.compile(r'["\']([^"\']+)["\']\s*=\s*["\']((?:[^"\'\\]|\\.)*)["\']')
_LABEL = re.compile(r"\s+WITH\s+LABEL\s+`?([\w-]+)`?", re.IGNORECASE)
_SYSTEM = "sr_information"


class Statement:
    """One statement in its session."""

    def __init__(self, server: si.StandIn, catalog: str, database: str | None, user: str, cursor: Any) -> None:
        self.server = server
        self.catalog = catalog
        self.database = database
        self.user = user
        self.cursor = cursor

    def run(self, sql: str) -> si.Result:
        words = [w.upper() for w in sql.split()[:4]]
        first = words[0].lstrip("(") if words else ""
        if first in ("BEGIN", "START"):
            raise MysqlError("Getting syntax error: explicit transactions are not supported here", si.SYNTAX)
        if self.user == "reader" and first in _CHANGES:
            raise MysqlError(f"Access denied; you need (at least one of) the {first} privilege(s) for this operation", si.DENIED)
        try:
            return self._run(sql, words, first)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            unknown = "does not exist" in str(error) and "Table" in str(error)
            raise MysqlError(
                f"Getting analyzing error. Detail message: {_line(error)}", si.UNKNOWN_TABLE if unknown else si.SYNTAX
            ) from None
        except duckdb.InterruptException:
            raise MysqlError("Query was killed", 1317) from None
        except (duckdb.Error, SqlglotError) as error:
            raise MysqlError(_line(error), si.SYNTAX) from None

    def _run(self, sql: str, words: list[str], first: str) -> si.Result:
        if first == "SHOW":
            return self._show(sql, words)
        if first in ("DESC", "DESCRIBE", "EXPLAIN"):
            return self._desc(sql)
        if words[:3] == ["ALTER", "MATERIALIZED", "VIEW"]:
            return self._alter_view(sql)
        if words[:3] == ["CREATE", "EXTERNAL", "CATALOG"]:
            return self._catalog(sql)
        if words[:2] == ["REFRESH", "EXTERNAL"]:
            return si.Result()
        if first == "REFRESH":
            return self._refresh(sql)
        label = None
        if first == "INSERT" and (found := _LABEL.search(sql)):
            label, sql = found[1], sql[: found.start()] + sql[found.end() :]
        tree = sqlglot.parse_one(sql, dialect=si.DIALECT)
        if isinstance(tree, exp.Create):
            return self._create(tree, sql)
        if isinstance(tree, exp.Drop):
            return self._drop(tree)
        if isinstance(tree, exp.Alter):
            return self._swap_tables(tree)
        if isinstance(tree, exp.Insert):
            return self._insert(tree, label)
        if isinstance(tree, exp.TruncateTable):
            self.cursor.execute("DELETE FROM " + self._table(tree.expressions[0]))
            return si.Result()
        if isinstance(tree, exp.Query):
            return self._select(tree)
        raise MysqlError(f"Getting syntax error: {sql[:60]}", si.SYNTAX)

    # Names

    def name(self, table: exp.Expression) -> si.Name:
        database = table.text("db") or self.database
        if not database:
            raise MysqlError("No database selected", 1046)
        return database, table.name

    def _parse_name(self, text: str) -> si.Name:
        return self.name(exp.to_table(text.strip().rstrip(";"), dialect=si.DIALECT))

    def _table(self, table: exp.Expression) -> str:
        database, name = self.name(table)
        return exp.table_(name, db=database, catalog=si.CATALOG, quoted=True).sql("duckdb")

    @staticmethod
    def quoted(name: si.Name) -> str:
        return exp.table_(name[1], db=name[0], catalog=si.CATALOG, quoted=True).sql("duckdb")

    # Queries

    def translate(self, query: exp.Expression) -> str:
        """The query for DuckDB: tables in their databases, sums of integers as BIGINT, as StarRocks has them."""
        tree = query.copy()
        ctes = {c.alias_or_name.lower() for c in tree.find_all(exp.CTE)}
        system: set[str] = set()
        tree = tree.transform(_own_version)
        for table in list(tree.find_all(exp.Table)):
            if not table.db and table.name.lower() in ctes:
                continue
            if isinstance(table.this, exp.GenerateSeries):
                unnested = exp.select(exp.Explode(this=table.this))
                table.replace(exp.Subquery(this=unnested, alias=table.args["alias"]))
                continue
            if table.this.name.upper() == "FILES":
                name = f"files_{uuid.uuid4().hex}"
                self.cursor.register(name, files({e.left.name: e.right.name for e in table.this.expressions}))
                table.set("this", exp.to_identifier(name))
                continue
            if table.db.lower() == "information_schema":
                table.set("db", exp.to_identifier(_SYSTEM))
                table.set("catalog", exp.to_identifier(si.CATALOG))
                system.add(table.name.lower())
                continue
            database, name = self.name(table)
            if database not in self.server.databases():
                raise MysqlError(f"Unknown database '{database}'", si.UNKNOWN_DATABASE)
            table.set("db", exp.to_identifier(database, quoted=True))
            table.set("this", exp.to_identifier(name, quoted=True))
            if not table.text("catalog"):
                table.set("catalog", exp.to_identifier(si.CATALOG))
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        if system:
            self._prepare(system)
        text = tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.IGNORE)
        if not tree.find(exp.Sum):
            return text
        described = self.cursor.execute(f"DESCRIBE {text}").fetchall()
        if not any(row[1] == "HUGEINT" for row in described):
            return text
        names = [exp.to_identifier(row[0], quoted=True).sql("duckdb") for row in described]
        casts = [f"CAST({n} AS BIGINT) AS {n}" if row[1] == "HUGEINT" else n for n, row in zip(names, described, strict=True)]
        return f"SELECT {', '.join(casts)} FROM ({text}) AS q"

    def _select(self, tree: exp.Expression) -> si.Result:
        text = self.translate(tree)
        relation = self.cursor.sql(text)
        types = [str(t) for t in relation.types]
        return si.Result(list(relation.columns), types, self.cursor.execute(text).fetchall())

    def _system_table(self, table: str) -> tuple[str, list[tuple[object, ...]]]:
        """The columns and rows of a table of information_schema."""
        server = self.server
        relations = [(n, kind) for n, kind in server.relations() if n[0] != _SYSTEM]
        match table:
            case "tables":
                rows = [(n[0], n[1], kind, server.comments.get(n, "")) for n, kind in relations]
                return "TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COMMENT", rows
            case "tables_config":
                keys = self._primary_keys()
                config = [(*n, *self._layout(n, keys.get(n, []))) for n, kind in relations if kind == "BASE TABLE"]
                names = "TABLE_MODEL, PRIMARY_KEY, PARTITION_KEY, DISTRIBUTE_KEY, DISTRIBUTE_TYPE, DISTRIBUTE_BUCKET, SORT_KEY, PROPERTIES"
                return f"TABLE_SCHEMA, TABLE_NAME, {names}", config
            case "columns":
                found = [
                    (n[0], n[1], c, t, i)
                    for n, of in server.all_columns().items()
                    if n[0] != _SYSTEM
                    for i, (c, t) in enumerate(of.items(), 1)
                ]
                return "TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, ORDINAL_POSITION", found
            case "materialized_views":
                names = (
                    "TABLE_SCHEMA, TABLE_NAME, REFRESH_TYPE, IS_ACTIVE, INACTIVE_REASON, LAST_REFRESH_STATE, LAST_REFRESH_ERROR_MESSAGE,"
                    " MATERIALIZED_VIEW_DEFINITION"
                )
                return names, [
                    (n[0], n[1], v.refresh, "true" if v.active else "false", v.error, v.state, v.error, self._shown(n))
                    for n, v in server.views.items()
                ]
            case "task_runs":
                runs = [(r["QUERY_ID"], r["STATE"], r["PROGRESS"], r["ERROR_MESSAGE"]) for r in server.task_runs]
                return "QUERY_ID, STATE, PROGRESS, ERROR_MESSAGE", runs
            case "schemata":
                return "SCHEMA_NAME", [(d,) for d in server.databases() if d != _SYSTEM]
        raise MysqlError(f"Unknown table 'information_schema.{table}'", si.UNKNOWN_TABLE)

    def _layout(self, name: si.Name, primary: list[str]) -> tuple[str, ...]:
        """What tables_config says of a table, after `InformationSchemaDataSource` of StarRocks' sources."""
        made = sqlglot.parse_one(self.server.created.get(name, ""), dialect=si.DIALECT) if name in self.server.created else exp.Create()

        def columns(kind: type[exp.Expression]) -> list[str]:
            found = made.find(kind)
            return list(dict.fromkeys(c.name for c in found.find_all(exp.Identifier))) if found else []

        unique, distribution = columns(exp.UniqueKeyProperty), made.find(exp.DistributedByProperty)
        key = primary or unique
        buckets = distribution.args.get("buckets") if distribution else None
        order = distribution.args.get("order") if distribution else None
        sorted_by = [c.name for c in order.find_all(exp.Column)] if order else key or columns(exp.DuplicateKeyProperty)
        spread = [c.name for c in distribution.expressions] if distribution else []
        properties = {p.this.name: p.args["value"].name for p in made.find_all(exp.Property) if type(p) is exp.Property}
        model = "PRIMARY_KEYS" if primary else "UNIQUE_KEYS" if unique else "DUP_KEYS"
        key, partition, spread, sorted_by = (
            ", ".join(f"`{c}`" for c in listed) for listed in (key, columns(exp.PartitionedByProperty), spread, sorted_by)
        )
        return (
            model,
            key,
            partition,
            spread,
            "HASH" if spread else "RANDOM",
            buckets.name if buckets else "0",
            sorted_by,
            json.dumps(properties),
        )

    def _primary_keys(self) -> dict[tuple[str, str], list[str]]:
        """The keys of the tables that have some."""
        query = "SELECT schema_name, table_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        return {(schema, name): key for schema, name, key in self.cursor.execute(query).fetchall()}

    def _prepare(self, tables: set[str]) -> None:
        """Bring tables of information_schema up to date."""
        server, cursor = self.server, self.cursor
        wanted = {table: self._system_table(table) for table in tables}
        with server.lock:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {si.CATALOG}.{_SYSTEM}")
            for table, (names, rows) in wanted.items():
                listed = names.split(", ")
                cursor.execute(f"CREATE OR REPLACE TABLE {si.CATALOG}.{_SYSTEM}.{table} ({', '.join(f'{n} VARCHAR' for n in listed)})")
                if rows:
                    row = f"({', '.join('?' * len(listed))})"
                    values = [value for each in rows for value in each]
                    cursor.execute(f"INSERT INTO {si.CATALOG}.{_SYSTEM}.{table} VALUES {', '.join([row] * len(rows))}", values)

    # SHOW and DESC

    def _show(self, sql: str, words: list[str]) -> si.Result:
        server, rest = self.server, sql.split()
        match words[1:]:
            case ["CATALOGS", *_]:
                return si.Result.texts(["Catalog", "Type"], [(c, p.get("type", "Internal").title()) for c, p in server.catalogs.items()])
            case ["DATABASES", *_]:
                return si.Result.texts(["Database"], [(d,) for d in server.databases() if d != _SYSTEM])
            case ["GRANTS", *_]:
                grants = {"reader": "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO USER 'reader'@'%'"}
                text = grants.get(self.user, f"GRANT 'db_admin', 'public' TO '{self.user}'@'%'")
                return si.Result.texts(["UserIdentity", "Grants"], [(f"'{self.user}'@'%'", text)])
            case ["CREATE", "MATERIALIZED", "VIEW"]:
                name = self._parse_name(rest[4])
                return si.Result.texts(["Materialized View", "Create Materialized View"], [(name[1], self._shown(name))])
            case ["CREATE", "TABLE", _] | ["CREATE", "VIEW", _]:
                name = self._parse_name(rest[3])
                if name not in server.created:
                    raise MysqlError(f"Unknown table '{name[1]}'", si.UNKNOWN_TABLE)
                return si.Result.texts(["Table", "Create Table"], [(name[1], server.created[name])])
            case ["TABLES", *_]:
                database = rest[3].strip("`") if len(rest) > 3 else self.database
                return si.Result.texts([f"Tables_in_{database}"], [(n[1],) for n, _ in server.relations() if n[0] == database])
            case ["MATERIALIZED", "VIEWS", *_]:
                rows = [(n[0], n[1], v.refresh, str(v.active).lower(), v.state) for n, v in server.views.items()]
                return si.Result.texts(["database_name", "name", "refresh_type", "is_active", "last_refresh_state"], rows)
        raise MysqlError(f"Getting syntax error: {sql[:60]}", si.SYNTAX)

    def _shown(self, name: si.Name) -> str:
        view = self.server.views.get(name)
        if view is None:
            raise MysqlError(f"Unknown materialized view '{name[1]}'", si.UNKNOWN_TABLE)
        properties = ",\n".join(
            f'"{k}" = "{v}"' for k, v in {"replicated_storage": "true", "replication_num": "1", **view.properties}.items()
        )
        columns = ", ".join(f"`{c}`" for c in self.server.columns(name))
        comment = f'COMMENT "{view.comment}"\n' if view.comment else ""
        clauses = "".join(f"{c}\n" for c in view.clauses)
        return f"CREATE MATERIALIZED VIEW `{name[1]}` ({columns})\n{comment}{clauses}REFRESH {view.refresh}\nPROPERTIES (\n{properties}\n)\nAS {view.query};"

    def _desc(self, sql: str) -> si.Result:
        what = sql.split(None, 1)[1]
        if isinstance(query := sqlglot.parse_one(what, dialect=si.DIALECT, error_level=ErrorLevel.IGNORE), exp.Query):
            self.cursor.execute(f"EXPLAIN {self.translate(query)}")
            return si.Result.texts(["Explain String"], [("PLAN FRAGMENT 0",)])
        name = self._parse_name(what)
        columns = self.server.columns(name)
        if not columns:
            raise MysqlError(f"Unknown table '{name[0]}.{name[1]}'", si.UNKNOWN_TABLE)
        return si.Result.texts(
            ["Field", "Type", "Null", "Key", "Default", "Extra"], [(c, t, "YES", "false", None, "") for c, t in columns.items()]
        )

    # Making and unmaking

    def _create(self, tree: exp.Create, sql: str) -> si.Result:
        kind = tree.kind.upper()
        if kind in ("DATABASE", "SCHEMA"):
            self.cursor.execute(f'CREATE SCHEMA {"IF NOT EXISTS " if tree.args.get("exists") else ""}{si.CATALOG}."{tree.this.name}"')
            return si.Result()
        properties = tree.args.get("properties")
        listed = list(properties.expressions) if properties else []
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        name = self.name(target)
        materialized = any(isinstance(p, exp.MaterializedProperty) for p in listed)
        comment = next((p.this.this for p in tree.find_all(exp.SchemaCommentProperty)), "")
        comment = comment or next((p.args["comment"].this for p in tree.find_all(exp.IndexConstraintOption) if p.args.get("comment")), "")
        if name[0] not in self.server.databases():
            raise MysqlError(f"Unknown database '{name[0]}'", si.UNKNOWN_DATABASE)
        exists = any(n == name for n, _ in self.server.relations())
        if exists and tree.args.get("exists"):
            return si.Result()
        if exists and not tree.args.get("replace"):
            raise MysqlError(f"Table '{name[1]}' already exists", si.EXISTS)
        if materialized:
            if tree.args.get("replace"):
                raise MysqlError("Getting syntax error: CREATE OR REPLACE MATERIALIZED VIEW", si.SYNTAX)
            return self._create_view(tree, name, listed, comment)
        if kind == "VIEW":
            self.cursor.execute(f"CREATE OR REPLACE VIEW {self.quoted(name)} AS {self.translate(tree.expression)}")
        elif isinstance(tree.expression, exp.Query):
            first = self.cursor.execute(f"DESCRIBE {self.translate(tree.expression)}").fetchall()[0]
            if first[1] in ("FLOAT", "DOUBLE", "JSON", "BLOB") or (first[1].endswith(("]", ")")) and not first[1].startswith("DECIMAL")):
                raise MysqlError(f"Getting analyzing error. Detail message: Data type of first column cannot be {first[1]}.", si.SYNTAX)
            self.cursor.execute(f"CREATE TABLE {self.quoted(name)} AS {self.translate(tree.expression)}")
        else:
            self._create_table(tree, name, listed)
        self.server.comments[name] = comment
        self.server.created[name] = sql
        return si.Result()

    def _create_table(self, tree: exp.Create, name: si.Name, listed: list[exp.Expression]) -> None:
        like = next((p for p in listed if isinstance(p, exp.LikeProperty)), None)
        if like is not None:
            known = self.server.created.get(self.name(like.this), "")
            if known.startswith("CREATE TABLE") and (made := sqlglot.parse_one(known, dialect=si.DIALECT)).expression is None:
                self._create_table(made, name, list(made.args["properties"].expressions) if made.args.get("properties") else [])
                return
            self.cursor.execute(f"CREATE TABLE {self.quoted(name)} AS SELECT * FROM {self._table(like.this)} LIMIT 0")
            self.server.types[name] = dict(self.server.types.get(self.name(like.this), {}))
            return
        columns, types = [], {}
        for column in tree.this.expressions:
            if not isinstance(column, exp.ColumnDef):
                continue
            written = column.args["kind"].sql(dialect=si.DIALECT)
            types[column.name] = written.lower()
            duck = "BLOB" if written.upper() in (*si._STATES, "VARBINARY") else column.args["kind"].sql(dialect="duckdb")
            columns.append(f"{exp.to_identifier(column.name, quoted=True).sql('duckdb')} {'HUGEINT' if written == 'LARGEINT' else duck}")
        keys = next((p for p in [*listed, *tree.this.expressions] if isinstance(p, exp.PrimaryKey)), None)
        if keys is not None:
            columns.append(
                "PRIMARY KEY (" + ", ".join(exp.to_identifier(k.name, quoted=True).sql("duckdb") for k in keys.expressions) + ")"
            )
        self.cursor.execute(f"CREATE TABLE {self.quoted(name)} ({', '.join(columns)})")
        self.server.types[name] = types

    def _create_view(self, tree: exp.Create, name: si.Name, listed: list[exp.Expression], comment: str) -> si.Result:
        query = tree.expression
        self.cursor.execute(f"CREATE TABLE {self.quoted(name)} AS SELECT * FROM ({self.translate(query)}) AS q LIMIT 0")
        refresh = next((p.sql(dialect=si.DIALECT) for p in listed if isinstance(p, exp.RefreshTriggerProperty)), "REFRESH ASYNC")
        properties = {p.this.name: p.args["value"].name for p in listed if type(p) is exp.Property}
        known = (exp.MaterializedProperty, exp.SchemaCommentProperty, exp.RefreshTriggerProperty, exp.Property)
        clauses = [p.sql(dialect=si.DIALECT) for p in listed if type(p) not in known]
        view = si.View(tree, query.sql(dialect=si.DIALECT), comment, refresh.removeprefix("REFRESH "), properties, clauses)
        self.server.views[name] = view
        self.server.comments[name] = comment
        if "DEFERRED" not in refresh:
            self._fill(name)
        return si.Result()

    def _drop(self, tree: exp.Drop) -> si.Result:
        kind, exists = tree.args["kind"].upper(), tree.args.get("exists")
        if kind in ("DATABASE", "SCHEMA"):
            self.cursor.execute(f'DROP SCHEMA {"IF EXISTS " if exists else ""}{si.CATALOG}."{tree.args["tables"][0].name}" CASCADE')
            return si.Result()
        name = self.name(tree.args["tables"][0])
        found = dict(self.server.relations()).get(name)
        if found is None:
            if exists:
                return si.Result()
            raise MysqlError(f"Unknown table '{name[1]}'", si.UNKNOWN_TABLE)
        duck = "VIEW" if found == "VIEW" and name not in self.server.views else "TABLE"
        if (name in self.server.views) != bool(tree.args.get("materialized")) or (
            kind == "VIEW" and duck == "TABLE" and name not in self.server.views
        ):
            raise MysqlError(f"'{name[1]}' is not a {kind.lower()}", si.SYNTAX)
        self.cursor.execute(f"DROP {duck} {self.quoted(name)}")
        for known in (self.server.views, self.server.types, self.server.comments, self.server.created):
            known.pop(name, None)
        if duck == "TABLE":
            for view in self.server.views.values():
                if re.search(rf"\b{re.escape(name[1])}\b", view.query):
                    view.active, view.error = False, f"base-table dropped: {name[1]}"
        return si.Result()

    def _swap_tables(self, tree: exp.Alter) -> si.Result:
        action = tree.args["actions"][0]
        if isinstance(action, exp.AlterRename):
            old = self.name(tree.this)
            new = (old[0], action.this.name)
            self.cursor.execute(f'ALTER TABLE {self.quoted(old)} RENAME TO "{new[1]}"')
            for attributes in (self.server.types, self.server.comments, self.server.created):
                if old in attributes:
                    attributes[new] = attributes.pop(old)
            return si.Result()
        if not isinstance(action, exp.SwapTable):
            raise MysqlError("Getting syntax error: only SWAP WITH is understood here", si.SYNTAX)
        self._swap(self.name(tree.this), self.name(action.this))
        return si.Result()

    def _swap(self, one: si.Name, other: si.Name) -> None:
        known = dict(self.server.relations())
        for name in (one, other):
            if name not in known:
                raise MysqlError(f"Unknown table '{name[1]}'", si.UNKNOWN_TABLE)
        spare = (one[0], f"swap_{uuid.uuid4().hex[:8]}")
        for source, target in ((one, spare), (other, one), (spare, other)):
            self.cursor.execute(f'ALTER TABLE {self.quoted(source)} RENAME TO "{target[1]}"')
        for attributes in (self.server.views, self.server.types, self.server.comments, self.server.created):
            first, second = attributes.pop(one, None), attributes.pop(other, None)
            if second is not None:
                attributes[one] = second
            if first is not None:
                attributes[other] = first

    def _insert(self, tree: exp.Insert, label: str | None) -> si.Result:
        if label is not None and label in self.server.labels:
            raise MysqlError(f"Label [{label}] has already been used.", si.SYNTAX)
        target = tree.this
        columns = [c.name for c in target.expressions] if isinstance(target, exp.Schema) else []
        table = self._table(target.this if isinstance(target, exp.Schema) else target)
        listed = f" ({', '.join(exp.to_identifier(c, quoted=True).sql('duckdb') for c in columns)})" if columns else ""
        keyed = self.cursor.execute(
            "SELECT 1 FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND schema_name = ? AND table_name = ?",
            list(self.name(target.this if isinstance(target, exp.Schema) else target)),
        ).fetchall()
        source = tree.expression
        text = self.translate(source) if isinstance(source, exp.Query) and source.find(exp.Table) else source.sql(dialect="duckdb")
        self.cursor.execute("BEGIN")
        try:
            if tree.args.get("overwrite"):
                self.cursor.execute(f"DELETE FROM {table}")
            self.cursor.execute(f"INSERT {'OR REPLACE ' if keyed and not tree.args.get('overwrite') else ''}INTO {table}{listed} {text}")
            self.cursor.execute("COMMIT")
        except duckdb.Error:
            self.cursor.execute("ROLLBACK")
            raise
        if label is not None:
            self.server.labels[label] = "VISIBLE"
        return si.Result()

    # Materialized views and catalogs

    def _alter_view(self, sql: str) -> si.Result:
        found = re.match(r"ALTER\s+MATERIALIZED\s+VIEW\s+(\S+)\s+(.*)", sql, re.IGNORECASE | re.DOTALL)
        if found is None:
            raise MysqlError(f"Getting syntax error: {sql[:60]}", si.SYNTAX)
        name, action = self._parse_name(found[1]), found[2].strip()
        view = self.server.views.get(name)
        if view is None:
            raise MysqlError(f"Unknown materialized view '{name[1]}'", si.UNKNOWN_TABLE)
        upper = action.upper()
        if upper.startswith("SWAP WITH "):
            self._swap(name, self._parse_name(action[len("SWAP WITH ") :]))
        elif upper.startswith("REFRESH "):
            view.refresh = action[len("REFRESH ") :]
        elif upper.startswith("SET "):
            view.properties |= dict(_PROPERTY.findall(action))
        elif upper == "ACTIVE":
            view.active, view.error = True, ""
        else:
            raise MysqlError(f"Getting syntax error: {action[:60]}", si.SYNTAX)
        return si.Result()

    def _refresh(self, sql: str) -> si.Result:
        found = re.match(r"REFRESH\s+MATERIALIZED\s+VIEW\s+(\S+)(.*)", sql, re.IGNORECASE | re.DOTALL)
        name = self._parse_name(found[1] if found else "")
        if name not in self.server.views:
            raise MysqlError(f"Unknown materialized view '{name[1]}'", si.UNKNOWN_TABLE)
        run = {"QUERY_ID": str(uuid.uuid4()), "PROGRESS": "100%", "ERROR_MESSAGE": "", "STATE": "SUCCESS"}
        self._fill(name)
        view = self.server.views[name]
        if view.state == "FAILED":
            run |= {"STATE": "FAILED", "ERROR_MESSAGE": view.error, "PROGRESS": "0%"}
        self.server.task_runs.append(run)
        return si.Result.texts(["QUERY_ID"], [(run["QUERY_ID"],)])

    def _fill(self, name: si.Name) -> None:
        view = self.server.views[name]
        reason = next((why for part, why in self.server.fail_refresh.items() if part in view.query), None)
        if reason or not view.active:
            view.state, view.error = "FAILED", reason or view.error
            return
        query = self.translate(sqlglot.parse_one(view.query, dialect=si.DIALECT))
        self.cursor.execute("BEGIN")
        self.cursor.execute(f"DELETE FROM {self.quoted(name)}")
        self.cursor.execute(f"INSERT INTO {self.quoted(name)} {query}")
        self.cursor.execute("COMMIT")
        view.state, view.error, view.refreshed = "SUCCESS", "", view.refreshed + 1

    def _catalog(self, sql: str) -> si.Result:
        words = sql.split()
        exists = words[3:6] == ["IF", "NOT", "EXISTS"]
        name = words[6 if exists else 3].strip("`")
        if exists and name in self.server.catalogs:
            return si.Result()
        if name in self.server.catalogs:
            raise MysqlError(f"Catalog '{name}' already exists", si.SYNTAX)
        self.server.catalogs[name] = dict(_PROPERTY.findall(sql))
        return si.Result()


def files(properties: dict[str, str]) -> pa.Table:
    """The rows that FILES() reads, from where its properties say and with the keys that they hold."""
    scheme, _, path = properties["path"].partition("://")
    storage: fs.FileSystem = fs.LocalFileSystem()
    if scheme == "s3":
        storage = fs.S3FileSystem(
            access_key=properties["aws.s3.access_key"], secret_key=properties["aws.s3.secret_key"], region=properties["aws.s3.region"],
            endpoint_override=properties["aws.s3.endpoint"], force_virtual_addressing=properties.get("aws.s3.enable_path_style_access") != "true",
        )  # fmt: skip
    folder, _, pattern = path.rpartition("/")
    try:
        found = [i.path for i in storage.get_file_info(fs.FileSelector(folder)) if fnmatch.fnmatch(i.base_name, pattern)]
        if properties["format"] != "parquet" or not found:
            raise MysqlError(
                f"Getting analyzing error. Detail message: No files were found matching the pattern(s): {properties['path']}", si.SYNTAX
            )
        return pa.concat_tables(parquet.read_table(p, filesystem=storage) for p in sorted(found))
    except OSError as error:
        raise MysqlError(f"Access storage error. Error message: {error} ({properties})", si.SYNTAX) from None


def _own_version(node: exp.Expression) -> exp.Expression:
    return exp.Literal.string(si.VERSION) if type(node).__name__ in ("CurrentVersion", "Version") else node


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
