"""Costs that no call states, from tokens and stated prices."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.learning.outcomes import Outcomes
from fairlead.learning.priced_outcomes import at_prices
from tests.learning.small_outcomes import outcomes

NAN = float("nan")
PRICES = {"a": (1.0, 10.0), "b": (2.0, 20.0)}


def counted(cost: list[list[float]] | None = None) -> Outcomes:
    """Three calls of each of two models; of one the output tokens are not known."""
    inputs, outputs = np.array([[100.0, 50.0]] * 3), np.array([[10.0, 5.0], [NAN, 5.0], [30.0, 5.0]])
    return replace(outcomes([[1.0, 0.0]] * 3, cost), input_tokens=inputs, output_tokens=outputs)


def test_a_call_that_states_its_tokens_alone_costs_them_at_the_prices() -> None:
    found = at_prices(counted(), PRICES)

    assert found.cost_usd is not None
    np.testing.assert_allclose(found.cost_usd, np.array([[200.0, 200.0], [NAN, 200.0], [400.0, 200.0]]) * 1e-6)
    assert found.notes == ("Costs are tokens times your prices: those calls state both of their tokens and no cost.",)


def test_stated_costs_win_and_it_is_said_how_many_are_not() -> None:
    found = at_prices(counted([[0.5, NAN], [NAN, 0.0], [0.7, NAN]]), PRICES)

    assert found.cost_usd is not None
    np.testing.assert_allclose(found.cost_usd, [[0.5, 2e-4], [NAN, 0.0], [0.7, 2e-4]])
    assert found.notes[0].startswith("2 of 5 costs are tokens times your prices")


def test_an_effort_has_the_price_of_its_model_and_a_name_with_a_sign_its_own() -> None:
    read = replace(counted(), arms=("lab/a@20240229", "b@high"))

    found = at_prices(read, {"lab/a@20240229": (1.0, 10.0), "b": (0.0, 0.0)})

    assert found.cost_usd is not None
    np.testing.assert_allclose(found.cost_usd[0], [2e-4, 0.0])


@pytest.mark.parametrize("prices", [None, {}, {"z": (1.0, 1.0)}, {"a": (1e300, 1e300)}])
def test_what_no_price_tells_is_not_known(prices: dict[str, tuple[float, float]] | None) -> None:
    read = counted()

    assert at_prices(read, prices) is read
    assert at_prices(replace(read, output_tokens=None), PRICES).cost_usd is None
