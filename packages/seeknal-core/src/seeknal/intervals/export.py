"""Schedules as the tools that run things want them: crontab, systemd and Airflow."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NAMED = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Job:
    """What is to be run: the project's name and folder, the command in it, and when: cron expressions of five fields, with their time zones."""

    name: str
    folder: str
    command: tuple[str, ...]
    times: Sequence[tuple[str, str]]

    @property
    def line(self) -> str:
        """The command as a shell takes it."""
        return f"cd {shlex.quote(self.folder)} && {shlex.join(self.command)}"


def times_of(schedules: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each time once, though it be written as `@daily` here and as `0 0 * * *` there; those of a time zone together."""
    plain = {(" ".join(_NAMED.get(schedule.lower(), schedule).split()), zone) for schedule, zone in schedules}
    return sorted(plain, key=lambda time: (time[1], time[0]))


def crontab(job: Job) -> dict[str, str]:
    """Lines for `crontab -e`, by the name of a file."""
    lines = [f"# seeknal: {job.name}", "# The cron of Debian and Ubuntu ignores CRON_TZ: there, times are in the machine's time zone."]
    before = None
    for schedule, zone in job.times:
        lines += [] if zone == before else [f"CRON_TZ={zone}"]
        lines.append(f"{schedule} {job.line.replace('%', chr(92) + '%')}")
        before = zone
    return {"crontab": "\n".join(lines) + "\n"}


def systemd(job: Job) -> dict[str, str]:
    """A service and its timer, for ~/.config/systemd/user or /etc/systemd/system, by the names of files."""
    unit = f"seeknal-{job.name}"
    binary, *rest = job.command
    command = " ".join(json.dumps(c, ensure_ascii=False).replace("%", "%%").replace("$", "$$") for c in (binary, *rest))
    service = ["[Unit]", f"Description=seeknal run of {job.name}", "", "[Service]", "Type=oneshot",
               f"WorkingDirectory={job.folder.replace('%', '%%')}", f"ExecStart={command}"]  # fmt: skip
    moments = [moment for schedule, zone in job.times for moment in _calendar(schedule, zone)]
    timer = ["[Unit]", f"Description=when seeknal runs {job.name}", "", "[Timer]", *(f"OnCalendar={m}" for m in moments), "Persistent=true", "",
             "[Install]", "WantedBy=timers.target"]  # fmt: skip
    return {f"{unit}.service": "\n".join(service) + "\n", f"{unit}.timer": "\n".join(timer) + "\n"}


def airflow(job: Job) -> dict[str, str]:
    """A file of DAGs, one for each time, by its name."""
    parts = [
        f'"""Runs of {job.name}, written by `seeknal schedule export airflow`."""',
        "",
        "import pendulum",
        "from airflow import DAG",
        "from airflow.providers.standard.operators.bash import BashOperator",
        "from airflow.timetables.trigger import CronTriggerTimetable",
        "",
        f"COMMAND = {job.line!r}",
    ]
    for number, (schedule, zone) in enumerate(job.times, 1):
        dag = f"seeknal_{job.name}_{number}"
        when = f"CronTriggerTimetable({schedule!r}, timezone={zone!r})"
        parts += [
            "",
            f"with DAG({dag!r}, schedule={when}, start_date=pendulum.datetime(2020, 1, 1), catchup=False, max_active_runs=1):",
            '    BashOperator(task_id="run", bash_command=COMMAND)',
        ]
    return {f"seeknal_{job.name}.py": "\n".join(parts) + "\n"}


def _calendar(schedule: str, zone: str) -> list[str]:
    """A cron expression as systemd writes times; two where it names days of the month and of the week, either of which will do."""
    minute, hour, day, month, weekday = schedule.split()
    clock = f"{_field(hour, 0)}:{_field(minute, 0)}:00 {zone}"
    months = _field(_numbered(month, _MONTHS, 1), 1)
    days, weekdays = _field(day, 1), _weekdays(weekday)
    if day != "*" and weekday != "*":
        return [f"*-{months}-{days} {clock}", f"{weekdays} *-{months}-* {clock}"]
    return [f"{weekdays + ' ' if weekdays else ''}*-{months}-{days} {clock}"]


def _field(text: str, first: int) -> str:
    """A field of numbers: `*/6` is `00/6`, `1-5` is `01..05`."""
    parts = []
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            found = f"{first:02d}" if step else "*"
        else:
            low, _, high = span.partition("-")
            found = f"{int(low):02d}..{int(high):02d}" if high else f"{int(low):02d}"
        parts.append(f"{found}/{step}" if step else found)
    return ",".join(parts)


def _weekdays(text: str) -> str:
    """A field of weekdays, by name; empty for every day."""
    if text in ("*", "?"):
        return ""
    numbers: set[int] = set()
    for part in _numbered(text, tuple(d.lower() for d in _DAYS[:7]), 0).split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-") if span != "*" else ("0", "", "6")
        numbers.update(n % 7 for n in range(int(low), int(high or (6 if step else low)) + 1, int(step or 1)))
    return ",".join(_DAYS[n] for n in sorted(numbers, key=lambda n: (n - 1) % 7))


def _numbered(text: str, names: Sequence[str], first: int) -> str:
    for number, name in enumerate(names, first):
        text = text.lower().replace(name, str(number))
    return text


FORMATS = {"crontab": crontab, "systemd": systemd, "airflow": airflow}
