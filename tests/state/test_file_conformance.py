"""State in a file keeps every promise a state backend makes."""

from __future__ import annotations

from typing import ClassVar

from seeknal.testing import StateSuite


class TestFileBackend(StateSuite):
    target: ClassVar = "seeknal.state.file:FileBackend"
