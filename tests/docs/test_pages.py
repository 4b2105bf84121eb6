"""Every code block of every page does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import ROOT, agrees, alike, blocks, run_page

PAGES = [
    p
    for p in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md")])
    if blocks(p.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_page_does_what_it_says(page: Path):
    before = page.read_text(encoding="utf-8").splitlines()
    now = run_page(page).splitlines()
    assert now == before, f"run: python tests/docs/pages.py {page.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("Done in 0.41 s: 3 built.", "Done in 12.03 s: 3 built."),
        ("[ 1/12] a.b  built  0.1 s\n        warn  a.b\n[ 2/12] a.c", "[ 1/12] a.c\n[ 2/12] a.b  built  0.1 s\n        warn  a.b"),
        ("[1/2] a\nerror[X]: no\n  |\n8 | sql\n  | ^\n[2/2] b", "[1/2] b\n[2/2] a\nerror[X]: no\n  |\n8 | sql\n  | ^"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast"),
        ("id  name", "id      name   "),
        ("run 20260101T000000-abcdef", "run 20261231T235959-123456"),
    ],
)
def test_what_differs_from_run_to_run_agrees(shown: str, printed: str):
    assert agrees(alike(shown), alike(printed))


@pytest.mark.parametrize(("shown", "printed"), [("3 built", "4 built"), ("one", "one\ntwo"), ("one\n…\nthree", "one\ntwo"), ("", "one")])
def test_what_says_something_else_does_not_agree(shown: str, printed: str):
    assert not agrees(alike(shown), alike(printed))
