"""Every failure a user can meet, as one small hierarchy.

    SeeknalError                  something went wrong; exit code 1
    ├── ProjectError              the project, its files or the command line are wrong; exit code 2, nothing written
    │   └── PluginError           a plugin is missing, broken or in conflict
    ├── ProjectErrors             several ProjectErrors found together; exit code 2
    ├── NodeError                 one node could not be built; the rest of the run goes on
    ├── EngineError               the engine refused or failed a query; knows where in the query
    ├── ConnectionFailed          a database or server could not be reached
    ├── StateError                the state or an artifact cannot be used as it is
    └── LockedError               another run holds what this one needs; exit code 4

An error has a stable code (`SK-<AREA>-<number>`, listed in docs/reference/errors.md), a message, and where they are known a
place in a file and a hint that says what to do next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXIT_FAILED = 1
EXIT_INVALID = 2
EXIT_PARTIAL = 3
EXIT_LOCKED = 4
EXIT_INTERRUPTED = 130


_SECRET = re.compile(r"(?i)(?:pas+\w*|pwd|secret|token|credential|key|url)\w*[\"']?\s*:\s*[\"']?(?!\$\{\w+\})[^\s\"',}]")
"""A secret that is written out, or a URL that may have one in it."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: `path` relative to the project, `line` and `column` counted from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class SeeknalError(Exception):
    """A failure with a code, a message, and where known a place and a hint."""

    exit_code = EXIT_FAILED

    def __init__(self, code: str, message: str, *, at: Location | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class ProjectError(SeeknalError):
    """The project or the command line is wrong. Nothing was touched."""

    exit_code = EXIT_INVALID


class PluginError(ProjectError):
    """A plugin is missing, broken, or in conflict with another."""


class NodeError(SeeknalError):
    """One node could not be built."""


class EngineError(SeeknalError):
    """The engine refused or failed a query.

    `line` and `column` count from 1 within the query text that was handed to the engine, and are None where it did not say.
    """

    def __init__(self, code: str, message: str, *, line: int | None = None, column: int | None = None, hint: str | None = None) -> None:
        super().__init__(code, message, hint=hint)
        self.line = line
        self.column = column


class ConnectionFailed(SeeknalError):
    """A database or server could not be reached, or refused what was asked of it.

    `step` is what `connection test` was about when it happened, where the code alone would say something else.
    """

    step: str | None = None


class StateError(SeeknalError):
    """The state, or an artifact it speaks of, cannot be used as it is."""


class LockedError(SeeknalError):
    """Another process holds the lease that is needed."""

    exit_code = EXIT_LOCKED


class ProjectErrors(SeeknalError):
    """All that is wrong with a project, found in one go and sorted by place."""

    exit_code = EXIT_INVALID

    def __init__(self, errors: Iterable[SeeknalError]) -> None:
        self.errors = sorted(errors, key=lambda e: (e.at or Location(""), e.code, e.message))
        count = len(self.errors)
        super().__init__("SK-PROJECT", f"{count} error{'s' if count != 1 else ''} in the project")


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint naming the known word nearest to `word`, or None when none is near."""
    near = nearest(word, known)
    return f"did you mean '{near}'?" if near else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word` (case ignored), or None when none is near: a slip or two of the hand, or a part of a longer name."""
    typed = word.casefold()
    known = list(known)
    near = [(_slips(typed, k.casefold()), k) for k in known]
    slips, found = min(near, default=(0, ""), key=lambda n: n[0])
    few = slips * 2 <= len(word) if len(word) != len(found) else slips * 2 < len(word)
    if found and few and slips <= max(1, (max(len(word), len(found)) + 1) // 4):
        return found
    parts = set(typed.split("_"))
    shared = [(len(parts ^ other), k) for k in known if (other := set(k.casefold().split("_"))) and (parts < other or other < parts)]
    return min(shared, key=lambda s: s[0])[1] if shared else None


def _slips(a: str, b: str) -> int:
    """How many letters to add, leave out, replace or swap with their neighbour make `b` of `a`."""
    before, last = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        now = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and (x, a[i - 2]) == (b[j - 2], y):
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]


def visible(text: str) -> str:
    """`text` with control, bidirectional and invisible characters escaped, so that what is printed is what is there."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def explain(error: SeeknalError, root: Path | None = None) -> str:
    """The error as it is shown to people: code and message, place, the offending line with a caret, the hint.

    `root` is the project's folder; without it, or when the file cannot be read or the line holds a secret, the line itself is left out.
    """
    if isinstance(error, ProjectErrors):
        shown = [explain(e, root) for e in error.errors]
        return "\n\n".join([*shown, f"{error.message}; nothing was written."])
    lines = [f"error[{error.code}]: {visible(error.message)}"]
    if error.at:
        lines.append(f"  --> {visible(str(error.at))}")
        source = _line(root, error.at)
        if source is not None:
            gutter = str(error.at.line)
            lines.append(f"{' ' * len(gutter)} |")
            lines.append(f"{gutter} | {visible(source).expandtabs(4)}")
            offset = len(visible(source[: error.at.column - 1]).expandtabs(4))
            lines.append(f"{' ' * len(gutter)} | {' ' * offset}^")
    if error.hint:
        lines.append(f"  help: {visible(error.hint)}")
    return "\n".join(lines)


def _line(root: Path | None, at: Location) -> str | None:
    """The text of the line an error points at, cut to a width that can be read."""
    if root is None:
        return None
    try:
        with (root / at.path).open(encoding="utf-8-sig", errors="replace") as file:
            for number, text in enumerate(file, 1):
                if number == at.line:
                    if _SECRET.search(text) and at.path.endswith("profiles.yml"):
                        return None
                    return text.rstrip("\r\n")[:160] or None
    except OSError:
        return None
    return None
