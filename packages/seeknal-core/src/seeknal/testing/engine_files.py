"""What engines promise about digests and about files that people make and get."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from seeknal.errors import EngineError
from seeknal.nodes import ColumnSchema
from seeknal.protocols import FileRead, Files, SessionSettings
from seeknal.testing.engine_base import EngineTests

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.protocols import Rows, Session


class FilePromises(EngineTests):
    """A digest tells data apart and nothing else; files are read as they are declared, or refused with a place."""

    # Digests -----------------------------------------------------------------------------------------------------------

    def digest(self, session: Session, inside: Path, *queries: str, columns: tuple[str, ...] = ("a", "b")) -> str:
        """The digest of a relation with one file a query."""
        paths = tuple(inside / f"digest-{number}.parquet" for number, _ in enumerate(queries))
        for path, query in zip(paths, queries, strict=True):
            session.write(query, path, {})
        return session.digests(Files(paths), [list(columns)])[0]

    def test_digest_ignores_order_and_layout(self, session: Session, inside: Path) -> None:
        one = self.digest(session, inside, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        assert one == self.digest(session, inside, "SELECT 2 AS a, 'y' AS b UNION ALL SELECT 1, 'x'")
        assert one == self.digest(session, inside, "SELECT 'x' AS b, 1 AS a", "SELECT 'y' AS b, 2 AS a")
        assert one == self.digest(session, inside, "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'", columns=("b", "a"))

    def test_digest_is_the_same_in_another_session(self, session: Session, inside: Path, tmp_path: Path) -> None:
        one = self.digest(session, inside, "SELECT 1 AS a, 'x' AS b")
        other = self.engine().open(SessionSettings(tmp_path / "scratch2", (inside,), (inside,)))
        assert other.digests(Files((inside / "digest-0.parquet",)), [["a", "b"]])[0] == one
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
