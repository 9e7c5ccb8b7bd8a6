"""A verdict names what to serve instead, and comes back from JSON as it was."""

import json
from dataclasses import replace

import pytest

from fairlead.domain.wishes import Weights
from fairlead.routing.policies.objective import Objective
from fairlead.routing.policies.verdict import Trial, Verdict

ARMS = ("cheap", "fair", "dear")


def trial(cost_weight: float, is_route: bool) -> Trial:
    return Trial(cost_weight, is_route, "dear", 100, 0.975, 0.7, 0.72, -0.02, -0.05)


def verdict(*trials: Trial) -> Verdict:
    return Verdict(
        is_route=any(one.is_route for one in trials),
        reason="because",
        arms=ARMS,
        best_single="dear",
        n_queries=100,
        confidence=0.95,
        mean_score=(0.5, 0.6, 0.8),
        mean_cost_usd=(1e-4, 4e-4, 1e-3),
        cost_scale_usd=1e-3,
        trials=trials,
    )


REFUSED = verdict(trial(0.0, False), trial(0.3, False))
SAVES = verdict(trial(0.0, False), trial(0.1, False), trial(1.0, True))


@pytest.mark.parametrize(
    ("objective", "served"),
    [
        (Objective(), "dear"),
        (Objective(cost_weight=0.1), "dear"),
        (Objective(cost_weight=0.5), "cheap"),
        (Objective(max_cost_usd=5e-4), "fair"),
        (Objective(cost_weight=0.5, min_quality=0.55), "fair"),
        (Objective(weights=Weights(quality=1.0, cost=0.0, speed=0.0)), "dear"),
        (Objective(weights=Weights(quality=0.1, cost=0.9, speed=0.0)), "cheap"),
    ],
)
def test_where_it_refuses_the_single_model_that_the_preference_values_most_is_served(
    objective: Objective, served: str
) -> None:
    place = REFUSED.serve_instead(ARMS, objective)
    assert place is not None and ARMS[place] == served


def test_a_router_that_pays_at_some_weight_routes_at_every_weight_but_not_for_quality_alone() -> None:
    assert SAVES.serve_instead(ARMS, Objective()) == 2
    assert SAVES.serve_instead(ARMS, Objective(cost_weight=0.05)) is None
    assert SAVES.serve_instead(ARMS, Objective(cost_weight=0.8)) is None
    assert [SAVES.is_route_at(weight) for weight in (0.0, 0.2, 0.4, 50.0)] == [False, True, True, True]


def test_the_place_is_that_among_the_arms_that_are_asked_about() -> None:
    assert REFUSED.serve_instead(("new", "dear", "cheap"), Objective()) == 1
    assert REFUSED.serve_instead(("cheap", "new", "fair"), Objective()) == 2
    assert REFUSED.serve_instead(("new",), Objective()) is None


def test_an_arm_without_scores_is_not_served() -> None:
    blind = replace(REFUSED, mean_score=(0.5, 0.6, None))
    assert blind.serve_instead(ARMS, Objective()) == 1


@pytest.mark.parametrize(
    ("cost_usd", "shares"),
    [
        (1e-5, {"cheap": 1.0}),
        (1e-4, {"cheap": 1.0}),
        (5.5e-4, {"cheap": 0.5, "dear": 0.5}),
        (1e-3, {"dear": 1.0}),
        (1.0, {"dear": 1.0}),
    ],
)
def test_the_best_blind_mix_lies_on_the_hull_and_keeps_to_the_cost(cost_usd: float, shares: dict[str, float]) -> None:
    assert REFUSED.mix_within(cost_usd) == pytest.approx(shares)


def test_without_costs_the_mix_is_the_best_single_model() -> None:
    assert replace(REFUSED, mean_cost_usd=None).mix_within(1e-3) == {"dear": 1.0}


@pytest.mark.parametrize("one", [REFUSED, SAVES, replace(REFUSED, mean_cost_usd=None, cost_scale_usd=None, trials=())])
def test_it_comes_back_from_json_as_it_was(one: Verdict) -> None:
    assert Verdict.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one


@pytest.mark.parametrize(
    "change",
    [
        {"is_route": 1},
        {"mean_score": [0.5]},
        {"best_single": "nobody"},
        {"trials": [{}]},
        {"arms": [1, 2, 3]},
        {"confidence": "high"},
    ],
)
def test_what_is_no_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Verdict.from_dict(REFUSED.to_dict() | change)
