"""Jinja in a sandbox, with limits: attributes that escape are refused, and neither output, loops nor calls are unbounded."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import jinja2
from jinja2 import nodes as jinja_nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from seeknal.errors import ProjectError, did_you_mean
from seeknal.nodes import NodeId, TextPlace, relation_name
from seeknal.project import yaml
from seeknal.project.references import UnknownReference, env_hash
from seeknal.sql.moments import WORDS, Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

MAX_OUTPUT = 1_000_000
MAX_STEPS = 200_000
_PRECISION = 30
_WIDENING = frozenset({"ljust", "rjust", "center", "zfill", "format", "format_map", "expandtabs", "join", "replace", "translate"})
_FILTERS_LEFT_OUT = ("center", "format", "indent", "wordwrap", "random", "urlize", "xmlattr", "pprint", "batch", "slice", "attr", "map")


class TooMuch(SecurityError):
    """A template that would produce or repeat more than is allowed."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, with a budget of loop turns and calls for each rendering."""

    intercepted_binops = frozenset({"*", "**", "+", "%", "<<"})

    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False, finalize=_shown)
        self.steps = 0
        self.globals.clear()
        self.globals["range"] = self._range
        self.globals["_counted"] = self.counted
        self.globals["_joined"] = _joined
        for name in _FILTERS_LEFT_OUT:
            self.filters.pop(name, None)
        self.filters["join"] = _join
        self.filters["replace"] = _replace
        self.filters["tojson"] = _to_json
        self.filters["round"] = _round

    def step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            message = f"takes more than {MAX_STEPS:,} loop turns and calls"
            raise TooMuch(message)

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """What every `for` iterates over."""
        for item in items:
            self.step()
            yield item

    @staticmethod
    def _range(*args: int) -> range:
        result = range(*args)
        if len(result) > MAX_STEPS:
            message = f"range() of {len(result):,} items; at most {MAX_STEPS:,} are allowed"
            raise TooMuch(message)
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> jinja_nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(jinja_nodes.For):
            call = jinja_nodes.Call(jinja_nodes.Name("_counted", "load"), [loop.iter], [], None, None, lineno=loop.lineno)
            loop.iter = call.set_environment(self)
        for concat in tree.find_all(jinja_nodes.Concat):
            call = jinja_nodes.Call(jinja_nodes.Name("_joined", "load"), concat.nodes, [], None, None, lineno=concat.lineno)
            call.set_environment(self)
            concat.nodes = [call]
        return tree

    def call(self, *args: Any, **kwargs: Any) -> Any:
        self.step()
        return super().call(*args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        widening = (isinstance(obj, str | bytes) and attr in _WIDENING) or (isinstance(obj, int) and attr == "to_bytes")
        return not widening and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator_: str, left: Any, right: Any) -> Any:
        numbers = [x for x in (left, right) if isinstance(x, int)]
        weight = _weight(left) + _weight(right)
        if operator_ == "*":
            weight *= max(numbers, default=1) if not (_is_number(left) and _is_number(right)) else 0
        if weight > MAX_OUTPUT:
            message = f"makes a value of more than {MAX_OUTPUT:,} characters"
            raise TooMuch(message)
        if operator_ == "%" and isinstance(left, str):
            message = "formatting text with % is not allowed; use ~ to join"
            raise SecurityError(message)
        if operator_ in ("**", "<<") or (operator_ == "*" and any(abs(n) > 2**256 for n in numbers)):
            if operator_ == "**" and isinstance(left, int | float) and isinstance(right, int) and 0 <= right <= 64 and abs(left) < 2**32:  # noqa: PLR2004
                return left**right
            message = f"'{operator_}' on numbers this large is not allowed"
            raise TooMuch(message)
        return super().call_binop(context, operator_, left, right)


