"""ReadingTables: what native code needs to read a text, as PromptReader and KernelBasis do: word pieces, landmarks."""

import ctypes
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.shape import BYTE_CLASSES, LENGTH_CEILING_CHARS, N_MARKS_COUNTED, OPTION_PLACES
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.features.text_hashing import MAX_BYTES
from fairlead.routing.predictors.kernel_basis import MEANING_WIDTH, SHAPE, SHAPE_CEILING, SHAPE_WIDTH

Singles = NDArray[np.float32]

IS_NOT_PLAIN: Final = 1
"""What the native code says of a text that it cannot split alone."""
_NO_LENGTH: Final = 1e-6


def read_by_pieces(fault: int, table: StaticTable, text: str, read: Callable[[int, int], int]) -> None:
    """Have native code read again what it could not split.

    `read` takes where the numbers of the text's pieces lie and how many there are, and gives the fault again.

    Raises: ValueError for any other fault.
    """
    if fault == IS_NOT_PLAIN:
        numbers = table.distinct_numbers(text)
        fault = read(numbers.ctypes.data, len(numbers))
    if fault:
        raise ValueError("the pieces of a text are not those of the native code's table")


class Scales(NamedTuple):
    """Landmarks and the scales they are compared on. Shapes as in Landmarks and KernelBasis."""

    centre: Singles
    shape_mean: Singles
    shape_sd: Singles
    meaning: Singles
    shape: Singles


class ReadingTables(ctypes.Structure):
    """`tables` of native/reading.h, field by field."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_pieces", "n_dims", "n_landmarks", "n_shape")),
        ("n_counted", ctypes.c_int64),
        ("max_bytes", ctypes.c_int64),
        ("mends", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("length_ceiling", "meaning_width", "shape_width", "shape_weight")),
        ("shape_ceiling", ctypes.c_double),
        ("no_length", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("rows", "row_scale", "centre", "shape_mean", "shape_sd", "meaning")),
        *((name, ctypes.c_void_p) for name in ("shape", "classes", "option_places", "names", "name_ends")),
    )


class KeptArrays:
    """Arrays whose addresses native code holds, alive as long as this is. Shapes and types are made sure of."""

    def __init__(self) -> None:
        self._kept: list[NDArray[Any]] = []

    def address(self, array: NDArray[Any], dtype: Any, shape: tuple[int, ...]) -> int:
        """Where the array lies, in this type. Raises: ValueError unless it has this shape."""
        if array.shape != shape:
            raise ValueError(f"an array of shape {array.shape} where {shape} is meant")
        self._kept.append(np.ascontiguousarray(array, dtype=dtype))
        return int(self._kept[-1].ctypes.data)


def reading_tables(table: StaticTable, scales: Scales, kept: KeptArrays) -> ReadingTables:
    """The tables of a text model. Raises: ValueError if the arrays do not fit together."""
    names = [piece.encode("utf-8", "surrogatepass") for piece in table.pieces]
    joined = np.frombuffer(b"".join(names), dtype=np.uint8)
    n, n_dims, n_shape = len(names), len(scales.centre), len(scales.shape_mean)
    n_landmarks = len(scales.meaning)
    return ReadingTables(
        n_pieces=n, n_dims=n_dims, n_landmarks=n_landmarks, n_shape=n_shape, n_counted=N_MARKS_COUNTED,
        max_bytes=MAX_BYTES, mends=table.mends, length_ceiling=LENGTH_CEILING_CHARS, meaning_width=MEANING_WIDTH,
        shape_width=SHAPE_WIDTH, shape_weight=SHAPE, shape_ceiling=SHAPE_CEILING, no_length=_NO_LENGTH,
        rows=kept.address(table.rows, np.int8, (n, n_dims)),
        row_scale=kept.address(table.row_scale, np.float32, (n,)),
        centre=kept.address(scales.centre, np.float32, (n_dims,)),
        shape_mean=kept.address(scales.shape_mean, np.float32, (n_shape,)),
        shape_sd=kept.address(scales.shape_sd, np.float32, (n_shape,)),
        meaning=kept.address(scales.meaning, np.float32, (n_landmarks, n_dims)),
        shape=kept.address(scales.shape, np.float32, (n_landmarks, n_shape)),
        classes=kept.address(BYTE_CLASSES, np.uint8, (256,)),
        option_places=kept.address(OPTION_PLACES, np.uint8, (256,)),
        names=kept.address(joined, np.uint8, joined.shape),
        name_ends=kept.address(np.cumsum([len(name) for name in names], dtype=np.int64), np.int64, (n,)),
    )  # fmt: skip
