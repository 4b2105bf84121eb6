"""Listeners hear what a run does, and cannot stop it."""

from __future__ import annotations

FAILING = """
    from seeknal.plugin import hookimpl

    @hookimpl
    def seeknal_event(name):
        if name == "node_finished":
            raise RuntimeError("pager is down")
    """
SQL = {"seeknal/a.sql": "select 1 as a"}


def test_failing_listener_is_a_warning(project):
    outcome = project({**SQL, "plugins/pager.py": FAILING}).run().assert_success()
    assert outcome.rows("transform.a") == [(1,)]
    assert "plugins/pager.py failed on node_finished: RuntimeError: pager is down" in outcome.output


def test_warning_is_printed(project):
    done = project({**SQL, "plugins/pager.py": FAILING}).cli("run").assert_success()
    assert done.stderr.count("pager is down") == 1


def test_other_listeners_hear_it_all_the_same(project):
    quiet = FAILING.replace('raise RuntimeError("pager is down")', '__import__("pathlib").Path(__file__).with_suffix(".txt").touch()')
    local = project({**SQL, "plugins/a.py": FAILING, "plugins/z.py": quiet})
    local.run().assert_success()
    assert (local.root / "plugins/z.txt").exists()
