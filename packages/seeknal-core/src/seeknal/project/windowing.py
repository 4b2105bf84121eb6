"""What `schedule`, `time_column` and the keys beside them amount to, every problem placed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from seeknal.errors import ProjectError, did_you_mean
from seeknal.intervals.calendar import SECONDS, UNITS, Calendar
from seeknal.intervals.cron import unit_between
from seeknal.intervals.windowing import Windowing, moment_of, told
from seeknal.nodes import PythonLogic, SqlLogic, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from seeknal.errors import Location, SeeknalError
    from seeknal.intervals.calendar import UnitName
    from seeknal.nodes import Logic, Node, NodeId
    from seeknal.specs import NodeSpec

WINDOW_KEYS = (
    "schedule", "time_column", "interval", "timezone", "start", "end", "lookback", "batch_size", "batch_concurrency", "forward_only", "depends_on_past",
)  # fmt: skip
"""Keys that say how a node is built window by window."""


def windowing_of(spec: NodeSpec, logic: Logic, at: Callable[[str], Location]) -> Windowing | None:
    """The windows of a node; None for one that is built whole. Raises ProjectError."""
    said = [key for key in WINDOW_KEYS if getattr(spec, key) not in (None, False)]
    if not said or not spec.windowed:
        return None
    time_column = spec.window_time()
    if spec.schedule is None or time_column is None:
        missing = "schedule" if spec.schedule is None else "time_column"
        hint = "schedule: '0 6 * * *' with time_column: created_at builds a day at a time"
        raise ProjectError("SK-INT-001", f"'{said[0]}' needs '{missing}' beside it", at=at(said[0]), hint=hint)
    if isinstance(logic, SqlLogic) and logic.materialized == "view":
        raise ProjectError("SK-INT-001", "a view stores nothing, so it has no windows", at=at("schedule"), hint="materialized: table")
    calendar = _calendar(spec, spec.schedule, at)
    start = None if spec.start is None else moment_of(spec.start, calendar)
    end = None if spec.end is None else moment_of(spec.end, calendar)
    if start is not None and end is not None and start >= end:
        raise ProjectError("SK-INT-002", f"'end' ({told(end)}) is not after 'start' ({told(start)})", at=at("end"))
    if start is None and not isinstance(logic, SqlLogic):
        what = "a Python node" if isinstance(logic, PythonLogic) else "a source"
        raise ProjectError("SK-INT-001", f"{what} that is built window by window needs 'start': its first window", at=at("schedule"))
    for key in ("refresh", "change_probe", "cache"):
        if getattr(spec, key, None) is not None:
            raise ProjectError("SK-INT-001", f"'{key}' is for sources that are read whole; a window is read once", at=at(key))
    if spec.depends_on_past and (spec.batch_concurrency or 1) > 1:
        raise ProjectError("SK-INT-002", "windows that depend on the past cannot be built at the same time", at=at("batch_concurrency"))
    return Windowing(
        time_column,
        spec.schedule,
        calendar.unit,
        calendar.timezone,
        start,
        end,
        spec.lookback or 0,
        spec.batch_size,
        spec.batch_concurrency or 1,
        forward_only=spec.forward_only,
        depends_on_past=spec.depends_on_past,
        reach=spec.window_reach(),
    )


def misaligned(nodes: Mapping[NodeId, Node]) -> Iterator[SeeknalError]:
    """Aggregations whose windows are of another time than those of their inputs: what is built again there would not be found here."""
    for node in nodes.values():
        times: list[str] = node.details.get("aggregation", {}).get("reads_by", []) if node.windows is not None else []
        for source in _behind_views(node, times, nodes) if times else ():
            if source.windows is not None and fold(source.windows.time_column) not in map(fold, times):
                name = source.id
                message = f"{node.id} goes by '{times[0]}', and the windows of {name} by '{source.windows.time_column}'"
                hint = f"build {name} by '{times[0]}' too, or leave out schedule here and build {node.id} whole"
                yield ProjectError("SK-INT-001", message, at=node.at, hint=hint)


def _behind_views(node: Node, times: Collection[str], nodes: Mapping[NodeId, Node]) -> Iterator[Node]:
    """The inputs of a node, those of views in their place where these hand on the times as they are."""
    waiting = list(node.inputs)
    for name in waiting:
        source = nodes.get(name)
        if source is not None and isinstance(source.logic, SqlLogic) and source.is_view:
            waiting += [] if _makes(source.logic, times) else [i for i in source.inputs if i not in waiting]
        elif source is not None:
            yield source


def _makes(logic: SqlLogic, times: Collection[str]) -> bool:
    """Whether a query calls something else by one of these names."""
    import sqlglot  # start-up time
    from sqlglot import exp

    names = {fold(t) for t in times}
    made = (a for a in sqlglot.parse_one(logic.sql, dialect=logic.dialect).find_all(exp.Alias) if fold(a.alias) in names)
    return any(all(fold(c.name) != fold(a.alias) for c in a.find_all(exp.Column)) for a in made)


def _calendar(spec: NodeSpec, schedule: str, at: Callable[[str], Location]) -> Calendar:
    try:
        unit: UnitName = unit_between(schedule)
    except ValueError as error:
        raise ProjectError("SK-INT-002", str(error), at=at("schedule")) from None
    timezone = spec.timezone or "UTC"
    try:
        ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):
        from zoneinfo import available_timezones  # start-up time: looks through a folder

        hint = did_you_mean(timezone, available_timezones()) or "write a name such as Europe/Berlin or Asia/Jakarta"
        raise ProjectError("SK-INT-002", f"there is no time zone '{timezone}'", at=at("timezone"), hint=hint) from None
    if spec.interval is not None:
        if spec.interval not in SECONDS:
            hint = did_you_mean(spec.interval, UNITS) or f"one of {', '.join(UNITS)}"
            raise ProjectError("SK-INT-002", f"'interval' is no unit: {spec.interval}", at=at("interval"), hint=hint)
        unit = next(u for u in UNITS if u == spec.interval)
    return Calendar(unit, timezone)
