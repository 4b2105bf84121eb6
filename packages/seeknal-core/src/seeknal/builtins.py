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
        Audit("not_null", "seeknal.audits.values:not_null", "No NULL in `columns`."),
        Audit("unique", "seeknal.audits.keys:unique", "No value stands twice in any of `columns`; NULLs are left out."),
        Audit(
            "accepted_values", "seeknal.audits.values:accepted_values", "Every value of `column` is one of `values`; NULLs are left out."
        ),
        Audit("row_count", "seeknal.audits.aggregates:row_count", "The number of rows is at least `min` and at most `max`."),
        Audit(
            "custom_sql",
            "seeknal.audits.shapes:custom_sql",
            "The query returns no rows; `__THIS__` is the output. `columns` are those that it must have.",
        ),
        Audit(
            "not_empty",
            "seeknal.audits.values:not_empty",
            "No NULL and no empty text in `columns`; with `trim`, none of white space alone.",
        ),
        Audit("rejected_values", "seeknal.audits.values:rejected_values", "No value of `column` is one of `values`; NULLs are left out."),
        Audit(
            "accepted_range",
            "seeknal.audits.values:accepted_range",
            "Every value of `column` lies between `min` and `max`; NaN does not, NULLs are left out.",
        ),
        Audit(
            "pattern",
            "seeknal.audits.values:pattern",
            "Every value of `column`, as text, matches `regex` or `like` as a whole; with `negate`, none does. NULLs are left out.",
        ),
        Audit(
            "length",
            "seeknal.audits.values:length",
            "Every value of `column` has at least `min` and at most `max` characters; NULLs are left out.",
        ),
        Audit(
            "format",
            "seeknal.audits.values:format",
            "Every value of `column`, as text, has the form of a uuid, email, url, ipv4, date (ISO 8601) or json; NULLs are left out.",
        ),
        Audit(
            "castable",
            "seeknal.audits.values:castable",
            "Every value of `column` can be cast to the type `to`; with `strict`, without losing anything on the way there and back. NULLs are left out.",
        ),
        Audit(
            "expression",
            "seeknal.audits.values:expression",
            "The condition `sql` is true of every row; one for which it is NULL is wrong, unless `null_ok`.",
        ),
        Audit(
            "compare",
            "seeknal.audits.values:compare",
            "`column` and `other` compare as `op` says in every row; rows in which either is NULL are left out.",
        ),
        Audit("required_if", "seeknal.audits.values:required_if", "`column` is not NULL in the rows for which the condition `when` holds."),
        Audit(
            "equal_columns",
            "seeknal.audits.values:equal_columns",
            "All of `columns` hold the same value in every row; NULL is the same as NULL.",
        ),
        Audit(
            "time_bounds",
            "seeknal.audits.values:time_bounds",
            "Every value of `column` lies at or after `not_before` and at or before `not_after`, by default the time of the run; NULLs are left out.",
        ),
        Audit(
            "null_share",
            "seeknal.audits.aggregates:null_share",
            "At most this share (0 to 1) of the rows has NULL in `column`; no rows have none.",
        ),
        Audit(
            "distinct_count",
            "seeknal.audits.aggregates:distinct_count",
            "`column` has at least `min` and at most `max` different values; NULLs are left out.",
        ),
        Audit(
            "aggregate",
            "seeknal.audits.aggregates:aggregate",
            "An aggregate of `column` lies between `min` and `max`, and is neither NULL nor NaN. NULLs in the column are left out; `q` is for quantile.",
        ),
        Audit(
            "freshness",
            "seeknal.audits.aggregates:freshness",
            "The newest value of `column` is at most `max_age` old (such as `36h` or `2d`), in each group where `group_by` says so. No rows are too old.",
        ),
        Audit(
            "unique_combination",
            "seeknal.audits.keys:unique_combination",
            "No combination of `columns` stands twice. NULL is equal to NULL; with `nulls: ignore`, rows with a NULL in one of them are left out.",
        ),
        Audit(
            "sequential",
            "seeknal.audits.sequences:sequential",
            "Each value of `column` is `interval` more than the one before it, in each group of `group_by`; NULLs are left out.",
        ),
        Audit(
            "monotonic",
            "seeknal.audits.sequences:monotonic",
            "`column` never decreases in the order of `order_by`; with `strict`, it always increases. NULLs are left out.",
        ),
        Audit(
            "no_overlap",
            "seeknal.audits.sequences:no_overlap",
            "The ranges from `lower` up to `upper` do not overlap, within each group of `partition_by`; with `gaps: refused` each begins where one ends.",
        ),
        Audit(
            "no_gaps",
            "seeknal.audits.sequences:no_gaps",
            "Every period between the first and the last value of `column` has a row; `start` and `end` (included) move those bounds. NULLs are left out.",
        ),
        Audit(
            "relationships",
            "seeknal.audits.keys:relationships",
            "Every value of `column` stands in `field` of the node `to`, where it is called the same unless said; NULLs are left out.",
        ),
        Audit(
            "row_count_vs",
            "seeknal.audits.comparisons:row_count_vs",
            "The number of rows compares with that of the node `to` as `op` says, give or take `tolerance`: rows, or a share of the other's such as `1%`.",
        ),
        Audit(
            "equal_to",
            "seeknal.audits.comparisons:equal_to",
            "The node `to` has the same rows, in `columns` or in all of the output's; each as often. NULL is the same as NULL.",
        ),
        Audit(
            "schema",
            "seeknal.audits.shapes:schema",
            "The output has `columns`, of these `types`; with `extra: refused` no others, with `order` in this order.",
        ),
    ]


@hookimpl
def seeknal_state_backends() -> list[StateBackend]:
    """The built-in state backend."""
    return [StateBackend("file", "seeknal.state.file:FileBackend", "A JSON file under target/, with a journal while a run goes on.")]
