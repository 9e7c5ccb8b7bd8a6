"""Priced outcomes: the cost of calls that state none, from their tokens and stated prices."""

from dataclasses import replace

import numpy as np

from fairlead.domain.model_names import names_of_arm
from fairlead.learning.outcomes import MOST_MEASURED, Floats, Outcomes
from fairlead.learning.training import PriceTable


def at_prices(outcomes: Outcomes, prices: PriceTable | None) -> Outcomes:
    """The outcomes with tokens x price as the cost of each call that states both of its tokens and no cost.

    A note says of how many calls. An arm has its own price, or that of its model at any effort.
    """
    inputs, outputs, stated = outcomes.input_tokens, outcomes.output_tokens, outcomes.cost_usd
    if not prices or inputs is None or outputs is None:
        return outcomes
    rates = np.array([_rates_of(prices, arm) for arm in outcomes.arms]).reshape(-1, 2) * 1e-6
    with np.errstate(over="ignore", invalid="ignore"):
        reckoned = inputs * rates[:, 0] + outputs * rates[:, 1]
    # Beyond that nothing costs: a price that says so tells nothing.
    reckoned = np.where(reckoned <= MOST_MEASURED, reckoned, np.nan)
    if stated is not None:
        reckoned = np.where(np.isfinite(stated), np.nan, reckoned)
    n_reckoned = int(np.isfinite(reckoned).sum())
    if not n_reckoned:
        return outcomes
    cost = reckoned if stated is None else np.where(np.isfinite(stated), stated, reckoned)
    return replace(outcomes, cost_usd=cost, notes=(*outcomes.notes, _note(n_reckoned, cost)))


def _rates_of(prices: PriceTable, arm: str) -> tuple[float, float]:
    return next((prices[name] for name in names_of_arm(arm) if name in prices), (np.nan, np.nan))


def _note(n_reckoned: int, cost: Floats) -> str:
    known = int(np.isfinite(cost).sum())
    which = "Costs" if n_reckoned == known else f"{n_reckoned:,} of {known:,} costs"
    return f"{which} are tokens times your prices: those calls state both of their tokens and no cost."
