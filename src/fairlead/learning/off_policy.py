"""Off-policy value: what another policy would have brought, from a log of what was chosen with which chance.

With w = target chance / logged chance of what was chosen, y its outcome (a reward or a cost), q what is foretold:

    direct         mean of sum over arms of target * q                      as good as q: its interval knows no bias
    ips            mean of w y, w cut at max(20, sqrt n)                    honest, noisy
    snips          sum of w y / sum of w                                    less noisy; to report
    doubly robust  mean of sum over arms of target * q + w (y - q)          honest and least noisy; to decide by

Where the target chooses what the log never could, the log says nothing: there all but `direct` keep the log's choice,
the share of it is named, and beyond a hundredth there is no verdict. Sources: Dudik et al. 2014 (doubly robust),
Swaminathan and Joachims 2015 (self-normalised), Ionides 2008 (the cut), Chernozhukov et al. 2018 (cross-fitting).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.mean_bounds import t_quantile
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.outcome_model import foretold_outcomes
from fairlead.learning.outcomes import Bools, Floats, Ints

Method = Literal["direct", "ips", "snips", "doubly_robust"]
METHODS: Final[tuple[Method, ...]] = ("direct", "ips", "snips", "doubly_robust")

LEVEL: Final = 0.95
CLIP: Final = 20.0
"""A weight above it is cut in `ips`, unless the log is so long that sqrt n is higher: a cut there costs less bias."""
MIN_EFFECTIVE: Final = 200.0
"""Effective samples below which nothing is concluded."""
MIN_SESSIONS: Final = 30
"""Independent sessions that tell the policies apart, below which an asymptotic interval is not to be trusted."""
MAX_UNSUPPORTED_SHARE: Final = 0.01
MARGIN: Final = 0.01
"""Reward that may be lost at most for "as good": one point of a hundred."""
_SUM_SLACK: Final = 1e-3
"""Chances are kept as single floats, up to 64 of them a decision."""


@dataclass(frozen=True, slots=True)
class Logged:
    """n decisions among n_arms arms, each with its outcome. Raises: OutcomesError for chances that are none.

    Shapes: chosen, outcome, session (n,); chance, foretold (n, n_arms). A chance is 0 where an arm could not be chosen;
    what is foretold of an arm is in the outcome's unit, NaN where unknown. Decisions of one session go together.
    """

    chosen: Ints
    chance: Floats
    outcome: Floats
    foretold: Floats
    session: Ints

    def __post_init__(self) -> None:
        n = len(self.chosen)
        if self.chance.shape != self.foretold.shape or not n == len(self.outcome) == len(self.session) == len(
            self.chance
        ):
            raise OutcomesError("a log's columns have different lengths: give each decision a row in all of them")
        if not np.isfinite(self.outcome).all():
            raise OutcomesError("an outcome is unknown: leave out the decisions without one")
        check_chances(self.chance, self.chosen)


class Compared(NamedTuple):
    """One estimator's word: the target's mean outcome, and how much that is above the log's own."""

    value: Figure
    difference: Figure


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the log says of one outcome under the target. A figure that is not defined is None, with a reason."""

    n: int
    n_sessions: int
    effective_n: float
    """(sum of w)^2 / sum of w^2: independent decisions of the target that the log is worth (Kish 1965)."""
    unsupported_share: float
    """Mean chance with which the target chooses what the log never could."""
    changed_share: float
    """Mean chance with which the target chooses otherwise than the log."""
    largest_weight: float
    clipped_share: float
    """Weight that the cut took from `ips`, as a share of the target's whole."""
    old: Figure
    by_method: Mapping[Method, Compared]

    @property
    def is_supported(self) -> bool:
        """Whether the log speaks of this policy's choices at all, and of enough of them."""
        return self.unsupported_share <= MAX_UNSUPPORTED_SHARE and self.effective_n >= MIN_EFFECTIVE

    @property
    def decisive(self) -> Figure:
        """The difference to decide by."""
        return self.by_method["doubly_robust"].difference


