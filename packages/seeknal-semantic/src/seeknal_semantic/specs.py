"""The YAML of semantic models, metrics and saved queries, and what each node keeps of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from seeknal.errors import did_you_mean
from seeknal.nodes import DocumentLogic
from seeknal.specs import NodeSpec, Strict, TextList, check_name
from seeknal_semantic.grains import GRAINS, duration

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering

AGGREGATIONS = ("sum", "count", "count_distinct", "average", "min", "max", "median", "percentile", "sum_boolean")
_REF = re.compile(r"(?:\{\{)?\s*ref\(\s*['\"]([^'\"]+)['\"]\s*\)\s*(?:\}\})?")
_SPELLINGS = {"avg": "average", "count_distinct": "count_distinct", "distinct_count": "count_distinct"}


def _one_of(what: str, known: tuple[str, ...]) -> Any:
    def check(value: object) -> object:
        if isinstance(value, str) and value not in known:
            near = did_you_mean(value, known)
            message = f"unknown {what} '{value}'" + (f"; {near}" if near else "") + f" (one of {', '.join(known)})"
            raise ValueError(message)
        return value

    return check


def _text(value: object) -> object:
    """An expression may be a number: `expr: 1`."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _duration(value: object) -> object:
    if isinstance(value, str):
        return str(duration(value))
    return value


Grain = Annotated[str, BeforeValidator(_one_of("grain", GRAINS))]
Aggregation = Annotated[str, BeforeValidator(lambda v: _SPELLINGS.get(v, v) if isinstance(v, str) else v), BeforeValidator(str)]
Expression = Annotated[str, BeforeValidator(_text)]
DurationText = Annotated[str, BeforeValidator(_duration)]


class Named(Strict):
    """Anything in a semantic model that has a name."""

    name: str = Field(description="What it is called in questions.")
    description: str | None = Field(None, description="For people.")

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)


class EntitySpec(Named):
    """One entity: what rows are about, and by which models are joined."""

    type: Annotated[str, BeforeValidator(_one_of("entity type", ("primary", "foreign", "unique", "natural")))] = Field(
        description="`primary` or `unique`: one row each; `foreign`: any number; `natural`: one row at a time, by validity."
    )
    expr: Expression | None = Field(None, description="What it is in a row. Default: the column of its name.")


class ValidityParams(Strict):
    """Whether a time dimension begins or ends the time in which a row holds."""

    is_start: bool = Field(default=False, description="From this moment the row holds.")
    is_end: bool = Field(default=False, description="From this moment it no longer does; NULL: it still does.")


class DimensionSpec(Named):
    """One dimension: what rows can be grouped and filtered by."""

    type: Annotated[str, BeforeValidator(_one_of("dimension type", ("categorical", "time")))] = Field(
        description="`categorical`, or `time`, which can be asked at any grain: `ordered_at__month`."
    )
    expr: Expression | None = Field(None, description="What it is in a row. Default: the column of its name.")
    time_granularity: Grain | None = Field(None, description="time: the finest grain it can be asked at. Default: day.")
    validity_params: ValidityParams | None = Field(None, description="time: begins or ends the validity of a row.")


class NonAdditive(Strict):
    """Along which dimension a measure must not be added up."""

    name: str = Field(description="A time dimension of the model.")
    window_choice: Literal["min", "max"] = Field("max", description="Which row of a period counts: the first or the last.")
    window_groupings: TextList = Field(default_factory=list, description="Entities or dimensions whose rows are chosen apart.")


class MeasureSpec(Named):
    """One measure: an aggregation of rows."""

    agg: Aggregation = Field(description=", ".join(AGGREGATIONS) + ".")
    expr: Expression | None = Field(None, description="What is aggregated. Default: the column of its name.")
    filter: str | None = Field(None, description="Only rows for which this holds.")
    percentile: float | None = Field(None, gt=0, lt=1, description="percentile: which, such as 0.95.")
    discrete: bool = Field(default=False, description="percentile: a value that occurs instead of one between two.")
    non_additive_dimension: NonAdditive | None = Field(None, description="For levels such as stock: only the last row of a period counts.")

    @field_validator("agg")
    @classmethod
    def _agg(cls, value: str) -> str:
        return str(_one_of("agg", AGGREGATIONS)(value))


