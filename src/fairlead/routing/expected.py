"""Expected: what a request is expected to bring and to cost at each arm, and what that is worth to who asks."""

from typing import Any, Final, Self

import numpy as np

from fairlead.routing.pool import Floats
from fairlead.routing.predictors.native_table import NativeTable, Row
from fairlead.routing.predictors.predictor import Forecast

N_FIGURES: Final = 7
_COST: Final = 3


class Expected(NativeTable):
    """Of one request and one preference.

    Shapes: figures (N_FIGURES, n_arms); s_per_token (n_arms,). forecast: what it was reckoned from, by card.
    """

    __slots__ = ("forecast", "input_tokens", "n_arms", "s_per_token")

    quality = Row(0)
    """In [0, 1]."""
    sure_quality = Row(1)
    """What utility is reckoned from: quality less a share of the doubt about it."""
    output_tokens = Row(2)
    """Hidden reasoning included."""
    cost_usd = Row(_COST)
    """An unknown price stands at the dearest known one."""
    ttft_s = Row(4)
    """Seconds to the first token."""
    total_s = Row(5)
    """Seconds to the last."""
    utility = Row(6)
    """The higher, the better; see preferences.utility."""

    def __init__(
        self,
        figures: Floats | None,
        n_arms: int,
        input_tokens: float,
        s_per_token: Floats,
        forecast: Forecast,
        block: Any = None,
    ) -> None:
        super().__init__(figures, (N_FIGURES, n_arms), block)
        self.n_arms = n_arms
        self.input_tokens = input_tokens
        self.s_per_token = s_per_token
        self.forecast = forecast

    def cost_of(self, arm: int) -> float:
        """The cost at one arm, without a view of all."""
        if self._figures is None:
            cost: float = self.block[_COST * self.n_arms + arm]
            return cost
        return float(self._figures[_COST, arm])

    def priced(self, cost_usd: Floats, utility: Floats) -> Self:
        """The same at other costs, (n_arms,) each."""
        figures = np.stack((*self.figures[:_COST], cost_usd, self.ttft_s, self.total_s, utility))
        return type(self)(figures, self.n_arms, self.input_tokens, self.s_per_token, self.forecast)
