"""State in one JSON file under target/, with a journal beside it while a run goes on.

    run_state.json       everything, checksummed; replaced whole (write, fsync, rename, fsync the folder)
    run_state.json.bak   the one before
    run_state.journal    a checksummed line for each commit since; folded in at the end of a run, above 128 KiB of state once it is an eighth of that
    locks/<name>.lock    one file for each lease, held by flock and never deleted; its text is for people only

A commit is a line appended and fsynced, so its cost does not grow with the project. A line cut off by a crash was never
acknowledged and is skipped.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import json
import os
import time
import uuid
import zlib
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from seeknal.durable import copy_whole, sync_folder, write_whole
from seeknal.errors import LockedError, ProjectError, StateError
from seeknal.state.backend import Holder
from seeknal.state.bulk import uncollected
from seeknal.state.migrate import Stored, migrate, needs_migration
from seeknal.state.model import SCHEMA_VERSION, TABLES, Change, Snapshot, empty_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seeknal.state.backend import Lease
    from seeknal.state.model import Table

FILE = "run_state.json"
_MODE = 0o600
_CRC = b'"crc32":"'
_POLL_SECONDS = 0.1
_LARGE = 1 << 17
_SHARE = 8


@dataclass
class _FileLease:
    name: str
    held: bool = True


class FileBackend:
    """The `file` state backend."""

    def __init__(self, target: Path, options: dict[str, Any] | None = None) -> None:
        """Keep state in `target`. Knows no options; raises ProjectError for any."""
        if options:
            raise ProjectError("SK-STATE-004", f"the file state backend has no option '{next(iter(options))}'")
        self.target = target
        self.path = target / FILE
        self.backup = target / f"{FILE}.bak"
        self.journal = target / "run_state.journal"

    # Reading

    def read(self) -> Snapshot:
        """Everything, as of now."""
        base = self._base()
        return Snapshot(base.tables, base.serial, base.notices)

    def _base(self) -> Stored:
        """The file and the journal that belongs to it: read again when the file was replaced in between, and its journal with it."""
        settled = True
        while settled:
            with _opened(self.path) as before, uncollected():
                base, lines = self._stored(), list(self._journal_lines())
                settled = not _is_still(before, self.path)
        for line in lines:
            base.serial += 1
            for table, key, value in line:
                if value is None:
                    base.tables[table].pop(key, None)
                else:
                    base.tables[table][key] = value
        return base

    def _stored(self) -> Stored:
        older = needs_migration(self.target)
        try:
            data = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return migrate(self.target, None) if older else _new()
        try:
            return _decode(data, self.target)
        except _DamagedError as problem:
            notices = (f"{self.path.name} is damaged ({problem}); using {self.backup.name}",)
        try:
            base = _decode(self.backup.read_bytes(), self.target)
        except (OSError, _DamagedError):
            notices = (f"{self.path.name} and its backup are damaged; outputs are found again by their keys",)
            base = _new()
        base.notices = notices
        base.damaged = True
        return base

    def _journal_lines(self) -> Iterator[list[tuple[Table, str, Any]]]:
        try:
            data = self.journal.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        for line in data.split(b"\n"):
            crc, _, text = line.partition(b" ")
            if text and crc == _checksum(text):
                yield json.loads(text)

    # Writing

    def commit(self, changes: Sequence[Change], lease: Lease) -> None:
        """Append one line to the journal and fsync it."""
        if not getattr(lease, "held", False):
            raise StateError("SK-STATE-007", f"the lease of '{lease.name}' is no longer held: nothing was committed")
        if not changes:
            return
        text = json.dumps([[c.table, c.key, c.value] for c in changes], separators=(",", ":")).encode()
        try:
            self._append(text)
        except OSError as error:
            hint = "free some space and run again: what was finished before is safe"
            raise StateError("SK-DISK-001", f"the state cannot be written: {error.strerror}", hint=hint) from None

    def _append(self, text: bytes) -> None:
        with self._exclusive():
            if not self.path.exists():
                self._write(self._base())
            fresh = not self.journal.exists()
            handle = os.open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                _write_all(handle, b"\n" + _checksum(text) + b" " + text + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
            if fresh:
                sync_folder(self.target)

    def settle(self) -> None:
        """Fold the journal into run_state.json, once it is long enough for that to be worth writing everything anew."""
        if self._is_short() if self.journal.exists() else not needs_migration(self.target):
            return
        try:
            with self._exclusive(), uncollected():
                self._write(self._base())
                self.journal.unlink(missing_ok=True)
        except OSError as error:
            message = f"the state cannot be written: {error.strerror}"
            raise StateError("SK-DISK-001", message, hint="nothing is lost: the journal holds it, and the next run folds it in") from None

    def _is_short(self) -> bool:
        try:
            size = self.path.stat().st_size
            return size >= _LARGE and self.journal.stat().st_size < size // _SHARE
        except OSError:
            return False

    def _write(self, base: Stored) -> None:
        if base.migrated_from:
            original = self.target / base.migrated_from
            kept = original.with_name(f"{original.name}.v1.bak")
            if not kept.exists():
                copy_whole(original, kept, _MODE)
        if self.path.exists() and not base.damaged:
            copy_whole(self.path, self.backup, _MODE)
        write_whole(self.path, _encode(base), _MODE)
        if base.migrated_from and base.migrated_from != FILE:
            (self.target / base.migrated_from).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Only one process writes state at a time, for the moment of one write."""
        self.target.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.target / "run_state.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    # Leases

    @contextlib.contextmanager
    def lease(self, name: str, holder: Holder, wait_seconds: float = 0) -> Iterator[Lease]:
        """Hold the lease by flock on its file."""
        path = self._lock_path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            message = f"{self.target} cannot be written: {error.strerror}"
            raise ProjectError(
                "SK-STATE-005", message, hint="what runs, or saves a plan, needs to write there; `seeknal plan` alone and show do not"
            ) from None
        try:
            self._acquire(handle, name, wait_seconds)
            os.ftruncate(handle, 0)
            with contextlib.suppress(OSError):  # a full disk: who holds it is for people only, and what matters will be said
                os.pwrite(handle, json.dumps(asdict(holder)).encode(), 0)
            lease = _FileLease(name)
            try:
                yield lease
            finally:
                lease.held = False
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def _acquire(self, handle: int, name: str, wait_seconds: float) -> None:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    message = f"files cannot be locked in {self.target}: {error.strerror}"
                    raise ProjectError("SK-STATE-006", message, hint="keep state in a database: state: {backend: postgres, …}") from None
                if time.monotonic() >= deadline:
                    who = self.holder(name) or "another process"
                    hint = "wait for it with --wait; the lease is free as soon as that process ends"
                    raise LockedError("SK-LOCK-001", f"environment '{name}' is in use by {who}", hint=hint) from None
                time.sleep(_POLL_SECONDS)
            else:
                return

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease, as its file says."""
        try:
            return Holder(**json.loads(self._lock_path(name).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def unlock(self, name: str) -> Holder | None:
        """Forget who held a lease whose process is gone; the kernel has freed it already."""
        before = self.holder(name)
        if before is not None:
            with self.lease(name, before):
                pass
        return before

    def _lock_path(self, name: str) -> Path:
        return self.target / "locks" / f"{name}.lock"

    def describe(self) -> dict[str, str | int]:
        """Where the state is and what is in it."""
        base = self._base()
        size = self.path.stat().st_size if self.path.exists() else 0
        counts: dict[str, int] = {table: len(base.tables[table]) for table in TABLES}
        return {"backend": "file", "path": str(self.path), "schema_version": SCHEMA_VERSION, "lineage": base.lineage, "serial": base.serial,
                "bytes": size, **counts}  # fmt: skip


class _DamagedError(Exception):
    """The file is not what was written."""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """The file as it is now, kept open so that no later file can be taken for it; None where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _is_still(handle: int | None, path: Path) -> bool:
    try:
        now = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return handle is None
    return handle is not None and os.path.samestat(os.fstat(handle), now)


