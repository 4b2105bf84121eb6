"""YAML with positions, read the safe way.

Values are built from libyaml's event stream with a stack of our own, so nothing is constructed before its size is known: deep
nesting cannot overflow a parser's recursion, aliases cannot expand without bound, and every key and value remembers where it
was written. Scalars follow the YAML 1.2 core schema: `NO` and `on` are text, dates stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from seeknal.errors import Location, ProjectError
from seeknal.nodes import TextPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.error import Mark

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 100
MAX_VALUES = 100_000
MAX_ALIASES = 50

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), ".Inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), "-.Inf": float("-inf"),
    ".nan": float("nan"), ".NaN": float("nan"),
}  # fmt: skip

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value begin (from 1), and how the value was written (`|`, `>`, `'`, `"` or plain)."""

    key: tuple[int, int]
    value: tuple[int, int]
    style: str = ""


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and the place of every key and value by its path."""

    path: str
    value: Any
    marks: dict[Path, Place] = field(repr=False)
    lines: list[str] = field(repr=False)

    def at(self, *path: str | int, key: bool = False) -> Location:
        """Where the value at `path` begins (`key=True`: its key), or the nearest enclosing place that was written."""
        for length in range(len(path), -1, -1):
            mark = self.marks.get(path[:length])
            if mark:
                # A path that goes deeper than what was written is best shown at the key that should hold it.
                line, column = mark.key if key or (length < len(path) and length > 0) else mark.value
                return Location(self.path, line, column)
        return Location(self.path)

    def value_at(self, *path: str | int) -> str:
        """The text at `path`; empty where there is none."""
        value = self.value
        for part in path:
            value = value[part]
        return value if isinstance(value, str) else ""

    def text_at(self, *path: str | int) -> TextPlace:
        """Where the characters of a text value begin, seen through block and quote markers."""
        mark = self.marks.get(path)
        if mark is None:
            place = self.at(*path)
            return TextPlace(self.path, place.line, place.column)
        line, column = mark.value
        if mark.style in ("|", ">"):
            indent = next((len(t) - len(t.lstrip(" ")) for t in self.lines[line:] if t.strip()), 0)
            folds = self._folds(self.value_at(*path), line + 1) if mark.style == ">" else ()
            return TextPlace(self.path, line + 1, indent + 1, indent, folds)
        return TextPlace(self.path, line, column + (1 if mark.style else 0))

    def _folds(self, text: str, start: int) -> tuple[tuple[int, int, int, int], ...]:
        """For text whose lines were joined when it was read: line and column where each line of the file begins in it, and in the file."""
        found: list[tuple[int, int, int, int]] = []
        offset = 0
        for number, written in enumerate(self.lines[start - 1 :], start):
            content = written.strip()
            at = text.find(content, offset) if content else -1
            if content and at < 0:
                break
            if content:
                before = text[:at]
                found.append((before.count("\n") + 1, at - before.rfind("\n"), number, len(written) - len(written.lstrip()) + 1))
                offset = at + len(content)
            if not text[offset:].strip():
                break
        return tuple(found)


def decode(data: bytes, path: str) -> str:
    """The text of a file that must be UTF-8 (a byte order mark is allowed), without NUL characters. Lines end with a line feed."""
    if len(data) > MAX_BYTES:
        raise ProjectError("SK-YAML-004", f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read", at=Location(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        raise ProjectError("SK-YAML-005", "the file is not UTF-8 text", at=Location(path, line), hint=hint) from None
    position = text.find("\0")
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        raise ProjectError("SK-YAML-005", "the file holds a NUL character", at=Location(path, line), hint="save the file as UTF-8")
    return text.replace("\r\n", "\n")


def load(text: str, path: str) -> list[Document]:
    """All documents of a YAML text. Empty documents between `---` are left out; a text with none gives an empty list."""
    lines = text.split("\n")
    try:
        return list(_documents(text, path, lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _yaml_error(error, mark, path, lines) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"character {error.character!r} is not allowed in YAML"
        raise ProjectError("SK-YAML-001", message, at=Location(path, line)) from None


def _yaml_error(error: yaml.MarkedYAMLError, mark: Mark | None, path: str, lines: list[str]) -> ProjectError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    # libyaml reports what it missed where the text ends; the place it started from is where a reader should look.
    last = max((number for number, text in enumerate(lines, 1) if text.strip()), default=1)
    if line > last and error.context_mark:
        line, column = error.context_mark.line + 1, error.context_mark.column + 1
    if line > last:
        line, column = last, len(lines[last - 1].rstrip()) + 1
    problem = (error.problem or error.context or "cannot be read").replace("'\\t'", "a tab ('\\t')")
    hint = "indent with spaces, not tabs" if "\\t" in problem or "\t" in (lines[line - 1][:column] if line <= len(lines) else "") else None
    context = f" {error.context}" if error.context and error.context != problem else ""
    return ProjectError("SK-YAML-001", f"YAML:{context} {problem}".replace("  ", " "), at=Location(path, line, column), hint=hint)


def _documents(text: str, path: str, lines: list[str]) -> Iterator[Document]:
    builder: _Builder | None = None
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(path)
        elif isinstance(event, yaml.DocumentEndEvent) and builder:
            if builder.value is not None or builder.written:
                yield Document(path, builder.value, builder.marks, lines)
            builder = None
        elif builder:
            builder.take(event)


@dataclass
class _Open:
    """A list or mapping that has not ended yet. `size` counts the values in it, aliases expanded."""

    value: list[Any] | dict[str, Any]
    path: Path
    anchor: str | None
    key: str | None = None
    key_place: tuple[int, int] = (1, 1)
    size: int = 1


class _Builder:
    """Builds one document from its events."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.value: Any = None
        self.written = False
        self.marks: dict[Path, Place] = {}
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.aliases = 0
        self.values = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._start(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)

    def _fail(self, code: str, message: str, mark: Mark, hint: str | None = None) -> ProjectError:
        return ProjectError(code, message, at=Location(self.path, mark.line + 1, mark.column + 1), hint=hint)

    def _count(self, size: int, mark: Mark) -> None:
        self.values += size
        if self.values > MAX_VALUES:
            raise self._fail("SK-YAML-003", f"the document holds more than {MAX_VALUES:,} values, aliases expanded", mark)

    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, dict) and self.open[-1].key is None

    def _tag(self, event: Any) -> None:
        if event.tag and event.tag not in ("!", "tag:yaml.org,2002:str"):
            raise self._fail("SK-YAML-002", f"tag {event.tag!r} is not allowed", event.start_mark)

    def _scalar(self, event: Any) -> None:
        self._tag(event)
        plain = not event.style
        if self._wants_key():
            self._key(event.value, event.start_mark)
            return
        if "\0" in event.value:
            raise self._fail("SK-YAML-005", "the text holds a NUL character", event.start_mark)
        try:
            value = _resolve(event.value) if plain and event.tag is None else event.value
        except ValueError:
            raise self._fail("SK-YAML-002", f"{event.value[:40]}… is not a number that can be read", event.start_mark) from None
        self._add(value, 1, event.start_mark, event.anchor, event.style or "")

    def _key(self, key: str, mark: Mark) -> None:
        if key == "<<":
            raise self._fail("SK-YAML-002", "merge keys ('<<') are not supported", mark, "write the keys out, or use a macro")
        top = self.open[-1]
        if key in top.value:
            first = self.marks[(*top.path, key)].key[0]
            raise self._fail("SK-YAML-006", f"key {key!r} is given twice, first on line {first}", mark)
        top.key = key
        top.key_place = (mark.line + 1, mark.column + 1)

    def _start(self, event: Any) -> None:
        self._tag(event)
        mark = event.start_mark
        if self._wants_key():
            raise self._fail("SK-YAML-002", "a key must be text", mark)
        if len(self.open) >= MAX_DEPTH:
            raise self._fail("SK-YAML-003", f"nested more than {MAX_DEPTH} deep", mark)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._add(value, 1, mark, None, "")
        self.open.append(_Open(value, path, event.anchor))

    def _end(self) -> None:
        ended = self.open.pop()
        if ended.anchor:
            self.anchors[ended.anchor] = (ended.value, ended.size)
        if self.open:
            self.open[-1].size += ended.size

    def _alias(self, event: Any) -> None:
        name, mark = event.anchor, event.start_mark
        if self._wants_key():
            raise self._fail("SK-YAML-002", "an alias cannot be a key", mark)
        if any(o.anchor == name for o in self.open):
            raise self._fail("SK-YAML-003", f"recursive YAML alias *{name}: it stands inside what it names", mark)
        if name not in self.anchors:
            raise self._fail("SK-YAML-001", f"undefined alias *{name}", mark)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise self._fail("SK-YAML-003", f"more than {MAX_ALIASES} YAML aliases in one document", mark)
        value, size = self.anchors[name]
        if self.values + size > MAX_VALUES:
            raise self._fail("SK-YAML-003", f"YAML aliases expand to more than {MAX_VALUES:,} values", mark)
        self._add(value, size, mark, None, "")
        if self.open:
            self.open[-1].size += size - 1

    def _add(self, value: Any, size: int, mark: Mark, anchor: str | None, style: str) -> Path:
        """Put a value where the stream stands, and remember its place. Returns its path."""
        self._count(size, mark)
        place = (mark.line + 1, mark.column + 1)
        if anchor:
            self.anchors[anchor] = (value, size)
        if not self.open:
            self.value, self.written = value, not (value is None and not style)
            path: Path = ()
            self.marks[path] = Place(place, place, style)
            return path
        top = self.open[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(value)
            self.marks[path] = Place(place, place, style)
        else:
            key = top.key or ""
            path = (*top.path, key)
            top.value[key] = value
            self.marks[path] = Place(top.key_place, place, style)
            top.key = None
        if not isinstance(value, dict | list):
            top.size += 1
        return path


def _resolve(text: str) -> Any:
    """The value of a plain scalar in the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INT.fullmatch(text):
            digits = text.lstrip("+-")
            base = 8 if digits.startswith("0o") else 16 if digits.startswith("0x") else 10
            return int(text, base)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
