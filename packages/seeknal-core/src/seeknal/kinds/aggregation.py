"""`kind: aggregation` and `kind: second_order_aggregation`: values per entity over time, computed from rows with a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from seeknal.errors import did_you_mean
from seeknal.features.durations import parse_duration, short
from seeknal.kinds.feature_group import named
from seeknal.nodes import RuleLogic, fold, kind_of, relation_name
from seeknal.specs import Name, NodeSpec, Strict, TextList, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal.features.aggregates import Reading, Value, Window
    from seeknal.nodes import Logic, NodeId
    from seeknal.specs import Lowering

KINDS = ("aggregation", "second_order_aggregation")
Aggregate = Literal[
    "count", "sum", "avg", "min", "max", "stddev", "distinct", "last", "first", "mean", "std", "count_distinct", "nunique"
]  # fmt: skip
_LONGEST_DAYS = 36_600
_DAY = 86_400


def check_window(value: object) -> object:
    """A duration, or the days it reaches from and to."""
    if isinstance(value, list):
        if len(value) != 2 or not all(type(v) is int and 0 <= v <= _LONGEST_DAYS for v in value) or value[0] > value[1]:  # noqa: PLR2004
            message = f"must be [from, to], whole days before, such as [1, 7]; found {value}"
            raise ValueError(message)
        return value
    parse_duration(value)
    return value


Span = Annotated[str | list[int], BeforeValidator(check_window, json_schema_input_type=str | list[int])]


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Rolling(Strict):
    """Aggregates over a window that moves with time."""

    window: Span
    aggs: list[Aggregate] = Field(min_length=1)


class Ratio(Strict):
    """An aggregate over one window, divided by the same over another."""

    numerator: Span
    denominator: Span
    aggs: list[Aggregate] = Field(min_length=1)


class Since(Strict):
    """How long ago a condition held last."""

    condition: str
    unit: Literal["second", "minute", "hour", "day"] = "day"
    within: Span | None = None


class AggregatedFeature(Strict):
    """What is computed of one column."""

    name: Name
    column: str | None = Field(None, description="The column it is computed from; default: the feature's name, or rows where only counted.")
    basic: list[Aggregate] = Field(default_factory=list, description="Over all rows up to then; second order: over those of the same time.")
    rolling: Annotated[list[Rolling], BeforeValidator(_one_or_more)] = Field(
        default_factory=list, description="window: 7d, or [from, to] in days before; and aggs."
    )
    ratio: Annotated[list[Ratio], BeforeValidator(_one_or_more)] = Field(
        default_factory=list, description="numerator and denominator, windows both; and aggs."
    )
    since: Since | None = Field(
        None, description="condition, and unit: second, minute, hour or day; how long ago it held last, perhaps within a window."
    )

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)

    @model_validator(mode="after")
    def _something(self) -> AggregatedFeature:
        if not (self.basic or self.rolling or self.ratio or self.since):
            message = f"feature '{self.name}' says nothing to compute: one of basic, rolling, ratio, since"
            raise ValueError(message)
        return self

    @property
    def read(self) -> str | None:
        """The column that is aggregated; None where rows are only counted."""
        asked = {a for part in (self.basic, *(r.aggs for r in self.rolling), *(r.aggs for r in self.ratio)) for a in part}
        return self.column if self.column is not None or asked <= {"count"} else self.name


class SecondOrderFeature(AggregatedFeature):
    """What is computed of one feature of an aggregation."""

    source_feature: str | None = Field(None, description="The input's feature it is computed from; the same as column.")
    window: Span | None = Field(None, description="The window that `basic` is over, instead of the rows of the same time.")

    @property
    def read(self) -> str | None:
        """The feature that is aggregated."""
        return self.source_feature or super().read


class AggregationSpec(NodeSpec):
    """The keys of an aggregation."""

    windowed: ClassVar[bool] = True

    kind: Literal["aggregation"] = "aggregation"
    id_col: TextList = Field(description="The column, or columns, that say whom a row is about.", min_length=1, examples=["customer_id"])
    event_time: str = Field(description="The column that says when it happened.", examples=["ordered_at"])
    as_of: str | None = Field(
        None, description="The column that says as of when its rows are looked at; without it, every event time is one.", examples=["as_of"]
    )
    group_by: TextList = Field(default_factory=list, description="Further columns to tell apart.", examples=[["channel"]])
    features: list[AggregatedFeature] = Field(
        description="What is computed: name, column, and basic, rolling, ratio or since.",
        min_length=1,
        examples=[[{"name": "amount", "basic": ["count", "sum"], "rolling": [{"window": "7d", "aggs": ["sum"]}]}]],
    )

    @field_validator("features", mode="before", json_schema_input_type=list[AggregatedFeature] | dict[str, Any])
    @classmethod
    def _features(cls, value: object) -> object:
        return named(value)

    def lower(self, context: Lowering) -> Logic:
        """One query with all values."""
        return context.query(_query(self, context, _input(self, context), self.event_time))

    def window_time(self) -> str | None:
        """The time of its rows."""
        return self.time_column or self.as_of or self.event_time

    def window_reach(self) -> int:
        """The largest window of a feature."""
        return _reach(self)

    def details(self) -> dict[str, Any]:
        """What a second order can be computed from."""
        return {"aggregation": _details(self, self.event_time)}


class SecondOrderAggregationSpec(NodeSpec):
    """The keys of an aggregation of an aggregation."""

    windowed: ClassVar[bool] = True

    kind: Literal["second_order_aggregation"] = "second_order_aggregation"
    id_col: TextList = Field(description="The column, or columns, of the input to aggregate by.", min_length=1, examples=["region"])
    event_time: str | None = Field(None, description="The input's time; default: the one it is computed over.")
    as_of: str | None = Field(None, description="The column that says as of when its rows are looked at.")
    group_by: TextList = Field(default_factory=list, description="Further columns to tell apart.")
    features: list[SecondOrderFeature] = Field(
        description="What is computed: name, source_feature, and basic, rolling, ratio or since.",
        min_length=1,
        examples=[[{"name": "spend", "source_feature": "amount_sum_7d", "basic": ["avg"]}]],
    )
    _time: str | None = PrivateAttr(None)

    @field_validator("features", mode="before", json_schema_input_type=list[SecondOrderFeature] | dict[str, Any])
    @classmethod
    def _features(cls, value: object) -> object:
        return named(value)

    def lower(self, context: Lowering) -> Logic:
        """One query with all values."""
        source = _input(self, context)
        if kind_of(source) not in KINDS:
            hint = "aggregate it with kind: aggregation first"
            context.fail("SK-KIND-002", f"the input must be an aggregation, found {source}", "inputs", 0, "ref", hint=hint)
        known = context.details(source)
        if known is None:
            return RuleLogic()  # what is wrong is said there
        found = known["aggregation"]
        self._check(context, source, [*found["keys"], *found["values"]])
        time = self.event_time or found["time"]
        if time is None:
            context.fail("SK-KEY-002", f"missing key 'event_time': {source} does not say which column its time is in", "inputs", 0, "ref")
        self._time = time
        return context.query(_query(self, context, source, time))

    def _check(self, context: Lowering, source: NodeId, known: list[str]) -> None:
        """Report columns that the input does not have."""
        wanted: list[tuple[tuple[str | int, ...], str]] = [(("id_col",), c) for c in self.id_col]
        wanted += [(("group_by",), c) for c in self.group_by]
        for number, feature in enumerate(self.features):
            if feature.read is not None:
                key = "source_feature" if feature.source_feature else "column" if feature.column else "name"
                wanted.append((("features", number, key), feature.read))
        for path, name in wanted:
            if fold(name) not in map(fold, known):
                hint = did_you_mean(name, known) or f"it has: {', '.join(known)}"
                context.report("SK-FEAT-001", f"{source} has no '{name}'", *path, hint=hint)

    def window_time(self) -> str | None:
        """The time of its rows; where it does not say which that is, the input's."""
        return self.time_column or self.as_of or self._time

    def window_reach(self) -> int:
        """The largest window of a feature."""
        return _reach(self)

    def details(self) -> dict[str, Any]:
        """What a third order can be computed from."""
        return {"aggregation": _details(self, self.event_time)}


