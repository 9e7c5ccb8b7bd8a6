"""PromptKernel: the scores of a text in one call of native code, where it could be compiled; numpy's otherwise.

The same formulas as PromptReader's, on the same tables, at an eighth of the time: what costs most there is not
arithmetic but some seventy calls into numpy. Whoever touches the disk loads the library and hands it in.
"""

import ctypes
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.shape import BYTE_CLASSES, LENGTH_CEILING_CHARS, N_MARKS_COUNTED, OPTION_PLACES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import MAX_BYTES
from fairlead.routing.predictors.kernel_basis import MEANING_WIDTH, SHAPE, SHAPE_CEILING, SHAPE_WIDTH

_IS_NOT_PLAIN: Final = 1
_NO_LENGTH: Final = 1e-6


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
    """`tables` of native/prompt_scores.c, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_pieces", "n_dims", "n_landmarks", "n_shape", "n_heads")),
        ("n_counted", ctypes.c_int64),
        ("max_bytes", ctypes.c_int64),
        ("mends", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("length_ceiling", "meaning_width", "shape_width", "shape_weight")),
        ("shape_ceiling", ctypes.c_double),
        ("no_length", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("rows", "row_scale", "piece_table", "piece_steps", "intercepts")),
        *((name, ctypes.c_void_p) for name in ("centre", "shape_mean", "shape_sd", "meaning", "shape")),
        *((name, ctypes.c_void_p) for name in ("column_weights", "classes", "option_places", "names", "name_ends")),
    )


ABI: Final = 1000 * 5 + ctypes.sizeof(_Tables)
"""What the library's prompt_scores_abi must say."""


class PromptKernel:
    """The scores of one text model. Raises: ValueError if its tables are larger than the native code is made for."""

    def __init__(self, library: ScoresLibrary, model: Weights) -> None:
        table, marks = model.table, model.landmarks
        names = [piece.encode("utf-8", "surrogatepass") for piece in table.pieces]
        arrays: dict[str, NDArray[Any]] = {
            "rows": table.rows, "row_scale": table.row_scale, "piece_table": model.piece_table,
            "piece_steps": model.piece_steps, "intercepts": model.intercepts, "centre": marks.centre,
            "shape_mean": marks.shape_mean, "shape_sd": marks.shape_sd, "meaning": marks.meaning, "shape": marks.shape,
            "column_weights": model.column_weights, "classes": BYTE_CLASSES, "option_places": OPTION_PLACES,
            "names": np.frombuffer(b"".join(names), dtype=np.uint8),
            "name_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        }  # fmt: skip
        # Kept as long as we are: the native code holds their addresses.
        self._arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        n_landmarks, n_dims = marks.meaning.shape
        tables = _Tables(
            n_pieces=len(names), n_dims=n_dims, n_landmarks=n_landmarks, n_shape=len(marks.shape_mean),
            n_heads=len(model.intercepts), n_counted=N_MARKS_COUNTED, max_bytes=MAX_BYTES, mends=table.mends,
            length_ceiling=LENGTH_CEILING_CHARS, meaning_width=MEANING_WIDTH, shape_width=SHAPE_WIDTH,
            shape_weight=SHAPE, shape_ceiling=SHAPE_CEILING, no_length=_NO_LENGTH,
            **{name: array.ctypes.data for name, array in self._arrays.items()},
        )  # fmt: skip
        self._table = table
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
        if self._read(self.handle, data, len(data), n_chars, None, 0, found) == _IS_NOT_PLAIN:
            numbers = self._table.distinct_numbers(text)
            fault = self._read(self.handle, data, len(data), n_chars, numbers.ctypes.data, len(numbers), found)
            if fault:
                raise ValueError("the pieces of a text are not those of the text model's table")
        return list(found)

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._free(self.handle)
