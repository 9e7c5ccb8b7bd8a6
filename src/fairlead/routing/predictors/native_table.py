"""NativeTable: rows of figures that native code may have left in its own memory, seen by numpy when somebody asks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class NativeTable:
    """A table of n_rows by n_columns figures: given as an array, or lying in `block`, a ctypes array or an address.

    Most decisions look at no row of theirs, and a view costs as much as what it shows.
    """

    __slots__ = ("_figures", "_shape", "block")

    def __init__(self, figures: Floats | None, shape: tuple[int, int], block: Any = None) -> None:
        """Without `figures`, `block` is a ctypes array that begins with them, row by row."""
        self._figures = figures
        self._shape = shape
        self.block = block

    @property
    def figures(self) -> Floats:
        """All of it, (n_rows, n_columns)."""
        if self._figures is None:
            self._figures = np.ndarray(self._shape, buffer=memoryview(self.block))
        return self._figures


class Row:
    """One row of such a table, (n_columns,), as an attribute of it."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __get__(self, table: NativeTable, _: type | None = None) -> Floats:
        row: Floats = table.figures[self.place]
        return row
