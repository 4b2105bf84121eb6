"""A chart for the terminal: one metric, by one dimension, as bars."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeknal.errors import ProjectError

if TYPE_CHECKING:
    from seeknal_semantic.query import Answer

_WIDTH = 50
_MOST = 60
_LABEL = 30
_COLUMNS = 2
_EIGHTHS = " ▏▎▍▌▋▊▉"


def chart(answer: Answer) -> str:
    """Bars of a metric by a dimension, a time in its order. Raises ProjectError for anything but one of each."""
    if len(answer.columns) != _COLUMNS:
        hint = "ask one metric by one dimension: --metrics revenue --dimensions ordered_at__month"
        raise ProjectError("SK-SEM-025", f"a chart shows one metric by one dimension, not {', '.join(answer.columns)}", hint=hint)
    rows = answer.rows.rows
    if any(not isinstance(v, int | float | None) or isinstance(v, bool) for _, v in rows):
        raise ProjectError("SK-SEM-025", f"'{answer.columns[1]}' is no number, so there is no chart of it")
    if rows and all(isinstance(r[0], dt.date | None) for r in rows):
        rows = sorted(rows, key=lambda r: (r[0] is None, r[0]))
    left_out = max(0, len(rows) - _MOST)
    shown = rows[left_out:] if answer.columns[0] in answer.days else rows[:_MOST]
    labels = [_label(r[0]) for r in shown]
    wide = max((len(text) for text in (*labels, answer.columns[0])), default=0)
    values = [_number(r[1]) for r in shown]
    right = max((len(v) for v in (*values, answer.columns[1])), default=0)
    most = max((abs(r[1]) for r in shown if r[1] is not None), default=0)
    lines = [f"{answer.columns[0]:<{wide}}  {answer.columns[1]:>{right}}"]
    for label, text, (_, value) in zip(labels, values, shown, strict=True):
        lines.append(f"{label:<{wide}}  {text:>{right}}  {_bar(value, most)}".rstrip())
    if left_out:
        lines.append(f"… and {left_out:,} more")
    return "\n".join(lines)


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= _LABEL else clean[: _LABEL - 1] + "…"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"


def _bar(value: float | None, most: float) -> str:
    """A bar in eighths of a character; one that goes below zero begins with a minus."""
    if value is None or not most:
        return ""
    eighths = round(abs(value) / most * _WIDTH * 8)
    full, part = divmod(eighths, 8)
    bar = "█" * full + (_EIGHTHS[part] if part else "")
    return f"-{bar}" if value < 0 else bar
