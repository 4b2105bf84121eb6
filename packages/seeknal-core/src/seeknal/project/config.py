"""`seeknal_project.yml`: finding the project, and reading its settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from seeknal.errors import Location, ProjectError
from seeknal.nodes import NAME, Severity
from seeknal.project import yaml
from seeknal.project.locate import FILE
from seeknal.project.selectors import check_local
from seeknal.project.settings import Settings
from seeknal.project.validation import first_document, validate
from seeknal.specs import AuditEntry, Strict, TextList

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal.project.settings import Profiles

_MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?)?B", re.IGNORECASE)
_DURATION = re.compile(r"\d+\s*(m|h|d|w)")


def _text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _duration(value: object) -> object:
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        message = f"must be a duration such as 12h, 7d or 2w; found {value!r}"
        raise ValueError(message)
    return value


Duration = Annotated[str, BeforeValidator(_duration)]


class StateSettings(Strict):
    """Which backend keeps the state; keys beyond `backend` go to it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    backend: str = "file"

    def as_tuple(self) -> tuple[str, dict[str, Any]]:
        """The backend's name and its options."""
        return self.backend, dict(self.model_extra or {})


class Execution(Strict):
    """How runs use the machine."""

    parallel: bool = Field(default=True, description="Build independent nodes at the same time.")
    max_workers: int | Literal["auto"] = Field(default="auto", description="How many nodes at the same time; auto: one for each core.")
    memory_limit: str | None = Field(default=None, description="What the engine may use, such as 4GB; beyond it, it spills to disk.")

    @field_validator("memory_limit")
    @classmethod
    def _memory(cls, value: str | None) -> str | None:
        return value if value is None else check_memory(value)

    @field_validator("max_workers")
    @classmethod
    def _workers(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 256:  # noqa: PLR2004 - more threads than any machine this runs on
            message = "max_workers must be between 1 and 256, or auto"
            raise ValueError(message)
        return value


class Environments(Strict):
    """Defaults of environments."""

    ttl: Duration = Field(default="7d", description="How long an environment lives without being run.")


class Janitor(Strict):
    """What cleaning keeps."""

    environment_ttl: Duration = Field(default="7d", description="When environments end that do not say it themselves.")
    output_retention: int = Field(default=30, ge=1, description="Outputs that any of the last so many runs may have used are kept.")
    state_history: Duration = Field(default="90d", description="Pages of runs older than this are packed into archives.")
    auto_run: bool = Field(default=False, description="Clean at the end of a run, once a day.")
    orphan_detection: bool = Field(default=True, description="Remove outputs too that the state does not know.")
    keep_training_sets: bool = Field(default=True, description="Keep every version of a training set, for the models that learned from it.")


class ProjectAudit(AuditEntry):
    """An audit of every node that `select` names."""

    select: str

    @field_validator("select")
    @classmethod
    def _select(cls, value: str) -> str:
        try:
            check_local(value)
        except ProjectError as error:
            message = f"{error.message}; {error.hint}"
            raise ValueError(message) from None
        return value


class AuditDefaults(Strict):
    """Defaults of audits, and audits of many nodes. A list means `apply`."""

    default_severity: Severity = Field(default="error", description="The severity of audits that do not say one.")
    apply: list[ProjectAudit] = Field(default_factory=list, description="Audits of all nodes with rows that a selector names.")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"apply": value} if isinstance(value, list) else value


class PluginSettings(Strict):
    """Which distribution wins where two provide the same name: `engine.duckdb: seeknal-duckdb`."""

    prefer: dict[str, str] = Field(default_factory=dict)


class Config(Strict):
    """The keys of `seeknal_project.yml`."""

    name: str = Field(description="The project's name.")
    version: Annotated[str, BeforeValidator(_text)] = Field("1", description="Yours to use; not read by seeknal.")
    profile: str | None = Field(None, description="The default profile in profiles.yml.")
    engine: str = Field("duckdb", description="The engine that builds nodes.")
    state: StateSettings = Field(default_factory=StateSettings)
    execution: Execution = Field(default_factory=Execution)
    environments: Environments = Field(default_factory=Environments)
    janitor: Janitor = Field(default_factory=Janitor)
    audits: AuditDefaults = Field(default_factory=AuditDefaults)
    plugins: PluginSettings = Field(default_factory=PluginSettings)
    vars: dict[str, Any] = Field(default_factory=dict, description="Values for var() in templates.")
    external_paths: TextList = Field(default_factory=list, description="Folders outside the project that sources may read.")

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME.fullmatch(value.replace("-", "_")):
            message = "a project's name may hold only letters (a-z), digits, _ and -"
            raise ValueError(message)
        return value


def check_memory(value: str) -> str:
    """An amount of memory with its unit, as the engine understands it."""
    if not _MEMORY.fullmatch(value.strip()):
        message = f"must be an amount with a unit, such as 512MB or 4GB; found {value!r}"
        raise ValueError(message)
    return value.strip()


def read_config(root: Path) -> tuple[Config, yaml.Document]:
    """Read and check `seeknal_project.yml`: the settings, and the document they are written in. Raises ProjectErrors with every problem at once."""
    text = yaml.decode((root / FILE).read_bytes(), FILE)
    document = first_document(yaml.load(text, FILE), FILE)
    if not isinstance(document.value, dict):
        raise ProjectError("SK-YAML-007", "expected a mapping of settings", at=Location(FILE))
    return validate(Config, document, document.value), document


def settle(config: Config, document: yaml.Document, profiles: Profiles, profile: str | None, variables: dict[str, Any]) -> Settings:
    """Apply a profile and the command line's variables. Raises ProjectError for an unknown profile."""
    name = profile or config.profile
    chosen = profiles.profile(name)
    backend, options = chosen.state or config.state.as_tuple()
    return Settings(
        name=config.name,
        engine=chosen.engine or config.engine,
        profile=name,
        state_backend=backend,
        state_options=options,
        state_at=chosen.state_at or document.at("state", "backend"),
        parallel=config.execution.parallel,
        max_workers=config.execution.max_workers if isinstance(config.execution.max_workers, int) else None,
        memory_limit=config.execution.memory_limit,
        default_severity=config.audits.default_severity,
        prefer=config.plugins.prefer,
        vars={**config.vars, **chosen.vars, **variables},
        external_paths=tuple(config.external_paths),
        environment_ttl=config.environments.ttl,
        janitor=config.janitor.model_dump(),
    )