def check_chances(chance: Floats, chosen: Ints) -> None:
    """Raises: OutcomesError unless every row is a distribution in which what was chosen had a chance."""
    if not len(chosen):
        return
    if not np.isfinite(chance).all() or (chance < 0).any() or (np.abs(chance.sum(axis=1) - 1.0) > _SUM_SLACK).any():
        raise OutcomesError(
            "the chances of a decision are numbers from 0 on that sum to 1: log that of every candidate"
        )
    if (chance[np.arange(len(chosen)), chosen] <= 0).any():
        raise OutcomesError("what was chosen had a chance of 0: log the chance with which it was really chosen")


def estimate(logged: Logged, target: Floats) -> Estimates:
    """The four estimates of the target's mean outcome. Shapes: target (n, n_arms), rows sum to 1."""
    n, y, chance = len(logged.chosen), logged.outcome, logged.chance
    _, session = np.unique(logged.session, return_inverse=True)
    session = session.reshape(-1)
    n_sessions = int(session.max()) + 1 if n else 0
    if n_sessions < 2:
        return _nothing(n, n_sessions)
    rows = np.arange(n)
    supported = np.where(chance > 0, target, 0.0)
    unsupported = np.clip(1.0 - supported.sum(axis=1), 0.0, 1.0)
    unsupported[unsupported < 1e-9] = 0.0
    judged = supported + unsupported[:, None] * chance
    shift = judged - chance
    weight = judged[rows, logged.chosen] / chance[rows, logged.chosen]
    q = foretold_outcomes(y, logged.foretold, logged.chosen, session)
    q_chosen = q[rows, logged.chosen]
    cut = np.minimum(weight, max(CLIP, float(np.sqrt(n))))
    lost = float((weight - cut).mean())
    speaks = _sessions_with(weight > 0, session)
    differs = _sessions_with(np.abs(shift).max(axis=1) > 1e-6, session)
    doubly, doubly_shift = (judged * q).sum(axis=1), (shift * q).sum(axis=1)
    snips = _self_normalised(weight, y)
    terms: dict[Method, tuple[Floats, Floats]] = {
        "direct": ((target * q).sum(axis=1), ((target - chance) * q).sum(axis=1)),
        "ips": (cut * y, (cut - 1.0) * y),
        "snips": (snips, snips - y),
        "doubly_robust": (doubly + weight * (y - q_chosen), doubly_shift + (weight - 1.0) * (y - q_chosen)),
    }
    bias = (lost * min(0.0, float(y.min())), lost * max(0.0, float(y.max())))
    by_method: dict[Method, Compared] = {}
    for method, (values, differences) in terms.items():
        is_direct = method == "direct"
        if not speaks and not is_direct:
            by_method[method] = _NOBODY_SPEAKS
            continue
        value = mean_figure(values, session, n_sessions if is_direct else speaks)
        difference = mean_figure(differences, session, n_sessions if is_direct else differs)
        if method == "ips" and lost > 0:
            value, difference = _widened(value, bias), _widened(difference, bias)
        by_method[method] = Compared(value, difference)
    squares = float((weight**2).sum())
    return Estimates(
        n=n,
        n_sessions=n_sessions,
        effective_n=float(weight.sum()) ** 2 / squares if squares > 0 else 0.0,
        unsupported_share=float(unsupported.mean()),
        changed_share=float(np.abs(target - chance).sum(axis=1).mean() / 2),
        largest_weight=float(weight.max()),
        clipped_share=lost,
        old=mean_figure(y, session, n_sessions),
        by_method=by_method,
    )


