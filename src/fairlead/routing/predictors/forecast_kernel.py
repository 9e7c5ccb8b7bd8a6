"""ForecastKernel: what is foretold of every model in one call of native code, where it could be compiled."""

import ctypes
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ForecastLibrary(Protocol):
    """native/forecast.c, loaded so that its functions are called under Python's global lock."""

    forecast_models: Any


class Tokens(NamedTuple):
    """How long replies will be: visible tokens, hidden ones for each where a model reasons, the client's limits."""

    visible: float
    hidden: float
    room: float
    n_choices: float


class ForecastKernel:
    """Bound to some models. Shapes: moments (n_kinds + n_pairs, n_models), reasons (n_models,)."""

    def __init__(self, library: ForecastLibrary, moments: Floats, reasons: Floats, n_kinds: int, z: float) -> None:
        """`z`: standard deviations on either side of an interval."""
        self._rows, self._reasons = np.ascontiguousarray(moments.T), np.ascontiguousarray(reasons)
        self._n = len(self._rows)
        self._z = z
        self._shares = ctypes.c_double * n_kinds
        self._found = ctypes.c_double * (4 * self._n)
        self._bound = (self._n, n_kinds, self._rows.ctypes.data, self._reasons.ctypes.data)
        self._call = library.forecast_models
        self._call.argtypes = (
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
            *(ctypes.c_double,) * 7, ctypes.c_void_p,
        )  # fmt: skip
        self._call.restype = None

    def foretell(
        self, kind_shares: list[float], difficulty: float, variance: float, tokens: Tokens
    ) -> tuple[Floats, Any]:
        """Quality, its low end, its high end, output tokens; and the ctypes array that they are views of.

        Shapes: kind_shares (n_kinds,) -> (4, n_models).
        """
        # Made by ctypes and seen by numpy: half as dear as the other way round.
        found = self._found()
        self._call(*self._bound, self._shares(*kind_shares), difficulty, variance, self._z, *tokens, found)
        return np.ndarray((4, self._n), buffer=memoryview(found)), found
