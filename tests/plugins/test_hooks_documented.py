"""Every hook is documented with an example that works."""

from __future__ import annotations

import inspect
import json
from textwrap import dedent
from types import ModuleType

import pytest

import seeknal.plugin
from seeknal.discovery import COLLECTING, HOOKS, _check, _contributions


def example(hook):
    """The code in a hook's docstring."""
    text = inspect.getdoc(HOOKS[hook])
    return dedent(text[text.rindex("\n", 0, text.index("@hookimpl")) + 1 :])


def as_module(code):
    module = ModuleType("example")
    vars(module).update({name: getattr(seeknal.plugin, name) for name in seeknal.plugin.__all__})
    exec(compile(code, "example", "exec"), vars(module))
    return module


@pytest.mark.parametrize("hook", HOOKS)
def test_docstring_says_what_for_and_shows_how(hook):
    first = inspect.getdoc(HOOKS[hook]).partition("\n")[0]
    assert first.endswith(".")
    assert f"def {hook}(" in example(hook)


@pytest.mark.parametrize("hook", HOOKS)
def test_example_is_accepted_and_gives_what_it_says(hook):
    module = as_module(example(hook))
    _check(module)
    given = list(_contributions(module))
    if hook in COLLECTING:
        assert [type(c) for c in given] == [COLLECTING[hook]]
    else:
        assert given == []


def test_every_collecting_hook_is_a_hook():
    assert set(COLLECTING) <= set(HOOKS)
    assert set(HOOKS) - set(COLLECTING) == {"seeknal_check_project", "seeknal_event", "seeknal_made_of"}


def test_event_documents_the_events_that_are_sent(project):
    local = project(
        {
            "plugins/listen.py": """
                import json
                from pathlib import Path
                from seeknal.plugin import hookimpl

                @hookimpl
                def seeknal_event(name, data):
                    with Path(__file__).with_name("heard.txt").open("a") as heard:
                        heard.write(json.dumps([name, sorted(data)]) + "\\n")
                """,
            "seeknal/a.sql": "select 1 as a",
        }
    )
    local.run().assert_success()
    documented = inspect.getdoc(HOOKS["seeknal_event"])
    heard = [json.loads(line) for line in local.read("plugins/heard.txt").splitlines()]
    assert [name for name, _ in heard] == ["run_started", "node_started", "node_finished", "run_finished"]
    for name, keys in heard:
        listed = documented[documented.index(f"`{name}` (") + len(name) + 4 :].partition(")")[0]
        assert sorted(listed.replace("\n", " ").split(", ")) == keys, name


def test_everything_an_author_may_import_is_listed_and_there():
    assert len(set(seeknal.plugin.__all__)) == len(seeknal.plugin.__all__)
    assert all(hasattr(seeknal.plugin, name) for name in seeknal.plugin.__all__)
