"""Runs the code blocks of a documentation page, in order, in a folder of their own.

What a block does follows from its language:

    console   each line that begins with `$ ` is run by a shell; what is shown below it is what it must print
    python    run as a script; sql: run on the warehouse; json: must be JSON; text: shown, not run
    any       with a first line such as `# seeknal/x.yml` or `-- seeknal/x.sql`, or after a comment `<!-- file: PATH -->`, written to
              that file

Other comments before a block: `<!-- not run: WHY -->`. Anywhere, `<!-- project -->` asks for an empty project `shop`
to start in; `<!-- plugins: duckdb,semantic -->` says which plugins there are (default: duckdb). Output is compared with times, run ids and paths made alike; a line `…` in it stands for any number of lines.

    python tests/docs/pages.py docs/tutorial.md …      writes what the commands print now into the pages
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import duckdb

from seeknal.testing.commands import fork_server

ROOT = Path(__file__).parents[2]
HOME = "/home/you"
_FENCE = re.compile(
    r"(?:^<!-- (?P<comment>[^\n]*?) -->\n+)?^(?P<fence>```+)(?P<language>\w*)\n(?P<body>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
_FILE_LINE = re.compile(r"(?:#|--) (?P<path>[\w./-]+\.(?:yml|yaml|sql|py|csv|toml|json))\n")
_COMMAND = re.compile(r"^\$ (?P<command>.*(?:\\\n.*)*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)
_ALIKE = (
    (re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d+\.\d\d ?s\b"), "0.00 s"),
    (re.compile(r"\b[\d,]+ d \d+ h\b"), "0 d 0 h"),
    (re.compile(r'("seconds": )[\d.e-]+'), r"\g<1>0.0"),
    (re.compile(r'\btime="\d+\.\d+"'), 'time="0.0"'),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "HASH"),
    (re.compile(r'time="[\d.]+"'), 'time="0.0"'),
    (re.compile(r"from live data on \d{4}-\d\d-\d\d"), "from live data on DAY"),
    (re.compile(r"^\[ *\d+/"), "[*/"),
    (re.compile(r"(?<=\S) {2,}"), "  "),
    (re.compile(r"^bytes +[\d,]+"), "bytes  0"),
    (re.compile(r" +$"), ""),
)
_OF_A_NODE = re.compile(r" |error\[|\d+ \|")
"""How lines begin that stand below a node's own: what its audits say, its errors, and the text that an error is about."""


