"""Which features are asked for: `spend.orders`, `spend.*`, each in a column of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from seeknal.errors import did_you_mean
from seeknal.features.model import GROUP, Choice
from seeknal.nodes import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seeknal.features.model import Feature, Group

EVERY = "*"


class Report(Protocol):
    """Takes note of an error about the feature of this number."""

    def __call__(self, code: str, message: str, number: int, hint: str | None) -> None:
        """Take note."""
        ...


def choose(
    wanted: Sequence[str], find: Callable[[str, int], Group | None], report: Report, *, full_names: bool = False, taken: Iterable[str] = ()
) -> list[Choice]:
    """The features that are asked for, in order, each once. `find` knows a group by name, or says that there is none.

    A column is named as its feature, with `full_names` as group and feature: `spend__orders`. `taken` are columns that are there already.
    """
    names = {fold(name): "the spine's column" for name in taken}
    found: dict[tuple[str, str], Choice] = {}
    for number, text in enumerate(wanted):
        group_name, _, feature_name = text.strip().removeprefix(f"{GROUP}.").rpartition(".")
        if not group_name:
            report("SK-FEAT-001", f"'{text}' names no feature: write group.feature, or group.*", number, None)
            continue
        group = find(group_name, number)
        if group is None:
            continue
        features: Sequence[Feature | None] = group.features if feature_name == EVERY else [group.feature(feature_name)]
        for feature in features:
            if feature is None:
                known = [f.name for f in group.features]
                hint = did_you_mean(feature_name, known) or f"it has: {', '.join(known)}"
                report("SK-FEAT-001", f"feature group '{group.name}' has no feature '{feature_name}'", number, hint)
                continue
            if (group.node, feature.name) in found:
                continue
            column = f"{group.name}__{feature.name}" if full_names else feature.name
            if fold(column) in names:
                message = f"'{group.name}.{feature.name}' and {names[fold(column)]} would both be in a column '{column}'"
                report(
                    "SK-FEAT-002",
                    message,
                    number,
                    None if full_names else "with --full-names (full_names: true) it is named after its group too",
                )
                continue
            names[fold(column)] = f"'{group.name}.{feature.name}'"
            found[group.node, feature.name] = Choice(group, feature, column)
    return list(found.values())
