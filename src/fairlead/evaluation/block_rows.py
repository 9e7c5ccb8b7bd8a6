"""BlockRows: rows of features as blocks side by side, sparse and dense, behind two products."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Block: TypeAlias = csr_matrix | NDArray[np.float32]


class BlockRows:
    """Rows whose columns stand in blocks. Products are in float32, which the fits' tolerances allow.

    Shapes: blocks, each (n, its own width).
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = tuple(block.astype(np.float32) for block in blocks)
        self._flipped = tuple(
            block.T.tocsr() if isinstance(block, csr_matrix) else np.ascontiguousarray(block.T)
            for block in self._blocks
        )
        ends = np.cumsum([block.shape[1] for block in self._blocks]).tolist()
        self._places = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        self.n_columns: int = ends[-1]

    def __len__(self) -> int:
        return int(self._blocks[0].shape[0])

    def take(self, keep: NDArray[np.bool_]) -> "BlockRows":
        """The rows that `keep` (n,) marks."""
        return BlockRows([block[np.flatnonzero(keep)] for block in self._blocks])

    def times(self, coefficients: Floats) -> Floats:
        """Rows @ coefficients. Shapes: (n_columns,) -> (n,), or (n_columns, k) -> (n, k)."""
        single = coefficients.astype(np.float32)
        parts = [block @ single[place] for block, place in zip(self._blocks, self._places, strict=True)]
        result: Floats = np.sum(parts, axis=0, dtype=np.float64)
        return result

    def flipped_times(self, values: Floats) -> Floats:
        """Rows' transpose @ values. Shapes: (n,) -> (n_columns,), or (n, k) -> (n_columns, k)."""
        single = values.astype(np.float32)
        result: Floats = np.concatenate([block @ single for block in self._flipped]).astype(np.float64)
        return result
