"""Verdict: whether a fitted router is to be trusted with the choice, and what to serve where it is not.

A router is shown to be good at one preference at a time: a weight of cost, 0 for quality alone. Where it is not shown
to be better than every single model, the best of these is served. That is also the best blind mix: under a preference
that is linear in cost no mix is worth more than the best model in it. Only a cost ceiling calls for a mix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from fairlead.routing.policies.objective import Foretold, Objective

_FIGURES: Final = (
    "routed_score", "best_single_score", "gain", "gain_low", "foresight_low", "routed_cost_usd", "gain_over_mix",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """The router against the single models at one cost weight, on queries that it had not seen. None is "not known".

    Units: gains in score points from 0 to 1, costs in USD a call.
    """

    cost_weight: float
    """Quality given up for the mean cost of the dearest model."""
    is_route: bool
    best_single: str
    """The model of the highest mean score less weighed cost."""
    n_queries: int
    """Left-out queries on which both the routed model and the best single one were measured."""
    confidence: float
    """One-sided, of `gain_low` at this weight: what is left of the verdict's own once it is shared among the trials."""
    routed_score: float | None = None
    best_single_score: float | None = None
    gain: float | None = None
    """Mean gain over the best single model in score less weighed cost."""
    gain_low: float | None = None
    """Lower bound of that gain over every single model, and so of the gain over any blind mix at the routed cost."""
    foresight_low: float | None = None
    """Lower bound of the slope of actual on foretold differences between models, within each pair; quality alone only.

    Above 0: the texts do tell which model is better where. That is seen long before the gain is.
    """
    is_likely: bool = False
    """Not proven, but likely: foresight is shown and the gain is on the right side. It is served, and said to be so."""
    routed_cost_usd: float | None = None
    gain_over_mix: float | None = None
    """Mean score less that of the best blind mix (zero router) at the routed cost."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Route or don't.

    Shapes: mean_score, mean_cost_usd by arm; a mean is None where nothing is known. The first trial is of quality
    alone; there is none where there was nothing to try.
    """

    is_route: bool
    reason: str
    """A sentence for people."""
    arms: tuple[str, ...]
    best_single: str | None
    n_queries: int
    confidence: float
    """One-sided: the chance of never saying "route" where no preference deserves it is at least this."""
    mean_score: tuple[float | None, ...]
    mean_cost_usd: tuple[float | None, ...] | None = None
    cost_scale_usd: float | None = None
    """What a cost weight is measured in: the mean cost of the dearest model."""
    trials: tuple[Trial, ...] = ()

    @property
    def word(self) -> str:
        """The verdict in a word or two, for people."""
        if self.is_route:
            return "Route"
        return "Not proven; the router is served" if self.is_served else "Do not route"

    @property
    def is_served(self) -> bool:
        """Whether the router chooses under any preference: where routing is proven to pay, or likely to."""
        return self.is_route or any(trial.is_likely for trial in self.trials)

    def is_route_at(self, cost_weight: float) -> bool:
        """Whether to serve the router at this preference: for quality alone what was shown of that, else the verdict.

        A router that was shown to pay at one weight of cost is not switched off at its neighbours: a choice that jumps
        between router and single model from weight to weight would be worse than either.
        """
        if not self.trials or cost_weight > 0:
            return self.is_served
        return self.trials[0].is_route or self.trials[0].is_likely

    def serve_instead(self, arms: Sequence[str], objective: Objective) -> int | None:
        """The place among `arms` of the one model to serve to all; None where the router is to choose.

        The best by its mean score and cost within the objective's limits. Arms that the verdict does not know (added
        later) are not served blindly.
        """
        is_linear = objective.weights is None
        if self.is_route_at(objective.cost_weight or 0.0) if is_linear else self.is_served:
            return None
        usual = self.usual_of(arms)
        known = np.flatnonzero(np.isfinite(usual.quality[0]))
        if not len(known):
            return None
        means = Foretold(*(figure[:, known] for figure in usual))
        return int(known[objective.pick(means, self.cost_scale_usd)[0]])

    def usual_of(self, arms: Sequence[str]) -> Foretold:
        """Mean score and cost of these arms as what is foretold of one query (1, n_arms); NaN where not known."""
        place_of = {arm: place for place, arm in enumerate(self.arms)}
        score, cost = np.full((1, len(arms)), np.nan), np.full((1, len(arms)), np.nan)
        for column, arm in enumerate(arms):
            place = place_of.get(arm)
            if place is not None:
                score[0, column] = _or_nan(self.mean_score[place])
                cost[0, column] = _or_nan(None if self.mean_cost_usd is None else self.mean_cost_usd[place])
        unknown = np.full_like(score, np.nan)
        return Foretold(score, score, score, unknown, cost, unknown)

    def mix_within(self, cost_usd: float) -> dict[str, float]:
        """The best blind mix (zero router) of that mean cost or less: model -> share; one model where one does best.

        Without costs the best single model; below the cheapest model's cost, that model.
        """
        places = [place for place, score in enumerate(self.mean_score) if score is not None]
        costs = self.mean_cost_usd
        if costs is None or any(costs[place] is None for place in places):
            return {} if self.best_single is None else {self.best_single: 1.0}
        points = [(float(costs[k] or 0.0), float(self.mean_score[k] or 0.0), self.arms[k]) for k in places]
        if not points:
            return {}
        cheap = [point for point in points if point[0] <= cost_usd]
        _, best, arm = max(cheap, key=lambda point: (point[1], -point[0])) if cheap else min(points)
        shares = {arm: 1.0}
        for low_cost, low_score, low in cheap:
            for high_cost, high_score, high in points:
                if high_cost > cost_usd:
                    share = (cost_usd - low_cost) / (high_cost - low_cost)
                    score = (1.0 - share) * low_score + share * high_score
                    if score > best and share > 0.0:
                        best, shares = score, {low: 1.0 - share, high: share}
        return shares

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it; keys stay."""
        stated = asdict(self)
        for key in ("arms", "mean_score", "mean_cost_usd", "trials"):
            stated[key] = None if stated[key] is None else list(stated[key])
        return stated

    @classmethod
    def from_dict(cls, stated: Mapping[str, Any]) -> Self:
        """The verdict that was written so. Raises: KeyError, TypeError, ValueError for what is none."""
        arms = tuple(_text(arm) for arm in stated["arms"])
        costs = stated["mean_cost_usd"]
        verdict = cls(
            is_route=_claim(stated["is_route"]),
            reason=_text(stated["reason"]),
            arms=arms,
            best_single=None if stated["best_single"] is None else _text(stated["best_single"]),
            n_queries=int(stated["n_queries"]),
            confidence=float(stated["confidence"]),
            mean_score=tuple(map(_number, stated["mean_score"])),
            mean_cost_usd=None if costs is None else tuple(map(_number, costs)),
            cost_scale_usd=_number(stated["cost_scale_usd"]),
            trials=tuple(_trial(trial) for trial in stated["trials"]),
        )
        if len(verdict.mean_score) != len(arms) or len(verdict.mean_cost_usd or arms) != len(arms):
            raise ValueError(f"a verdict on {len(arms)} models with {len(verdict.mean_score)} mean scores")
        if verdict.best_single is not None and verdict.best_single not in arms:
            raise ValueError(f"the best single model {verdict.best_single!r} is not one of them")
        return verdict


def _trial(stated: Mapping[str, Any]) -> Trial:
    return Trial(
        cost_weight=float(stated["cost_weight"]),
        is_route=_claim(stated["is_route"]),
        best_single=_text(stated["best_single"]),
        n_queries=int(stated["n_queries"]),
        confidence=float(stated["confidence"]),
        is_likely=_claim(stated.get("is_likely", False)),
        **{name: _number(stated.get(name)) for name in _FIGURES},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _claim(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
