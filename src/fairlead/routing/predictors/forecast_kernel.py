"""ForecastKernel: every model's quality in one call of native code, where it could be compiled."""

import ctypes
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ForecastLibrary(Protocol):
    """native/forecast.c, loaded so that its functions are called under Python's global lock."""

    forecast_quality: Any


class ForecastKernel:
    """Bound to the moments of some models. Shapes: moments (n_kinds + n_pairs, n_models), as BenchmarkForecaster's."""

    def __init__(self, library: ForecastLibrary, moments: Floats, n_kinds: int) -> None:
        self._rows = np.ascontiguousarray(moments.T)
        self._n, self._n_kinds = len(self._rows), n_kinds
        self._address = self._rows.ctypes.data
        self._shares = ctypes.c_double * n_kinds
        self._call = library.forecast_quality
        self._call.argtypes = (
            ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_double,
            ctypes.c_void_p,
        )  # fmt: skip
        self._call.restype = None

    def quality(self, kind_shares: list[float], difficulty: float, residual_variance: float) -> Floats:
        """Mean, low end and high end. Shapes: kind_shares (n_kinds,) -> (3, n_models)."""
        found = np.empty((3, self._n))
        shares = self._shares(*kind_shares)
        self._call(self._n, self._n_kinds, self._address, shares, difficulty, residual_variance, found.ctypes.data)
        return found
