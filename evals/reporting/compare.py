"""Two runs side by side: which questions were won and lost, and whether the difference is more than chance.

Questions are paired by set and id. The test is a paired sign-flip permutation test (scipy): were the two runs alike, each question's
difference could as well have the other sign. It is exact where few questions differ.

    compare(load_values(Path("runs/before")), finished.values)["samples"]  # Comparison: measures, lost, won
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.measuring.measures import LATENCY, MEASURES, Values
from evals.measuring.runs import SUMMARY, RunError
from evals.measuring.summary import SEED

RESAMPLES = 9_999
SIGNIFICANT = 0.05
SAME = 1e-5  # a stored summary is rounded
VERDICTS = ("right", "RR")  # what tells a won question from a lost one: the first that both runs have


@dataclass(frozen=True)
class Change:
    """A measure over the questions that both runs have it for; `p` of a difference this large by chance."""

    name: str
    before: float
    after: float
    p: float
    questions: int

    @property
    def is_worse(self) -> bool:
        """Worse beyond noise."""
        gain = self.before - self.after if MEASURES[self.name].less_is_better else self.after - self.before
        return gain < 0 and self.p < SIGNIFICANT


@dataclass(frozen=True)
class Comparison:
    """What changed in one set; `lost` and `won` are question ids by `verdict`, regressions first."""

    verdict: str
    lost: tuple[str, ...]
    won: tuple[str, ...]
    changes: tuple[Change, ...]
    only_before: int
    only_after: int


def load_values(path: Path) -> Values:
    """Read the measures of a run, from its folder or from a copy of its summary. Raises RunError."""
    summary = path / SUMMARY if path.is_dir() else path
    try:
        values = json.loads(summary.read_text(encoding="utf-8"))["values"]
        return {(set_name, key): dict(found) for set_name, questions in values.items() for key, found in questions.items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise RunError(f'"{path}" is not a complete run to compare with ({error!r}); give its folder or its {SUMMARY}') from error


def compare(before: Values, after: Values) -> dict[str, Comparison]:
    """Compare the sets that both runs have. Raises RunError when there is none."""
    names = [name for name in dict.fromkeys(name for name, _ in after) if name in {name for name, _ in before}]
    if not names:
        raise RunError("the two runs have no set in common")
    return {name: _compare(_of_set(before, name), _of_set(after, name)) for name in names}


def _of_set(values: Values, name: str) -> dict[str, dict[str, float]]:
    return {key: found for (set_name, key), found in values.items() if set_name == name}


def _compare(before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]) -> Comparison:
    both = [key for key in after if key in before]
    changes = []
    for name in MEASURES:
        pairs = [(before[key][name], after[key][name]) for key in both if name in before[key] and name in after[key]]
        if pairs and name not in LATENCY:  # how busy the machine was says nothing of the system
            changes.append(_change(name, pairs))
    verdict = next((name for name in VERDICTS if any(change.name == name for change in changes)), VERDICTS[0])
    gains = {key: after[key][verdict] - before[key][verdict] for key in both if verdict in before[key] and verdict in after[key]}
    return Comparison(
        verdict,
        lost=tuple(sorted((key for key, gain in gains.items() if gain < -SAME), key=lambda key: gains[key])),
        won=tuple(sorted((key for key, gain in gains.items() if gain > SAME), key=lambda key: -gains[key])),
        changes=tuple(changes),
        only_before=len(before) - len(both),
        only_after=len(after) - len(both),
    )


def _change(name: str, pairs: list[tuple[float, float]]) -> Change:
    table = np.array(pairs)
    return Change(name, float(table[:, 0].mean()), float(table[:, 1].mean()), sign_flip_p(table[:, 1] - table[:, 0]), len(pairs))


def sign_flip_p(differences: np.typing.NDArray[np.float64]) -> float:
    """Return the two-sided p of the mean of paired differences. Pairs that agree weigh nothing and are left out."""
    differing = differences[np.abs(differences) > SAME]
    if len(differing) < 2:
        return 1.0
    from scipy.stats import permutation_test  # the chat's server, which seldom compares, starts a second earlier without

    tested = permutation_test(
        (differing,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=1_000,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return float(tested.pvalue)
