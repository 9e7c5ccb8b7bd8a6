"""The figures of one method on test outcomes: every metric that is defined there, and the reason where one is not.

Three sets of queries, each inside the one before: scored (every arm has a score), priced (and a cost), timed (and a
delay). Prediction metrics need no complete queries: they take every observed cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.baselines import Contender
from fairlead.learning.metrics import calibration, cost_curve, pair_curve, ranking, recall
from fairlead.learning.metrics.bootstrap import Group, Statistic, share_of
from fairlead.learning.metrics.hypervolume import hypervolume, nadir_of
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.policies import Policy
from fairlead.learning.prediction import Prediction

Rows = NDArray[np.int64]

ROUTING: Final = ("score", "gain", "rare_success")
PREDICTION: Final = (
    "auc",
    "brier",
    "log_loss",
    "calibration_error",
    "pooled_calibration_error",
    "pairwise_calibration_error",
)
RECALL: Final = ("recall_1", "recall_3")
PAIR: Final = ("apgr", "apgr_by_rank", "cpt50", "cpt80")
COST: Final = (
    "mean_cost_usd",
    "qnc97",
    "qnc99",
    "qnc100",
    "qnc99_of_test_best",
    "area",
    "aiq",
    "aiq_per_dearest",
    "deferral_area",
    "peak",
)
DELAY: Final = ("mean_latency_s", "hypervolume")
ALONE: Final = ("interval_coverage", "interval_coverage_without_chance", "kept_share", "reworded_loss")
"""Figures that are not measured on the resamples of the rest."""

NAMES: Final = (*ROUTING, *RECALL, *PREDICTION, *PAIR, *COST, *DELAY, *ALONE)

NO_SCORES: Final = "no query has a score for every model"
NO_COSTS: Final = "no query has a score and a cost for every model"
NO_DELAYS: Final = "no query has a score, a cost and a delay for every model"
NO_PREDICTION: Final = "the method foretells no quality"
NO_PAIR: Final = "only defined between two models"
NO_TIMED_POLICY: Final = "the method has no settings that trade cost and delay"
NO_INTERVALS: Final = "the method states no intervals"
NO_REWORDINGS: Final = "no rewordings were predicted"
NOT_REACHED: Final = "no setting reaches that quality"


@dataclass(frozen=True, slots=True)
class Ground:
    """What methods are measured on. Shapes: scored, priced, timed: places of queries, each a part of the one before."""

    test: Outcomes
    scored: Rows
    priced: Rows
    timed: Rows
    reference: Policy
    """Best single model of the training side: what gains and cost shares refer to."""

    @property
    def strong(self) -> int:
        """The better of two models on the queries measured."""
        return int(self.test.score[self.scored].mean(axis=0).argmax())


def ground_of(test: Outcomes, reference: Policy) -> Ground:
    """The sets of queries that these outcomes allow."""
    complete = _complete(test.score, np.ones(len(test.queries), dtype=np.bool_))
    has_cost = _complete(test.cost_usd, complete)
    return Ground(
        test,
        np.flatnonzero(complete),
        np.flatnonzero(has_cost),
        np.flatnonzero(_complete(test.latency_s, has_cost)),
        reference,
    )


def group_of(contender: Contender, ground: Ground) -> Group:
    """Everything that is measured on resamples of the queries, for one method."""
    parts: list[Group] = [_prediction_group(contender.prediction, ground)] if contender.prediction else []
    if len(ground.scored):
        parts.append(_routing_group(contender, ground))
        if len(ground.test.arms) == 2:
            parts.append(_pair_group(contender.prediction, ground))
    if len(ground.priced):
        parts.append(_cost_group(contender.policy, ground))
    if len(ground.timed) and contender.timed_policy is not None:
        parts.append(_delay_group(contender.timed_policy, contender.policy, ground))

    def of(weights: Floats) -> Mapping[str, Floats]:
        return {name: values for part in parts for name, values in part(weights).items()}

    return of


def reason_for(name: str, contender: Contender, ground: Ground) -> str | None:
    """Why a method has no such figure; None where nothing speaks against one."""
    needs_prediction = name in PREDICTION or name in RECALL
    if name in PAIR and len(ground.test.arms) != 2:
        return NO_PAIR
    if needs_prediction and contender.prediction is None:
        return NO_PREDICTION
    if name in (*ROUTING, *RECALL, *PAIR) and not len(ground.scored):
        return NO_SCORES
    if name in COST and not len(ground.priced):
        return NO_COSTS
    if name in DELAY:
        return NO_DELAYS if not len(ground.timed) else NO_TIMED_POLICY if contender.timed_policy is None else None
    if name in ALONE:
        return NO_INTERVALS if name.startswith("interval") else NO_REWORDINGS
    return NOT_REACHED if name.startswith("qnc") else None


def _complete(matrix: Floats | None, within: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if matrix is None:
        return np.zeros_like(within)
    return within & np.isfinite(matrix).all(axis=1)


def _prediction_group(prediction: Prediction, ground: Ground) -> Group:
    stated, score = prediction.quality, ground.test.score
    return _grouped(
        {
            "auc": ranking.mean_auc_statistic(prediction.within_folds(), score),
            "brier": calibration.brier_statistic(stated, score),
            "log_loss": calibration.log_loss_statistic(stated, score),
            "calibration_error": calibration.calibration_error_statistic(stated, score),
            "pooled_calibration_error": calibration.pooled_calibration_error_statistic(stated, score),
            "pairwise_calibration_error": calibration.pairwise_calibration_error_statistic(stated, score),
        }
    )


def _routing_group(contender: Contender, ground: Ground) -> Group:
    rows, score = ground.scored, ground.test.score
    routed = contender.policy.expected(score, rows)[0]
    single = ground.reference.expected(score, rows)[0]
    statistics: dict[str, Statistic] = {"rare_success": recall.rare_success_statistic(routed, score[rows])}
    if contender.prediction is not None:
        stated = contender.prediction.quality[rows]
        statistics["recall_1"] = recall.recall_statistic(1, stated, score[rows])
        statistics["recall_3"] = recall.recall_statistic(3, stated, score[rows])
    rest = _grouped(statistics)
    both = np.stack([routed, routed - single], axis=1)

    def of(weights: Floats) -> Mapping[str, Floats]:
        drawn = weights[:, rows]
        totals = drawn @ both
        n = drawn.sum(axis=1)
        return {"score": share_of(totals[:, 0], n), "gain": share_of(totals[:, 1], n), **rest(drawn)}

    return of


def _pair_group(prediction: Prediction | None, ground: Ground) -> Group:
    """A method that foretells nothing tells no queries apart: its lead is constant, as a blind mix's.

    Queries are ranked by the lead, so that of several fits it is the lead within each.
    """
    rows, strong = ground.scored, ground.strong
    score = ground.test.score[rows]
    gain = score[:, strong] - score[:, 1 - strong]
    stated = None if prediction is None else prediction.within_folds()[rows]
    lead = np.zeros(len(rows)) if stated is None else stated[:, strong] - stated[:, 1 - strong]
    group = _grouped(
        {
            "apgr": pair_curve.apgr_statistic(lead, gain),
            "apgr_by_rank": pair_curve.apgr_by_rank_statistic(lead, gain),
            "cpt50": pair_curve.call_threshold_statistic(lead, gain, 0.5),
            "cpt80": pair_curve.call_threshold_statistic(lead, gain, 0.8),
        }
    )
    return lambda weights: group(weights[:, rows])


def _cost_group(policy: Policy, ground: Ground) -> Group:
    rows = ground.priced
    score, cost = ground.test.score, _known(ground.test.cost_usd)
    scores, costs = policy.expected(score, rows).T, policy.expected(cost, rows).T
    single_score = ground.reference.expected(score, rows)[0]
    single_cost = ground.reference.expected(cost, rows)[0]
    test_best = int(score[rows].mean(axis=0).argmax())

    def of(weights: Floats) -> Mapping[str, Floats]:
        drawn = _normalised(weights[:, rows])
        c, q = drawn @ costs, drawn @ scores
        arm_costs, arm_scores = drawn @ cost[rows], drawn @ score[rows]
        low, high = arm_costs.min(axis=1), arm_costs.max(axis=1)
        spent, reached = drawn @ single_cost, drawn @ single_score
        return {
            "mean_cost_usd": c[:, 0],
            "qnc97": cost_curve.neutral_cost(c, q, spent, 0.97 * reached),
            "qnc99": cost_curve.neutral_cost(c, q, spent, 0.99 * reached),
            "qnc100": cost_curve.neutral_cost(c, q, spent, reached),
            "qnc99_of_test_best": cost_curve.neutral_cost(
                c, q, arm_costs[:, test_best], 0.99 * arm_scores[:, test_best]
            ),
            "area": cost_curve.area_over_grid(c, q, low, high),
            "aiq": cost_curve.aiq(c, q, low, high),
            "aiq_per_dearest": cost_curve.aiq_per_dearest(c, q, np.maximum(high, c.max(axis=1))),
            "deferral_area": cost_curve.deferral_area(c, q),
            "peak": cost_curve.peak(q),
        }

    return of


def _delay_group(timed: Policy, policy: Policy, ground: Ground) -> Group:
    rows = ground.timed
    score, cost, delay = ground.test.score, _known(ground.test.cost_usd), _known(ground.test.latency_s)
    settings = [timed.expected(matrix, rows).T for matrix in (score, cost, delay)]
    first = policy.expected(delay, rows)[0]

    def of(weights: Floats) -> Mapping[str, Floats]:
        drawn = _normalised(weights[:, rows])
        nadir = nadir_of(*(drawn @ matrix[rows] for matrix in (score, cost, delay)))
        quality, spent, waited = (drawn @ matrix for matrix in settings)
        return {"mean_latency_s": drawn @ first, "hypervolume": hypervolume(quality, spent, waited, nadir)}

    return of


def _grouped(statistics: Mapping[str, Statistic]) -> Group:
    return lambda weights: {name: of(weights) for name, of in statistics.items()}


def _normalised(weights: Floats) -> Floats:
    """Rows that sum to one; a resample without any such query becomes NaN."""
    totals = weights.sum(axis=1, keepdims=True)
    return share_of(weights, np.broadcast_to(totals, weights.shape))


def _known(matrix: Floats | None) -> Floats:
    assert matrix is not None, "priced and timed queries exist only where the matrix does"
    return matrix
