"""Medians of repeated measurements."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.process import Outcome, Sample


@dataclass(frozen=True)
class Summary:
    """The medians of `count` samples: ``wall`` and ``cpu`` in seconds, ``rss`` in MiB.

    ``fastest`` is the least wall time: on a noisy machine it says more of the program than the
    median does.
    """

    wall: float
    cpu: float
    rss: float
    fastest: float
    count: int
    outcome: Outcome


def summarize(samples: Iterable[Sample]) -> Summary:
    """The medians of the samples that succeeded; of all of them if none did.

    Raises ``StatisticsError`` if there are none.
    """
    everything = list(samples)
    good = [sample for sample in everything if sample.outcome == "ok"]
    bad = [sample for sample in everything if sample.outcome != "ok"]
    counted = good or everything
    return Summary(
        wall=median(sample.wall for sample in counted),
        cpu=median(sample.cpu for sample in counted),
        rss=median(sample.rss for sample in counted),
        fastest=min(sample.wall for sample in counted),
        count=len(counted),
        outcome=bad[0].outcome if bad else "ok",
    )