class SemanticModelSpec(NodeSpec):
    """The keys of a semantic model."""

    kind: Literal["semantic_model"] = "semantic_model"
    model: str = Field(description="The node it describes: `ref('transform.order_summary')`.", examples=["ref('transform.order_summary')"])
    default_time_dimension: str | None = Field(None, description="What `metric_time` means for its measures.", examples=["ordered_at"])
    entities: list[EntitySpec] = Field(default_factory=list, description="What its rows are about; models that share one can be joined.")
    dimensions: list[DimensionSpec] = Field(default_factory=list, description="What its rows can be grouped and filtered by.")
    measures: list[MeasureSpec] = Field(default_factory=list, description="What metrics aggregate.")

    def lower(self, context: Lowering) -> Logic:
        """Check the expressions and keep what was said."""
        from seeknal_semantic.lowering import lower_model  # start-up time: sqlglot

        match = _REF.fullmatch(self.model.strip())
        node = context.ref(match[1] if match else self.model.strip(), "model")
        return DocumentLogic("semantic_model", *lower_model(self, context, node))


class InputMetric(Strict):
    """One input of a derived metric."""

    metric: str = Field(description="A metric or a measure.")
    alias: str | None = Field(None, description="Its name in `expr`. Default: the metric's.")
    offset: DurationText | None = Field(None, description="Its value so long before, such as `1 month`.")
    filter: str | None = Field(None, description="Only rows for which this holds.")

    @field_validator("alias")
    @classmethod
    def _alias(cls, value: str | None) -> str | None:
        return None if value is None else check_name(value)


class MetricSpec(NodeSpec):
    """The keys of a metric."""

    kind: Literal["metric"] = "metric"
    type: Annotated[str, BeforeValidator(_one_of("metric type", ("simple", "ratio", "cumulative", "derived")))] = Field(
        description="`simple`, `ratio`, `cumulative` or `derived`.", examples=["simple"]
    )
    measure: str | None = Field(
        None, description="simple, cumulative: a measure, `model.measure` where two models have it.", examples=["revenue"]
    )
    numerator: str | None = Field(None, description="ratio: a metric or measure.", examples=["refunded_amount"])
    denominator: str | None = Field(None, description="ratio: a metric or measure.", examples=["gross_revenue"])
    expr: Expression | None = Field(None, description="derived: arithmetic over the aliases of its inputs.", examples=["revenue - cost"])
    filter: str | None = Field(None, description="Only rows for which this holds, in all it is made of.", examples=["status <> 'refunded'"])
    fill_nulls_with: float | int | None = Field(None, description="simple: instead of no value.", examples=[0])
    join_to_timespine: bool = Field(default=False, description="simple: asked by time, periods without rows are there too.")
    grain_to_date: Grain | None = Field(None, description="cumulative: since the start of the period.", examples=["month"])
    window: DurationText | None = Field(None, description="cumulative: this long, up to each day.", examples=["7 days"])
    period_agg: Literal["last", "first"] | None = Field(
        None, description="cumulative: which day stands for a longer period. Default: last."
    )
    inputs: list[InputMetric] = Field(  # type: ignore[assignment]  # metrics are not read with ref(): their inputs are metrics
        default_factory=list, description="derived: the metrics its `expr` is made of.", examples=[[{"metric": "revenue", "alias": "now"}]]
    )

    def lower(self, context: Lowering) -> Logic:
        """Check what the type needs and keep what was said."""
        from seeknal_semantic.lowering import lower_metric  # start-up time: sqlglot

        return DocumentLogic("metric", *lower_metric(self, context))


class SavedQuerySpec(NodeSpec):
    """The keys of a saved query."""

    kind: Literal["saved_query"] = "saved_query"
    metrics: TextList = Field(description="What is asked.", examples=[["revenue"]], min_length=1)
    dimensions: TextList = Field(default_factory=list, description="By what.", examples=[["region", "ordered_at__month"]])
    filters: TextList = Field(default_factory=list, description="Conditions, all of which hold.", examples=[["region <> 'North'"]])
    order_by: TextList = Field(default_factory=list, description="Columns; with `-` in front the largest first.", examples=[["-revenue"]])
    limit: int | None = Field(None, ge=1, description="At most so many rows.", examples=[20])

    def lower(self, context: Lowering) -> Logic:
        """Keep what was said."""
        from seeknal_semantic.lowering import lower_saved

        return DocumentLogic("saved_query", *lower_saved(self, context))
