"""Lineage as a tree of text: each column or node once, with what is nearest first where there is too much to show."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import click

from seeknal.cli.output import plural
from seeknal.errors import visible
from seeknal.nodes import NodeId
from seeknal.plan.lineage import EVERY, Point
from seeknal.plan.tracing import column_name, refer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seeknal.cli.lineage_scope import Side
    from seeknal.plan.lineage import Edges, Lineage

LINES = 100
"""How many lines a side has unless all are asked for."""

REASONS = 10
"""For how many opaque nodes the reason is given."""

_DEEPEST = 60
_SHADES = {"value": "green", "filter": "yellow"}

Place = NodeId | Point
"""What a line stands for: a node, or a column of one."""


class Step(NamedTuple):
    """What is one step further, and how: `value`, `filter`, or nothing between nodes."""

    place: Place
    kind: str


class Line(NamedTuple):
    """A line of a tree; `again` says where else what is below it is shown."""

    indent: str
    step: Step
    again: str


def tree(graph: Lineage, name: str, sides: Sequence[Side], *, color: bool, whole: bool) -> str:
    """The text for a node or column. Raises ProjectError for a name that means nothing or too much."""
    node, column = refer(name, graph)
    root: Place = node if column is None else Point(node, column)
    text = _Text(graph, color=color)
    lines = [text.styled(text.name(root), bold=True) + text.opaque(node)]
    for side in sides:
        lines += ["", text.styled(side, bold=True)]
        found, left_out = _arranged(root, _steps(graph, side), None if whole else LINES)
        if not found:
            lines.append("  nothing")
        lines += [text.line(line) for line in found]
        total = _reached(graph, root, side)
        if left_out:
            shown = len({line.step.place for line in found})
            lines.append(f"  … {plural(total - shown, 'column' if column is not None else 'node')} not shown; --format json --all has them")
    return "\n".join([*lines, *text.reasons()])


def _steps(graph: Lineage, side: Side) -> Callable[[Place], list[Step]]:
    """What is one step away on a side."""

    def columns(edges: Edges) -> list[Step]:
        return [Step(Point(e.node, e.column), e.kind) for e in edges]

    def nodes(found: Sequence[NodeId]) -> list[Step]:
        return [Step(n, "") for n in found]

    def steps(place: Place) -> list[Step]:
        if isinstance(place, Point):
            return columns(graph.upstream(*place) if side == "upstream" else graph.downstream(*place))
        return nodes(graph.dag.inputs[place] if side == "upstream" else graph.dag.readers[place])

    return steps


def _reached(graph: Lineage, root: Place, side: Side) -> int:
    if isinstance(root, Point):
        return len(graph.all_upstream([root]) if side == "upstream" else graph.all_downstream([root]))
    return len(graph.dag.upstream([root]) if side == "upstream" else graph.dag.downstream([root]))


def _arranged(root: Place, steps: Callable[[Place], list[Step]], limit: int | None) -> tuple[list[Line], bool]:
    """The lines of one side, and whether any were left out. What is nearest comes first; each place is followed where it is nearest."""
    below: dict[Place, list[Step]] = {}
    follows: dict[Place, Place] = {}  # each place and the one it is shown in full under
    queue: deque[tuple[Place, int]] = deque([(root, 0)])
    count, left_out = 0, False
    while queue:
        place, depth = queue.popleft()
        found = steps(place)
        room = len(found) if limit is None else max(0, limit - count)
        if found[room:] or (found and depth >= _DEEPEST):
            left_out = True
        below[place] = found[:room] if depth < _DEEPEST else []
        count += len(below[place])
        for step in below[place]:
            if step.place not in follows:
                follows[step.place] = place
                queue.append((step.place, depth + 1))
    return list(_walk(root, below, follows)), left_out


def _walk(root: Place, below: Mapping[Place, list[Step]], follows: Mapping[Place, Place]) -> Iterator[Line]:
    done: set[Place] = set()
    waiting = [(root, "", step, n == 0) for n, step in enumerate(reversed(below[root]))]
    while waiting:
        parent, indent, step, last = waiting.pop()
        own = follows[step.place] == parent and step.place not in done
        again = "" if own or not below.get(step.place) else ("above" if step.place in done else "below")
        yield Line(f"{indent}{'└── ' if last else '├── '}", step, again)
        if own:
            done.add(step.place)
            inner = f"{indent}{'    ' if last else '│   '}"
            waiting += [(step.place, inner, s, n == 0) for n, s in enumerate(reversed(below.get(step.place, [])))]


class _Text:
    """How things are written; remembers which opaque nodes were."""

    def __init__(self, graph: Lineage, *, color: bool) -> None:
        self._graph = graph
        self._color = color
        self._opaque: dict[NodeId, str] = {}

    def styled(self, text: str, *, fg: str | None = None, bold: bool = False) -> str:
        return click.style(text, fg=fg, bold=bold or None) if self._color else text

    def name(self, place: Place) -> str:
        if not isinstance(place, Point):
            return place
        columns = place.column != EVERY or self._graph.dag.nodes[place.node].is_readable
        return visible(column_name(*place)).replace("\n", "\\n") if columns else place.node

    def opaque(self, node: NodeId) -> str:
        reason = self._graph.opaque(node)
        if reason is None:
            return ""
        self._opaque[node] = reason
        return self.styled("  opaque", fg="magenta")

    def line(self, line: Line) -> str:
        place, kind = line.step
        node = place.node if isinstance(place, Point) else place
        again = self.styled(f"  (see {line.again})", fg="bright_black") if line.again else ""
        shown = self.styled(f"  {kind}", fg=_SHADES[kind]) if kind else ""
        return f"{line.indent}{self.name(place)}{shown}{self.opaque(node)}{again}"

    def reasons(self) -> list[str]:
        """Why nodes are opaque."""
        if not self._opaque:
            return []
        listed = [f"  {n}: {visible(why)}" for n, why in self._opaque.items()]
        more = [f"  … and {len(listed) - REASONS:,} more"] if len(listed) > REASONS else []
        return ["", "opaque: each column may come from every column of the inputs", *listed[:REASONS], *more]
