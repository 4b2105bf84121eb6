"""Any history of edits, runs, promotions, rollbacks and deletions leaves each environment what a model of it says, row by row.

`SEEKNAL_SEEDS` says how many histories are made up.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import pytest

from seeknal.errors import ProjectError

SEEDS = int(os.environ.get("SEEKNAL_SEEDS", "6"))
STEPS = 14
NAMES = ("dev", "staging")


def files(numbers):
    a, b, c, d = numbers
    return {
        "seeknal/a.sql": f"SELECT {a} AS x",
        "seeknal/b.sql": f"SELECT x % 3 + {b} AS x FROM {{{{ ref('a') }}}}",
        "seeknal/c.sql": f"/* ---\nmaterialized: view\n--- */\nSELECT x * {c} AS x FROM {{{{ ref('b') }}}}",
        "seeknal/d.sql": f"SELECT c.x + a.x + {d} AS x FROM {{{{ ref('c') }}}} AS c, {{{{ ref('a') }}}} AS a",
    }


def content(numbers):
    """What each node is: what its key follows from, and its value."""
    a, b, c, d = numbers
    vb = a % 3 + b
    return {"a": ((a,), a), "b": ((b, a), vb), "c": ((c, vb), vb * c), "d": ((d, c, vb, a), vb * c + a + d)}


@dataclass
class Model:
    """What each environment should be, by node."""

    holds: dict = field(default_factory=dict)
    built_on: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)

    def run(self, name, numbers):
        if name != "prod":
            self.built_on[name] = dict(self.holds.get("prod", {}))
            self.seen[name] = {o: dict(self.holds[o]) for o in self.holds if o not in (name, "prod")}
        self.holds[name] = content(numbers)

    def may_promote(self, source, target):
        now, wanted = self.holds.get(target, {}), self.holds[source]
        differing = [n for n in {*now, *wanted} if now.get(n) != wanted.get(n)]
        if target == "prod":
            return all(now.get(n) == self.built_on[source].get(n) for n in differing)
        return not differing or target not in self.holds or self.seen[source].get(target) == now

    def promote(self, source, target):
        now, wanted = self.holds.get(target, {}), self.holds[source]
        if now == wanted:
            return
        self.before[target] = now
        self.holds[target] = dict(wanted)
        if target == "prod":
            self.built_on[source] = dict(wanted)
        else:
            self.built_on[target] = self.built_on[source]
            self.seen[source][target] = dict(wanted)
            self.seen.setdefault(target, {})

    def rollback(self, name):
        self.holds[name], self.before[name] = self.before[name], self.holds[name]
        self.built_on[name], self.seen[name] = {}, {}

    def delete(self, name):
        for known in (self.holds, self.built_on, self.seen, self.before):
            known.pop(name, None)


def check(folder, model):
    project = folder.open()
    snapshot = project.state.read()
    for name, nodes in model.holds.items():
        assert {n.partition(".")[2] for n in snapshot.keys(name)} == set(nodes), name
        for node, (_, value) in nodes.items():
            assert project.rows(node, environment=name).rows == [(value,)], (name, node)
    assert set(snapshot.environments()) | {"prod"} == {*model.holds, "prod"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_environments_are_what_their_history_says(project, seed):
    chance, model = random.Random(seed), Model()
    numbers = [1, 1, 1, 1]
    folder = project(files(numbers))
    done = []
    for _ in range(STEPS):
        what = chance.choice(["edit", "edit", "run", "run", "run prod", "promote", "promote", "rollback", "delete", "on"])
        name = chance.choice(NAMES)
        done.append(f"{what} {name}")
        if what == "edit":
            numbers[chance.randrange(4)] = chance.randrange(1, 5)
            for path, text in files(numbers).items():
                folder.write(path, text)
        elif what.startswith("run"):
            name = "prod" if what == "run prod" else name
            folder.run(environment=name).assert_success()
            model.run(name, numbers)
            assert folder.run(environment=name).assert_success().built == set(), done
        elif what in ("promote", "on") and name in model.holds:
            target = "prod" if what == "promote" else next(n for n in NAMES if n != name)
            if model.may_promote(name, target):
                folder.open().promote(name, target)
                model.promote(name, target)
            else:
                with pytest.raises(ProjectError, match="SK-ENV-007"):
                    folder.open().promote(name, target)
        elif what == "rollback":
            name = chance.choice(["prod", name])
            if model.before.get(name) is not None and name in model.holds:
                folder.open().rollback(name)
                model.rollback(name)
        elif what == "delete" and name in model.holds:
            folder.open().delete_environment(name)
            model.delete(name)
        check(folder, model)
