"""TensorTable: the tensors that a file's header names, counted: weights with packing undone, scales apart.

Rules: a scale, a zero point or an index of a quantised weight is no parameter; 4-bit weights lie two in a byte or eight
in a 32-bit word; weights of other senses (vision, audio) and of prediction layers are counted apart.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Final

from fairlead.domain.errors import AnalysisError

MAX_DIMENSIONS: Final = 8
MAX_ELEMENTS: Final = 1 << 62

_SCALE_ENDINGS: Final = (
    "_scale", "_scale_inv", "_scales", ".scale", ".scales", "_scale_2", ".qzeros", ".g_idx", "_zero_point",
    ".weight_shape", ".k_scale", ".v_scale", "_amax",
)  # fmt: skip
_PACKED_BYTES: Final = frozenset(("U8", "I8"))
_PACKED_WORDS: Final = frozenset(("I32", "U32"))
_OTHER_SENSES: Final = ("vision", "visual", "audio", "multi_modal", "mm_projector", "image_newline", "speech")
_PREDICTION: Final = ("mtp.", ".mtp", "mtp_", "nextn")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    n_bytes: int

    @property
    def elements(self) -> int:
        """As stored, packing not undone."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class TensorCount:
    """What a header's tensors come to."""

    weights: int
    """Of the language model."""
    other_senses: int
    prediction_layers: int
    scales: int
    """Elements that only help to read others."""
    weight_bytes: int
    """Of all tensors together."""
    bytes_by_dtype: Mapping[str, int]
    n_tensors: int


def count_tensors(tensors: Iterable[Tensor], n_layers: int | None = None) -> TensorCount:
    """Every tensor once. With the number of layers known, a layer beyond them is a prediction layer."""
    table = {tensor.name: tensor for tensor in tensors}
    sums: Counter[str] = Counter()
    by_dtype: Counter[str] = Counter()
    for tensor in table.values():
        by_dtype[tensor.dtype] += tensor.n_bytes
        if tensor.name.endswith(_SCALE_ENDINGS):
            sums["scales"] += tensor.elements
        else:
            sums[_part(tensor.name, n_layers)] += tensor.elements * _packing(tensor, table)
    return TensorCount(
        weights=sums["weights"],
        other_senses=sums["other_senses"],
        prediction_layers=sums["prediction_layers"],
        scales=sums["scales"],
        weight_bytes=sum(by_dtype.values()),
        bytes_by_dtype=dict(sorted(by_dtype.items())),
        n_tensors=len(table),
    )


def _part(name: str, n_layers: int | None) -> str:
    lowered = name.lower()
    if any(word in lowered for word in _OTHER_SENSES):
        return "other_senses"
    if any(word in lowered for word in _PREDICTION) or lowered.startswith("mtp"):
        return "prediction_layers"
    layer = _layer_number(lowered)
    return "prediction_layers" if n_layers is not None and layer is not None and layer >= n_layers else "weights"


def _layer_number(name: str) -> int | None:
    pieces = name.split(".")
    for before, after in pairwise(pieces):
        if before in ("layers", "blk", "h") and after.isdecimal() and len(after) < 7:
            return int(after)
    return None


def _packing(tensor: Tensor, table: Mapping[str, Tensor]) -> int:
    """How many weights stand in one element."""
    if tensor.dtype == "F4":
        return 1
    if tensor.dtype in _PACKED_WORDS and tensor.name.endswith((".qweight", ".weight_packed")):
        return 8
    if tensor.dtype in _PACKED_BYTES:
        stem = tensor.name.removesuffix(".weight")
        is_scaled = any(f"{tensor.name}{end}" in table or f"{stem}{end}" in table for end in ("_scale", ".scale"))
        if tensor.name.endswith(("_blocks", ".weight_packed")) or is_scaled:
            return 2
    return 1


def checked_shape(shape: object, where: str) -> tuple[int, ...]:
    """A shape as a tuple. Raises: AnalysisError when it is none, or of more elements than any file holds."""
    if not isinstance(shape, list | tuple) or len(shape) > MAX_DIMENSIONS:
        raise AnalysisError(f"{where}: a shape of at most {MAX_DIMENSIONS} dimensions is expected.")
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < MAX_ELEMENTS:
            raise AnalysisError(f"{where}: a dimension is no whole number of a possible size.")
    if prod(shape) >= MAX_ELEMENTS:
        raise AnalysisError(f"{where}: more elements than any file holds.")
    return tuple(shape)
