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

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from seeknal.errors import EngineError
from seeknal.protocols import Files, Query
from seeknal.testing.engine_files import FilePromises
from seeknal.testing.engine_queries import QueryPromises

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.protocols import Session

INTERRUPT_SECONDS = 20
THREADS = 8


class EngineSuite(QueryPromises, FilePromises):
    """Subclass it in a test module, and say what the engine can do.

    `formats` and `writable_formats` are names of the file formats it loads and exports. Capabilities: `interrupt`; `lockdown`,
    with `outside_queries`; `publish`, with `published`; `schemas`, for `define(schema=…)`.
    """

    # Threads, interruption, folders ------------------------------------------------------------------------------------

    def test_threads_share_a_session(self, session: Session, inside: Path) -> None:
        def work(number: int) -> list[tuple[Any, ...]]:
            path = inside / f"thread-{number}.parquet"
            session.write(f"SELECT id + {number} AS id FROM people", path, {})
            session.define(f"thread_{number}", Files((path,)))
            session.digests(Files((path,)), [["id"]])[0]
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
        time.sleep(1)
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
