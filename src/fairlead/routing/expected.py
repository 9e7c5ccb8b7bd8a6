"""Expected: what a request is expected to bring and to cost at each arm, and what that is worth to who asks."""

from typing import Any, Final, Self

import numpy as np

from fairlead.routing.pool import Floats
from fairlead.routing.predictors.predictor import Forecast, row_of

N_FIGURES: Final = 7
"""Quality, sure quality, output tokens, cost, time to the first token, total time, utility."""


class Expected:
    """Of one request and one preference.

    Shapes: figures (N_FIGURES, n_arms), None where native code has put them into `block`, a ctypes array: then views of
    it are made when asked, since most decisions need none. s_per_token (n_arms,). forecast: what it was reckoned from,
    by card, not by arm.
    """

    __slots__ = ("_figures", "block", "forecast", "input_tokens", "n_arms", "s_per_token")

    def __init__(
        self,
        figures: Floats | None,
        n_arms: int,
        input_tokens: float,
        s_per_token: Floats,
        forecast: Forecast,
        block: Any = None,
    ) -> None:
        self._figures = figures
        self.n_arms = n_arms
        self.input_tokens = input_tokens
        self.s_per_token = s_per_token
        self.forecast = forecast
        self.block = block

    @property
    def figures(self) -> Floats:
        """All seven, (N_FIGURES, n_arms)."""
        if self._figures is None:
            self._figures = np.ndarray((N_FIGURES, self.n_arms), buffer=memoryview(self.block))
        return self._figures

    @property
    def quality(self) -> Floats:
        """In [0, 1]. Shape (n_arms,), as of the next six."""
        return row_of(self.figures, 0)

    @property
    def sure_quality(self) -> Floats:
        """What utility is reckoned from: quality less a share of the doubt about it."""
        return row_of(self.figures, 1)

    @property
    def output_tokens(self) -> Floats:
        """Hidden reasoning included."""
        return row_of(self.figures, 2)

    @property
    def cost_usd(self) -> Floats:
        """An unknown price stands at the dearest known one."""
        return row_of(self.figures, 3)

    def cost_of(self, arm: int) -> float:
        """The cost at one arm."""
        if self._figures is None:
            cost: float = self.block[3 * self.n_arms + arm]
            return cost
        return float(self._figures[3, arm])

    @property
    def ttft_s(self) -> Floats:
        """Seconds to the first token."""
        return row_of(self.figures, 4)

    @property
    def total_s(self) -> Floats:
        """Seconds to the last."""
        return row_of(self.figures, 5)

    @property
    def utility(self) -> Floats:
        """The higher, the better; see preferences.utility."""
        return row_of(self.figures, 6)

    def priced(self, cost_usd: Floats, utility: Floats) -> Self:
        """The same at other costs, (n_arms,) each."""
        figures = np.stack((*self.figures[:3], cost_usd, *self.figures[4:6], utility))
        return type(self)(figures, self.n_arms, self.input_tokens, self.s_per_token, self.forecast)
