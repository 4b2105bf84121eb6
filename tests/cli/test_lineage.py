"""`seeknal lineage` and `seeknal impact`."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shutil
import subprocess

import pytest

EVIL = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>"
SHOP = {
    "seeknal_project.yml": "name: shop\n",
    "data/users.csv": "id,name,age\n1,Ann,30\n2,Bob,17\n",
    "seeknal/users.yml": "kind: source\nname: users\ntype: csv\ntable: data/users.csv\n",
    "seeknal/adults.sql": "SELECT id, name AS \"My col\" FROM {{ ref('source.users') }} WHERE age >= 18\n",
    "seeknal/counted.sql": "SELECT count(*) AS n FROM {{ ref('adults') }}",
    "seeknal/scored.py": """
        from seeknal import transform

        @transform(name="scored", inputs=["transform.adults"])
        def scored(adults):
            return adults
        """,
    "seeknal/out.yml": "kind: exposure\nname: out\ntype: file\ninputs: [{ref: scored}]\nparams: {path: out/x.csv}\n",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    from seeknal.testing.project import ProjectMaker

    folder = ProjectMaker(tmp_path_factory.mktemp("lineage"))(SHOP)
    folder.run().assert_success()
    return folder


def told(shop, *arguments) -> str:
    return shop.cli(*arguments).assert_success().stdout


# Names


@pytest.mark.parametrize(
    "name",
    ["transform.adults.My col", 'adults."My col"', 'ADULTS."MY COL"', "adults.my col", 'Transform.Adults."my col"', "  adults.My col "],
)
def test_a_column_may_be_named_in_many_ways(shop, name):
    assert shop.cli("lineage", name, "--format", "json").json()["column"] == 'transform.adults."My col"'


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("adlts.id", "SK-SEL-002", "did you mean 'adults'?"),
        ("transform.adlts.id", "SK-SEL-002", "did you mean 'transform.adults'?"),
        ("transform.adlts", "SK-SEL-002", "did you mean 'transform.adults'?"),
        ("", "SK-SEL-002", "seeknal list"),
        ("+adults", "SK-SEL-002", "no node '+adults'"),
        ("adults.i", "SK-SEL-003", "transform.adults has: id, My col"),
        ("adults.idd", "SK-SEL-003", "did you mean 'id'? transform.adults has: id, My col"),
        ('adults."My  col"', "SK-SEL-003", "did you mean 'My col'?"),
        ("out.id", "SK-SEL-003", "exposure.out has no columns"),
    ],
)
@pytest.mark.parametrize("command", ["lineage", "impact"])
def test_a_name_that_means_nothing_is_told(shop, command, name, code, words):
    done = shop.cli(command, name)
    done.assert_failed(exit_code=2)
    assert f"error[{code}]" in done.stderr
    assert words in done.stderr


def test_a_name_of_several_nodes_is_told_with_all_of_them(project):
    folder = project({**SHOP, "seeknal/users.sql": "SELECT 1 AS source"})
    done = folder.cli("lineage", "users.id")
    done.assert_failed(exit_code=2)
    assert "'users' is 2 nodes; name one" in done.stderr
    assert "source.users.id, transform.users.id" in done.stderr
    assert folder.cli("lineage", "source.users", "--format", "json").json()["node"] == "source.users"


def test_ids_come_before_names(project):
    folder = project({"seeknal/transform.sql": 'SELECT 1 AS "x.c"', "seeknal/x.sql": "SELECT 2 AS c"})
    assert folder.cli("lineage", "transform.x.c", "--format", "json").json()["column"] == "transform.x.c"
    other = folder.cli("lineage", "transform.transform.x.c", "--format", "json").json()
    assert other["column"] == 'transform.transform."x.c"'


def test_columns_that_are_not_known_yet_are_told_with_what_to_do(project):
    done = project(SHOP).cli("lineage", "users.id")
    done.assert_failed(exit_code=2)
    assert "error[SK-SEL-004]: the columns of source.users are not known yet" in done.stderr
    assert "seeknal run --select +source.users" in done.stderr


def test_columns_of_a_view_that_the_engine_names_want_names(project):
    view = "/* ---\nmaterialized: view\n--- */\nSELECT id AS known, max(id) FROM {{ ref('adults') }} GROUP BY id"
    folder = project({**SHOP, "seeknal/seen.sql": view})
    folder.run().assert_success()
    done = folder.cli("lineage", 'seen."max(id)"')
    done.assert_failed(exit_code=2)
    assert "known so far: known" in done.stderr
    assert "give its columns names with AS" in done.stderr
    assert folder.cli("lineage", "seen.known", "--format", "json").json()["upstream"][0]["column"] == "id"


def test_nodes_and_then_their_columns_are_completed(shop):
    def offered(word):
        env = {"_SEEKNAL_COMPLETE": "bash_complete", "COMP_WORDS": f"seeknal lineage {word}", "COMP_CWORD": "2"}
        return [line.partition(",")[2] for line in shop.cli(env=env).stdout.splitlines() if line]

    assert offered("transform.a") == ["transform.adults"]
    assert offered("users.") == ["users.id", "users.name", "users.age"]
    assert offered("nothing.") == []


def test_a_tree_needs_a_node(shop):
    assert "seeknal lineage NODE[.COLUMN]" in shop.cli("lineage").assert_failed(exit_code=2).stderr


# Text


def test_tree_of_a_column(shop):
    assert told(shop, "lineage", "adults.My col").splitlines() == [
        'transform.adults."My col"',
        "",
        "upstream",
        "├── source.users.name  value",
        "└── source.users.age  filter",
        "",
        "downstream",
        "├── transform.scored.id  value  opaque",
        "│   └── exposure.out  value",
        '└── transform.scored."My col"  value  opaque',
        "    └── exposure.out  value",
        "",
        "opaque: each column may come from every column of the inputs",
        "  transform.scored: a Python function",
    ]


def test_tree_of_a_node_and_one_side(shop):
    assert told(shop, "lineage", "counted", "--upstream").splitlines() == [
        "transform.counted",
        "",
        "upstream",
        "└── transform.adults",
        "    └── source.users",
    ]
    assert told(shop, "lineage", "counted", "--downstream").splitlines()[2:] == ["downstream", "  nothing"]


def test_what_is_below_a_column_is_shown_once(project):
    folder = project({
        "seeknal/a.sql": "SELECT 1 AS x",
        "seeknal/b.sql": "SELECT x FROM {{ ref('a') }}",
        "seeknal/c.sql": "SELECT x, x AS y FROM {{ ref('b') }}",
        "seeknal/d.sql": "SELECT x + y AS z FROM {{ ref('c') }}",
    })  # fmt: skip
    assert told(folder, "lineage", "d.z", "--upstream").splitlines()[2:] == [
        "upstream",
        "├── transform.c.x  value",
        "│   └── transform.b.x  value",
        "│       └── transform.a.x  value",
        "└── transform.c.y  value",
        "    └── transform.b.x  value  (see above)",
    ]


def test_a_long_tree_says_how_much_it_leaves_out(project):
    columns = ", ".join(f"{n} AS c{n}" for n in range(150))
    folder = project({"seeknal/a.sql": f"SELECT {columns}", "seeknal/b.sql": f"SELECT {' + '.join(f'c{n}' for n in range(150))} AS s FROM {{{{ ref('a') }}}}"})  # fmt: skip
    lines = told(folder, "lineage", "b.s", "--upstream").splitlines()
    assert lines[-1] == "  … 50 columns not shown; --format json --all has them"
    assert len(lines) == 104
    assert len(told(folder, "lineage", "b.s", "--upstream", "--all").splitlines()) == 153


def test_control_characters_in_names_are_shown_as_such(project):
    folder = project({"seeknal/a.sql": 'SELECT 1 AS "x\x1b[31m\ny"'})
    text = told(folder, "lineage", "a.x\x1b[31m\ny")
    assert "\x1b" not in text
    assert text.splitlines()[0] == 'transform.a."x\\x1b[31m\\ny"'


def test_impact(shop):
    assert [line.split() for line in told(shop, "impact", "users.age").splitlines()] == [
        ["node", "kind", "columns"],
        ["transform.adults", "filter", "id,", "My", "col"],
        ["transform.counted", "filter", "n"],
        ["transform.scored", "filter", "id,", "My", "col"],
        ["exposure.out", "filter"],
        ["source.users.age", "reaches", "4", "nodes:", "0", "by", "value,", "4", "by", "filter", "only."],
    ]
    assert told(shop, "impact", "counted.n") == "Nothing reads transform.counted.n.\n"


# Documents


def test_direct_edges_as_json(shop):
    assert shop.cli("lineage", "transform.adults.id", "--format", "json").json() == {
        "column": "transform.adults.id",
        "upstream": [
            {"node": "source.users", "column": "id", "kind": "value"},
            {"node": "source.users", "column": "age", "kind": "filter"},
        ],
        "downstream": [
            {"node": "transform.scored", "column": "id", "kind": "value"},
            {"node": "transform.scored", "column": "My col", "kind": "value"},
        ],
        "opaque": [{"node": "transform.scored", "reason": "a Python function"}],
    }


def test_everything_that_can_be_reached_as_json(shop):
    found = shop.cli("lineage", "users.name", "--format", "json", "--all").json()
    assert {(e["node"], e["column"]) for e in found["downstream"]} == {
        ("transform.adults", "My col"), ("transform.scored", "id"), ("transform.scored", "My col"), ("exposure.out", "*"),
    }  # fmt: skip


def test_one_side_as_json(shop):
    assert set(shop.cli("lineage", "adults.id", "--format", "json", "--upstream").json()) == {"column", "upstream", "opaque"}


def test_a_node_as_json(shop):
    found = shop.cli("lineage", "adults", "--format", "json").json()
    assert found["node"] == "transform.adults"
    assert found["columns"] == ["id", "My col"]
    assert (found["upstream"], found["downstream"]) == (["source.users"], ["transform.counted", "transform.scored"])
    assert shop.cli("lineage", "adults", "--format", "json", "--all").json()["downstream"][-1] == "exposure.out"


def test_impact_as_json(shop):
    assert shop.cli("impact", "users.id", "--format", "json").json() == {
        "column": "source.users.id",
        "affected": [
            {"node": "transform.adults", "columns": ["id"], "kind": "value"},
            {"node": "transform.scored", "columns": ["id", "My col"], "kind": "value"},
            {"node": "exposure.out", "columns": [], "kind": "value"},
        ],
        "opaque": [{"node": "transform.scored", "reason": "a Python function"}],
    }
    assert shop.cli("impact", "users", "--format", "json").json()["node"] == "source.users"


def test_dot_quotes_every_name(project):
    folder = project({"seeknal/a.sql": 'SELECT 1 AS "x""y\\"', "seeknal/b.sql": 'SELECT "x""y\\" AS z FROM {{ ref(\'a\') }} WHERE z > 0'})
    text = told(folder, "lineage", 'a.x"y\\', "--format", "dot")
    quoted = r'"(?:[^"\\]|\\.)*"'
    statement = rf"  (?:{quoted} \[.*\]|{quoted} -> {quoted}(?: \[style=dashed\])?|\w+=\w+|label={quoted}|node \[.*\]);"
    for line in text.splitlines()[1:-1]:
        assert re.fullmatch(rf"(?:  )?{statement}|  subgraph {quoted} {{|  }}", line), line
    assert r'"transform.a.\"x\"\"y\\\""' in text


def test_dot_of_columns_that_share_what_they_come_from(shop):
    lines = told(shop, "lineage", "scored.id", "--format", "dot").splitlines()
    edges = [line.strip().rstrip(";") for line in lines if "->" in line]
    assert edges == [
        '"source.users.id" -> "transform.adults.id"',
        '"source.users.age" -> "transform.adults.id" [style=dashed]',
        '"source.users.name" -> "transform.adults.\\"My col\\""',
        '"source.users.age" -> "transform.adults.\\"My col\\"" [style=dashed]',
        '"transform.adults.id" -> "transform.scored.id"',
        '"transform.adults.\\"My col\\"" -> "transform.scored.id"',
        '"transform.scored.id" -> "exposure.out.*"',
    ]
    meeting = told(shop, "lineage", "users.age", "--format", "dot")
    assert '"transform.scored 0" [shape=point];' in meeting
    assert '"transform.scored 0" -> "transform.scored.id";' in meeting


def test_dot_of_nodes_and_of_the_whole_project(shop):
    assert '"source.users" -> "transform.adults";' in told(shop, "lineage", "adults", "--format", "dot")
    assert told(shop, "lineage", "--format", "dot").count("->") == 4
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=told(shop, "lineage", "--format", "dot").encode(), check=True, capture_output=True)


def test_what_is_written_to_a_file(shop):
    assert told(shop, "lineage", "adults.id", "--format", "json", "--output", "deep/down/x.json").strip() == "deep/down/x.json"
    assert json.loads(shop.read("deep/down/x.json"))["column"] == "transform.adults.id"
    assert "cannot write" in shop.cli("lineage", "adults.id", "--output", "data/users.csv/x").assert_failed(exit_code=2).stderr


# The page


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A project whose names and descriptions would be markup."""
    from seeknal.testing.project import ProjectMaker

    folder = ProjectMaker(tmp_path_factory.mktemp("evil"))({
        "seeknal_project.yml": "name: shop\n",
        "seeknal/a.yml": json.dumps({"kind": "transform", "name": "a", "description": EVIL, "sql": f'SELECT 1 AS "{EVIL}", 2 AS b, 3 AS "__DATA__"'}),
        "seeknal/b.sql": f"SELECT \"{EVIL}\" AS c FROM {{{{ ref('a') }}}} WHERE b > 0",
        "seeknal/c.sql": "SELECT c FROM {{ ref('b') }}",
    })  # fmt: skip
    folder.cli("lineage", f"a.{EVIL}", "--format", "html").assert_success()
    return folder


