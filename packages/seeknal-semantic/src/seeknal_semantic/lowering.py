"""What one node says, checked on its own: expressions that may not be used, names that are missing, keys that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seeknal.errors import ProjectError, ProjectErrors
from seeknal.nodes import Made
from seeknal_semantic.expressions import Refused, names, parse_arithmetic, parse_filter, parse_value
from seeknal_semantic.grains import finer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import BaseModel

    from seeknal.errors import SeeknalError
    from seeknal.nodes import NodeId
    from seeknal.specs import Lowering, NodeSpec
    from seeknal_semantic.specs import DimensionSpec, EntitySpec, MetricSpec, SavedQuerySpec, SemanticModelSpec

Path = tuple[str | int, ...]
Marks = dict[str, tuple[str, int, int]]
_KEYS = {
    "simple": ("measure", "filter", "fill_nulls_with", "join_to_timespine"),
    "ratio": ("numerator", "denominator", "filter"),
    "cumulative": ("measure", "filter", "grain_to_date", "window", "period_agg"),
    "derived": ("expr", "inputs", "filter"),
}
_REQUIRED = {"simple": ("measure",), "ratio": ("numerator", "denominator"), "cumulative": ("measure",), "derived": ("expr", "inputs")}
_OWN = ("kind", "name", "description", "owner", "tags", "meta", "enabled", "columns", "audits", "engine", "schedule", "time_column")
_OWN_MORE = ("lookback", "start", "end", "batch_size")


class _Checks:
    """Gathers what is wrong, so that all of it is reported."""

    def __init__(self, context: Lowering, name: str) -> None:
        self.context = context
        self.name = name
        self.errors: list[SeeknalError] = []

    def problem(self, code: str, message: str, *path: str | int, hint: str | None = None) -> None:
        said = message if self.name in message else f"{self.name}: {message}"
        self.errors.append(ProjectError(code, said, at=self.context.at(*path), hint=hint))

    def expression(self, parse: Callable[[str], Any], text: str | None, what: str, *path: str | int) -> Any:
        """Parse an expression, or say at its place why not."""
        if text is None:
            return None
        try:
            return parse(text)
        except Refused as refused:
            self.problem("SK-SEM-002", f"{what} {refused.message}", *path, hint=refused.hint)
        return None

    def unique(self, what: str, found: Iterable[str], *path: str | int) -> None:
        seen: set[str] = set()
        for number, name in enumerate(found):
            if name in seen:
                self.problem("SK-SEM-003", f"{what} '{name}' is defined twice", *path, number, "name")
            seen.add(name)

    def done(self) -> None:
        if self.errors:
            raise ProjectErrors(self.errors) if len(self.errors) > 1 else self.errors[0]


def _kept(spec: NodeSpec, context: Lowering) -> tuple[dict[str, Any], Marks]:
    params = spec.model_dump(mode="json", exclude_none=True, exclude={*_OWN, *_OWN_MORE})
    marks: Marks = {}
    _mark(params, (), context, marks)
    return params, marks


def _mark(value: Any, path: Path, context: Lowering, marks: Marks) -> None:
    """Remember where things stand, for what can be checked in the project as a whole only."""
    if path:
        at = context.at(*path)
        marks[".".join(map(str, path))] = (at.path, at.line, at.column)
    items: Iterable[tuple[str | int, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in items:
        _mark(inner, (*path, key), context, marks)


def lower_model(spec: SemanticModelSpec, context: Lowering, node: NodeId) -> tuple[dict[str, Any], Marks, dict[str, Made]]:
    """What a semantic model keeps. Raises ProjectErrors with everything that is wrong with it."""
    checks = _Checks(context, spec.name)
    checks.unique("entity", [e.name for e in spec.entities], "entities")
    checks.unique("dimension", [d.name for d in spec.dimensions], "dimensions")
    checks.unique("measure", [m.name for m in spec.measures], "measures")
    for number, entity in enumerate(spec.entities):
        checks.expression(parse_value, entity.expr, f"entity '{entity.name}':", "entities", number, "expr")
    for number, dimension in enumerate(spec.dimensions):
        checks.expression(parse_value, dimension.expr, f"dimension '{dimension.name}':", "dimensions", number, "expr")
        if dimension.type != "time" and (dimension.time_granularity or dimension.validity_params):
            checks.problem("SK-SEM-004", f"dimension '{dimension.name}' is not of type time: it has no grain", "dimensions", number)
    _check_time(spec, checks)
    dimensions = {d.name: d for d in spec.dimensions}
    for number, measure in enumerate(spec.measures):
        place = ("measures", number)
        if measure.expr != "*":
            checks.expression(parse_value, measure.expr, f"measure '{measure.name}':", *place, "expr")
        checks.expression(parse_filter, measure.filter, f"filter of measure '{measure.name}'", *place, "filter")
        if (measure.agg == "percentile") != (measure.percentile is not None):
            checks.problem("SK-SEM-004", f"measure '{measure.name}': 'percentile' goes with agg: percentile, and only there", *place, "agg")
        lasting = measure.non_additive_dimension
        if lasting is not None:
            if lasting.name not in dimensions or dimensions[lasting.name].type != "time":
                message = f"measure '{measure.name}': '{lasting.name}' is not a time dimension of {spec.name}"
                checks.problem("SK-SEM-004", message, *place, "non_additive_dimension", "name")
            for name in lasting.window_groupings:
                if name not in dimensions and name not in {e.name for e in spec.entities}:
                    message = f"measure '{measure.name}': '{name}' is no entity or dimension of {spec.name}"
                    checks.problem("SK-SEM-004", message, *place, "non_additive_dimension", "window_groupings")
    checks.done()
    params, marks = _kept(spec, context)
    return {**params, "model": node}, marks, _made_of(spec, node)


def _made_of(spec: SemanticModelSpec, node: NodeId) -> dict[str, Made]:
    """For each entity, dimension and measure the columns it is computed from."""
    own: dict[str, tuple[tuple[NodeId, str], ...]] = {}
    found: dict[str, Made] = {}
    described: list[EntitySpec | DimensionSpec] = [*spec.entities, *spec.dimensions]
    for item in described:
        own[item.name] = _columns(item.expr, item.name, spec.name, node)
        found[item.name] = Made(_shape(item), own[item.name])
    for measure in spec.measures:
        filtered = names(parse_filter(measure.filter)) if measure.filter else []
        decides = tuple(pair for n in filtered for pair in own.get(n, ((node, n),)))
        lasting = measure.non_additive_dimension
        decides += tuple(p for n in (lasting.name, *lasting.window_groupings) for p in own.get(n, ())) if lasting else ()
        value = _columns(measure.expr, measure.name, spec.name, node)
        before = found.get(measure.name)
        found[measure.name] = Made(_shape(measure), (*value, *(before.value if before else ())), tuple(dict.fromkeys(decides)))
    return found


def _columns(expr: str | None, name: str, model: str, node: NodeId) -> tuple[tuple[NodeId, str], ...]:
    """The columns an expression names; the rows where it names none."""
    if expr is None:
        return ((node, name),)
    if expr == "*":
        return ((node, ""),)
    found = []
    for column in parse_value(expr).find_all(exp.Column):
        parts = [p.name for p in column.parts]
        found.append((node, parts[1] if len(parts) > 1 and parts[0] == model else parts[0]))
    return tuple(dict.fromkeys(found)) or ((node, ""),)


def _shape(item: BaseModel) -> str:
    return item.model_dump_json(exclude={"description"}, exclude_none=True)


def _check_time(spec: SemanticModelSpec, checks: _Checks) -> None:
    dimensions = {d.name: d for d in spec.dimensions}
    default = spec.default_time_dimension
    if default is not None and default not in dimensions:
        checks.problem("SK-SEM-004", f"default_time_dimension '{default}' is not a dimension of {spec.name}", "default_time_dimension")
    elif default is not None and dimensions[default].type != "time":
        message = f"{spec.name}: default_time_dimension '{default}' is not of type time"
        checks.problem("SK-SEM-004", message, "default_time_dimension", hint="give the dimension `type: time`")
    natural = [e.name for e in spec.entities if e.type == "natural"]
    starts = [d for d in spec.dimensions if d.validity_params and d.validity_params.is_start]
    ends = [d for d in spec.dimensions if d.validity_params and d.validity_params.is_end]
    if (natural or starts or ends) and (len(starts) != 1 or len(ends) != 1):
        hint = "mark them with validity_params: {is_start: true} and {is_end: true}"
        checks.problem("SK-SEM-004", f"{spec.name}: one dimension must begin and one must end the validity of a row", "entities", hint=hint)


def lower_metric(spec: MetricSpec, context: Lowering) -> tuple[dict[str, Any], Marks]:
    """What a metric keeps. Raises ProjectErrors with everything that is wrong with it."""
    checks = _Checks(context, spec.name)
    for key in _REQUIRED[spec.type]:
        if not getattr(spec, key):
            checks.problem("SK-KEY-002", f"missing key '{key}': a {spec.type} metric needs it")
    for key in sorted({k for keys in _KEYS.values() for k in keys} - set(_KEYS[spec.type])):
        if key in context.document and key in spec.model_fields_set:
            checks.problem(
                "SK-KEY-001", f"'{key}' means nothing on a {spec.type} metric", key, hint=f"it knows {', '.join(_KEYS[spec.type])}"
            )
    checks.expression(parse_filter, spec.filter, "the filter", "filter")
    if spec.window and spec.grain_to_date:
        checks.problem("SK-SEM-004", "'window' and 'grain_to_date' do not go together: choose one", "grain_to_date")
    if spec.grain_to_date and finer(spec.grain_to_date, "day"):
        checks.problem("SK-SEM-004", f"grain_to_date: {spec.grain_to_date} is finer than a day", "grain_to_date")
    if spec.join_to_timespine and spec.type != "simple":
        checks.problem("SK-SEM-004", "'join_to_timespine' is for simple metrics", "join_to_timespine")
    if spec.type == "derived":
        _check_derived(spec, checks)
    checks.done()
    params, marks = _kept(spec, context)
    filters = [f for f in (spec.filter, *(i.filter for i in spec.inputs)) if f is not None]
    return {**params, "names": list(dict.fromkeys(n for f in filters for n in names(parse_filter(f))))}, marks


def _check_derived(spec: MetricSpec, checks: _Checks) -> None:
    aliases: Mapping[str, int] = {}
    for number, entry in enumerate(spec.inputs):
        alias = entry.alias or entry.metric
        if alias in aliases:
            checks.problem("SK-SEM-003", f"two inputs are called '{alias}'", "inputs", number, hint="give each an alias of its own")
        aliases = {**aliases, alias: number}
        checks.expression(parse_filter, entry.filter, "the filter", "inputs", number, "filter")
    tree = checks.expression(parse_arithmetic, spec.expr, "the expression", "expr")
    if tree is not None:
        for name in names(tree):
            if name not in aliases:
                from seeknal.errors import did_you_mean

                hint = did_you_mean(name, aliases) or f"inputs are: {', '.join(aliases)}"
                checks.problem("SK-SEM-005", f"the expression uses '{name}', which no input is called", "expr", hint=hint)


def lower_saved(spec: SavedQuerySpec, context: Lowering) -> tuple[dict[str, Any], Marks]:
    """What a saved query keeps."""
    checks = _Checks(context, spec.name)
    for number, text in enumerate(spec.filters):
        checks.expression(parse_filter, text, "the filter", "filters", number)
    checks.done()
    return _kept(spec, context)