def mean_figure(terms: Floats, session: Ints, n_telling: int) -> Figure:
    """The mean of the terms with a 95 % interval: Student's t, clustered by session.

    `n_telling`: sessions that say anything of it; none at all leaves nothing to doubt. A correction for skewness (Hall
    1992) was tried: the skewness of residuals is mostly noise, and following it makes the intervals of doubly_robust
    too short.
    """
    mean = float(terms.mean())
    if not n_telling:
        return Figure(mean, mean, mean, 0.0)
    if n_telling < MIN_SESSIONS:
        return Figure(mean, reason=f"only {n_telling} sessions tell of it: {MIN_SESSIONS} are needed for an interval")
    residuals = np.bincount(session, weights=terms - mean)
    n_sessions = len(residuals)
    error = float(np.sqrt(n_sessions / (n_sessions - 1) * float(residuals @ residuals))) / len(terms)
    half = t_quantile((1 + LEVEL) / 2, n_telling - 1) * error
    return Figure(mean, mean - half, mean + half, error)


def _self_normalised(weight: Floats, y: Floats) -> Floats:
    """Terms whose mean is the ratio, and whose spread is that of its linear part."""
    mean_weight = float(weight.mean())
    if mean_weight <= 0:
        return np.zeros(len(y))
    ratio = float((weight * y).mean()) / mean_weight
    result: Floats = ratio + weight * (y - ratio) / mean_weight
    return result


def _sessions_with(mask: Bools, session: Ints) -> int:
    return int(np.count_nonzero(np.bincount(session[mask])))


def _widened(figure: Figure, by: tuple[float, float]) -> Figure:
    if figure.low is None or figure.high is None:
        return figure
    return Figure(figure.value, figure.low + by[0], figure.high + by[1], figure.standard_error)


_NOBODY_SPEAKS: Final = Compared(*[Figure(None, reason="this policy would have made none of the logged choices")] * 2)


def _nothing(n: int, n_sessions: int) -> Estimates:
    figure = Figure(None, reason="fewer than two sessions with a known outcome")
    nothing = Compared(figure, figure)
    return Estimates(n, n_sessions, 0.0, 0.0, 0.0, 0.0, 0.0, figure, dict.fromkeys(METHODS, nothing))


Word = Literal["better", "as_good", "worse", "open", "refused"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What may be concluded of the target, and why not more."""

    word: Word
    """`as_good`: at most MARGIN of reward is lost; `open`: the log cannot tell."""
    is_cheaper: bool | None
    """None: the log cannot tell."""
    reasons: tuple[str, ...]
    """Why there is no verdict; empty where there is one."""


def judge(reward: Estimates, cost: Estimates) -> Finding:
    """The verdict on the target, by the doubly robust differences."""
    reasons = (*_why_not(reward, "reward"),)
    saving = cost.decisive
    is_cheaper = None
    if not _why_not(cost, "cost") and saving.low is not None and saving.high is not None:
        is_cheaper = True if saving.high < 0 else False if saving.low > 0 else None
    if reasons:
        return Finding("refused", is_cheaper, reasons)
    low, high = reward.decisive.low, reward.decisive.high
    assert low is not None and high is not None
    word: Word = "better" if low > 0 else "as_good" if low > -MARGIN else "worse" if high < 0 else "open"
    return Finding(word, is_cheaper, ())


def _why_not(found: Estimates, what: str) -> Sequence[str]:
    reasons = []
    if found.unsupported_share > MAX_UNSUPPORTED_SHARE:
        reasons.append(
            f"{found.unsupported_share:.1%} of the decisions go to models that the log never could have chosen: "
            "turn exploration on, or allow only models that were explored"
        )
    if found.effective_n < MIN_EFFECTIVE:
        reasons.append(
            f"the log is worth {found.effective_n:.0f} decisions of this policy with a known {what}, "
            f"{MIN_EFFECTIVE:.0f} are needed: log for longer, or explore more"
        )
    elif found.decisive.low is None:
        reasons.append(f"no interval of the {what}: {found.decisive.reason}")
    return reasons