def test_page_is_one_file_that_needs_nothing_else(shop):
    assert told(shop, "lineage", "adults.id", "--format", "html").strip() == str(shop.root / "target/lineage.html")
    page = shop.read("target/lineage.html")
    tags = Tags()
    tags.feed(page)
    assert not [tag for tag, attributes in tags.found if {"src", "href"} & set(attributes) or tag in ("link", "iframe", "img")]
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", page)


def test_names_cannot_become_markup(evil):
    page = evil.read("target/lineage.html")
    assert page.count("</script>") == 2
    assert "<img" not in page


@pytest.fixture(scope="session")
def browser():
    """Runs a page in Chromium and gives back its document."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        message = "needs a browser: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    def dump(folder, script="") -> str:
        page = folder.root / "target/seen.html"
        page.write_text(folder.read("target/lineage.html").replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=2000"]
        profile = f"--user-data-dir={folder.root / 'target/browser'}"
        done = subprocess.run([*command, profile, "--dump-dom", page.as_uri()], capture_output=True, check=True, timeout=60)
        return done.stdout.decode()

    return dump


def marked(document: str) -> dict[str, str]:
    """The columns that are highlighted, and how."""
    return {title: kind for kind, title in re.findall(r'<button class="column (\w+)" type="button" title="([^"]*)"', document)}


def test_page_shows_what_the_asked_column_has_to_do_with(shop, browser):
    told(shop, "lineage", "counted.n", "--format", "html")
    document = browser(shop)
    assert marked(document) == {"n": "chosen", "*": "value", "age": "filter"}
    assert document.count('class="filter"') >= 1
    assert "<title>shop: transform.counted.n</title>" in document


def test_rows_may_be_asked_for_though_nothing_counts_them(shop, browser):
    told(shop, "lineage", "counted.*", "--format", "html")
    assert marked(browser(shop)) == {"*": "chosen", "age": "filter"}
    assert told(shop, "lineage", "counted.*", "--format", "dot").count("->") == 3


def test_a_click_shows_columns_and_another_what_they_are_made_of(shop, browser):
    told(shop, "lineage", "--format", "html")
    assert marked(browser(shop)) == {}
    click = """
        const find = (selector, text) => [...document.querySelectorAll(selector)].find((e) => e.textContent.startsWith(text));
        find(".head", "source.users").click();
        find(".column", "name").click();
        """
    assert marked(browser(shop, click)) == {"name": "chosen", "My col": "value", "id": "value", "*": "value"}
    again = click + 'find(".column.chosen", "name").click();'
    assert marked(browser(shop, again)) == {}


def test_search_finds_nodes_and_columns(shop, browser):
    told(shop, "lineage", "--format", "html")
    search = """
        const input = document.querySelector("input");
        input.value = "USERS.AG";
        input.dispatchEvent(new Event("input"));
        input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
        """
    assert marked(browser(shop, search))["age"] == "chosen"


def test_names_are_shown_by_the_page_and_nothing_more(evil, browser):
    document = browser(evil)
    assert "<title>shop: transform.a." in document
    assert "<img" not in document
    assert html.unescape(next(t for t, kind in marked(document).items() if kind == "chosen")) == EVIL
    assert marked(document)["c"] == "value"


@pytest.mark.slow
def test_page_of_a_thousand_nodes(project, browser):
    files = {f"seeknal/n{n}.sql": f"SELECT a, b, {n} AS c FROM {{{{ ref('n{n // 2}') }}}}" for n in range(2, 1000)}
    folder = project({**files, "seeknal/n1.sql": "SELECT 1 AS a, 2 AS b, 3 AS c"})
    folder.cli("lineage", "n1.a", "--format", "html").assert_success()
    document = browser(folder)
    assert "1000 nodes" not in document
    assert "998 columns of 999 nodes" in document
