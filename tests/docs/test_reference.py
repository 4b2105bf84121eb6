"""The reference is whole and says what the code says; links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import tomllib
import types

import pytest
from tests.docs.pages import ROOT

from seeknal import builtins, hookspecs, plugin
from seeknal.cli import COMMANDS
from seeknal.errors import ProjectError

DOCS = ROOT / "docs"
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md"), *ROOT.glob("packages/*/README.md")])
_CODE = re.compile(r"SK-[A-Z]+-\d{3}|SK-PROJECT")
_LINK = re.compile(r"(?<!\!)\[[^\]\n]+\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _generate():
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _headings(page) -> set[str]:
    """The anchors of a page: headings in lower case, blanks as dashes."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in found}


@pytest.mark.parametrize("page", _generate().pages(), ids=lambda p: p.name)
def test_generated_parts_are_what_the_code_says(page):
    text = page.read_text(encoding="utf-8")
    assert _generate().render(text) == text, "run: python docs/generate.py"


def test_every_part_that_can_be_generated_stands_on_a_page():
    text = "".join(p.read_text(encoding="utf-8") for p in _generate().pages())
    assert [name for name in _generate().PARTS if f"<!-- begin {name} -->" not in text] == []


def test_every_error_code_is_listed_and_every_listed_code_is_used():
    sources = [p for p in ROOT.glob("packages/*/src/**/*.py") if "testing" not in p.parts]
    used = {code for path in sources for code in _CODE.findall(path.read_text(encoding="utf-8"))}
    page = (DOCS / "reference/errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (SK-[A-Z0-9-]+) \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(used)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("hooks.md", [n for n in vars(hookspecs) if n.startswith("seeknal_")]),
        ("cli.md", COMMANDS),
        ("audits.md", [a.name for a in builtins.seeknal_audits()]),
        ("kinds.md", [k.name for k in builtins.seeknal_node_kinds()]),
    ],
)
def test_everything_has_a_heading(page, names):
    assert [n for n in names if n not in _headings(DOCS / "reference" / page)] == []


def test_every_name_that_plugins_import_is_documented():
    page = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    assert [n for n in plugin.__all__ if not re.search(rf"\b{n}\b", page)] == []


@pytest.mark.parametrize("hook", [n for n in vars(hookspecs) if n.startswith("seeknal_")])
def test_examples_of_hooks_are_plugins(hook):
    page = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    example = re.search(rf"## {hook}\n.*?```python\n(.*?)```", page, re.DOTALL)[1]
    module = types.ModuleType("example")
    names = {n: getattr(plugin, n) for n in plugin.__all__}
    vars(module).update(names, ProjectError=ProjectError, page_someone=print)
    exec(compile(example, hook, "exec"), vars(module))
    assert not _problem_with(module)
    arguments = {"nodes": {}, "name": "node_finished", "data": {"status": "failed", "node": "transform.x"}}
    function = getattr(module, hook)
    function(**{k: v for k, v in arguments.items() if k in function.__code__.co_varnames[: function.__code__.co_argcount]})


def _problem_with(module):
    import pluggy

    manager = pluggy.PluginManager("seeknal")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()


def test_every_floor_of_the_house_is_described():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    floors = {name.removeprefix("seeknal.") for layer in contract["layers"] for name in re.split(r" [|:] ", layer)}
    page = (DOCS / "explanation/architecture.md").read_text(encoding="utf-8")
    assert sorted(f for f in floors if f"`{f}`" not in page) == []


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in _LINK.findall(text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in _headings(path)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    reached, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        queue += [(page.parent / t.partition("#")[0]).resolve() for t in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert sorted(set(DOCS.glob("**/*.md")) - reached) == []
