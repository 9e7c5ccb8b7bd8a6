"""ForecastKernel: what is foretold of every model from a text by one call of native code, where it was compiled."""

import ctypes
from collections.abc import Mapping
from struct import Struct
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.language import FIRST_WORDS, LANGUAGE_SAMPLE_CHARS
from fairlead.routing.features.language_table import CODES, language_table
from fairlead.routing.predictors.predictor import N_FIGURES, Forecast
from fairlead.routing.predictors.prompt_kernel import PromptKernel
from fairlead.routing.predictors.reading_tables import read_by_pieces

Floats = NDArray[np.float64]

_CONSTANTS: Final = (
    "residual_variance", "z", "difficulty_low", "difficulty_high", "tokens_low", "tokens_high",
    "hidden_at_zero", "hidden_growth", "hidden_low", "hidden_high",
)  # fmt: skip
"""What native/forecast.c takes as given: by the names of benchmark_ability.py and prompt_reader.py, in their units."""
_N_READ: Final = 3
"""Beside the shares of kinds: difficulty, the logarithm of visible tokens, the language."""
_REQUEST: Final = Struct("<7d")


class ForecastLibrary(Protocol):
    """native/forecast.c, loaded so that its functions are called under Python's global lock."""

    forecast_models: Any


class _Forecaster(ctypes.Structure):
    """`forecaster` of native/forecast.c, field by field."""

    _fields_ = (
        ("reader", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("n_models", "n_kinds", "agentic", "data")),
        *((name, ctypes.c_void_p) for name in ("moments", "reasons", "common_words")),
        *((name, ctypes.c_int64) for name in ("n_first_words", "n_language_bytes")),
        *((name, ctypes.c_double) for name in _CONSTANTS),
    )


class ForecastKernel:
    """Bound to some models. Shapes: moments (n_kinds + n_pairs, n_models), reasons (n_models,)."""

    def __init__(
        self,
        library: ForecastLibrary,
        reader: PromptKernel,
        moments: Floats,
        reasons: Floats,
        kinds: tuple[int, int, int],
        constants: Mapping[str, float],
    ) -> None:
        """`kinds`: how many there are, and the places of agentic work and of data work among them.

        `constants`: every one of those of native/forecast.c.
        """
        self._reader = reader
        self._kept = np.ascontiguousarray(moments.T), np.ascontiguousarray(reasons), language_table()
        self._n_models, (self._n_kinds, agentic, data) = len(reasons), kinds
        self._found = ctypes.c_double * (N_FIGURES * self._n_models + self._n_kinds + _N_READ)
        shapes = (self._n_models, self._n_kinds, agentic, data)
        tables = (array.ctypes.data for array in self._kept)
        sample = (FIRST_WORDS, LANGUAGE_SAMPLE_CHARS)
        self._bound = _Forecaster(reader.handle, *shapes, *tables, *sample, **constants)
        self._at = ctypes.addressof(self._bound)
        self._call = library.forecast_models
        self._call.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64,
            ctypes.c_void_p,
        )  # fmt: skip
        self._call.restype = ctypes.c_int

    def foretell(
        self,
        text: str,
        n_chars: int,
        turn_at: int,
        flags: tuple[float, float],
        hidden_factor: float,
        room: float,
        n_choices: int,
    ) -> Forecast:
        """What is foretold of a text; `n_chars` as in shape_of, the others as `request` of native/forecast.c."""
        data = text.encode("utf-8", "surrogatepass")
        asked = _REQUEST.pack(n_chars, turn_at, *flags, hidden_factor, room, n_choices)
        found = self._found()
        fault = self._call(self._at, data, len(data), asked, None, 0, found)
        if fault:
            rest = self._at, data, len(data), asked
            read_by_pieces(fault, self._reader.table, text, lambda at, n: int(self._call(*rest, at, n, found)))
        end = N_FIGURES * self._n_models + self._n_kinds
        difficulty, _, code = found[end:]
        shares = slice(N_FIGURES * self._n_models, end)
        return Forecast(None, shares, difficulty, CODES[int(code)], n_models=self._n_models, block=found)
