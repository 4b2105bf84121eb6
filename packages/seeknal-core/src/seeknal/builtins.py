"""What the core itself provides, through the same hooks as anyone."""

from __future__ import annotations

from seeknal.plugin import Audit, NodeKind, StateBackend, hookimpl


@hookimpl
def seeknal_node_kinds() -> list[NodeKind]:
    """The built-in node kinds."""
    return [
        NodeKind("source", "seeknal.kinds.source:SourceSpec", "Data from outside: files, or a table or query of a database."),
        NodeKind("transform", "seeknal.kinds.transform:TransformSpec", "The result of one SELECT."),
        NodeKind("exposure", "seeknal.kinds.exposure:ExposureSpec", "What leaves the pipeline: a file, a table, or something documented."),
        NodeKind("feature_group", "seeknal.kinds.feature_group:FeatureGroupSpec", "Features of an entity over time."),
        NodeKind("aggregation", "seeknal.kinds.aggregation:AggregationSpec", "Values per entity over time, over windows of its rows."),
        NodeKind(
            "second_order_aggregation",
            "seeknal.kinds.aggregation:SecondOrderAggregationSpec",
            "Values over time of an aggregation's values.",
        ),
        NodeKind("training_set", "seeknal.kinds.training_set:TrainingSetSpec", "Features as of the times of a spine, with its label."),
        NodeKind("rule", "seeknal.kinds.rule:RuleSpec", "Checks as a node of their own, over one input."),
    ]


@hookimpl
def seeknal_audits() -> list[Audit]:
    """The built-in audits."""
    return [
        Audit("not_null", "seeknal.audits.builtin:not_null", "No NULL in `columns`."),
        Audit("unique", "seeknal.audits.builtin:unique", "No value stands twice in any of `columns`; NULLs are left out."),
        Audit(
            "accepted_values", "seeknal.audits.builtin:accepted_values", "Every value of `column` is one of `values`; NULLs are left out."
        ),
        Audit("row_count", "seeknal.audits.builtin:row_count", "The number of rows is at least `min` and at most `max`."),
        Audit("custom_sql", "seeknal.audits.builtin:custom_sql", "The query returns no rows; `__THIS__` is the output."),
    ]


@hookimpl
def seeknal_state_backends() -> list[StateBackend]:
    """The built-in state backend."""
    return [StateBackend("file", "seeknal.state.file:FileBackend", "A JSON file under target/, with a journal while a run goes on.")]
