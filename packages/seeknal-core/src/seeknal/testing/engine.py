"""What every engine promises, as tests.

An engine's package adopts them by subclassing once:

    class TestMyEngine(EngineSuite):
        formats = ("csv", "parquet")
        writable_formats = ("csv",)
        capabilities = frozenset({"interrupt"})

        def engine(self) -> EngineDriver:
            return MyEngine()

Only plain SQL is used, with names as the engine quotes them (`quoted`). Arrow data comes from the session itself; the few tests
that look into Parquet files need pyarrow and are skipped without it.
"""

from __future__ import annotations

import csv
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from seeknal.errors import EngineError
from seeknal.nodes import ColumnSchema
from seeknal.protocols import FileRead, Files, Query, SessionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal.protocols import EngineDriver, Rows, Session

PEOPLE = "SELECT 1 AS id, 'Ann' AS name UNION ALL SELECT 2, 'Bo' UNION ALL SELECT 3, NULL"
HOSTILE_NAMES = ('say "hi"', "it's", "select", "Ünïcödé 日本", "a;b--c", "x'); drop table t; --", "dot.ted", "UPPER", "new\nline")
NOT_ONE_SELECT = (
    "CREATE TABLE intruder AS SELECT 1 AS a",
    "DROP VIEW people",
    "DELETE FROM people",
    "SELECT 1 AS a; SELECT 2 AS a",
    "SELECT 1 AS a)) TO 'x' --",
    "SELECT 1 AS a) AS t, (SELECT 2 AS b",
    "",
    "-- nothing",
)
INTERRUPT_SECONDS = 20
THREADS = 8


