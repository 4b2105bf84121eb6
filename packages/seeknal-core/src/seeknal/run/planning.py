"""What a run would do: looked at, decided, and saved where that is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal.plan.planner import Plan, make_plan
from seeknal.plan.saved import SavedPlan, saved_plan
from seeknal.run.binding import query_types
from seeknal.run.holding import now, this_process
from seeknal.state.environments import PROD, check_name
from seeknal.state.model import Change

if TYPE_CHECKING:
    from seeknal.api import Project, RunOptions


def plan(project: Project, options: RunOptions, *, save: bool = False) -> Plan:
    """Plan a run. With `save` the plan is kept for the next run that names the environment.

    Raises ProjectError for a name that cannot be an environment's, ProjectErrors for names in queries that mean nothing, and where it is to be saved
    LockedError while a run is at it.
    """
    environment = options.named
    check_name(environment)
    snapshot = project.state.read()
    check_name(environment, snapshot.environments())
    situation, _ = project.look(options, snapshot, probes=False)
    project.check_names(situation, situation.outlook())
    found = make_plan(situation, lambda outlook, node: query_types(project, outlook, node))
    row = snapshot.environment(environment)
    found = replace(found, base=None if environment == PROD else row.base if row else PROD)
    before = saved_plan(snapshot, environment)
    if save or before is not None:
        made = SavedPlan.of(situation, now(), selected=options.selected, full=options.full, summary=found.counts)
        found = replace(found, stale=before.stale(made) if before is not None else ())
        if save:
            with project.state.lease(environment, this_process(), options.wait_seconds) as lease:
                project.state.commit([Change("plans", environment, made.to_json())], lease)
    project.analyses.keep()
    return found