@dataclass
class Rendering:
    """What one template made: its text, the references it took (as written → id) and the environment variables it read."""

    text: str
    refs: dict[str, NodeId] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _weight(value: object) -> int:
    """About how many characters a value would take as text, counted no further than the limit."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return _weight([*value, *value.values()])
    if isinstance(value, list | tuple | set):
        total = 0
        for item in value:
            total += 1 + _weight(item)
            if total > MAX_OUTPUT:
                break
        return total
    return 0


def _bounded(size: int) -> None:
    if size > MAX_OUTPUT:
        message = f"makes text of more than {MAX_OUTPUT:,} characters"
        raise TooMuch(message)


def _joined(*parts: object) -> str:
    """What `a ~ b` gives."""
    texts = [str(p) for p in parts]
    _bounded(sum(map(len, texts)))
    return "".join(texts)


def _join(items: Iterable[object], separator: str = "") -> str:
    texts = [str(i) for i in items]
    _bounded(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(text: object, old: str, new: str) -> str:
    whole = str(text)
    _bounded(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _to_json(value: object) -> str:
    _bounded(_weight(value))
    return json.dumps(value, ensure_ascii=False)


def _round(value: float, precision: int = 0, method: Literal["common", "ceil", "floor"] = "common") -> float:
    if abs(precision) > _PRECISION:
        message = f"rounding to {precision:,} digits is not allowed"
        raise TooMuch(message)
    return jinja2.filters.do_round(value, precision, method)


def _shown(value: object) -> object:
    """What stands between `{{` and `}}`, which must be a value: a function written out would be its place in memory."""
    if callable(value) and not isinstance(value, jinja2.Undefined):
        name = getattr(value, "name", None) or getattr(value, "__name__", "this")
        message = f"{name} is a function; call it: {name}(…)"
        raise SecurityError(message)
    return value


class Templates:
    """Renders the templates of one project.

    `resolve` turns a reference as written into a node id and raises `LookupError` with a message where it cannot.
    """

    def __init__(self, root: Path, variables: Mapping[str, Any], resolve: Callable[[str], NodeId], extra: Mapping[str, Any]) -> None:
        self._resolve = resolve
        self._variables = variables
        self._extra = dict(extra)
        self._env = _Sandbox()
        self._macros = self._load_macros(root)

    def render(self, template: str, place: TextPlace, this: str, given: Mapping[str, Any] | None = None) -> Rendering:
        """Render one template; `given` are further names it may use. Raises ProjectError placed inside the template."""
        rendering = Rendering("")
        if not any(mark in template for mark in ("{{", "{%", "{#")):
            rendering.text = template
            return rendering
        self._env.steps = 0
        context = self._context(rendering, this)
        try:
            compiled = self._env.from_string(template)
            parts: list[str] = []
            size = 0
            for part in compiled.generate({**self._macros_with(context), **context, **(given or {})}):
                size += len(part)
                if size > MAX_OUTPUT:
                    message = f"makes more than {MAX_OUTPUT:,} characters"
                    raise TooMuch(message)  # noqa: TRY301 - one place explains every failure
                parts.append(part)
        except Exception as error:  # noqa: BLE001 - whatever a template raises is the user's to see, placed
            _explain(error, template, place)
        rendering.text = "".join(parts)
        return rendering

    def _context(self, rendering: Rendering, this: str) -> dict[str, Any]:
        def ref(reference: str, *more: str) -> str:
            written = ".".join((str(reference), *map(str, more)))
            node = self._resolve(written)
            rendering.refs[written] = node
            return relation_name(node)

        def env_var(name: str, default: str | None = None) -> str:
            value = os.environ.get(str(name), default)
            rendering.env[str(name)] = env_hash(str(name))
            if value is None:
                message = f"environment variable {name} is not set; give a default: env_var('{name}', '…')"
                raise LookupError(message)
            return value

        def var(name: str, *default: Any) -> Any:
            if name in self._variables:
                return self._variables[name]
            if default:
                return default[0]
            message = f"no var '{name}'"
            near = did_you_mean(str(name), self._variables)
            raise LookupError(message + (f"; {near}" if near else "; set it under vars: or with --vars"))

        def source(name: str, *more: str) -> str:
            return ref(".".join(("source", *more)) if more else name if name.startswith("source.") else f"source.{name}")

        return {**self._extra, "ref": ref, "source": source, "var": var, "env_var": env_var, "this": this, **{n: Moment(n) for n in WORDS}}

    def _load_macros(self, root: Path) -> list[tuple[str, jinja2.Template]]:
        """Compile `macros/*.sql`. Raises ProjectError placed in the macro file."""
        compiled = []
        for path in sorted((root / "macros").glob("**/*.sql")):
            name = path.relative_to(root).as_posix()
            text = yaml.decode(path.read_bytes(), name)
            try:
                compiled.append((name, self._env.from_string(text)))
            except jinja2.TemplateError as error:
                _explain(error, text, TextPlace(name))
        return compiled

    def _macros_with(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Every macro by name. Macros see what templates see, and those of files before them."""
        found: dict[str, Any] = {}
        for _, template in self._macros:
            module = template.make_module({**found, **context})
            found.update({k: v for k, v in vars(module).items() if not k.startswith("_")})
        return found


def _explain(error: Exception, template: str, place: TextPlace) -> NoReturn:
    if isinstance(error, ProjectError):
        raise error
    line = _line_of(error)
    at = place.at(line, _first_column(template, line))
    hint = None
    if isinstance(error, jinja2.TemplateSyntaxError):
        message = f"template (Jinja): {error.message}"
    elif isinstance(error, TooMuch):
        message = f"template (Jinja) {error}"
    elif isinstance(error, SecurityError):
        message = f"template (Jinja): not allowed: {error}"
    elif isinstance(error, jinja2.UndefinedError):
        message = f"template (Jinja): {error.message}"
        hint = "templates know ref, source, var, env_var, this, start_ts, end_ts and the macros of this project"
    elif isinstance(error, LookupError) and error.args:
        message, _, hint = str(error.args[0]).partition("; ")
    elif isinstance(error, TypeError) and "no loader" in str(error):
        message, hint = "template (Jinja): include, import and extends are not allowed", "macros in macros/*.sql are available everywhere"
    elif isinstance(error, RecursionError):
        message = "template (Jinja): macros call each other without end"
    else:
        message = f"template (Jinja): {type(error).__name__}: {error}"
    code = "SK-REF-001" if isinstance(error, UnknownReference) else "SK-TPL-001"
    raise ProjectError(code, message, at=at, hint=hint or None) from None


def _line_of(error: Exception) -> int:
    """The line of the template where it failed: its own for a syntax error, else the innermost template frame's."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    line = 1
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code  # jinja rewrites its frames to show the template's own lines
        if code.co_filename == "<template>" and code.co_name == "top-level template code":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _first_column(template: str, line: int) -> int:
    """The column of the first Jinja mark on the line."""
    lines = template.split("\n")
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    marks = [i for i in (text.find("{{"), text.find("{%")) if i >= 0]
    return min(marks) + 1 if marks else 1
