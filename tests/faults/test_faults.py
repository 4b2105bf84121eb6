"""A few of each fault on each backend; `make faults` tries them all, many times."""

from __future__ import annotations

import pytest
from tests.faults.crowd import try_crowd
from tests.faults.damage import KINDS, WAYS, try_damage, variants
from tests.faults.disk import try_full_disk
from tests.faults.harness import Bench
from tests.faults.kills import try_kills
from tests.faults.outages import try_outages


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("faults")


@pytest.fixture
def bench(request, base):
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    return Bench.make(base, request.param, server)


def assert_right(*found):
    assert [text for tried in found for text in tried.wrong] == []


@pytest.mark.parametrize("bench", ["file", "postgres"], indirect=True)
def test_killed_commands_are_finished_by_the_next(bench):
    assert_right(*try_kills(bench, range(1), ("run", "promote", "janitor")))


@pytest.mark.parametrize("bench", ["file"], indirect=True)
def test_a_full_disk_leaves_what_was(bench):
    assert_right(try_full_disk(bench, 2))


@pytest.mark.parametrize("bench", ["sqlite"], indirect=True)
def test_a_crowd_does_not_tread_on_itself(bench):
    assert_right(try_crowd(bench, 1))


@pytest.mark.parametrize("bench", ["file"], indirect=True)
def test_damage_is_mended_or_explained(bench):
    assert_right(try_damage(bench, 3))


@pytest.mark.parametrize("bench", ["postgres"], indirect=True)
def test_a_database_that_goes_away_is_waited_for(bench, postgres_server):
    assert_right(*try_outages(bench, postgres_server, 1))


def test_variants_of_damage_cover_every_kind_and_way():
    found = variants(200)
    assert {(v.kind, v.way) for v in found} == {(kind, way) for kind in KINDS for way in WAYS}
