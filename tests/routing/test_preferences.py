"""Preferences: what quality, cost and speed are worth to each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.wishes import Weights
from fairlead.routing.preferences import (
    BUILT_IN_PRESETS,
    CHEAPEST_USD,
    COST_WORTH,
    DELAY_WORTH,
    SHORTEST_S,
    sure_quality,
    utility,
)

EVEN = Weights(1, 1, 1)


def worth(quality: float, cost_usd: float, total_s: float, weights: Weights = EVEN) -> float:
    return float(utility(np.array([quality]), np.array([cost_usd]), np.array([total_s]), weights)[0])


def test_a_tenfold_price_weighs_the_same_whatever_the_size_of_the_request() -> None:
    even = Weights(1, 1, 0)
    for cost in (1e-5, 1e-3, 1.0):
        assert worth(0.5 + COST_WORTH, cost * 10, 1.0, even) == pytest.approx(worth(0.5, cost, 1.0, even))
    assert worth(0.5 + DELAY_WORTH, 1.0, 10.0, Weights(1, 0, 1)) == pytest.approx(
        worth(0.5, 1.0, 1.0, Weights(1, 0, 1))
    )


positive = st.floats(0.01, 100.0)


@given(st.floats(0, 1), positive, positive, positive, positive, positive, st.floats(0.1, 50))
def test_only_the_proportions_of_weights_matter(
    quality: float, cost: float, delay: float, a: float, b: float, c: float, factor: float
) -> None:
    scaled = Weights(a * factor, b * factor, c * factor)
    assert worth(quality, cost, delay, scaled) == pytest.approx(worth(quality, cost, delay, Weights(a, b, c)))


@given(st.floats(0, 0.9), positive, positive, positive, positive, positive)
def test_better_cheaper_and_faster_are_each_worth_more(
    quality: float, cost: float, delay: float, a: float, b: float, c: float
) -> None:
    weights = Weights(a, b, c)
    here = worth(quality, cost, delay, weights)
    assert worth(quality + 0.1, cost, delay, weights) > here
    assert worth(quality, cost / 2, delay, weights) > here
    assert worth(quality, cost, max(delay / 2, SHORTEST_S / 2), weights) >= here


def test_free_is_as_cheap_as_the_cheapest_that_counts() -> None:
    assert worth(0.5, 0.0, 1.0) == worth(0.5, CHEAPEST_USD, 1.0)
    assert np.isfinite(worth(0.5, 0.0, 0.0))


@pytest.mark.parametrize("weights", [(-1, 1, 1), (0, 0, 0), (float("inf"), 1, 1), (float("nan"), 1, 1)])
def test_weights_that_mean_nothing_are_refused(weights: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="weights are numbers of 0 or more"):
        Weights(*weights)


def test_doubt_counts_against_a_model_and_certainty_changes_nothing() -> None:
    sure, unsure = sure_quality(np.array([0.6, 0.6]), np.array([0.6, 0.2])).tolist()
    assert sure == 0.6
    assert 0.2 < unsure < 0.6


def test_each_preset_leans_its_own_way() -> None:
    presets = {name: preset.weights for name, preset in BUILT_IN_PRESETS.items()}
    assert list(presets) == ["balanced", "quality", "cost", "speed"]
    assert max(presets, key=lambda name: presets[name].quality) == "quality"
    assert max(presets, key=lambda name: presets[name].cost) == "cost"
    assert max(presets, key=lambda name: presets[name].speed) == "speed"
