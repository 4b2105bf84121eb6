"""Which tests a person means: by name, file, tag, or the node they are about."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal.errors import ProjectError, did_you_mean
from seeknal.graph.selection import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.api import Project
    from seeknal.unit_tests.model import InvalidTest, UnitTest


def select_tests(
    project: Project, tests: Sequence[UnitTest], invalid: Sequence[InvalidTest], selectors: Sequence[str]
) -> tuple[list[UnitTest], list[InvalidTest]]:
    """The tests that any of the selectors names; all without one. A file that cannot be read may hold what is meant, and stays.

    A selector is a test's name or id (`node::name`), a pattern of these, a file of tests, `tag:` of a test or node, or a selector of nodes. Raises
    ProjectError for one that names nothing.
    """
    if not selectors:
        return list(tests), list(invalid)
    found: set[int] = set()
    kept = {number for number, test in enumerate(invalid) if not test.node}
    for selector in (word for text in selectors for word in text.split()):
        mine = {i for i, t in enumerate(tests) if _named(t.name, t.node.id, t.at.path, selector, project) or _tagged(t, selector)}
        broken = {i for i, t in enumerate(invalid) if _named(t.name, t.node, t.at.path, selector, project)}
        if not mine and not broken:
            mine, broken = _by_node(project, tests, invalid, selector)
        found |= mine
        kept |= broken
    chosen = [t for i, t in enumerate(tests) if i in found], [t for i, t in enumerate(invalid) if i in kept]
    if not any(chosen):
        raise ProjectError("SK-TEST-011", f"no test is selected by '{' '.join(selectors)}'", hint="`seeknal test -v` lists all tests")
    return chosen


def _named(name: str, node: str, path: str, selector: str, project: Project) -> bool:
    folded = selector.casefold()
    names = [n.casefold() for n in (name, f"{node}::{name}", f"{path}::{name}") if name]
    files = {path, str(project.root / path)}
    at = str(Path(selector).resolve())
    return any(n == folded or fnmatchcase(n, folded) for n in names) or selector in files or at in files


def _tagged(test: UnitTest, selector: str) -> bool:
    method, _, value = selector.partition(":")
    return method == "tag" and any(fnmatchcase(tag, value) for tag in (*test.spec.tags, *test.node.tags))


def _by_node(project: Project, tests: Sequence[UnitTest], invalid: Sequence[InvalidTest], selector: str) -> tuple[set[int], set[int]]:
    try:
        nodes = select(selector, project.dag, project.history)
    except ProjectError as error:
        if error.code != "SK-SEL-002":
            raise
        words = [*(t.name for t in tests), *project.nodes, *(n.name for n in project.nodes.values())]
        raise ProjectError(
            "SK-TEST-011",
            f"no test and no node is called '{selector}'",
            hint=did_you_mean(selector, words) or "`seeknal test -v` lists all tests",
        ) from None
    mine = {i for i, t in enumerate(tests) if t.node.id in nodes}
    return mine, {i for i, t in enumerate(invalid) if t.node in nodes}
