"""The janitor at work in a project: which states share its target folder, and taking away what an environment published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal.errors import LockedError, SeeknalError
from seeknal.janitor import Cleaning, Janitor, Policy
from seeknal.run.held import Held
from seeknal.run.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seeknal.api import Project
    from seeknal.state.backend import Holder
    from seeknal.state.model import Snapshot


def janitor(project: Project, policy: Policy | None = None, now: datetime | None = None) -> Janitor:
    """The janitor of a project. `policy` None: as its settings say. Raises SeeknalError where another state cannot be read."""

    def unpublish(environment: str) -> None:
        Publication(project.loaded, project.dag, project.store, environment, Held(project.state.read)).publish({}, {})

    policy = policy or Policy.of(project.loaded.settings.janitor)
    made = Janitor(project.target, project.state, policy, unpublish, other_states(project))
    if now is not None:
        made.now = now
    return made


def other_states(project: Project) -> list[Snapshot]:
    """What the states say that are named besides the one in use: by the project, by its profiles, and the one in files under target/.

    Their environments may use outputs of the same folder. Raises ProjectError for one that cannot be read.
    """
    from seeknal.project.config import read_config
    from seeknal.project.profiles import load_profiles
    from seeknal.project.state import open_state, settings_of

    settings = project.loaded.settings
    profiles = load_profiles(project.root).profiles.values()
    written: list[tuple[str, Mapping[str, Any]]] = [("file", {}), read_config(project.root)[0].state.as_tuple()]
    written += [p.state for p in profiles if p.state is not None]
    named = [settings_of(settings, backend, options) for backend, options in written]
    mine = (settings.state_backend, dict(settings.state_options))
    others = {(s.state_backend, str(dict(s.state_options))): s for s in named if (s.state_backend, dict(s.state_options)) != mine}
    return [open_state(project.loaded.registry, s, project.target).read() for s in others.values()]


def clean_if_due(project: Project, holder: Holder) -> list[str]:
    """Clean at the end of a run, where the settings say so and a day has passed. Returns what to tell; it never makes a run fail."""
    if not project.loaded.settings.janitor.get("auto_run"):
        return []
    try:
        worker = janitor(project)
        if not worker.is_due():
            return []
        done: Cleaning = worker.clean(holder)
    except LockedError:
        return []
    except SeeknalError as error:
        return [f"the janitor could not clean: {error.message}"]
    return [f"the janitor removed {done.outputs.count:,} outputs; {done.recovered:,} bytes recovered"] if done.removes else []
