"""ArmKernel: what is expected of every arm, and its utility, in one call of native code where it could be compiled."""

import ctypes
from typing import Any, Protocol

import numpy as np

from fairlead.domain.wishes import Weights
from fairlead.routing.conduct import Conduct
from fairlead.routing.eligibility import Expected
from fairlead.routing.pool import Floats, Pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.preferences import CAUTION, CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S


class ArmLibrary(Protocol):
    """native/arms.c, loaded so that its functions are called under Python's global lock."""

    expect_arms: Any


class _Columns(ctypes.Structure):
    """`columns` of native/arms.c."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in (
            "card_of", "prefill_s_per_token", "max_output_tokens", "input_usd", "output_usd",
            "ttft_s", "s_per_token", "hidden_share", "failure_share",
        )
    )  # fmt: skip


class _Terms(ctypes.Structure):
    """`terms` of native/arms.c."""

    _fields_ = tuple(
        (name, ctypes.c_double)
        for name in (
            "input_tokens", "n_choices", "caution", "cheapest_usd", "shortest_s",
            "quality_weight", "cost_weight", "speed_weight",
        )
    )  # fmt: skip


class ArmKernel:
    """Bound to one pool."""

    def __init__(self, library: ArmLibrary, pool: Pool) -> None:
        self._pool = pool  # its arrays must outlive us
        self._n_arms = pool.n_arms
        self._bound = (pool.n_arms, len(pool.forecaster.bases))
        self._found = ctypes.c_double * (7 * pool.n_arms)
        self._columns = _Columns(
            card_of=pool.card_of.ctypes.data,
            prefill_s_per_token=pool.prefill_s_per_token.ctypes.data,
            max_output_tokens=pool.max_output_tokens.ctypes.data,
            input_usd=pool.input_usd.ctypes.data,
            output_usd=pool.output_usd.ctypes.data,
        )
        self._at = ctypes.addressof(self._columns)
        self._conduct: Conduct | None = None
        self._call = library.expect_arms
        self._call.argtypes = (
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._call.restype = None

    def expect(
        self, forecast: Forecast, conduct: Conduct, input_tokens: float, n_choices: int, weights: Weights
    ) -> tuple[Expected, Floats]:
        """What Router expects of each arm, and preferences.utility of it."""
        if conduct is not self._conduct:
            self._look_at(conduct)
        block = forecast.block
        if block is None:
            together = np.stack(forecast.arrays)
            block = together.ctypes.data
        scale = 1.0 / (weights.quality + weights.cost + weights.speed)
        terms = _Terms(
            input_tokens, n_choices, CAUTION, CHEAPEST_USD, SHORTEST_S,
            weights.quality * scale, weights.cost * scale * COST_WORTH, weights.speed * scale * DELAY_WORTH,
        )  # fmt: skip
        found = self._found()
        self._call(*self._bound, block, self._at, ctypes.addressof(terms), found)
        quality, sure, output_tokens, cost_usd, ttft_s, total_s, worth = np.ndarray(
            (7, self._n_arms), buffer=memoryview(found)
        )
        expected = Expected(
            quality, sure, input_tokens, output_tokens, cost_usd, ttft_s, total_s, conduct.s_per_token, forecast
        )
        return expected, worth

    def _look_at(self, conduct: Conduct) -> None:
        """Whoever measures writes into the same arrays: their addresses change only with the conduct itself."""
        columns, failed = self._columns, conduct.failure_share
        columns.ttft_s = conduct.ttft_s.ctypes.data
        columns.s_per_token = conduct.s_per_token.ctypes.data
        columns.hidden_share = conduct.hidden_share.ctypes.data
        columns.failure_share = None if failed is None else failed.ctypes.data
        self._conduct = conduct  # kept, so that no other can come to stand where it stood
