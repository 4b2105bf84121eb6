"""Python nodes, read without running them: decorators, names and inputs come from the syntax tree.

A file is executed only when one of its nodes is built, so parsing a project is fast, safe, and needs none of the packages that
its nodes import. That is why the decorator's arguments must be written out.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, ProjectError
from seeknal.project import yaml

if TYPE_CHECKING:
    from pathlib import Path

_DECORATORS = ("transform", "source")
WINDOW = ("start_ts", "end_ts")
"""Parameters that are given the window that is built, as datetimes in UTC."""


@dataclass(frozen=True)
class PythonNode:
    """A decorated function: the document its decorator amounts to, and what decides its result."""

    document: dict[str, Any]
    marks: dict[yaml.Path, yaml.Place]
    function: str
    code: str
    packages: tuple[str, ...]
    line: int
    uses: tuple[str, ...] = ()


def read_nodes(text: str, path: str, root: Path) -> list[PythonNode]:
    """The nodes of a Python file. A file without decorated functions has none and may hold what others import."""
    try:
        tree = ast.parse(text, path)
    except SyntaxError as error:
        at = Location(path, error.lineno or 1, error.offset or 1)
        raise ProjectError("SK-PY-001", f"Python: {error.msg}", at=at) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProjectError("SK-PY-001", f"Python: {error}", at=Location(path)) from None
    names = _imported_decorators(tree)
    found = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in statement.decorator_list:
                kind = _kind(decorator, names)
                if kind:
                    found.append(_node(kind, decorator, statement, tree, path, root))
    return found


def _imported_decorators(tree: ast.Module) -> dict[str, str]:
    """Local name → `transform`, `source`, or `seeknal` for the module itself."""
    names: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "seeknal":
            names.update({a.asname or a.name: a.name for a in statement.names if a.name in _DECORATORS})
        elif isinstance(statement, ast.Import):
            names.update({a.asname or a.name: "seeknal" for a in statement.names if a.name == "seeknal"})
    return names


def _kind(decorator: ast.expr, names: dict[str, str]) -> str | None:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Name):
        found = names.get(target.id)
        return found if found in _DECORATORS else None
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and names.get(target.value.id) == "seeknal":
        return target.attr if target.attr in _DECORATORS else None
    return None


def _node(
    kind: str, decorator: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.Module, path: str, root: Path
) -> PythonNode:
    if isinstance(function, ast.AsyncFunctionDef):
        raise ProjectError("SK-PY-003", "a node's function cannot be async", at=Location(path, function.lineno, function.col_offset + 1))
    here = (decorator.lineno, decorator.col_offset + 1)
    document: dict[str, Any] = {"kind": kind, "name": function.name}
    marks: dict[yaml.Path, yaml.Place] = {(): yaml.Place(here, here)}
    description = ast.get_docstring(function)
    if description:
        document["description"] = description.partition("\n")[0]
    if isinstance(decorator, ast.Call):
        if decorator.args:
            raise ProjectError("SK-PY-002", f"@{kind} takes keyword arguments only, such as name=…", at=Location(path, *here))
        for keyword in decorator.keywords:
            _argument(keyword, document, marks, path)
    parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in WINDOW]
    asked = [a for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs) if a.arg in WINDOW]
    if asked and "schedule" not in document:
        message = f"{asked[0].arg} is that of a window, and {function.name}() has none"
        at = Location(path, asked[0].lineno, asked[0].col_offset + 1)
        raise ProjectError("SK-INT-003", message, at=at, hint="say schedule= and time_column= in the decorator")
    inputs = document.get("inputs", [])
    if function.args.vararg is None and len(parameters) != len(inputs):
        message = f"{function.name}() takes {len(parameters)} inputs ({', '.join(parameters) or 'none'}), the decorator names {len(inputs)}"
        raise ProjectError("SK-PY-004", message, at=Location(path, function.lineno, function.col_offset + 1))
    modules, packages = _imports(tree, path, root)
    code = hashlib.sha256("\n".join([_shape(tree, function), *(f"{k}\n{v}" for k, v in modules.items())]).encode()).hexdigest()
    return PythonNode(document, marks, function.name, code, packages, function.lineno, tuple(modules))


def _argument(keyword: ast.keyword, document: dict[str, Any], marks: dict[yaml.Path, yaml.Place], path: str) -> None:
    value_place = (keyword.value.lineno, keyword.value.col_offset + 1)
    if keyword.arg is None:
        raise ProjectError("SK-PY-002", "the decorator's arguments must be written out, without **", at=Location(path, *value_place))
    try:
        value = ast.literal_eval(keyword.value)
    except ValueError:
        hint = "seeknal reads the file without running it"
        raise ProjectError(
            "SK-PY-002", f"{keyword.arg}= must be written out as a literal", at=Location(path, *value_place), hint=hint
        ) from None
    place = yaml.Place((keyword.lineno, keyword.col_offset + 1), value_place)
    marks[(keyword.arg,)] = place
    if keyword.arg == "inputs" and isinstance(value, list | tuple):
        value = [{"ref": v} if isinstance(v, str) else v for v in value]
        for index, element in enumerate(getattr(keyword.value, "elts", [])):
            spot = (element.lineno, element.col_offset + 1)
            marks[("inputs", index)] = marks[("inputs", index, "ref")] = yaml.Place(spot, spot)
    document[keyword.arg] = list(value) if isinstance(value, tuple) else value


def _shape(tree: ast.Module, function: ast.FunctionDef) -> str:
    """The module's code without comments, docstrings, and other nodes' functions unless they are called: what the result depends on."""
    names = _imported_decorators(tree)
    others = {s.name: s for s in tree.body if isinstance(s, ast.FunctionDef) and s is not function and _is_node(s, names)}
    kept = [s for s in tree.body if s not in others.values()]
    for statement in kept:  # grows while it is gone through
        mentioned = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        kept += [others.pop(name) for name in sorted(mentioned & others.keys())]
    return "\n".join(ast.dump(_bare(s, names)) for s in kept)


def _is_node(function: ast.FunctionDef, names: dict[str, str]) -> bool:
    return any(_kind(d, names) for d in function.decorator_list)


def _bare(statement: ast.stmt, names: dict[str, str]) -> ast.stmt:
    """A copy without docstrings, and without the decorators that make nodes: what those say is known otherwise."""
    copy = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            node.decorator_list = [d for d in node.decorator_list if not _kind(d, names)]
    return copy


def _imports(tree: ast.Module, path: str, root: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The code of the project modules that are imported, to any depth, by path; and the top-level names of all other packages."""
    sources: dict[str, str] = {}
    packages: set[str] = set()
    queue: list[tuple[ast.Module, Path]] = [(tree, (root / path).parent)]
    while queue:
        current, folder = queue.pop()
        for name in _imported_modules(current):
            found = _project_module(name, folder, root)
            if found is None:
                top = name.lstrip(".").partition(".")[0]
                if top and top != "seeknal" and top not in sys.stdlib_module_names:
                    packages.add(top)
                continue
            key = found.relative_to(root).as_posix()
            if key in sources:
                continue
            text = yaml.decode(found.read_bytes(), key)
            try:
                module = ast.parse(text, key)
            except SyntaxError as error:
                raise ProjectError("SK-PY-001", f"Python: {error.msg}", at=Location(key, error.lineno or 1, error.offset or 1)) from None
            names = _imported_decorators(module)
            sources[key] = "\n".join(ast.dump(_bare(s, names)) for s in module.body)
            queue.append((module, found.parent))
    return dict(sorted(sources.items())), tuple(sorted(packages))


def _imported_modules(tree: ast.Module) -> list[str]:
    """Modules named by import statements anywhere in the file, and the packages around them; relative ones keep their dots."""
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            listed = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            listed = [prefix, *(f"{prefix}.{a.name}" if not prefix.endswith(".") else f"{prefix}{a.name}" for a in node.names)]
        else:
            continue
        for name in listed:
            names.update(dict.fromkeys(name[:end] for end, c in enumerate(name) if c == "." and name[:end].strip(".")))
            names[name] = None
    return list(names)


def _project_module(name: str, folder: Path, root: Path) -> Path | None:
    """The project's file for a module: beside the importing file, or from the project's folder."""
    level = len(name) - len(name.lstrip("."))
    parts = [p for p in name.split(".") if p]
    if not parts:
        return None
    bases = [folder] if level <= 1 else [folder.parents[level - 2]]
    for base in [*bases, *([root] if level == 0 else [])]:
        target = base.joinpath(*parts)
        for candidate in (target.with_suffix(".py"), target / "__init__.py"):
            if candidate.is_file() and candidate.resolve().is_relative_to(root):
                return candidate.resolve()
    return None
