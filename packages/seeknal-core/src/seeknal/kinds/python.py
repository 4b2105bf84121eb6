"""Python nodes: what `@transform(…)` and `@source(…)` may say. The function itself is what is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from seeknal.specs import NodeSpec

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering


class _PythonSpec(NodeSpec):
    """Inputs are the decorator's; the logic comes with the file."""

    def lower(self, context: Lowering) -> Logic:
        """Resolve the inputs. The logic itself is read from the file, not from the spec."""
        message = f"a Python node is lowered from its file, not from {context.document}"
        raise TypeError(message)


class PythonTransformSpec(_PythonSpec):
    """The arguments of `@transform`."""

    windowed: ClassVar[bool] = True

    kind: Literal["transform"] = "transform"


class PythonSourceSpec(_PythonSpec):
    """The arguments of `@source`."""

    windowed: ClassVar[bool] = True

    kind: Literal["source"] = "source"
    refresh: Literal["always", "manual"] | None = Field(None, description="always (default): called in every run; manual: only when asked.")
