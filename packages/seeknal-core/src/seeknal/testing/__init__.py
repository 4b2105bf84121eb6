"""The test kit for those who write plugins: subclass a suite, and it holds the plugin to what the core relies on.

`EngineSuite` is for engines. It needs pytest, which is imported only when a suite is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeknal.testing.engine import EngineSuite

__all__ = ["EngineSuite"]


def __getattr__(name: str) -> Any:
    if name == "EngineSuite":
        from seeknal.testing.engine import EngineSuite

        return EngineSuite
    message = f"module 'seeknal.testing' has no attribute {name!r}"
    raise AttributeError(message)
