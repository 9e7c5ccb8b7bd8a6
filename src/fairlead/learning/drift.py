"""Drift: is an endpoint still the model that was measured? A sequential test whose false alarms have a stated rate.

A probe was answered r times by the model as it was; now it is answered once more. If nothing has changed, the r + 1
answers could have come in any order, so whichever of them is the new one, the bet

    e = w(new) / (mean of w over all r + 1 answers)

is worth 1 on average, whatever w is (conformal test martingales: Vovk, Gammerman and Shafer 2022, "Algorithmic Learning
in a Random World", ch. 8). Answers to different probes are independent, so the product of the bets so far, or a mean of
such products, ever passes 1 / alpha with a chance of at most alpha (Ville's inequality): one may look after every call
and stop when one likes. Nothing is assumed of how often the model agrees with itself: the answers show it.

Where the answers to a probe differ, it is asked once more. An unchanged model's second answer is as likely to be like
the earlier ones as like the first new one; another model's is like its own. So w may look at the second new answer too,
and one earlier answer is enough to see every change of behaviour. The bet stays fair, since whether to ask again is
settled by the r + 1 answers without regard to which of them is new.

Watched are the score, the length of the reply and, where hashes are kept, whether the reply is one of those given
before. The guarantee holds for one check whose probes were not picked for how their earlier answers came out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Final, NamedTuple

import numpy as np

from fairlead.learning.outcomes import Floats, Ints

FALSE_ALARM_RATE: Final = 0.05
MAX_CALLS: Final = 200
WATCHED: Final = ("score", "length", "text")
MIN_EARLIER: Final = 1
FALLS: Final = (0.0, 0.5)
"""How strongly to bet on worse answers, as logarithms of odds a point of score."""
STRANGENESS: Final = (0.0, 2.0, 4.0, 6.0)
"""How strongly to bet on answers unlike the earlier ones."""
LIKE_SECOND: Final = 0.5
"""How strongly, beside that, to bet on answers like the second new one. This and FALLS were chosen on the pairs of
benchmarks/quality/drift.py, among six settings of which five found about as much (docs/log.md)."""
LENGTH_UNIT: Final = log(2.0)
"""A reply twice as long is as strange as a failure after successes."""
LENGTH_APART: Final = 0.1
"""Replies whose lengths differ by less than this (in LENGTH_UNIT: 7 %) count as equally long when asking again."""
MAX_AGAIN_UNSCORED: Final = 40
"""How many probes are asked again for their lengths or texts alone. A model whose replies are drawn by chance never
says the same twice: it must not use up its calls on that."""
HOPELESS: Final = 0.02
"""Where all bets together have lost so much, more calls are not worth their price: the check ends without alarm. That
can only lower the rate of false alarms."""


class Answer(NamedTuple):
    """One answer to a probe. None is "not known"."""

    score: float | None
    output_tokens: float | None = None
    reply_hash: float | None = None
    """Equal replies have equal ones: so texts need not be kept."""


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
    n_again_unscored: int = 0
    """Probes that were granted a second call though their scores agree."""
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

    def wants_again(self, earlier: Sequence[Answer], new: Answer) -> bool:
        """Whether the probe should be asked once more, by these answers without regard to their order.

        A yes for lengths or texts alone is counted at once, so that the bound holds for many probes asked together.
        """
        every = (*earlier, new)
        if not _is_same(_numbers([one.score for one in every]), 0.0):
            return True
        if self.n_again_unscored >= MAX_AGAIN_UNSCORED:
            return False
        is_else = "length" in self.watched and not _is_same(_lengths(every), LENGTH_APART)
        texts = {one.reply_hash for one in every}
        is_else = is_else or ("text" in self.watched and None not in texts and len(texts) > 1)
        self.n_again_unscored += is_else
        return is_else

    def feed(self, earlier: Sequence[Answer], new: Answer, again: Answer | None = None) -> None:
        """Take in one probe's new answer, and its second one. Raises: ValueError without an earlier one."""
        if len(earlier) < MIN_EARLIER:
            raise ValueError("a probe without an earlier answer says nothing of change")
        every = (*earlier, new)
        scores = _numbers([one.score for one in every])
        self.n_calls += 1
        if scores is not None:
            self.score_change.append(float(scores[-1] - scores[:-1].mean()))
        second = again or Answer(None)
        if again is not None:
            self.n_calls += 1
        steps = {
            "score": _score_steps(scores, second.score),
            "length": _length_steps(_lengths(every), _lengths([second])),
            "text": _text_steps([one.reply_hash for one in every], second.reply_hash),
        }
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


def _lengths(answers: Sequence[Answer]) -> Floats | None:
    """Logarithms of the lengths, in LENGTH_UNIT; None if one is not known."""
    tokens = _numbers([one.output_tokens for one in answers])
    return None if tokens is None else np.log(np.maximum(tokens, 1.0)) / LENGTH_UNIT


def _is_same(values: Floats | None, apart: float) -> bool:
    """Whether the values are within so much of each other, as far as they are known."""
    return values is None or float(np.ptp(values)) <= apart


def _score_steps(scores: Floats | None, second: float | None) -> Floats | None:
    """Logarithms of the bets on scores, the new one last (n_bets,)."""
    # Where all answers agree no bet wins or loses.
    if scores is None or _is_same(scores, 0.0):
        return None
    n = len(scores)
    falls = (scores.sum() - scores) / (n - 1) - scores
    strange = np.abs(falls)
    if second is not None:
        strange = strange + LIKE_SECOND * (1.0 - np.abs(scores - second))
    bets = [fall * 2.0 * falls + strength * strange for fall in FALLS for strength in STRANGENESS][1:]
    return _of_last(np.array(bets))


def _length_steps(lengths: Floats | None, second: Floats | None) -> Floats | None:
    """The same of lengths: how far each is from the median of the others, at most 1."""
    if lengths is None:
        return None
    others = np.array([float(np.median(np.delete(lengths, at))) for at in range(len(lengths))])
    strange = np.minimum(np.abs(lengths - others), 1.0)
    if second is not None:
        strange = strange + LIKE_SECOND * (1.0 - np.minimum(np.abs(lengths - second), 1.0))
    return _of_last(np.outer(STRANGENESS[1:], strange))


def _text_steps(texts: Sequence[float | None], second: float | None) -> Floats | None:
    """The same of texts: the share of the others that each differs from."""
    if any(text is None for text in texts):
        return None
    strange = np.array([sum(text != other for other in texts) / (len(texts) - 1) for text in texts])
    if second is not None:
        strange = strange + LIKE_SECOND * np.array([text == second for text in texts])
    return _of_last(np.outer(STRANGENESS[1:], strange))


def _of_last(logs: Floats) -> Floats:
    """The logarithm of w(new) / mean w. Shapes: (n_bets, r + 1) -> (n_bets,)."""
    top = logs.max(axis=1, keepdims=True)
    result: Floats = logs[:, -1] - top[:, 0] - np.log(np.exp(logs - top).mean(axis=1))
    return result
