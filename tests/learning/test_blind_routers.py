import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.blind_routers import Panel, oracle_choice, shares_at_cost, zero_router_score


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=8), st.floats(0.02, 0.98))
def test_the_mix_costs_what_was_asked(costs: list[float], place: float) -> None:
    mean_costs = np.array(costs)
    cost = float(mean_costs.min() + place * (mean_costs.max() - mean_costs.min()))

    shares = shares_at_cost(mean_costs, cost)

    assert shares.sum() == pytest.approx(1.0)
    assert float(shares @ mean_costs) == pytest.approx(cost, rel=1e-3, abs=1e-9)


def test_at_the_mean_price_the_freest_mix_is_the_uniform_one() -> None:
    assert shares_at_cost(np.array([1.0, 2.0, 3.0]), 2.0) == pytest.approx([1 / 3] * 3)


def test_at_the_ends_one_model_takes_all() -> None:
    costs = np.array([1.0, 2.0, 9.0])

    assert shares_at_cost(costs, 1.0)[0] == pytest.approx(1.0, abs=1e-6)
    assert shares_at_cost(costs, 9.0)[2] == pytest.approx(1.0, abs=1e-6)


def test_the_zero_router_mixes_two_models_and_skips_a_dominated_one() -> None:
    costs, scores = np.array([0.0, 1.0, 2.0]), np.array([0.2, 0.3, 0.8])

    assert zero_router_score(costs, scores, 1.0) == pytest.approx(0.5)
    assert zero_router_score(costs, scores, 5.0) == pytest.approx(0.8)


def test_the_oracle_takes_the_cheapest_of_the_best() -> None:
    panel = Panel(
        ("a", "b", "c"), np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([[2.0, 1.0, 0.1], [1.0, 1.0, 5.0]])
    )

    assert oracle_choice(panel).tolist() == [1, 2]
