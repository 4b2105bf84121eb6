"""The tools that are compared, each behind the same small interface."""

from benchmarks.tools.base import Tool
from benchmarks.tools.dbt import Dbt, DbtState
from benchmarks.tools.seeknal import Seeknal
from benchmarks.tools.sqlmesh import SqlMesh

TOOLS: dict[str, Tool] = {tool.name: tool for tool in (Seeknal(), Dbt(), DbtState(), SqlMesh())}

__all__ = ["TOOLS", "Tool"]
