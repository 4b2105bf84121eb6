"""What engines promise about queries, names, types and Arrow data."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from seeknal.errors import EngineError
from seeknal.protocols import Files, Query
from seeknal.testing.engine_base import PEOPLE, EngineTests

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.protocols import Session

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


class QueryPromises(EngineTests):
    """Queries run as they are written, under any names, and nothing but queries runs."""

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

    def test_queries_read_relations_under_other_names(self, session: Session, inside: Path) -> None:
        session.write("SELECT 9 AS id, 'Ida' AS name", inside / "earlier.parquet", {})
        session.define("people@earlier", Files((inside / "earlier.parquet",)))
        session.define("held", Query("SELECT p.id FROM people p JOIN people AS q USING (id) -- as they were", {"people": "people@earlier"}))
        session.define("over_held", Query("SELECT id FROM held UNION ALL SELECT max(id) FROM people"))
        assert sorted(session.rows("SELECT id FROM over_held").rows) == [(3,), (9,)]

    def test_query_that_does_not_fit_is_refused_when_defined(self, session: Session) -> None:
        with pytest.raises(EngineError):
            session.define("broken", Query("SELECT nosuch FROM people"))

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_any_text_can_name_relations_and_columns(self, session: Session, inside: Path, name: str) -> None:
        written = session.write("SELECT 1 AS " + self.quoted(name), inside / "hostile.parquet", {name: name})
        assert [c.name for c in written.schema] == [name]
        session.define(name, Files((inside / "hostile.parquet",)))
        assert session.rows(" ".join(["SELECT", self.quoted(name), "FROM", self.quoted(name)])).rows == [(1,)]
        assert session.digests(Files((inside / "hostile.parquet",)), [[name]])[0]

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
        assert session.digests(files[0], [["id", "name"]])[0] == session.digests(files[1], [["id", "name"]])[0]

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