class PageError(AssertionError):
    """A block does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and text, the comment before it, and where its text begins and ends in the page."""

    language: str
    body: str
    comment: str
    line: int
    start: int
    end: int


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page."""
    return [
        Block(m["language"], m["body"], m["comment"] or "", text.count("\n", 0, m.start("body")), m.start("body"), m.end("body"))
        for m in _FENCE.finditer(text)
    ]


def alike(output: str) -> list[str]:
    """The lines of an output, with what differs from run to run made the same."""
    lines = output.split("\n")
    for pattern, replacement in _ALIKE:
        lines = [pattern.sub(replacement, line) for line in lines]
    return _sorted([line for line in lines if line])


def _sorted(lines: list[str]) -> list[str]:
    """Nodes end in any order: each node's lines stay together, and stand in the order of their first."""
    groups: list[list[str]] = []
    for line in lines:
        if groups and groups[-1][0].startswith("[*/") and _OF_A_NODE.match(line):
            groups[-1].append(line)
        else:
            groups.append([line])
    nodes = iter(sorted(g for g in groups if g[0].startswith("[*/")))
    return [line for g in groups for line in (next(nodes) if g[0].startswith("[*/") else g)]


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Whether what is shown is what was printed; `…` stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "…":
        return any(agrees(shown[1:], printed[n:]) for n in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and agrees(shown[1:], printed[1:])


class Page:
    """One page, run in a folder of its own."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.home = folder / "you"
        self.text = path.read_text(encoding="utf-8")
        self.home.mkdir()
        self.work = self.home
        self.status = 0
        programs = os.pathsep.join([str(_commands(folder)), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {
            "PATH": programs,
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "COLUMNS": "100",
            "SEEKNAL_PLUGINS": "duckdb,sql_state",
        }
        asked = re.search(r"<!-- plugins: ([\w,]+) -->", self.text)
        if asked:
            self.environment["SEEKNAL_PLUGINS"] = asked[1]

    def run(self) -> str:
        """Run every block. Returns the page with what was printed; raises PageError for a command that fails without the page saying so."""
        if "<!-- project -->" in self.text:
            self.work = self.home / "shop"
            self.work.mkdir()
            (self.work / "seeknal_project.yml").write_text("name: shop\n", encoding="utf-8")
        pieces, last = [], 0
        for block in blocks(self.text):
            pieces += [self.text[last : block.start], self._run(block)]
            last = block.end
        return "".join([*pieces, self.text[last:]])

    def _run(self, block: Block) -> str:
        named = _FILE_LINE.match(block.body)
        if block.comment.startswith("not run: ") or block.language == "text":
            return block.body
        if block.comment.startswith("file: ") or (named and block.language != "console"):
            path = self.work / (block.comment.removeprefix("file: ") if block.comment.startswith("file: ") else named["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            return self._console(block)
        elif block.language == "python":
            self._shell(f"python - <<'PYTHON'\n{block.body}PYTHON", block.line)
            self._expect_success(block.line)
        elif block.language == "sql":
            with duckdb.connect(str(self.work / "target/warehouse.duckdb"), read_only=True) as warehouse:
                warehouse.execute("USE prod")
                warehouse.execute(block.body).fetchall()
        elif block.language == "json":
            json.loads(block.body)
        else:
            self._fail(block.line, f"a block of language '{block.language}' neither runs nor names its file")
        return block.body

    def _console(self, block: Block) -> str:
        commands = list(_COMMAND.finditer(block.body))
        if not commands or commands[0].start():
            self._fail(block.line, "a console block begins with '$ '")
        pieces = []
        for number, found in enumerate(commands):
            line = block.line + block.body.count("\n", 0, found.start()) + 1
            printed = self._shell(found["command"], line)
            follows = commands[number + 1]["command"] if number + 1 < len(commands) else ""
            if "$?" not in follows:
                self._expect_success(line, printed)
            same = agrees(alike(found["output"]), alike(printed))
            pieces.append(found[0] if same else f"$ {found['command']}\n{printed}")
        return "".join(pieces)

    def _shell(self, command: str, line: int) -> str:
        """Run a command where the one before it left off. Returns what it printed, with the home folder's path as people see theirs."""
        script = f"(exit {self.status})\n{command}\n__status=$?\npwd > {self.folder}/pwd\nexport -p > {self.folder}/env\nexit $__status"
        before = f". {self.folder}/env 2>/dev/null\n"
        done = subprocess.run(
            ["bash", "-c", before + script], cwd=self.work, env=self.environment, text=True, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        self.status = done.returncode
        if (self.folder / "pwd").exists():
            self.work = Path((self.folder / "pwd").read_text().strip())
        self.printed = done.stdout.replace(str(self.home), HOME)
        return self.printed if not self.printed or self.printed.endswith("\n") else self.printed + "\n"

    def _expect_success(self, line: int, printed: str | None = None) -> None:
        if self.status:
            self._fail(line, f"exit code {self.status}; show it with `$ echo $?`, or mend it:\n{printed or self.printed}")

    def _fail(self, line: int, problem: str) -> NoReturn:
        message = f"{self.path.relative_to(ROOT)}:{line + 1}: {problem}"
        raise PageError(message)


def _commands(folder: Path) -> Path:
    """A folder with a `seeknal` that need not start from nothing, where the system has such."""
    found = folder / "bin"
    found.mkdir()
    if server := fork_server():
        (found / "seeknal").write_text(server.script)
        (found / "seeknal").chmod(0o755)
    return found


def run_page(path: Path) -> str:
    """The page with what its commands print now."""
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        return Page(path, Path(folder).resolve()).run()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name).resolve()
        before, now = page.read_text(encoding="utf-8"), run_page(page)
        page.write_text(now, encoding="utf-8")
        print(f"{name}: {'as it was' if now == before else 'written'}")
