"""PromptKernel: the scores of a text in one call of native code, where it could be compiled; numpy's otherwise.

The same formulas as PromptReader's, on the same tables, at an eighth of the time: what costs most there is not
arithmetic but some seventy calls into numpy. Whoever touches the disk loads the library and hands it in.
"""

import ctypes
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.predictors.reading_tables import KeptArrays, ReadingTables, Scales, read_by_pieces, reading_tables


class ScoresLibrary(Protocol):
    """native/prompt_scores.c, loaded so that its functions are called under Python's global lock (ctypes.PyDLL)."""

    prompt_scores_abi: Any
    prompt_scores_new: Any
    prompt_scores_read: Any
    prompt_scores_free: Any


class Weights(Protocol):
    """What of a text model the native code needs. Shapes as in PromptReader and Landmarks."""

    @property
    def table(self) -> StaticTable: ...
    @property
    def landmarks(self) -> Any: ...
    @property
    def column_weights(self) -> NDArray[np.float32]: ...
    @property
    def piece_table(self) -> NDArray[np.int16]: ...
    @property
    def piece_steps(self) -> NDArray[np.float64]: ...
    @property
    def intercepts(self) -> NDArray[np.float64]: ...


class _Tables(ctypes.Structure):
    """`score_tables` of native/prompt_scores.c, field by field."""

    _fields_ = (
        ("reading", ReadingTables),
        ("n_heads", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("column_weights", "piece_table", "piece_steps", "intercepts")),
    )


ABI: Final = 1000 * 8 + ctypes.sizeof(_Tables)
"""What the library's prompt_scores_abi must say."""


class PromptKernel:
    """The scores of one text model.

    Raises: ValueError if its tables are larger than the native code is made for, or do not fit together.
    """

    def __init__(self, library: ScoresLibrary, model: Weights) -> None:
        table, marks = model.table, model.landmarks
        kept = KeptArrays()
        scales = Scales(marks.centre, marks.shape_mean, marks.shape_sd, marks.meaning, marks.shape)
        n_heads, n_columns = len(model.intercepts), len(marks.meaning) + len(marks.centre) + len(marks.shape_mean)
        tables = _Tables(
            reading=reading_tables(table, scales, kept),
            n_heads=n_heads,
            column_weights=kept.address(model.column_weights, np.float32, (n_columns, n_heads)),
            piece_table=kept.address(model.piece_table, np.int16, (len(table.pieces), n_heads)),
            piece_steps=kept.address(model.piece_steps, np.float64, (n_heads,)),
            intercepts=kept.address(model.intercepts, np.float64, (n_heads,)),
        )
        self._kept = kept
        self.table = table
        self._scores = ctypes.c_double * len(model.intercepts)
        self._free = library.prompt_scores_free
        self._free.argtypes, self._free.restype = (ctypes.c_void_p,), None
        self._read = library.prompt_scores_read
        self._read.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ctypes.c_double, ctypes.c_void_p, ctypes.c_int64,
            ctypes.c_void_p,
        )  # fmt: skip
        make = library.prompt_scores_new
        make.argtypes, make.restype = (ctypes.c_void_p,), ctypes.c_void_p
        self.handle: int | None = make(ctypes.byref(tables))
        if self.handle is None:
            raise ValueError("the text model is too large for the native code, or there is no memory for it")

    def scores(self, text: str, n_chars: int) -> list[float]:
        """One number for each head, intercepts included. `n_chars` as in shape_of."""
        data = text.encode("utf-8", "surrogatepass")
        found = self._scores()
        fault = self._read(self.handle, data, len(data), n_chars, None, 0, found)
        if fault:
            rest = self.handle, data, len(data), n_chars
            read_by_pieces(fault, self.table, text, lambda at, n: int(self._read(*rest, at, n, found)))
        return list(found)

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._free(self.handle)