AnyAggregation = AggregationSpec | SecondOrderAggregationSpec


def _input(spec: AnyAggregation, context: Lowering) -> NodeId:
    if len(spec.inputs) != 1:
        context.fail("SK-KIND-002", f"an aggregation has exactly one input, found {len(spec.inputs)}", "inputs")
    return context.ref(spec.inputs[0].ref, "inputs", 0, "ref")


def _query(spec: AnyAggregation, context: Lowering, source: NodeId, time: str) -> Any:
    from seeknal.features.aggregates import Shape, aggregate  # start-up time

    values: dict[str, Value] = {}
    taken = {fold(spec.as_of or time)}
    for key, name in (*(("id_col", c) for c in spec.id_col), *(("group_by", c) for c in spec.group_by)):
        if fold(name) in taken:
            hint = "ids, groups and the time are columns of their own: name each once"
            context.fail("SK-FEAT-002", f"column '{name}' would stand twice in the output", key, hint=hint)
        taken.add(fold(name))
    for number, feature in enumerate(spec.features):
        for value in _values(feature, context, number):
            if fold(value.name) in taken:
                context.fail("SK-FEAT-002", f"column '{value.name}' would stand twice in the output", "features", number, "name")
            taken.add(fold(value.name))
            values[value.name] = value
    shape = Shape(relation_name(source), tuple(spec.id_col), tuple(spec.group_by), time, spec.as_of, _reading(spec, context, time))
    return aggregate(shape, list(values.values()))


