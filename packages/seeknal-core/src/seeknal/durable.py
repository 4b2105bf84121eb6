"""Writing files so that readers see the old or the new, and a power cut leaves one of them.

A file is written under a temporary name in its own folder, fsynced, renamed, and the folder fsynced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import uuid
from typing import TYPE_CHECKING

from seeknal.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file's content. Raises StateError where it cannot be written; the old content is then still there."""
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StateError(
            "SK-DISK-001", f"{path} cannot be written: {error.strerror}", hint="free some space, or check permissions"
        ) from None
    sync_folder(path.parent)


def copy_whole(source: Path, target: Path, mode: int = 0o644) -> None:
    """Copy a file the same way; not a link, which a later rename would share."""
    temporary = temporary_beside(target)
    try:
        shutil.copyfile(source, temporary)
        temporary.chmod(mode)
        sync_file(temporary)
        temporary.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StateError(
            "SK-DISK-001", f"{target} cannot be written: {error.strerror}", hint="free some space, or check permissions"
        ) from None


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make a rename in this folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes of this machine out for the length of a `with` block, by a file that is never deleted.

    Where files cannot be locked nobody is kept out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
