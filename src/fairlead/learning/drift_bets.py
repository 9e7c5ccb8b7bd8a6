"""Drift bets: what scores of a probe tell of a change, by a model of how a model and another behind its name answer.

Foretold success p of a probe; the model's own chance there is drawn once from Beta(k p, k (1 - p)). Small k: it nearly
always repeats itself. Another model's chance is drawn anew, from the same with the log odds of p less a fall; or, but
for a share, it is the first one's. Each bet holds one k, fall and share; w is the likelihood of the answers with one of
them as the new one. The bet is fair whatever is true (learning/drift); the model only says how to bet well.
"""

from functools import lru_cache
from itertools import product
from math import comb, exp, lgamma, log, log1p
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_AGAIN: Final = 2
"""More new answers to a probe whose scores differ. With one earlier answer, found in kor_bench: .78 with one more, .87
with two, .84 with three; in mmlu_pro .96, .93, not tried (docs/log.md)."""
CHANCE_BOUNDS: Final = (0.02, 0.98)
"""A foretold chance is never surer than this: a curve fitted on few outcomes may say 0 or 1."""
MAX_EARLIER_WORTH: Final = 4
"""More earlier answers are counted as so many when a probe's worth is told: its order changes no more."""
_WORTH_CHANCES: Final = np.linspace(CHANCE_BOUNDS[0], CHANCE_BOUNDS[1], 25)


class Supposed(NamedTuple):
    """What one bet supposes."""

    fixedness: float
    """k."""
    fall: float
    """Of the other model's log odds."""
    share: float
    """Of probes on which the other model's chance is drawn anew."""


SUPPOSED: Final = tuple(Supposed(*each) for each in product((0.3, 1.5), (-0.7, 0.0, 1.0, 2.0), (0.2, 0.6)))
"""Ten such sets were tried on pairs of mmlu_pro and kor_bench; eight found as much within two points (docs/log.md)."""
_WORTH_SUPPOSED: Final = tuple(Supposed(1.5, fall, 0.5) for fall in (0.0, 0.5, 1.0))
"""By what a probe's worth is told: a model that repeats itself badly, for there the choice counts."""


class Seen(NamedTuple):
    """Sums of scores and numbers of answers: of the earlier ones, and of the new ones."""

    earlier: float
    n_earlier: int
    new: float
    n_new: int


def score_logs(scores: Floats, again: list[float], chance: float) -> Floats:
    """Logarithm of w by bet and by which answer is the new one. Shapes: scores (r + 1,) -> (n_bets, r + 1)."""
    chance = min(max(chance, CHANCE_BOUNDS[0]), CHANCE_BOUNDS[1])
    total, rest, n_new = float(scores.sum()), float(sum(again)), 1 + len(again)
    rows = []
    for supposed in SUPPOSED:
        by_score: dict[float, float] = {}
        for score in scores.tolist():
            if score not in by_score:
                seen = Seen(total - score, len(scores) - 1, rest + score, n_new)
                by_score[score] = _log_chance(seen, chance, supposed)
        rows.append([by_score[score] for score in scores.tolist()])
    return np.array(rows)


def probe_worth(chances: Floats, n_earlier: Floats) -> Floats:
    """How fast a stake is expected to grow by a call of each probe, another model being there (n,).

    Shapes: chances (n,), as foretold; n_earlier (n,), earlier answers to each.
    """
    worth = np.zeros(len(chances))
    for n in np.unique(n_earlier).tolist():
        rows = n_earlier == n
        worth[rows] = np.interp(chances[rows], _WORTH_CHANCES, _worths(min(int(n), MAX_EARLIER_WORTH)))
    return worth


@lru_cache(maxsize=MAX_EARLIER_WORTH)
def _worths(n_earlier: int) -> tuple[float, ...]:
    return tuple(_worth(float(chance), n_earlier) for chance in _WORTH_CHANCES)


def _worth(chance: float, n_earlier: int) -> float:
    gain = calls = 0.0
    for ones, new in product(range(n_earlier + 1), (0.0, 1.0)):
        is_mixed = 0 < ones + new < n_earlier + 1
        n_again = MAX_AGAIN if is_mixed else 0
        scores = np.array([1.0] * ones + [0.0] * (n_earlier - ones) + [new])
        for like in range(n_again + 1):
            seen = Seen(float(ones), n_earlier, new + like, 1 + n_again)
            ways = comb(n_earlier, ones) * comb(n_again, like)
            likely = ways * sum(exp(_log_chance(seen, chance, each)) for each in _WORTH_SUPPOSED) / len(_WORTH_SUPPOSED)
            calls += likely * (1 + n_again)
            if is_mixed:
                logs = score_logs(scores, [1.0] * like + [0.0] * (n_again - like), chance)
                gain += likely * log(float(np.mean(np.exp(logs[:, -1]) / np.exp(logs).mean(axis=1))))
    return gain / calls


def _log_chance(seen: Seen, chance: float, supposed: Supposed) -> float:
    """Logarithm of how likely these answers are, in this order, where another model gave the new ones."""
    k, odds = supposed.fixedness, exp(-supposed.fall) * chance / (1.0 - chance)
    other = odds / (1.0 + odds)
    apart = _log_drawn(seen.earlier, seen.n_earlier, chance, k) + _log_drawn(seen.new, seen.n_new, other, k)
    alike = _log_drawn(seen.earlier + seen.new, seen.n_earlier + seen.n_new, chance, k)
    apart, alike = log(supposed.share) + apart, log1p(-supposed.share) + alike
    top = max(apart, alike)
    return top + log(exp(apart - top) + exp(alike - top))


@lru_cache(maxsize=65536)
def _log_drawn(total: float, n: int, chance: float, k: float) -> float:
    """Logarithm of the chance of n answers with this sum, their own chance being drawn from a Beta."""
    up, down = k * chance, k * (1.0 - chance)
    return lgamma(up + total) - lgamma(up) + lgamma(down + n - total) - lgamma(down) + lgamma(k) - lgamma(k + n)
