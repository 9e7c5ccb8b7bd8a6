"""ArmKernel: what is expected of every arm, its utility, and both in few bytes: by native code where it is compiled."""

import ctypes
from collections.abc import Sequence
from functools import cache
from struct import Struct
from typing import Any, Final, Protocol

import numpy as np

from fairlead.domain.figures import COLUMNS
from fairlead.domain.wishes import Weights
from fairlead.routing.conduct import Conduct
from fairlead.routing.eligibility import Expected
from fairlead.routing.pool import Floats, Pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.preferences import CAUTION, CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S

MOST_PLACES: Final = 1 << 16
"""Arms whose places are unsigned 16-bit."""


class ArmLibrary(Protocol):
    """native/arms.c, loaded so that its functions are called under Python's global lock."""

    expect_arms: Any
    pack_candidates: Any


class _Columns(ctypes.Structure):
    """`columns` of native/arms.c."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in (
            "card_of", "prefill_s_per_token", "max_output_tokens", "input_usd", "output_usd",
            "ttft_s", "s_per_token", "hidden_share", "failure_share", "is_priced",
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
            is_priced=pool.is_priced.ctypes.data,
        )
        self._at = ctypes.addressof(self._columns)
        self._conduct: Conduct | None = None
        self._call = library.expect_arms
        self._call.argtypes = (
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._call.restype = None
        self._pack = library.pack_candidates
        self._pack.argtypes = (
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
            ctypes.c_char_p, ctypes.c_void_p,
        )  # fmt: skip
        self._pack.restype = None

    def expect(
        self, forecast: Forecast, conduct: Conduct, input_tokens: float, n_choices: int, weights: Weights
    ) -> tuple[Expected, Floats]:
        """What Router expects of each arm, and preferences.utility of it."""
        if conduct is not self._conduct:
            self._look_at(conduct)
        block = forecast.block if forecast.block is not None else np.stack(forecast.arrays).ctypes
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
            quality,
            sure,
            input_tokens,
            output_tokens,
            cost_usd,
            ttft_s,
            total_s,
            conduct.s_per_token,
            forecast,
            (found, block),
        )
        return expected, worth

    def pack(self, expected: Expected, order: Sequence[int]) -> tuple[bytes, bytes] | None:
        """Places and columns of these arms as in Figures, the first being sure to be first.

        None of what was not made here.
        """
        if expected.blocks is None or self._n_arms > MOST_PLACES:
            return None
        found, block = expected.blocks
        if len(found) != 7 * self._n_arms:
            return None
        places, room = _packing(len(order))
        at, kept = places.pack(*order), room()
        self._pack(*self._bound, block, self._at, found, len(order), at, kept)
        return at, kept.raw

    def _look_at(self, conduct: Conduct) -> None:
        """Whoever measures writes into the same arrays: their addresses change only with the conduct itself."""
        columns, failed = self._columns, conduct.failure_share
        columns.ttft_s = conduct.ttft_s.ctypes.data
        columns.s_per_token = conduct.s_per_token.ctypes.data
        columns.hidden_share = conduct.hidden_share.ctypes.data
        columns.failure_share = None if failed is None else failed.ctypes.data
        self._conduct = conduct  # kept, so that no other can come to stand where it stood


@cache
def _packing(n_kept: int) -> tuple[Struct, Any]:
    """How so many places are written, and the bytes of their columns; there are 64 lengths at most."""
    return Struct(f"<{n_kept}H"), ctypes.c_char * (4 * len(COLUMNS) * n_kept)
