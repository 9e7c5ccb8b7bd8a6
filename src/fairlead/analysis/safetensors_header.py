"""A safetensors header: bytes -> tensors with types and shapes; an index: JSON -> which file holds which tensor.

The format: eight bytes, little-endian, say how long a JSON text follows, which names each tensor with its type, shape
and place. Nothing is read or allocated beyond the bytes that are really there.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from fairlead.analysis.tensor_table import Tensor, checked_shape
from fairlead.domain.errors import AnalysisError

LENGTH_BYTES: Final = 8
MAX_HEADER_BYTES: Final = 100_000_000
"""The format's own limit."""
MAX_TENSORS: Final = 2_000_000
MAX_FILES: Final = 100_000

_BITS: Final[Mapping[str, int]] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "C64": 64,
}  # fmt: skip


def header_length(first: bytes, file_bytes: int, where: str) -> int:
    """How long the header says that it is.

    Raises: AnalysisError when the file is too short for it, or it is longer than the format allows.
    """
    if len(first) < LENGTH_BYTES:
        raise AnalysisError(f"{where}: {len(first)} bytes; a safetensors file begins with the length of its header.")
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise AnalysisError(
            f"{where}: its header says that it is {length} bytes long; {MAX_HEADER_BYTES} is the limit."
        )
    if length > file_bytes - LENGTH_BYTES:
        raise AnalysisError(f"{where}: cut off: the header is {length} bytes long, and {file_bytes} are all there are.")
    return length


def parse_header(text: bytes, where: str) -> tuple[Tensor, ...]:
    """The tensors of a header. Raises: AnalysisError that names the tensor that is wrong."""
    fields = _object(text, where)
    if len(fields) > MAX_TENSORS:
        raise AnalysisError(f"{where}: {len(fields)} tensors; {MAX_TENSORS} is the limit.")
    return tuple(_tensor(name, one, where) for name, one in fields.items() if name != "__metadata__")


def _tensor(name: str, fields: object, where: str) -> Tensor:
    place = f"{where}: {name[:80]}"
    if not isinstance(fields, dict):
        raise AnalysisError(f"{place}: a section is expected.")
    dtype = fields.get("dtype")
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise AnalysisError(f"{place}: the type {str(dtype)[:20]!r} is not known.")
    shape = checked_shape(fields.get("shape"), place)
    offsets = fields.get("data_offsets")
    tensor = Tensor(name, dtype, shape, 0)
    n_bytes = -(-tensor.elements * _BITS[dtype] // 8)
    if not isinstance(offsets, list) or not _spans(offsets, n_bytes):
        raise AnalysisError(f"{place}: its place does not agree with its shape.")
    return Tensor(name, dtype, shape, n_bytes)


def _spans(offsets: list[Any], n_bytes: int) -> bool:
    return (
        len(offsets) == 2
        and all(type(one) is int and one >= 0 for one in offsets)
        and (offsets[1] - offsets[0] == n_bytes)
    )


def parse_index(text: bytes, where: str) -> tuple[str, ...]:
    """The files that an index names, each once; plain names only, so that none leads out of its folder.

    Raises: AnalysisError when it is no index.
    """
    names = _object(text, where).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise AnalysisError(f"{where}: no weight_map; is this an index of safetensors files?")
    found = tuple(dict.fromkeys(names.values()))
    if len(found) > MAX_FILES:
        raise AnalysisError(f"{where}: names {len(found)} files; {MAX_FILES} is the limit.")
    for name in found:
        if not isinstance(name, str) or not name.endswith(".safetensors") or "/" in name or "\\" in name:
            raise AnalysisError(f"{where}: weight_map names {str(name)[:60]!r}, which is no file beside it.")
    return found


def _object(text: bytes, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise AnalysisError(f"{where}: nested too deeply.") from None
    except ValueError as error:
        raise AnalysisError(f"{where}: not readable as JSON: {str(error)[:200]}.") from None
    if not isinstance(found, dict):
        raise AnalysisError(f"{where}: a JSON object is expected.")
    return found
