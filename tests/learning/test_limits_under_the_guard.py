"""Where routing is not shown to pay one model is served, and a ceiling still holds for every request."""

from dataclasses import replace

import numpy as np

from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import small_outcomes, small_router


def guarded() -> TrainedRouter:
    """A router that is not served, whatever it was trained on."""
    router = small_router(small_outcomes(120))
    verdict = replace(
        router.verdict,
        is_route=False,
        trials=(),
        mean_score=tuple(0.9 - 0.1 * arm for arm in range(len(router.arms))),
        mean_cost_usd=tuple(0.001 / (arm + 1) for arm in range(len(router.arms))),
        cost_scale_usd=0.001,
    )
    return replace(router, verdict=verdict)


def test_the_one_model_is_served_but_where_it_would_pass_the_ceiling() -> None:
    router = guarded()
    n_arms = len(router.arms)
    cost = np.full((3, n_arms), 0.0005)
    cost[1, 0] = 0.002
    cost[2] = 0.002
    cost[2, n_arms - 1] = 0.0003
    quality, unknown = np.random.default_rng(0).random((3, n_arms)), np.full((3, n_arms), np.nan)
    foretold = Foretold(quality, quality, quality, unknown, cost, unknown)

    assert router.choose(foretold, Objective()).tolist() == [0, 0, 0]
    assert router.choose(foretold, Objective(max_cost_usd=0.001)).tolist() == [0, 1, n_arms - 1]
