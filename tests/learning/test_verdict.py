"""The verdict routes where routing pays, refuses where it does not, and says why."""

import numpy as np
import pytest

from fairlead.learning.outcomes import Floats
from fairlead.learning.verdict import CONFIDENCE, MIN_OVERLAP, judge
from fairlead.routing.policies.verdict import Verdict

ARMS = ("words", "sums", "fair")


def world(n: int, seed: int) -> tuple[Floats, Floats]:
    """Chances and scores of three models: two specialists on a task each, one fair at both."""
    drawer = np.random.default_rng(seed)
    task = drawer.integers(0, 2, n)[:, None]
    chance = np.where(task, [0.9, 0.3, 0.65], [0.2, 0.9, 0.65])
    return chance, (drawer.random(chance.shape) < chance).astype(np.float64)


def judged(left_out: Floats, scores: Floats, cost: Floats | None = None, arms: tuple[str, ...] = ARMS) -> Verdict:
    return judge(left_out, scores, cost, np.arange(len(scores)), 0, arms)


def test_a_router_that_knows_the_task_routes() -> None:
    chance, scores = world(600, 0)
    verdict = judged(chance, scores)
    trial = verdict.trials[0]
    assert verdict.is_route
    assert trial.gain is not None and trial.gain_low is not None
    assert 0 < trial.gain_low < trial.gain
    assert trial.routed_score == pytest.approx(0.9, abs=0.04)
    assert trial.confidence == CONFIDENCE
    assert "600 left-out queries" in verdict.reason


def test_predictions_of_other_queries_are_refused() -> None:
    chance, scores = world(600, 0)
    verdict = judged(chance[np.random.default_rng(1).permutation(600)], scores)
    assert not verdict.is_route
    assert verdict.reason.endswith("not shown to be better")


def test_a_pool_where_one_model_is_best_everywhere_is_refused_and_that_model_named() -> None:
    chance, _ = world(600, 0)
    chance[:, 2] = chance.max(axis=1)
    drawer = np.random.default_rng(2)
    scores = (drawer.random(chance.shape) < chance).astype(np.float64)
    verdict = judged(chance + drawer.normal(0, 0.1, chance.shape), scores, np.full(chance.shape, 1e-3))
    assert not verdict.is_route
    assert verdict.best_single == "fair"


@pytest.mark.parametrize("priced", [False, True])
def test_it_routes_on_pure_noise_in_at_most_one_of_twenty(priced: bool) -> None:
    n_routed, n_draws = 0, 200
    for seed in range(n_draws):
        drawer = np.random.default_rng(seed)
        scores = (drawer.random((120, 3)) < 0.6).astype(np.float64)
        cost = np.tile([1e-3, 1.02e-3, 0.98e-3], (120, 1)) if priced else None
        n_routed += judge(drawer.random((120, 3)), scores, cost, np.arange(120), seed, ARMS).is_route
    assert n_routed / n_draws <= 0.05


def two_models(n_won: int, n_lost: int, foretold: float) -> Verdict:
    """Of 400 queries 200 are switched from the best single model for a gain that is foretold of each.

    So many are won and lost by it; on the others the switch is rightly foretold to lose.
    """
    fates = {(1.0, 0.0): n_lost, (0.0, 1.0): n_won, (1.0, 1.0): 190 - n_won - n_lost, (0.0, 0.0): 10}
    kept = {(1.0, 0.0): 100, (1.0, 1.0): 50, (0.0, 0.0): 50}
    scores = np.array([fate for part in (fates, kept) for fate, n in part.items() for _ in range(n)])
    left_out = np.stack([np.full(400, 0.7), np.repeat([0.7 + foretold, 0.3], 200)], axis=1)
    return judged(left_out, scores, arms=("fair", "moody"))


def test_a_gain_that_is_not_proven_but_likely_is_served_and_said_to_be_so() -> None:
    verdict = two_models(56, 44, foretold=0.06)
    assert not verdict.is_route
    assert verdict.is_served and verdict.is_route_at(0.0)
    assert verdict.word.startswith("Not proven")
    assert verdict.reason.endswith("so it is likely, and is served")


def test_a_gain_that_is_foretold_but_refuted_by_what_was_seen_is_not_served() -> None:
    verdict = two_models(46, 44, foretold=0.2)
    assert verdict.trials[0].foresight_low is not None and verdict.trials[0].foresight_low > 0
    assert not verdict.is_served
    assert verdict.word == "Do not route"


def test_a_gain_that_is_large_enough_is_proven() -> None:
    assert two_models(90, 20, foretold=0.2).trials[0].is_route


