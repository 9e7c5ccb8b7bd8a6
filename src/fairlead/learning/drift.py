"""Drift: is an endpoint still the model that was measured? A sequential test whose false alarms have a stated rate.

A probe was answered r times by the model as it was; now it is answered once more. If nothing has changed, the r + 1
answers could have come in any order, so whichever of them is the new one, the bet

    e = w(new) / (mean of w over all r + 1 answers)

is worth 1 on average, whatever w is (conformal test martingales: Vovk, Gammerman and Shafer 2022, "Algorithmic Learning
in a Random World", ch. 8). Answers to different probes are independent, so the product of the bets so far, or a mean of
such products, ever passes 1 / alpha with a chance of at most alpha (Ville's inequality): one may look after every call
and stop when one likes. Nothing is assumed of how often the model agrees with itself; the r earlier answers show it.
With one earlier answer only a change for the worse on average can be seen; with two or more every change of behaviour.

Watched are the score, the length of the reply and, where digests are kept, whether the reply is one of those given
before. The guarantee holds for one check whose probes were not picked for how their earlier answers came out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FALSE_ALARM_RATE: Final = 0.05
MAX_CALLS: Final = 200
WATCHED: Final = ("score", "length", "text")
MIN_EARLIER: Final = 1
FALLS: Final = (0.0, 0.3, 0.6, 1.0)
"""How strongly to bet on worse answers, as logarithms of odds a point of score; 1 is for a model that mostly fails."""
STRANGENESS: Final = (0.0, 2.0, 4.0, 6.0)
"""How strongly to bet on answers unlike the earlier ones."""
LENGTH_UNIT: Final = log(2.0)
"""A reply twice as long is as strange as a failure after successes."""
HOPELESS: Final = 0.02
"""Where all bets together have lost so much, more calls are not worth their price: the check ends without alarm. That
can only lower the rate of false alarms."""


class Answer(NamedTuple):
    """One answer to a probe. None is "not known"."""

    score: float | None
    output_tokens: float | None = None
    text_digest: str | None = None
    """A short hash of the reply, so that texts need not be kept."""


class Bets(NamedTuple):
    """What a family of bets stands at. Shapes: logs (n_bets,), logarithms of the products."""

    name: str
    logs: Floats

    @property
    def value(self) -> float:
        """The mean of the products."""
        top = float(self.logs.max())
        return float(np.exp(min(top, 700.0)) * np.exp(self.logs - top).mean())


@dataclass(slots=True)
class DriftTest:
    """The test of one check, fed answer by answer. `watched`: what is bet on, any of WATCHED, settled beforehand."""

    watched: tuple[str, ...] = ("score",)
    false_alarm_rate: float = FALSE_ALARM_RATE
    n_calls: int = 0
    bets: list[Bets] = field(init=False)
    score_change: list[float] = field(default_factory=list)
    """New score less the mean of the earlier ones, by call."""

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate < 1.0:
            raise ValueError(f"a rate of false alarms is between 0 and 1, not {self.false_alarm_rate}")
        if not self.watched or set(self.watched) - set(WATCHED):
            raise ValueError(f"watched are some of {', '.join(WATCHED)}, not {', '.join(self.watched) or 'nothing'}")
        n_bets = {"score": len(FALLS) * len(STRANGENESS) - 1}
        self.bets = [Bets(name, np.zeros(n_bets.get(name, len(STRANGENESS) - 1))) for name in self.watched]

    def feed(self, earlier: Sequence[Answer], new: Answer) -> None:
        """Take in one probe's new answer. Raises: ValueError without an earlier one."""
        if len(earlier) < MIN_EARLIER:
            raise ValueError("a probe without an earlier answer says nothing of change")
        self.n_calls += 1
        scores = _numbers([one.score for one in (*earlier, new)])
        if scores is not None:
            self.score_change.append(float(scores[-1] - scores[:-1].mean()))
        lengths = _numbers([one.output_tokens for one in (*earlier, new)])
        logs = None if lengths is None else np.log(np.maximum(lengths, 1.0)) / LENGTH_UNIT
        texts = [one.text_digest for one in (*earlier, new)]
        steps = {
            "score": _score_steps(scores), "length": _strange_steps(_gaps(logs)),
            "text": _strange_steps(_unlike(texts)),
        }  # fmt: skip
        # What an answer does not tell is not bet on: that leaves the product as it is.
        self.bets = [
            bets if (step := steps[bets.name]) is None else Bets(bets.name, bets.logs + step) for bets in self.bets
        ]

    @property
    def evidence(self) -> float:
        """What a stake of 1 has become; 1 / rate is an alarm."""
        return float(np.mean([bets.value for bets in self.bets]))

    @property
    def is_alarm(self) -> bool:
        """Whether the evidence is enough now."""
        return self.evidence >= 1.0 / self.false_alarm_rate

    @property
    def is_hopeless(self) -> bool:
        """Whether the bets are as good as lost."""
        return self.evidence < HOPELESS

    @property
    def most_telling(self) -> str:
        """What the strongest bets are on: score, length or text."""
        return max(self.bets, key=lambda bets: bets.value).name

    @property
    def mean_change(self) -> tuple[float, float] | None:
        """Mean change of the score and its standard error; None with fewer than two scores."""
        if len(self.score_change) < 2:
            return None
        changes = np.array(self.score_change)
        return float(changes.mean()), float(changes.std(ddof=1) / np.sqrt(len(changes)))


