"""What a question means, worked out row by row in plain Python: no SQL, nothing of the compiler's."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field

GRAINS = ("day", "week", "month", "quarter", "year")


def day_of(value):
    return value.date() if isinstance(value, dt.datetime) else value


def trunc(grain, value):
    if value is None:
        return None
    day = day_of(value)
    match grain:
        case "day":
            return day
        case "week":
            return day - dt.timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)


def back(day, count, unit):
    """So much earlier, the last day of a month where the month is shorter."""
    if unit == "day":
        return day - dt.timedelta(days=count)
    months = day.year * 12 + day.month - 1 - count
    year, month = divmod(months, 12)
    last = (dt.date(year + month // 11, (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(day.day, last))


def following(grain, start):
    if grain == "day":
        return start + dt.timedelta(days=1)
    return trunc(grain, start + dt.timedelta(days={"week": 7, "month": 32, "quarter": 95, "year": 370}[grain]))


def days_in(grain, start):
    end = following(grain, start)
    return [start + dt.timedelta(days=n) for n in range((end - start).days)]


@dataclass(frozen=True)
class Leaf:
    model: str
    value: Callable
    agg: str
    where: tuple[Callable, ...] = ()
    window: tuple[int, str] | None = None
    to_date: str | None = None
    cumulative: bool = False
    first: bool = False
    offset: tuple[int, str] | None = None
    spine: bool = False
    latest_by: str | None = None


@dataclass(frozen=True)
class Metric:
    leaves: tuple[Leaf, ...]
    combine: Callable = field(default=lambda x: x)
    counts: bool = False


def aggregate(leaf, rows):
    values = [v for r in rows if (v := leaf.value(r)) is not None]
    match leaf.agg:
        case "count":
            return len(values)
        case "count_distinct":
            return len(set(values))
        case "sum":
            return sum(values) if values else None
        case "sum_boolean":
            return sum(1 if leaf.value(r) else 0 for r in rows) if rows else None
        case "average":
            return sum(values) / len(values) if values else None
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case _:
            return quantile(sorted(values), float(leaf.agg))


def quantile(values, q):
    if not values:
        return None
    place = q * (len(values) - 1)
    low, high = math.floor(place), math.ceil(place)
    return values[low] + (values[high] - values[low]) * (place - low)


class Evaluator:
    """`tables` by model, `time` the default time column of each, `dims` how a dimension is found for a row of a model."""

    def __init__(self, tables, time, dims):
        self.tables, self.time, self.dims = tables, time, dims

    def value(self, model, row, name):
        base, _, grain = name.rpartition("__")
        if grain in GRAINS:
            name = base
        else:
            grain = None
        column = self.time.get(model)
        if name in ("metric_time", column):
            return trunc(grain or "day", row[column])
        found = self.dims[model][name](row)
        if name == "signed_up":
            return trunc(grain or "month", found)
        return trunc(grain or "day", found) if isinstance(found, dt.date) else found

    def is_time(self, model, name):
        base = name.rpartition("__")[0] if name.rpartition("__")[2] in GRAINS else name
        return model in self.time and base in ("metric_time", self.time[model])

    def ask(self, metrics, dimensions, filters, having):
        """Rows by their key: for each metric its value. `filters` are (names, predicate); `having` takes key and values."""
        cells = {}
        for name, metric in metrics.items():
            for number, leaf in enumerate(metric.leaves):
                for key, value in self.leaf(leaf, dimensions, filters).items():
                    cells.setdefault(key, {})[name, number] = value
        if not dimensions:
            cells.setdefault((), {})
        rows = {}
        for key, found in cells.items():
            values = {n: m.combine(*(found.get((n, i)) for i in range(len(m.leaves)))) for n, m in metrics.items()}
            if all(test(values) is True for test in having):
                rows[key] = values
        return rows

    def leaf(self, leaf, dimensions, filters):
        model = leaf.model
        times = [d for d in dimensions if self.is_time(model, d)]
        running = leaf.cumulative and bool(times)
        cutting = running or leaf.offset is not None
        cuts = [f for f in filters if all(self.is_time(model, n) for n in f[0])]
        conditions = [f for f in filters if not (cutting and f in cuts)]
        rows = [
            r
            for r in self.tables[model]
            if all(w(r) is True for w in leaf.where)
            and all(p(*(self.value(model, r, n) for n in names)) is True for names, p in conditions)
        ]
        grain = min((d.rpartition("__")[2] if "__" in d else "day" for d in times), key=GRAINS.index) if times else None
        if running:
            return self.running(leaf, rows, dimensions, times, cuts if leaf.offset is None else [], grain, shift=cuts)
        if leaf.latest_by:
            rows = self.latest(leaf, rows, times)
        groups = {}
        for row in rows:
            groups.setdefault(tuple(self.value(model, row, d) for d in dimensions), []).append(row)
        found = {key: aggregate(leaf, members) for key, members in groups.items()}
        if not dimensions and not found:
            found = {(): aggregate(leaf, [])}
        if leaf.offset is not None:
            return self.shifted(leaf, found, dimensions, times, grain, cuts)
        return self.spine(leaf, found, dimensions, times, grain, cuts) if leaf.spine and times else found

    def latest(self, leaf, rows, times):
        column = self.time[leaf.model]
        newest = {}
        for row in rows:
            if row[column] is not None:
                key = (row[leaf.latest_by], *(self.value(leaf.model, row, t) for t in times))
                newest[key] = max(newest.get(key, row[column]), row[column])
        return [
            r
            for r in rows
            if r[column] is not None and newest[r[leaf.latest_by], *(self.value(leaf.model, r, t) for t in times)] == r[column]
        ]

    def asof_days(self, model):
        days = [day_of(r[self.time[model]]) for r in self.tables[model] if r[self.time[model]] is not None]
        return [min(days) + dt.timedelta(days=n) for n in range((max(days) - min(days)).days + 1)] if days else []

    def at(self, name, day):
        """What a time name is for a day."""
        grain = name.rpartition("__")[2]
        return trunc(grain if grain in GRAINS else "day", day)

    def running(self, leaf, rows, dimensions, times, cuts, grain, shift):
        column = self.time[leaf.model]
        others = [d for d in dimensions if d not in times]
        days = [d for d in self.asof_days(leaf.model) if all(p(*(self.at(n, d) for n in names)) is True for names, p in cuts)]
        periods = {}
        for day in days:
            periods.setdefault(tuple(self.at(t, day) for t in times), []).append(day)
        combos = {}
        for row in rows:
            if row[column] is not None:
                combos.setdefault(tuple(self.value(leaf.model, row, d) for d in others), []).append(row)
        found = {}
        for period, members in periods.items():
            for combo, owned in combos.items():
                for day in members if leaf.first else members[-1:]:
                    inside = [r for r in owned if self.inside(leaf, day_of(r[column]), day)]
                    if inside:
                        found[self.key(dimensions, times, period, others, combo)] = aggregate(leaf, inside)
                        break
        return self.shifted(leaf, found, dimensions, times, grain, shift) if leaf.offset is not None else found

    def inside(self, leaf, day, asof):
        if day > asof:
            return False
        if leaf.window is not None:
            return day > back(asof, *leaf.window)
        return leaf.to_date is None or day >= trunc(leaf.to_date, asof)

    def key(self, dimensions, times, period, others, combo):
        where = dict(zip(times, period, strict=True)) | dict(zip(others, combo, strict=True))
        return tuple(where[d] for d in dimensions)

    def left(self, grain, start, cuts):
        return all(any(p(*(self.at(n, d) for n in names)) is True for d in days_in(grain, start)) for names, p in cuts)

    def shifted(self, leaf, found, dimensions, times, grain, cuts):
        finest = next(i for i, d in enumerate(dimensions) if d in times and (d.rpartition("__")[2] if "__" in d else "day") == grain)
        known = [k[finest] for k in found if k[finest] is not None]
        result = {}
        if not known:
            return result
        start = min(known)
        while start <= max(known) + dt.timedelta(days=80):
            origin = trunc(grain, back(start, *leaf.offset))
            if self.left(grain, start, cuts):
                for key, value in found.items():
                    if key[finest] == origin:
                        result[tuple(self.at(d, start) if d in times else k for d, k in zip(dimensions, key, strict=True))] = value
            start = following(grain, start)
        return result

    def spine(self, leaf, found, dimensions, times, grain, cuts):
        others = [d for d in dimensions if d not in times]
        combos = {tuple(k for d, k in zip(dimensions, key, strict=True) if d in others) for key in found}
        result = {}
        for start in dict.fromkeys(trunc(grain, d) for d in self.asof_days(leaf.model)):
            if self.left(grain, start, cuts):
                for combo in combos if others else {()}:
                    key = self.key(dimensions, times, tuple(self.at(t, start) for t in times), others, combo)
                    result[key] = found.get(key)
        return result
