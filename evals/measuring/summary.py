"""What a run comes to: the mean of each measure over each group of questions, with a confidence interval.

Groups are all questions, each language cell, what can and cannot be answered, and each tag. Intervals are percentile bootstraps of the
questions, drawn with a fixed seed.

    summarise(rows, measure(rows))["samples"]["ar->en"]["R@5"]  # Estimate(value=.93, low=.86, high=.99, questions=43)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from evals.measuring.measures import LATENCY, MEASURES, Values, key_of
from evals.measuring.rows import Row

RESAMPLES, BLOCK = 1_000, 2_000_000  # bootstrap samples; numbers drawn at once
SEED = 7
ALL = "all"

Summary = dict[str, dict[str, dict[str, "Estimate"]]]  # set → group → measure


@dataclass(frozen=True)
class Estimate:
    """A mean, or a percentile of latency, with its 95 % interval."""

    value: float
    low: float
    high: float
    questions: int


def groups_of(row: Row) -> list[str]:
    """Return the groups that a row counts in: all, its cell, its answerability, its tags."""
    return [ALL, row.cell, "answerable" if row.question.answerable else "unanswerable", *(f"tag:{tag}" for tag in row.question.tags)]


def summarise(rows: Sequence[Row], values: Values) -> Summary:
    """Return set → group → measure → estimate; a measure that applies to no question of a group is left out."""
    collected: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows:
        for group in groups_of(row):
            for name, value in values[key_of(row)].items():
                collected[row.set_name][group][name].append(value)
    return {
        set_name: {
            group: {name: estimate(np.array(found[name]), name) for name in MEASURES if name in found}
            for group, found in sorted(groups.items(), key=lambda item: (item[0] != ALL, item[0]))
        }
        for set_name, groups in collected.items()
    }


def estimate(values: npt.NDArray[np.float64], name: str) -> Estimate:
    """Return the mean of the values, or the percentile that the measure is, with its percentile-bootstrap interval."""
    rng = np.random.default_rng([SEED, crc32(name.encode())])
    step = max(1, BLOCK // len(values))
    sizes = [min(step, RESAMPLES - begin) for begin in range(0, RESAMPLES, step)]
    drawn = np.concatenate([_statistic(values[rng.integers(0, len(values), (size, len(values)))], name) for size in sizes])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(_statistic(values[None, :], name)[0]), float(low), float(high), len(values))


def _statistic(samples: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.quantile(samples, LATENCY[name], axis=1) if name in LATENCY else samples.mean(axis=1)
    return found


def plain(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the values alone, rounded for reading."""
    return {name: round(item.value, 4) for name, item in estimates.items()}