def _new() -> Stored:
    return Stored(empty_tables(), 0, str(uuid.uuid4()))


def _checksum(*data: bytes | memoryview) -> bytes:
    """The checksum of pieces, one after the other."""
    return b"%08x" % functools.reduce(lambda crc, piece: zlib.crc32(piece, crc), data, 0)


def _encode(base: Stored) -> bytes:
    header = {"schema_version": SCHEMA_VERSION, "min_reader": SCHEMA_VERSION, "lineage": base.lineage or str(uuid.uuid4()), "serial": base.serial,
              "crc32": "00000000", "writer": f"seeknal-core {_version()}"}  # fmt: skip
    document: dict[str, Any] = {**header, **{str(t): rows for t, rows in base.tables.items()}}
    if base.legacy is not None:
        document["legacy"] = base.legacy
    data = json.dumps(document, separators=(",", ":")).encode()
    at = data.index(_CRC) + len(_CRC)
    return data[:at] + _checksum(data) + data[at + 8 :]


def _decode(data: bytes, target: Path) -> Stored:
    """Check and read a state file. Raises _DamagedError, or ProjectError for a schema that is newer than this version knows."""
    try:
        document = json.loads(data)
    except ValueError as error:
        message = f"not JSON: {error}"
        raise _DamagedError(message) from None
    if not isinstance(document, dict):
        message = "not an object"
        raise _DamagedError(message)
    if "lineage" not in document:
        return migrate(target, document)
    if _numbers(str(document.get("min_reader", ""))) > _numbers(SCHEMA_VERSION):
        message = f"{FILE} has schema {document.get('schema_version')}; this version reads up to {SCHEMA_VERSION}"
        raise ProjectError("SK-STATE-002", message, hint="upgrade seeknal: pip install --upgrade seeknal")
    at = data.find(_CRC, 0, 1000) + len(_CRC)
    if at < len(_CRC) or data[at : at + 8] != _checksum(data[:at], b"00000000", memoryview(data)[at + 8 :]):
        message = "its checksum does not match"
        raise _DamagedError(message)
    tables = {table: document.get(table, {}) for table in TABLES}
    return Stored(tables, document["serial"], document["lineage"], document.get("legacy"))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


@functools.cache
def _version() -> str:
    try:
        return version("seeknal-core")
    except PackageNotFoundError:
        return "unknown"


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