def choose_watch_probes(success: Floats, others: Floats, n_probes: int, seed: int) -> Ints:
    """The queries that tell a model best from others, ascending.

    Shapes: success (n,), the model's chance on each query as foretold, not as it came out; others (n, m), scores or
    chances of other models, NaN where not known. A probe's worth is how much oftener another model would disagree with
    an earlier answer than the model with itself: (2 p - 1)(p - q), with q the others' mean chance.
    Raises: ValueError for a number below 1.
    """
    if n_probes < 1:
        raise ValueError(f"{n_probes} probes are none")
    seen = np.isfinite(others)
    n_seen = seen.sum(axis=1)
    # Two imagined answers at the model's own chance: a query that few others were asked says little of them.
    mean = (np.where(seen, others, 0.0).sum(axis=1) + 2.0 * success) / (n_seen + 2.0)
    worth = (2.0 * success - 1.0) * (success - mean)
    order = np.lexsort((np.random.default_rng(seed).random(len(worth)), -worth))
    return np.sort(order[:n_probes]).astype(np.int64)


def _numbers(values: Sequence[float | None]) -> Floats | None:
    """As an array; None if one is not known."""
    known = [value for value in values if value is not None]
    return np.array(known, dtype=np.float64) if len(known) == len(values) else None


def _score_steps(scores: Floats | None) -> Floats | None:
    """Logarithms of the bets on scores, the new one last (n_bets,)."""
    # Where all answers agree no bet wins or loses.
    if scores is None or bool((scores == scores[0]).all()):
        return None
    n = len(scores)
    falls = (scores.sum() - scores) / (n - 1) - scores
    bets = [fall * 2.0 * falls + strange * np.abs(falls) for fall in FALLS for strange in STRANGENESS][1:]
    return _of_last(np.array(bets))


def _strange_steps(strange: Floats | None) -> Floats | None:
    """Logarithms of the bets on strangeness, the new answer's last (n_bets,)."""
    return None if strange is None else _of_last(np.outer(np.array(STRANGENESS[1:]), strange))


def _of_last(logs: Floats) -> Floats:
    """The logarithm of w(new) / mean w. Shapes: (n_bets, r + 1) -> (n_bets,)."""
    top = logs.max(axis=1, keepdims=True)
    result: Floats = logs[:, -1] - top[:, 0] - np.log(np.exp(logs - top).mean(axis=1))
    return result


def _gaps(values: Floats | None) -> Floats | None:
    """How far each value is from the median of the others, at most 1."""
    if values is None:
        return None
    n = len(values)
    others = [float(np.median(np.delete(values, at))) for at in range(n)]
    result: Floats = np.minimum(np.abs(values - np.array(others)), 1.0)
    return result


def _unlike(texts: Sequence[str | None]) -> Floats | None:
    """The share of the others that each text differs from; None if one is not known."""
    if any(text is None for text in texts):
        return None
    n = len(texts)
    return np.array([sum(text != other for other in texts) / (n - 1) for text in texts], dtype=np.float64)