def test_a_cheaper_way_to_the_same_score_routes_at_the_preferences_that_value_it() -> None:
    """The dear model is never worse: quality alone is no reason to route; where the cheap one is as good, money is."""
    drawer = np.random.default_rng(3)
    easy = drawer.random(800) < 0.5
    chance = np.stack([np.where(easy, 0.9, 0.2), np.full(800, 0.9)], axis=1)
    scores = (drawer.random(chance.shape) < chance).astype(np.float64)
    cost = np.tile([1e-4, 1e-3], (800, 1))
    verdict = judged(chance, scores, cost, ("cheap", "dear"))
    at = {trial.cost_weight: trial for trial in verdict.trials}
    assert verdict.is_route and not at[0.0].is_route and at[0.3].is_route
    over_mix, low = at[0.3].gain_over_mix, at[0.3].gain_low
    assert over_mix is not None and low is not None
    assert over_mix > low > 0
    assert "blind mix" in verdict.reason
    # The error is shared: the trials together may spend what one alone could.
    assert sum(1 - trial.confidence for trial in verdict.trials) == pytest.approx(1 - CONFIDENCE)


def test_holes_leave_fewer_queries_but_the_same_verdict() -> None:
    chance, scores = world(3_000, 4)
    scores[np.random.default_rng(5).random(scores.shape) < 0.5] = np.nan
    verdict = judged(chance, scores)
    assert verdict.is_route
    assert MIN_OVERLAP < verdict.trials[0].n_queries < 1_500


def test_models_that_were_never_asked_the_same_are_not_compared() -> None:
    chance, scores = world(300, 6)
    asked = np.random.default_rng(7).integers(0, 3, 300)
    scores[asked[:, None] != np.arange(3)] = np.nan
    chance[:, 2] = 0.0
    verdict = judged(np.where(asked[:, None] == np.arange(3), 0.0, chance), scores)
    assert not verdict.is_route
    assert "not enough overlap: 0 queries" in verdict.reason
    assert verdict.trials[0].gain is None and verdict.trials[0].gain_low is None


@pytest.mark.parametrize(
    ("scores", "arms", "reason"),
    [
        (np.ones((50, 1)), ("only",), "one model only, only"),
        (np.full((50, 3), 0.5), ARMS, "every score is 0.5"),
        (np.full((50, 3), np.nan), ARMS, "not one score is known"),
        (np.array([[1.0, 0.0, 1.0]]), ARMS, "not enough overlap: 1 queries"),
        (np.empty((0, 3)), ARMS, "not one score is known"),
        (np.empty((5, 0)), (), "no model"),
    ],
)
def test_where_there_is_nothing_to_compare_it_refuses_and_says_why(
    scores: Floats, arms: tuple[str, ...], reason: str
) -> None:
    verdict = judged(np.full(scores.shape, 0.5), scores, None, arms)
    assert not verdict.is_route
    assert reason in verdict.reason
    assert Verdict.from_dict(verdict.to_dict()) == verdict


def test_a_router_that_always_picks_the_best_model_is_said_to_do_so() -> None:
    _, scores = world(300, 8)
    verdict = judged(np.tile([0.1, 0.1, 0.9], (300, 1)), np.where([0, 0, 1], np.maximum(scores, 0.5), scores))
    assert not verdict.is_route
    assert "as well as always fair" in verdict.reason


def test_copied_queries_count_once() -> None:
    drawer = np.random.default_rng(9)
    left_out, scores = drawer.random((12, 2)), drawer.random((12, 2))
    scores[np.arange(12), left_out.argmax(axis=1)] += 0.3
    groups = np.repeat(np.arange(12), 40)
    copied = np.repeat(left_out, 40, axis=0), np.clip(np.repeat(scores, 40, axis=0), 0, 1)
    as_one = judge(copied[0], copied[1], None, groups, 0, ("a", "b")).trials[0].gain_low
    as_many = judge(copied[0], copied[1], None, np.arange(480), 0, ("a", "b")).trials[0].gain_low
    assert as_one is not None and as_many is not None
    assert as_one < as_many


def test_costs_that_are_not_known_for_every_call_are_left_aside() -> None:
    chance, scores = world(300, 10)
    cost = np.full(scores.shape, 1e-3)
    cost[:, 1] = np.nan
    verdict = judged(chance, scores, cost)
    assert len(verdict.trials) == 1
    assert verdict.mean_cost_usd is None


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        judge(np.ones((3, 2)), np.ones((3, 3)), None, np.arange(3), 0, ARMS)
