"""`kind: feature_group`: features of an entity over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from seeknal.features.defaults import fits
from seeknal.features.durations import parse_duration
from seeknal.features.model import GROUP, Feature, Group
from seeknal.nodes import fold, node_id, relation_name
from seeknal.specs import AuditEntry, ColumnEntry, Name, NodeSpec, Strict, TextList, check_name

if TYPE_CHECKING:
    from seeknal.nodes import Logic
    from seeknal.specs import Lowering

TIMES = ("TIMESTAMP%", "DATE")
"""What types of times look like."""


def check_duration(value: object) -> object:
    """A duration stays as it was written."""
    parse_duration(value)
    return value


Duration = Annotated[str, BeforeValidator(check_duration, json_schema_input_type=str)]


class EntitySpec(Strict):
    """What features are about: customers, products. Its keys find its rows in a spine."""

    name: Name
    join_keys: TextList = Field(default_factory=list)
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, `<name>_id` where none are said."""
        return tuple(self.join_keys) or (f"{self.name}_id",)


class FeatureEntry(Strict):
    """One feature."""

    name: Name
    type: str | None = None
    description: str | None = None
    default: bool | int | float | str | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        return check_name(value)


def named(value: object) -> object:
    """A bare name means an entry of that name. That `{a: int}` means `[{name: a, type: int}]` is the loader's to know."""
    return [{"name": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value


class FeatureGroupSpec(NodeSpec):
    """The keys of a feature group."""

    windowed: ClassVar[bool] = True

    kind: Literal["feature_group"] = "feature_group"
    entity: EntitySpec = Field(
        description="Whom or what the features are about: a name, or name and join_keys (default: <name>_id).",
        examples=[{"name": "customer", "join_keys": ["customer_id"]}],
    )
    event_time: str = Field(description="The column that says from when on a row's values are true.", examples=["event_time"])
    created_time: str | None = Field(
        None, description="The column that says when a row was written; of rows that share key and event time, the newest counts.",
        examples=["created_at"],
    )  # fmt: skip
    ttl: Duration | None = Field(None, description="How long a value can be used after its event time, such as 30d.", examples=["30d"])
    features: list[FeatureEntry] = Field(
        description="The features: name, and type, description, default.",
        min_length=1,
        examples=[[{"name": "orders", "type": "BIGINT", "description": "How many orders.", "default": 0}]],
    )
    sql: str | None = Field(
        None, description="One SELECT with keys, times and features; instead of one input that has them.",
        examples=["SELECT * FROM {{ ref('source.users') }}"],
    )  # fmt: skip
    known_from: Literal["event_time", "created_time"] = Field(
        "event_time", description="created_time: what was written late was not known before; event_time: it counts from its event time on."
    )
    duplicates: Literal["refuse", "resolve"] = Field(
        "refuse", description="refuse: rows that share key and times fail an audit; resolve: one of them is chosen, always the same."
    )

    @field_validator("features", mode="before", json_schema_input_type=list[FeatureEntry] | dict[str, Any])
    @classmethod
    def _features(cls, value: object) -> object:
        return named(value)

    @model_validator(mode="after")
    def _distinct(self) -> FeatureGroupSpec:
        seen: set[str] = set()
        for name in [*self._own, *(f.name for f in self.features)]:
            if fold(name) in seen:
                message = f"'{name}' is said twice: keys, times and features are columns of their own"
                raise ValueError(message)
            if "{" in name:
                message = f"'{name}' cannot be a key or a time: its name holds a bracket of templates"
                raise ValueError(message)
            seen.add(fold(name))
        if self.known_from == "created_time" and self.created_time is None:
            message = "known_from: created_time needs 'created_time', the column that says when a row was written"
            raise ValueError(message)
        twice = next((c.name for c in self.columns if any(fold(c.name) == fold(f.name) for f in self.features)), None)
        if twice:
            message = f"'{twice}' is a feature: say its type and description under features"
            raise ValueError(message)
        return self

    @property
    def _own(self) -> list[str]:
        """Keys and times."""
        return [*self.entity.keys, self.event_time, *([self.created_time] if self.created_time else [])]

    def lower(self, context: Lowering) -> Logic:
        """The query, or the columns of the input."""
        times = self._own[len(self.entity.keys) :]
        if self.time_column is not None and fold(self.time_column) not in map(fold, times):
            message = f"the windows of a feature group are those of its times: {' or '.join(times)}"
            context.report("SK-INT-001", message, "time_column", hint=f"time_column: {self.event_time}, or leave it out")
        for number, feature in enumerate(self.features):
            if feature.type is not None:
                context.check_type(feature.type, "features", number, "type")
                if feature.default is not None and not fits(feature.default, feature.type, context.engine.dialect):
                    message = f"the default {feature.default!r} of '{feature.name}' is no {feature.type}"
                    context.report("SK-KEY-004", message, "features", number, "default")
        inputs = [context.ref(entry.ref, "inputs", item, "ref") for item, entry in enumerate(self.inputs)]
        if self.sql is not None:
            return context.select(self.sql, "sql")
        if len(inputs) != 1:
            context.fail("SK-KIND-002", f"a feature group says 'sql', or has exactly one input; found {len(inputs)}", "inputs")
        from sqlglot import exp

        from seeknal.features.trees import column, relation  # start-up time

        names = [*self._own, *(f.name for f in self.features), *(c.name for c in self.columns)]
        chosen = {fold(n): column(n) for n in reversed(names)}
        return context.query(exp.select(*reversed(chosen.values())).from_(relation(relation_name(inputs[0]))))

    def window_time(self) -> str | None:
        """When its values are true from, unless it says when they were written."""
        return self.time_column or self.event_time

    def output(self) -> list[ColumnEntry]:
        """Keys, times and features, each of which must be there."""
        said = {fold(c.name): c for c in self.columns}
        own = [said.pop(fold(n), ColumnEntry(name=n)) for n in self._own]
        return [*own, *(ColumnEntry(name=f.name, type=f.type, description=f.description) for f in self.features), *said.values()]

    def checks(self, context: Lowering) -> list[AuditEntry]:
        """No row without keys or time, one for each of them, and times that are times."""
        found = [_audit("keys_and_event_time_not_null", type="not_null", columns=[*self.entity.keys, self.event_time])]
        found += [
            _audit(f"{t}_is_a_time", type="custom_sql", sql=_no_time(t, context.engine.dialect)) for t in self._own[len(self.entity.keys) :]
        ]
        if self.duplicates == "refuse":
            found.append(_audit("one_row_per_key_and_time", type="custom_sql", sql=_repeated(self._own, context.engine.dialect)))
        return found

    def details(self) -> dict[str, Any]:
        """The group, for training sets, entities and commands."""
        group = Group(
            node_id(self.kind, self.name),
            self.entity.name,
            self.entity.keys,
            self.event_time,
            tuple(Feature(f.name, f.type, f.description, f.default) for f in self.features),
            self.created_time,
            None if self.ttl is None else parse_duration(self.ttl),
            self.duplicates == "resolve",
            self.known_from == "created_time",
        )
        return {GROUP: group.to_json()}


def _audit(name: str, **params: Any) -> AuditEntry:
    return AuditEntry(name=name, severity="error", **params)


def _repeated(columns: list[str], dialect: str) -> str:
    """The query that finds combinations that stand in several rows."""
    from sqlglot import exp

    from seeknal.features.trees import column, relation  # start-up time

    count = exp.Count(this=exp.Star())
    query = exp.select(*(column(c) for c in columns), count.as_("row_count")).from_(relation("__THIS__"))
    return (
        query.group_by(*(column(c) for c in columns))
        .having(exp.GT(this=count.copy(), expression=exp.Literal.number(1)))
        .sql(dialect=dialect)
    )


def _no_time(name: str, dialect: str) -> str:
    """The query that finds types that are no times."""
    from sqlglot import exp

    from seeknal.features.trees import column, literal, relation  # start-up time

    type_ = exp.func("typeof", column(name))
    query = exp.select(type_.as_("type")).distinct().from_(relation("__THIS__"))
    return query.where(*(exp.Not(this=exp.Like(this=type_.copy(), expression=literal(t))) for t in TIMES)).sql(dialect=dialect)
