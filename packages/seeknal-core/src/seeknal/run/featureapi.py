"""What a project can be asked about features in Python."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal, get_args

from seeknal.state.environments import PROD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal.api import Project

Table = Literal["arrow", "pandas", "polars"]


class FeatureReading:
    """The part of a project that reads features."""

    def features(  # type: ignore[misc]
        self: Project,
        spine: Any,
        features: Sequence[str] | str = (),
        *,
        as_of: str | None = None,
        entity: str | None = None,
        full_names: bool = False,
        environment: str = PROD,
        to: Table = "arrow",
    ) -> Any:
        """The spine's rows with the values that features had at each row's time, in the order of a table or file; see `seeknal features get`.

        `spine` is an Arrow table, a data frame, a file or a node's name, `features` names like `spend.orders` or `spend.*`; without any,
        all of an `entity`. `as_of` is the spine's column of times. Values are those that the `environment` publishes.
        """
        from seeknal.run.retrieval import Asked, answering

        check_table(to)
        names = (features,) if isinstance(features, str) else tuple(features)
        with answering(self, spine, Asked(names, entity, as_of, full_names, environment)) as (session, query):
            return as_table(session.arrow(query), to)

    def training_data(  # type: ignore[misc]
        self: Project, name: str, version: str | None = None, *, environment: str = PROD, to: Table = "arrow"
    ) -> Any:
        """The rows of a training set: those that the environment publishes, or of a `version`, by the beginning of its key."""
        from seeknal.run.versions import reading_version

        check_table(to)
        with reading_version(self, name, version, environment=environment) as (session, query, _):
            return as_table(session.arrow(query), to)


def check_table(to: str) -> None:
    """Raise ValueError for a library that answers are not given in."""
    if to not in get_args(Table):
        message = f"to={to!r}: answers are given as {', '.join(get_args(Table))}"
        raise ValueError(message)


def as_table(stream: Any, to: Table) -> Any:
    """A stream read whole, as a table of the library that is asked for."""
    if to == "pandas":
        return stream.read_pandas()
    if to == "polars":
        return importlib.import_module("polars").DataFrame(stream)
    return stream.read_all()
