"""RouterKernel: what a trained router foretells of every arm on a text in one call of native code, where it can be.

The same formulas as TrainedRouter's, on the same numbers. A router with a part or an encoder that the native code does
not know is served by numpy.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.outline import Outline
from fairlead.routing.features.query_features import text_of
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.predictors.reading_tables import KeptArrays, read_by_pieces
from fairlead.routing.predictors.router_tables import RouterNumbers, RouterTables, router_tables

Floats = NDArray[np.float64]

N_FIGURES: Final = 6
"""Quality, its low end, its high end, output tokens, cost, delay."""


class RouterLibrary(Protocol):
    """native/router_forecast.c, loaded so that its functions are called under Python's global lock (ctypes.PyDLL)."""

    router_forecast_abi: Any
    router_forecast_new: Any
    router_forecast_read: Any
    router_forecast_free: Any


class RouterKernel:
    """Bound to one trained router."""

    def __init__(self, library: RouterLibrary, table: StaticTable, tables: RouterTables, kept: KeptArrays) -> None:
        self._kept, self._table, self._n_arms = kept, table, int(tables.n_arms)
        self._free = library.router_forecast_free
        self._free.argtypes, self._free.restype = (ctypes.c_void_p,), None
        self._read = library.router_forecast_read
        self._read.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ctypes.c_double, ctypes.c_double, ctypes.c_void_p,
            ctypes.c_int64, ctypes.c_void_p,
        )  # fmt: skip
        make = library.router_forecast_new
        make.argtypes, make.restype = (ctypes.c_void_p,), ctypes.c_void_p
        self.handle: int | None = make(ctypes.byref(tables))
        """None where the tables are larger than the native code is made for, or there is no memory for them."""

    @classmethod
    def of(cls, library: RouterLibrary, router: RouterNumbers) -> Self | None:
        """The kernel of a router; None where a part or its encoder is none that native code knows, or it is too large.

        Raises: ValueError if its arrays do not fit together.
        """
        table, kept = router.encoder.embedder, KeptArrays()
        tables = router_tables(router, kept)
        if tables is None or not isinstance(table, StaticTable):
            return None
        found = cls(library, table, tables, kept)
        return None if found.handle is None else found

    def foretell(self, outlines: Sequence[Outline]) -> Floats:
        """What is expected of every arm on every request (n, N_FIGURES, n_arms); NaN where nothing is known."""
        found = np.empty((len(outlines), N_FIGURES, self._n_arms))
        at, step = found.ctypes.data, N_FIGURES * self._n_arms * 8
        for outline in outlines:
            self._foretell(outline, at)
            at += step
        return found

    def _foretell(self, outline: Outline, at: int) -> None:
        text, n_chars = text_of(outline)
        data = text.encode("utf-8", "surrogatepass")
        fault = self._read(self.handle, data, len(data), n_chars, outline.n_chars, None, 0, at)
        if fault:
            rest = self.handle, data, len(data), n_chars, outline.n_chars
            read_by_pieces(fault, self._table, text, lambda given, n: int(self._read(*rest, given, n, at)))

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._free(self.handle)