class EngineSuite:
    """Subclass it in a test module, and say what the engine can do.

    `formats` and `writable_formats` are names of the file formats it loads and exports. Capabilities: `interrupt`; `lockdown`,
    with `outside_queries`; `publish`, with `published`; `schemas`, for `define(schema=…)`.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    formats: ClassVar[tuple[str, ...]] = ()
    writable_formats: ClassVar[tuple[str, ...]] = ()

    def engine(self) -> EngineDriver:
        """The engine under test."""
        raise NotImplementedError

    def quoted(self, name: str) -> str:
        """A name, quoted for the engine's SQL."""
        return '"' + name.replace('"', '""') + '"'

    def outside_queries(self, path: Path) -> list[str]:
        """Queries that try to open this file, which lies outside the session's folders. Each must be refused."""
        raise NotImplementedError

    def published(self, warehouse: Path, environment: str, name: str) -> Rows:
        """The rows of a published relation, read as somebody would who knows nothing of seeknal. Raises if there is none."""
        raise NotImplementedError

    # What the tests stand on -------------------------------------------------------------------------------------------

    @pytest.fixture
    def inside(self, tmp_path: Path) -> Path:
        """A folder that SQL may read and write."""
        folder = tmp_path / "in side"
        folder.mkdir()
        return folder

    @pytest.fixture
    def session(self, tmp_path: Path, inside: Path) -> Iterator[Session]:
        """An open session, in which `people` is defined."""
        session = self.engine().open(SessionSettings(tmp_path / "scratch", (inside,), (inside,), threads=2))
        session.write(PEOPLE, inside / "people.parquet", {})
        session.define("people", Files((inside / "people.parquet",)))
        yield session
        session.close()

    def need(self, capability: str) -> None:
        """Skip the test unless the engine has the capability."""
        if capability not in self.capabilities:
            pytest.skip(f"the engine does not declare {capability!r}")

    def need_format(self, name: str) -> None:
        """Skip the test unless the engine loads the format."""
        if name not in self.formats:
            pytest.skip(f"the engine does not load {name}")

    # Queries -----------------------------------------------------------------------------------------------------------

    def test_rows_are_names_and_python_values(self, session: Session) -> None:
        found = session.rows("SELECT id, name FROM people ORDER BY id")
        assert found.columns == ("id", "name")
        assert found.rows == [(1, "Ann"), (2, "Bo"), (3, None)]

    def test_rows_come_in_the_order_the_query_asks_for(self, session: Session) -> None:
        assert session.rows("SELECT id FROM people ORDER BY id DESC").rows == [(3,), (2,), (1,)]

    def test_limit_bounds_the_rows(self, session: Session) -> None:
        assert session.rows("SELECT id FROM people ORDER BY id", limit=2).rows == [(1,), (2,)]
        assert session.rows("SELECT id FROM people", limit=0).rows == []

    def test_trailing_comment_and_semicolon_do_no_harm(self, session: Session) -> None:
        assert session.rows("SELECT 1 AS a -- the end").rows == [(1,)]
        assert session.rows("SELECT 1 AS a ;\n").rows == [(1,)]

    def test_describe_names_columns_and_types_without_running(self, session: Session) -> None:
        found = session.describe("SELECT id, name, CAST(1 AS DECIMAL(9, 2)) AS amount FROM people")
        assert [c.name for c in found] == ["id", "name", "amount"]
        assert all(c.type for c in found)
        assert session.describe("SELECT name FROM people")[0].type == session.describe("SELECT 'x' AS name")[0].type

    def test_describe_agrees_with_what_write_leaves(self, session: Session, inside: Path) -> None:
        written = session.write("SELECT id, name FROM people", inside / "copy.parquet", {})
        assert written.schema == session.describe("SELECT id, name FROM people")

    @pytest.mark.parametrize("query", NOT_ONE_SELECT)
    def test_only_one_select_is_run(self, session: Session, inside: Path, query: str) -> None:
        for call in (session.rows, session.describe, lambda q: session.write(q, inside / "refused.parquet", {})):
            with pytest.raises(EngineError):
                call(query)
        assert not (inside / "refused.parquet").exists()
        assert session.rows("SELECT count(*) AS n FROM people").rows == [(3,)]

    def test_errors_are_engine_errors_and_know_their_place(self, session: Session) -> None:
        for query, code in (("SELECT id,\n  nosuch FROM people", "SK-SQL-011"), ("SELECT id\nFROM people WHERE (", "SK-SQL-010")):
            with pytest.raises(EngineError) as caught:
                session.rows(query)
            assert caught.value.code == code
            assert caught.value.line in (None, 2)

    def test_unknown_relation_is_an_error(self, session: Session) -> None:
        with pytest.raises(EngineError) as caught:
            session.describe("SELECT 1 AS a FROM nosuch")
        assert caught.value.code == "SK-SQL-011"

    # Names -------------------------------------------------------------------------------------------------------------

    def test_defining_again_replaces(self, session: Session, inside: Path) -> None:
        session.write("SELECT 9 AS other", inside / "other.parquet", {})
        session.define("people", Files((inside / "other.parquet",)))
        assert session.rows("SELECT * FROM people").columns == ("other",)

    def test_several_files_are_one_relation(self, session: Session, inside: Path) -> None:
        session.write("SELECT 4 AS id, 'Di' AS name", inside / "more.parquet", {})
        session.define("all_people", Files((inside / "people.parquet", inside / "more.parquet")))
        assert session.rows("SELECT count(*) AS n, max(id) AS top FROM all_people").rows == [(4, 4)]

    def test_queries_are_relations_and_read_other_relations(self, session: Session) -> None:
        session.define("named", Query("SELECT * FROM people WHERE name IS NOT NULL -- only these"))
        session.define("first_named", Query("SELECT min(id) AS id FROM named"))
        assert session.rows("SELECT id FROM first_named").rows == [(1,)]

    def test_query_that_does_not_fit_is_refused_when_defined(self, session: Session) -> None:
        with pytest.raises(EngineError):
            session.define("broken", Query("SELECT nosuch FROM people"))

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_any_text_can_name_relations_and_columns(self, session: Session, inside: Path, name: str) -> None:
        written = session.write("SELECT 1 AS " + self.quoted(name), inside / "hostile.parquet", {name: name})
        assert [c.name for c in written.schema] == [name]
        session.define(name, Files((inside / "hostile.parquet",)))
        assert session.rows(" ".join(["SELECT", self.quoted(name), "FROM", self.quoted(name)])).rows == [(1,)]
        assert session.digest(Files((inside / "hostile.parquet",)), [name])

    def test_schema_keeps_names_apart(self, session: Session, inside: Path) -> None:
        self.need("schemas")
        session.write("SELECT 7 AS id", inside / "seven.parquet", {})
        session.define("people", Files((inside / "seven.parquet",)), schema="fixtures")
        session.define("only_there", Query("SELECT id FROM people"), schema="fixtures")
        assert session.rows("SELECT id FROM fixtures.people").rows == [(7,)]
        assert session.rows("SELECT id FROM fixtures.only_there").rows == [(7,)], "names resolve in the query's own schema"
        assert session.rows("SELECT count(*) AS n FROM people").rows == [(3,)]
        with pytest.raises(EngineError):
            session.rows("SELECT * FROM only_there")

    # Writing -----------------------------------------------------------------------------------------------------------

    def test_write_tells_rows_and_columns(self, session: Session, inside: Path) -> None:
        written = session.write("SELECT id, name FROM people WHERE id > 1", inside / "some.parquet", {})
        assert written.rows == 2
        assert [c.name for c in written.schema] == ["id", "name"]

    def test_zero_rows_keep_their_columns(self, session: Session, inside: Path) -> None:
        written = session.write("SELECT id, name, CAST(NULL AS DATE) AS day FROM people WHERE id > 9", inside / "none.parquet", {})
        session.define("none", Files((inside / "none.parquet",)))
        assert written.rows == 0
        assert session.describe("SELECT * FROM none") == written.schema
        assert session.rows("SELECT * FROM none").rows == []

    def test_values_come_back_as_they_were(self, session: Session, inside: Path) -> None:
        query = (
            "SELECT 1 AS a, -9223372036854775807 AS b, CAST('12345678901234567890.12' AS DECIMAL(38, 2)) AS c, 'é 日本 ''x''' AS d,"
            " CAST('2024-02-29' AS DATE) AS e, CAST('2024-02-29 12:34:56.123456' AS TIMESTAMP) AS f, (1 = 1) AS g, CAST(0.1 AS DOUBLE) AS h,"
            " CAST(NULL AS INTEGER) AS i, '' AS j"
        )
        session.write(query, inside / "values.parquet", {})
        session.define("kept", Files((inside / "values.parquet",)))
        assert session.rows("SELECT * FROM kept").rows == session.rows(query).rows

    def test_wide_sums_are_exact_or_refused(self, session: Session, inside: Path) -> None:
        query = "SELECT sum(v) AS total FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 9223372036854775806) AS t"
        try:
            session.write(query, inside / "sum.parquet", {})
        except EngineError:
            return
        session.define("total", Files((inside / "sum.parquet",)))
        assert Decimal(session.rows("SELECT total FROM total").rows[0][0]) == Decimal(18446744073709551613)

    def test_failed_write_is_an_error_and_the_session_goes_on(self, session: Session, inside: Path) -> None:
        with pytest.raises(EngineError):
            session.write("SELECT CAST(name AS INTEGER) AS n FROM people", inside / "bad.parquet", {})
        assert session.write("SELECT 1 AS n", inside / "bad.parquet", {}).rows == 1

    @pytest.mark.parametrize("way", ["write", "ingest"])
    def test_metadata_is_in_the_footer(self, session: Session, inside: Path, way: str) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        metadata = {"seeknal.key": "0f1e", "odd \"name'": "line\nbreak 'quoted' \\ é"}
        if way == "write":
            session.write(PEOPLE, inside / "meta.parquet", metadata)
        else:
            session.ingest(session.arrow(PEOPLE), inside / "meta.parquet", metadata)
        found = parquet.read_metadata(inside / "meta.parquet").metadata
        assert {key: found[key.encode()].decode() for key in metadata} == metadata

    # Arrow -------------------------------------------------------------------------------------------------------------

    def test_arrow_streams_in_and_out(self, session: Session, inside: Path) -> None:
        stream = session.arrow("SELECT * FROM people")
        assert hasattr(stream, "__arrow_c_stream__")
        written = session.ingest(stream, inside / "again.parquet", {})
        assert written.rows == 3
        assert written.schema == session.describe("SELECT * FROM people")
        files = [Files((inside / name,)) for name in ("people.parquet", "again.parquet")]
        assert session.digest(files[0], ["id", "name"]) == session.digest(files[1], ["id", "name"])

    def test_arrow_of_zero_rows_keeps_the_columns(self, session: Session, inside: Path) -> None:
        written = session.ingest(session.arrow("SELECT * FROM people WHERE id > 9"), inside / "none.parquet", {})
        assert written.rows == 0
        assert written.schema == session.describe("SELECT * FROM people")

    def test_streams_live_side_by_side_with_other_queries(self, session: Session, inside: Path) -> None:
        one, two = session.arrow("SELECT id FROM people"), session.arrow("SELECT name FROM people")
        assert session.rows("SELECT count(*) AS n FROM people").rows == [(3,)]
        assert session.ingest(two, inside / "two.parquet", {}).schema[0].name == "name"
        assert session.ingest(one, inside / "one.parquet", {}).schema[0].name == "id"

    def test_failing_query_fails_as_a_stream_too(self, session: Session) -> None:
        with pytest.raises(EngineError):
            session.arrow("SELECT nosuch FROM people")

    # Digests -----------------------------------------------------------------------------------------------------------

    def digest(self, session: Session, inside: Path, *queries: str, columns: tuple[str, ...] = ("a", "b")) -> str:
        """The digest of a relation with one file a query."""
        paths = tuple(inside / f"digest-{number}.parquet" for number, _ in enumerate(queries))
        for path, query in zip(paths, queries, strict=True):
            session.write(query, path, {})
        return session.digest(Files(paths), list(columns))

    def test_digest_ignores_order_and_layout(self, session: Session, inside: Path) -> None:
        one = self.digest(session, inside, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        assert one == self.digest(session, inside, "SELECT 2 AS a, 'y' AS b UNION ALL SELECT 1, 'x'")
        assert one == self.digest(session, inside, "SELECT 'x' AS b, 1 AS a", "SELECT 'y' AS b, 2 AS a")
        assert one == self.digest(session, inside, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'", columns=("b", "a"))

    def test_digest_is_the_same_in_another_session(self, session: Session, inside: Path, tmp_path: Path) -> None:
        one = self.digest(session, inside, "SELECT 1 AS a, 'x' AS b")
        other = self.engine().open(SessionSettings(tmp_path / "scratch2", (inside,), (inside,)))
        assert other.digest(Files((inside / "digest-0.parquet",)), ["a", "b"]) == one
        other.close()

    def test_digest_tells_every_kind_of_change(self, session: Session, inside: Path) -> None:
        contents = (
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'",
            "SELECT 1 AS a, 'y' AS b UNION ALL SELECT 2, 'x'",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' UNION ALL SELECT 2, 'y'",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 1, 'x' UNION ALL SELECT 2, 'y'",
            "SELECT 1 AS a, 'x' AS b",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, ''",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT NULL, 'y'",
            "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'Y'",
            "SELECT 1 AS a, 'x' AS b WHERE 1 = 0",
        )
        digests = [self.digest(session, inside, content) for content in contents]
        assert len(set(digests)) == len(contents)

    def test_digest_covers_the_columns_asked_for(self, session: Session, inside: Path) -> None:
        one = self.digest(session, inside, "SELECT 1 AS a, 'x' AS b", columns=("a",))
        assert one == self.digest(session, inside, "SELECT 1 AS a, 'other' AS b, 3 AS c", columns=("a",))
        assert one != self.digest(session, inside, "SELECT 1 AS a, 'x' AS b", columns=("b",))

    def test_digest_of_no_columns_is_the_row_count(self, session: Session, inside: Path) -> None:
        two = self.digest(session, inside, "SELECT 1 AS a UNION ALL SELECT 2", columns=())
        assert two == self.digest(session, inside, "SELECT 'p' AS q UNION ALL SELECT 'r'", columns=())
        assert two != self.digest(session, inside, "SELECT 1 AS a", columns=())

    def test_digest_is_at_least_100_bits_wide(self, session: Session, inside: Path) -> None:
        assert len(self.digest(session, inside, "SELECT 1 AS a, 2 AS b")) >= 25

    # Files of people ---------------------------------------------------------------------------------------------------

    def load(self, session: Session, target: Path, path: Path, *columns: ColumnSchema, **params: Any) -> Rows:
        """Load one CSV file from outside, and read what was stored."""
        session.load(FileRead("csv", (path,), params, columns), target, {})
        session.define("loaded", Files((target,)))
        return session.rows("SELECT * FROM loaded")

    def test_csv_is_read_from_outside_the_folders(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need_format("csv")
        (tmp_path / "in.csv").write_text('id,name\n1,Ann\n2,"Bo, jr"\n', encoding="utf-8")
        found = self.load(session, inside / "in.parquet", tmp_path / "in.csv")
        assert found.columns == ("id", "name")
        assert found.rows == [(1, "Ann"), (2, "Bo, jr")]

    def test_declared_types_hold_even_without_rows(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need_format("csv")
        (tmp_path / "in.csv").write_text("id,day\n", encoding="utf-8")
        columns = (ColumnSchema("id", "BIGINT"), ColumnSchema("day", "DATE"))
        written = session.load(FileRead("csv", (tmp_path / "in.csv",), {}, columns), inside / "in.parquet", {})
        assert written.rows == 0
        assert [c.type for c in written.schema] == [
            c.type for c in session.describe("SELECT CAST(NULL AS BIGINT) AS id, CAST(NULL AS DATE) AS day")
        ]

    def test_bad_row_is_told_by_file_and_line(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need_format("csv")
        (tmp_path / "in.csv").write_text("id\n1\n2\nthree\n", encoding="utf-8")
        with pytest.raises(EngineError) as caught:
            self.load(session, inside / "in.parquet", tmp_path / "in.csv", ColumnSchema("id", "INTEGER"))
        assert caught.value.code == "SK-DATA-002"
        for part in (str(tmp_path / "in.csv"), "4", "id", "three"):
            assert part in caught.value.message

    def test_declared_column_must_be_there(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need_format("csv")
        (tmp_path / "in.csv").write_text("customer_id\n1\n", encoding="utf-8")
        for column in (ColumnSchema("customer_ids"), ColumnSchema("customer_ids", "INTEGER")):
            with pytest.raises(EngineError) as caught:
                self.load(session, inside / "in.parquet", tmp_path / "in.csv", column)
            assert caught.value.code == "SK-DATA-005"
            assert "customer_id" in (caught.value.hint or "")

    def test_missing_file_and_unknown_parameter_are_errors(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need_format("csv")
        with pytest.raises(EngineError) as caught:
            self.load(session, inside / "in.parquet", tmp_path / "nosuch.csv")
        assert caught.value.code == "SK-DATA-003"
        (tmp_path / "in.csv").write_text("id\n1\n", encoding="utf-8")
        with pytest.raises(EngineError) as caught:
            self.load(session, inside / "in.parquet", tmp_path / "in.csv", nosuch=1)
        assert caught.value.code == "SK-DATA-006"

    def test_parquet_is_read(self, session: Session, inside: Path) -> None:
        self.need_format("parquet")
        written = session.load(FileRead("parquet", (inside / "people.parquet",)), inside / "copy.parquet", {})
        assert written.rows == 3

    @pytest.mark.parametrize(("name", "text"), [("json", '[{"id": 1}, {"id": 2}]'), ("jsonl", '{"id": 1}\n{"id": 2}\n')])
    def test_json_is_read(self, session: Session, inside: Path, tmp_path: Path, name: str, text: str) -> None:
        self.need_format(name)
        (tmp_path / "in").write_text(text, encoding="utf-8")
        session.load(FileRead(name, (tmp_path / "in",)), inside / "in.parquet", {})
        session.define("loaded", Files((inside / "in.parquet",)))
        assert session.rows("SELECT id FROM loaded ORDER BY id").rows == [(1,), (2,)]

    def test_export_writes_what_the_query_returns(self, session: Session, inside: Path) -> None:
        query = "SELECT id, name FROM people WHERE id < 3 ORDER BY id"
        readers: dict[str, Any] = {
            "csv": lambda text: list(csv.DictReader(text.splitlines())) == [{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bo"}],
            "json": lambda text: json.loads(text) == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bo"}],
            "jsonl": lambda text: [json.loads(line)["id"] for line in text.splitlines()] == [1, 2],
        }
        for name in self.writable_formats:
            assert session.export(query, inside / f"out.{name}", name, {}) == 2
            if name in readers:
                assert readers[name]((inside / f"out.{name}").read_text(encoding="utf-8")), name

    # Threads, interruption, folders ------------------------------------------------------------------------------------

    def test_threads_share_a_session(self, session: Session, inside: Path) -> None:
        def work(number: int) -> list[tuple[Any, ...]]:
            path = inside / f"thread-{number}.parquet"
            session.write(f"SELECT id + {number} AS id FROM people", path, {})
            session.define(f"thread_{number}", Files((path,)))
            session.digest(Files((path,)), ["id"])
            return session.rows(f"SELECT sum(id) AS s FROM thread_{number}").rows

        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(work, range(THREADS * 5)))
        assert results == [[(6 + 3 * number,)] for number in range(THREADS * 5)]

    def test_interrupt_cancels_what_is_in_flight_and_nothing_else(self, session: Session, inside: Path) -> None:
        self.need("interrupt")
        session.write(" UNION ALL ".join(f"SELECT {n} AS n" for n in range(500)), inside / "n.parquet", {})
        session.define("n", Files((inside / "n.parquet",)))
        endless = "SELECT count(*) AS c FROM n AS a, n AS b, n AS c, n AS d, n AS e WHERE a.n + b.n * c.n - d.n * e.n = -7"
        codes: list[str] = []

        def work() -> None:
            try:
                session.rows(endless)
            except EngineError as error:
                codes.append(error.code)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        session.interrupt()
        for thread in threads:
            thread.join(INTERRUPT_SECONDS)
        assert codes == ["SK-RUN-130"] * 3
        assert session.rows("SELECT 1 AS a").rows == [(1,)]

    def test_sql_opens_no_file_outside_the_folders(self, session: Session, tmp_path: Path) -> None:
        self.need("lockdown")
        secret = tmp_path / "secret.csv"
        secret.write_text("password\nhunter2\n", encoding="utf-8")
        for query in self.outside_queries(secret):
            with pytest.raises(EngineError):
                session.rows(query)

    # Publishing --------------------------------------------------------------------------------------------------------

    def publish(self, warehouse: Path, environment: str, *dropped: str, **relations: Files | Query) -> None:
        """Publish some relations and drop others."""
        self.engine().publish(warehouse, environment, relations, dropped)

    def test_published_relations_are_read_replaced_and_dropped(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need("publish")
        warehouse, people = tmp_path / "warehouse", Files((inside / "people.parquet",))
        self.publish(warehouse, "prod", people=people, ids=Query("SELECT id FROM people"), kept=people)
        assert len(self.published(warehouse, "prod", "ids").rows) == 3
        session.write("SELECT 5 AS id", inside / "five.parquet", {})
        self.publish(warehouse, "prod", "ids", people=Files((inside / "five.parquet",)))
        assert self.published(warehouse, "prod", "people").rows == [(5,)]
        assert len(self.published(warehouse, "prod", "kept").rows) == 3
        with pytest.raises(Exception, match="ids"):
            self.published(warehouse, "prod", "ids")

    def test_environments_are_published_apart(self, session: Session, inside: Path, tmp_path: Path) -> None:
        self.need("publish")
        session.write("SELECT 5 AS id", inside / "five.parquet", {})
        self.publish(tmp_path / "warehouse", "prod", people=Files((inside / "people.parquet",)))
        self.publish(tmp_path / "warehouse", "dev", people=Files((inside / "five.parquet",)))
        assert len(self.published(tmp_path / "warehouse", "prod", "people").rows) == 3
        assert self.published(tmp_path / "warehouse", "dev", "people").rows == [(5,)]

    @pytest.mark.usefixtures("session")
    def test_publication_that_fails_changes_nothing(self, inside: Path, tmp_path: Path) -> None:
        self.need("publish")
        warehouse, people = tmp_path / "warehouse", Files((inside / "people.parquet",))
        self.publish(warehouse, "prod", people=people)
        with pytest.raises(EngineError):
            self.publish(warehouse, "prod", "people", new=people, broken=Query("SELECT nosuch FROM new"))
        assert len(self.published(warehouse, "prod", "people").rows) == 3
        with pytest.raises(Exception, match="new"):
            self.published(warehouse, "prod", "new")
