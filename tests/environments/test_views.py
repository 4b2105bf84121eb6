"""Views in environments: each environment reads them over what they were published over there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest
from tests.core.test_views import BAD, BETTER, FILES

from seeknal.errors import ProjectError
from seeknal.janitor import Policy
from seeknal.run.cleaning import janitor
from seeknal.run.querying import Querying
from seeknal.testing.other_process import this_process

if TYPE_CHECKING:
    from seeknal.testing.project import ProjectFolder, ProjectMaker

OLD, NEW = [(10,), (20,)], [(10,), (30,)]
LOCAL = ("file", "sqlite")


@pytest.fixture(params=LOCAL)
def shown(request: pytest.FixtureRequest, project: ProjectMaker) -> ProjectFolder:
    folder = project({**FILES, "seeknal_project.yml": f"name: shown\nstate: {{backend: {request.param}}}\n"})
    folder.run().assert_success()
    return folder


def rows(folder: ProjectFolder, environment: str, node: str = "transform.w") -> list[tuple[object, ...]]:
    """The rows of a node in an environment, which the warehouse must have too."""
    found = sorted(folder.open().rows(node, environment=environment).rows)
    with duckdb.connect(str(folder.root / "target/warehouse.duckdb"), read_only=True) as connection:
        assert sorted(connection.execute(f"FROM {environment}.{node.replace('.', '_')}").fetchall()) == found
    return found


def clean(folder: ProjectFolder) -> None:
    policy = Policy(grace=timedelta(0), runs=0)
    janitor(folder.open(), policy, datetime.now(UTC) + timedelta(seconds=1)).clean(this_process("janitor"))


def kept(folder: ProjectFolder) -> int:
    return len(folder.open().state.read().tables["views"])


def test_a_view_that_fails_in_one_environment_stays_there_and_in_prod(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BAD)
    shown.run(environment="dev", continue_on_error=True).assert_failed("SK-AUDIT-010")
    assert rows(shown, "dev", "source.s") == [(1, 1), (2, 9)]
    assert (rows(shown, "dev"), rows(shown, "prod")) == (OLD, OLD)
    assert rows(shown, "prod", "source.s") == [(1, 1), (2, 2)]
    shown.cli("promote", "dev", "--yes").assert_failed("SK-ENV-009")
    clean(shown)
    assert (rows(shown, "dev"), rows(shown, "prod")) == (OLD, OLD)


def test_promotion_and_rollback_take_views_with_what_they_were_published_over(shown: ProjectFolder) -> None:
    shown.write("data/s.csv", BETTER)
    shown.run(environment="dev").assert_success()
    assert (rows(shown, "dev"), rows(shown, "prod")) == (NEW, OLD)
    shown.open().promote("dev")
    assert rows(shown, "prod") == NEW
    shown.open().delete_environment("dev")
    clean(shown)
    assert rows(shown, "prod") == NEW
    shown.open().rollback("prod")
    assert rows(shown, "prod") == OLD
    clean(shown)
    shown.open().rollback("prod")
    assert rows(shown, "prod") == NEW


def test_what_the_files_no_longer_have_is_read_as_long_as_it_is_published(shown: ProjectFolder) -> None:
    for name in "tvw":
        shown.delete(f"seeknal/{name}.sql")
    shown.write("seeknal/other.sql", "SELECT id FROM source.s").run(environment="dev").assert_success()
    shown.open().promote("dev")
    with pytest.raises(ProjectError, match=r"no node 'transform\.w'"):
        shown.open().rows("transform.w")
    shown.open().rollback("prod")
    assert rows(shown, "prod") == OLD
    assert sorted(shown.open().rows("w").rows) == OLD, "its name alone will do"
    with Querying(shown.open()) as querying:
        assert sorted(querying.rows("SELECT w.* FROM transform.w JOIN transform_v v ON true WHERE v.id = 1").rows) == OLD
        assert [p.node for p in querying.relations()] == ["source.s", "transform.t", "transform.v", "transform.w"]
        assert querying.schema("w") == querying.schema("transform_w")
    shown.run().assert_success()
    with pytest.raises(ProjectError, match=r"no node 'transform\.w'"):
        shown.open().rows("transform.w")


def test_the_janitor_keeps_what_views_hold_on_to_and_forgets_the_rest(shown: ProjectFolder) -> None:
    shown.edit("seeknal/v.sql", "SELECT id, v", "SELECT id, v + 1 AS v")
    shown.write("data/s.csv", "id,v\n1,0\n2,0\n")
    shown.run("source.s transform.v").assert_success()
    clean(shown)
    clean(shown)
    assert kept(shown) == 1
    assert rows(shown, "prod") == OLD
    shown.run(environment="dev").assert_success()
    assert (rows(shown, "dev"), rows(shown, "prod")) == ([(10,), (10,)], OLD)
    shown.open().delete_environment("dev")
    clean(shown)
    clean(shown)
    assert rows(shown, "prod") == OLD
    shown.cli("state", "rebuild").assert_success()
    assert rows(shown, "prod") == OLD
    shown.run().assert_success()
    clean(shown)
    clean(shown)
    assert kept(shown) == 0
    assert rows(shown, "prod") == [(10,), (10,)]


def test_kept_views_are_exported_and_imported(shown: ProjectFolder) -> None:
    shown.edit("seeknal/v.sql", "SELECT id, v", "SELECT id, v + 1 AS v")
    shown.run("transform.v").assert_success()
    shown.cli("state", "export", "state.json").assert_success()
    shown.cli("state", "import", "state.json", "--replace").assert_success()
    assert kept(shown) == 1
    assert rows(shown, "prod") == OLD
