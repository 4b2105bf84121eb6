"""Calling a project's Python function: its module imported from its file, its inputs in the form its annotations ask for."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import threading
import traceback
import typing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seeknal.errors import Location, NodeError, SeeknalError
from seeknal.project.pythonfile import WINDOW
from seeknal.targets import load_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from seeknal.nodes import Node, PythonLogic
    from seeknal.protocols import ArrowStream


class _Importing:
    """Makes one project's modules importable while its nodes run, and forgets them after: another may have modules of the same names."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._root: Path | None = None
        self._calls = 0
        self._before: set[str] = set()
        self._writes_bytecode = True

    @contextmanager
    def of(self, root: Path, folder: Path) -> Iterator[None]:
        """For the length of a `with` block; nodes of another project wait until the last one of this has ended."""
        folders = [str(folder), str(root)]
        with self._changed:
            self._changed.wait_for(lambda: self._root in (None, root))
            if self._root is None:
                self._begin(root)
            self._calls += 1
            sys.path[:0] = folders
        try:
            yield
        finally:
            with self._changed:
                for name in folders:
                    sys.path.remove(name)
                self._calls -= 1
                if not self._calls:
                    self._end(root)
                    self._changed.notify_all()

    def _begin(self, root: Path) -> None:
        self._root, self._before = root, set(sys.modules)
        importlib.invalidate_caches()
        # Compiled files know their source by its size and the second it was written in: too little for one that is being edited.
        self._writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True

    def _end(self, root: Path) -> None:
        sys.dont_write_bytecode = self._writes_bytecode
        for name in set(sys.modules) - self._before:
            module = sys.modules[name]
            places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
            if any(p.startswith(f"{root}{os.sep}") and "site-packages" not in p for p in places):
                del sys.modules[name]
        self._root = None


_IMPORTING = _Importing()
_LOADING = threading.Lock()


def call(
    root: Path,
    node: Node,
    logic: PythonLogic,
    inputs: Sequence[Callable[[], ArrowStream]],
    window: tuple[datetime, datetime] | None = None,
) -> ArrowStream:
    """Call the node's function and return what it returned, which must be something with Arrow's stream interface.

    Parameters called `start_ts` and `end_ts` are given those of the `window`.

    Raises NodeError at the project's own line where the function fails, or tries to end the process.
    """
    try:
        with _IMPORTING.of(root, (root / logic.path).parent):
            function = _load(root, logic)
            arguments = [_convert(stream(), kind) for stream, kind in zip(inputs, _kinds(function), strict=True)]
            moments = dict(zip(WINDOW, window or (), strict=False))
            result = function(*arguments, **{n: m for n, m in moments.items() if n in inspect.signature(function).parameters})
    except SeeknalError:
        raise
    except BaseException as error:
        raise NodeError("SK-PY-010", f"{type(error).__name__}: {error}", at=_place(error, root, node), hint=_install_hint(error)) from error
    if not hasattr(result, "__arrow_c_stream__"):
        message = f"{logic.function}() returned {type(result).__name__}; return an Arrow table or a data frame"
        raise NodeError("SK-PY-011", message, at=logic.place)
    return typing.cast("ArrowStream", result)


def _load(root: Path, logic: PythonLogic) -> Callable[..., Any]:
    """Import the function's file, one at a time."""
    with _LOADING:
        found: Callable[..., Any] = getattr(load_file(root / logic.path), logic.function)
    return found


def _kinds(function: Callable[..., Any]) -> list[str]:
    """For each parameter, the top-level package of its annotation; empty text where it has none."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - an annotation that cannot be read asks for nothing in particular
        hints = {}
    kinds = []
    for name in inspect.signature(function).parameters:
        if name in WINDOW:
            continue
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


def _place(error: BaseException, root: Path, node: Node) -> Location | None:
    """The innermost line of the project in the traceback."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename.startswith(f"{root}{os.sep}") and "site-packages" not in f.filename
    ]
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(f"{root}{os.sep}"):
        return Location(error.filename[len(str(root)) + 1 :], error.lineno or 1, error.offset or 1)
    if not frames:
        return getattr(node.logic, "place", None) or node.at
    return Location(frames[-1].filename[len(str(root)) + 1 :], frames[-1].lineno or 1, (frames[-1].colno or 0) + 1)


def _install_hint(error: BaseException) -> str | None:
    return f"pip install {error.name}" if isinstance(error, ModuleNotFoundError) and error.name else None
