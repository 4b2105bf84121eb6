"""Calling a project's Python function: its module imported from its file, its inputs in the form its annotations ask for."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import threading
import traceback
import typing
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, NodeError, SeeknalError
from seeknal.targets import load_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from seeknal.nodes import Node, PythonLogic
    from seeknal.protocols import ArrowStream

_IMPORTING = threading.Lock()


def call(root: Path, node: Node, logic: PythonLogic, inputs: Sequence[Callable[[], ArrowStream]]) -> ArrowStream:
    """Call the node's function and return what it returned, which must be something with Arrow's stream interface.

    Raises NodeError at the project's own line where the function fails.
    """
    try:
        function = _load(root, logic)
        arguments = [_convert(stream(), kind) for stream, kind in zip(inputs, _kinds(function), strict=True)]
        with _importable(root, logic):
            result = function(*arguments)
    except SeeknalError:
        raise
    except Exception as error:
        raise NodeError("SK-PY-010", f"{type(error).__name__}: {error}", at=_place(error, root, node), hint=_install_hint(error)) from error
    if not hasattr(result, "__arrow_c_stream__"):
        message = f"{logic.function}() returned {type(result).__name__}; return an Arrow table or a data frame"
        raise NodeError("SK-PY-011", message, at=logic.place)
    return typing.cast("ArrowStream", result)


def _load(root: Path, logic: PythonLogic) -> Callable[..., Any]:
    """Import the file under a name of its own. Project modules it imports are found beside it and in the project's folder."""
    path = root / logic.path
    with _IMPORTING, _importable(root, logic):
        before = set(sys.modules)
        try:
            module = load_file(path)
        finally:
            _forget(set(sys.modules) - before, root)
    found: Callable[..., Any] = getattr(module, logic.function)
    return found


@contextlib.contextmanager
def _importable(root: Path, logic: PythonLogic) -> Iterator[None]:
    """Let the project's modules be imported, as long as this lasts; functions may import when they are called."""
    folders = [str((root / logic.path).parent), str(root)]
    sys.path[:0] = folders
    try:
        yield
    finally:
        for folder in folders:
            sys.path.remove(folder)


def _forget(names: set[str], root: Path) -> None:
    """Drop the project's modules from the import cache: another project may have modules of the same names."""
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and file.startswith(str(root)) and "site-packages" not in file:
            sys.modules.pop(name, None)


def _kinds(function: Callable[..., Any]) -> list[str]:
    """For each parameter, the top-level package of its annotation; empty text where it has none."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - an annotation that cannot be read asks for nothing in particular
        hints = {}
    kinds = []
    for name in inspect.signature(function).parameters:
        hint = hints.get(name)
        kinds.append(f"{getattr(hint, '__module__', '')}.{getattr(hint, '__name__', '')}" if hint is not None else "")
    return kinds


def _convert(stream: Any, kind: str) -> Any:
    package = kind.partition(".")[0]
    if package == "pandas":
        return stream.read_pandas()
    if package == "polars":
        frame = importlib.import_module("polars").DataFrame(stream)
        return frame.lazy() if kind.endswith("LazyFrame") else frame
    if kind.endswith("RecordBatchReader"):
        return stream
    return stream.read_all()


def _place(error: Exception, root: Path, node: Node) -> Location | None:
    """The innermost line of the project in the traceback."""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(root)) and "site-packages" not in f.filename
    ]
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(str(root)):
        return Location(error.filename[len(str(root)) + 1 :], error.lineno or 1, error.offset or 1)
    if not frames:
        return getattr(node.logic, "place", None) or node.at
    return Location(frames[-1].filename[len(str(root)) + 1 :], frames[-1].lineno or 1, (frames[-1].colno or 0) + 1)


def _install_hint(error: Exception) -> str | None:
    return f"pip install {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else None
