"""The example project with windows does what its README shows."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from seeknal.testing.project import ProjectFolder

EXAMPLE = Path(__file__).parents[2] / "examples/meters"


def test_the_example_runs_as_its_readme_says(tmp_path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "meters", ignore=shutil.ignore_patterns("target"))
    folder = ProjectFolder(tmp_path / "meters")
    commands = [line.strip() for line in folder.read("README.md").splitlines() if line.startswith("    seeknal ")]
    shown = [folder.cli(*shlex.split(command)[1:]).assert_success() for command in commands]
    assert "2026-01  #####\n" in shown[3].stdout
    assert "usage_by_hour  built" in shown[4].stderr
    days = {days for _, _, _, days in folder.rows("cost_by_customer")}
    assert days == {5}
    hours = folder.rows("usage_by_hour")
    stands = folder.rows("meter_stand")
    assert sum(kwh for day, _, kwh in stands if day.day == 5) == sum(kwh for _, _, kwh in hours)
    assert sum(kwh for _, _, kwh in hours) == sum(kwh for _, _, kwh in folder.rows("source.readings"))
