"""ArmKernel: what is expected of every arm, its utility, and both in few bytes: by native code where it is compiled."""

import ctypes
from functools import cache
from struct import Struct
from typing import Any, Final, Protocol

from fairlead.domain.figures import COLUMNS, MAX_CANDIDATES
from fairlead.domain.wishes import Weights
from fairlead.routing.conduct import Conduct
from fairlead.routing.expected import N_FIGURES, Expected
from fairlead.routing.pool import Pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.preferences import CAUTION, CHEAPEST_USD, COST_WORTH, DELAY_WORTH, SHORTEST_S

_DOUBLE_BYTES: Final = 8
_FLOAT_BYTES: Final = 4
_PLACE_BYTES: Final = 2
MOST_PLACES: Final = 1 << 16
"""Arms whose places are unsigned 16-bit."""


class ArmLibrary(Protocol):
    """native/arms.c, loaded so that its functions are called under Python's global lock."""

    expect_arms: Any
    pack_candidates: Any


class _Columns(ctypes.Structure):
    """`columns` of native/arms.c."""

    _fields_ = (
        ("n_arms", ctypes.c_int64),
        ("n_cards", ctypes.c_int64),
        ("n_packed", ctypes.c_int64),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "card_of", "prefill_s_per_token", "max_output_tokens", "input_usd", "output_usd",
                "above_tokens", "input_above_usd", "output_above_usd",
                "ttft_s", "s_per_token", "hidden_share", "failure_share", "is_priced",
            )
        ),
        *((name, ctypes.c_double) for name in ("caution", "cheapest_usd", "shortest_s")),
    )  # fmt: skip


_TERMS: Final = Struct("<5d")
"""`terms` of native/arms.c."""


class ArmKernel:
    """Bound to one pool."""

    def __init__(self, library: ArmLibrary, pool: Pool) -> None:
        self._pool = pool  # its arrays must outlive us
        n_arms = self._n_arms = pool.n_arms
        # Figures, two lists of places in 32 bits each, then the first candidates as they are kept.
        n_packed = self._n_packed = min(n_arms, MAX_CANDIDATES) if n_arms <= MOST_PLACES else 0
        self._ranked = Struct(f"<{n_arms}I").unpack_from
        self._ranked_at = N_FIGURES * n_arms * _DOUBLE_BYTES
        self._columns_at = (N_FIGURES + 1) * n_arms * _DOUBLE_BYTES
        self._places_at = self._columns_at + len(COLUMNS) * n_packed * _FLOAT_BYTES
        self._end_at = self._places_at + n_packed * _PLACE_BYTES
        self._found = ctypes.c_double * -(-self._end_at // _DOUBLE_BYTES)
        self._columns = _Columns(
            n_arms=n_arms,
            n_cards=len(pool.forecaster.bases),
            n_packed=n_packed,
            card_of=pool.card_of.ctypes.data,
            prefill_s_per_token=pool.prefill_s_per_token.ctypes.data,
            max_output_tokens=pool.max_output_tokens.ctypes.data,
            input_usd=pool.rates.input_usd.ctypes.data,
            output_usd=pool.rates.output_usd.ctypes.data,
            above_tokens=pool.above_tokens.ctypes.data,
            input_above_usd=pool.rates_above.input_usd.ctypes.data,
            output_above_usd=pool.rates_above.output_usd.ctypes.data,
            is_priced=pool.is_priced.ctypes.data,
            caution=CAUTION,
            cheapest_usd=CHEAPEST_USD,
            shortest_s=SHORTEST_S,
        )
        self._at = ctypes.addressof(self._columns)
        self._conduct: Conduct | None = None
        self._scaled: tuple[Weights | None, tuple[float, ...]] = (None, ())
        self._call = library.expect_arms
        self._call.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        self._call.restype = None
        self._pack = library.pack_candidates
        self._pack.argtypes = (
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_void_p,
        )  # fmt: skip
        self._pack.restype = None

    def expect(
        self, forecast: Forecast, conduct: Conduct, input_tokens: float, n_choices: int, weights: Weights
    ) -> tuple[Expected, tuple[int, ...]]:
        """What Router expects of each arm, and the arms by falling utility."""
        if conduct is not self._conduct:
            self._look_at(conduct)
        known = self._scaled
        if known[0] is not weights:
            known = self._scaled = (weights, _scaled(weights))
        terms = _TERMS.pack(input_tokens, n_choices, *known[1])
        found = self._found()
        self._call(self._at, forecast.for_native(), terms, found)
        ranked = self._ranked(found, self._ranked_at)
        return Expected(None, self._n_arms, input_tokens, conduct.s_per_token, forecast, found), ranked

    def pack(self, expected: Expected, order: tuple[int, ...]) -> tuple[bytes, bytes] | None:
        """Places and columns of these arms as in Figures, the first being sure to be first.

        None of what was not made here.
        """
        found = expected.block
        if found is None or expected.n_arms != self._n_arms or self._n_arms > MOST_PLACES:
            return None
        n = self._n_packed
        if len(order) == n and order == self._ranked(found, self._ranked_at)[:n]:
            view = memoryview(found).cast("B")
            return bytes(view[self._places_at : self._end_at]), bytes(view[self._columns_at : self._places_at])
        places, room = _packing(len(order))
        at, kept = places.pack(*order), room()
        self._pack(self._at, expected.forecast.for_native(), found, len(order), at, kept)
        return at, kept.raw

    def _look_at(self, conduct: Conduct) -> None:
        """Whoever measures writes into the same arrays: their addresses change only with the conduct itself."""
        columns, failed = self._columns, conduct.failure_share
        columns.ttft_s = conduct.ttft_s.ctypes.data
        columns.s_per_token = conduct.s_per_token.ctypes.data
        columns.hidden_share = conduct.hidden_share.ctypes.data
        columns.failure_share = None if failed is None else failed.ctypes.data
        self._conduct = conduct  # kept, so that no other can come to stand where it stood


def _scaled(weights: Weights) -> tuple[float, ...]:
    """What each term of preferences.utility is multiplied by."""
    scale = 1.0 / (weights.quality + weights.cost + weights.speed)
    return weights.quality * scale, weights.cost * scale * COST_WORTH, weights.speed * scale * DELAY_WORTH


@cache
def _packing(n_kept: int) -> tuple[Struct, Any]:
    """How so many places are written, and the bytes of their columns; there are 64 lengths at most."""
    return Struct(f"<{n_kept}H"), ctypes.c_char * (_FLOAT_BYTES * len(COLUMNS) * n_kept)