def _reading(spec: AnyAggregation, context: Lowering, time: str) -> Reading | None:
    """What is read to build a window; None where everything is built at once. Reports features for which everything would be read."""
    if spec.schedule is None:
        return None
    from seeknal.features.aggregates import Reading

    own = spec.as_of or time
    if spec.time_column is not None and fold(spec.time_column) != fold(own):
        hint = f"time_column: {own}, or leave it out"
        context.report("SK-INT-001", f"the windows of an aggregation are those of its rows' time, '{own}'", "time_column", hint=hint)
    for number, feature in enumerate(spec.features):
        for key, window in _reads(feature):
            if window is None:
                limit = "say within: 90d beside condition" if key == "since" else "say rolling, with a window"
                message = f"'{key}' looks back to the very first row, so no window can be built without reading all that came before"
                context.report("SK-INT-001", message, "features", number, key, hint=f"{limit}; or leave out schedule and build it whole")
    return Reading(_reach(spec), spec.timezone not in (None, "UTC"))


def _reach(spec: AnyAggregation) -> int:
    """How many seconds before a row's time the rows can lie that it is computed from, where there is a limit."""
    windows = [window for feature in spec.features for _, window in _reads(feature) if window is not None]
    return max((w.seconds or (0 if w.days is None else (w.days[1] + 1) * _DAY) for w in windows), default=0)


def _reads(feature: AggregatedFeature) -> Iterator[tuple[str, Window | None]]:
    """The windows that a feature looks back over, each with the key that says so; None for all there was before."""
    if feature.basic:
        yield "basic", _basic(feature)
    yield from (("rolling", _window(r.window)) for r in feature.rolling)
    yield from (("ratio", _window(span)) for r in feature.ratio for span in (r.numerator, r.denominator))
    if feature.since is not None:
        yield "since", None if feature.since.within is None else _window(feature.since.within)


def _values(feature: AggregatedFeature, context: Lowering, number: int) -> Iterator[Value]:
    from seeknal.features.aggregates import OTHER_NAMES, Measure, Value

    def measure(name: str, window: Window | None) -> Measure:
        return Measure(OTHER_NAMES.get(name, name), feature.read, window)

    for name in feature.basic:
        yield Value(f"{feature.name}_{name}", measure(name, _basic(feature)))
    for rolling in feature.rolling:
        window = _window(rolling.window)
        for name in rolling.aggs:
            yield Value(f"{feature.name}_{name}_{window.label}", measure(name, window))
    for ratio in feature.ratio:
        above, below = _window(ratio.numerator), _window(ratio.denominator)
        for name in ratio.aggs:
            yield Value(f"{feature.name}_{name}_ratio_{above.label}_{below.label}", measure(name, above), measure(name, below))
    if feature.since is not None:
        condition = context.condition(feature.since.condition, "features", number, "since", "condition")
        within = None if feature.since.within is None else _window(feature.since.within)
        yield Value(f"{feature.name}_{feature.since.unit}s_since", since=condition, unit=feature.since.unit, within=within)


def _basic(feature: AggregatedFeature) -> Window | None:
    """What `basic` is over."""
    from seeknal.features.aggregates import SAME_TIME

    if not isinstance(feature, SecondOrderFeature):
        return None
    return SAME_TIME if feature.window is None else _window(feature.window)


def _window(span: str | list[int]) -> Window:
    from seeknal.features.aggregates import Window

    if isinstance(span, list):
        return Window(f"{span[0]}_{span[1]}d", days=(span[0], span[1]))
    seconds = parse_duration(span)
    return Window(short(seconds), seconds=seconds)


def _names(feature: AggregatedFeature) -> Iterator[str]:
    """The columns a feature makes."""
    yield from (f"{feature.name}_{name}" for name in feature.basic)
    yield from (f"{feature.name}_{name}_{_window(r.window).label}" for r in feature.rolling for name in r.aggs)
    for ratio in feature.ratio:
        yield from (f"{feature.name}_{n}_ratio_{_window(ratio.numerator).label}_{_window(ratio.denominator).label}" for n in ratio.aggs)
    if feature.since is not None:
        yield f"{feature.name}_{feature.since.unit}s_since"


def _details(spec: AnyAggregation, event_time: str | None) -> dict[str, Any]:
    time = spec.as_of or event_time
    values = [name for feature in spec.features for name in _names(feature)]
    keys = [*spec.id_col, *spec.group_by, *([time] if time else [])]
    times = [t for t in (event_time, spec.as_of) if t is not None]
    return {"time": time, "keys": keys, "values": values, "reads_by": times if event_time else []}
