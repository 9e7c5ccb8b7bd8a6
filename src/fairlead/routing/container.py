"""The container: named arrays and a JSON header as one checked run of bytes, and back.

What every file that Fairlead writes for itself looks like, all numbers little-endian:

    8 bytes   b"fairlead"
    2 bytes   version of this layout
    8 bytes   length of the whole
    4 bytes   length of the head
    head      JSON: kind, version and header of the content, then name, type, shape and length of each array in order
    arrays    one after another, each from the next multiple of 64 bytes on, zeros between
    32 bytes  SHA-256 of everything before

Where an array lies is not written down but follows from the lengths, so that no offset can lie. No pickle, nothing
executable. Arrays are read as views of the bytes, not copied, and cannot be written to. A file that is cut, changed,
foreign, of another kind or from the future is refused with a reason and what to do; a float that is not a finite number
is refused unless writer and reader both name its array. Knows nothing of what is stored.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from math import isfinite, prod
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import ArtifactError

MAGIC: Final = b"fairlead"
LAYOUT_VERSION: Final = 2
"""Layout 1 was that of the first shipped text model."""
DTYPES: Final = ("<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "<u4", "|u1")
ALIGNMENT_BYTES: Final = 64
"""A cache line: rows that a reader gathers from do not straddle one more than they must."""
MAX_HEAD_BYTES: Final = 1 << 26
MAX_DIMENSIONS: Final = 8
_MAX_EXTENT: Final = 1 << 59

_LAYOUT_AT: Final = len(MAGIC)
_TOTAL_AT: Final = _LAYOUT_AT + 2
_LENGTH_AT: Final = _TOTAL_AT + 8
_HEAD_AT: Final = _LENGTH_AT + 4
_CHECKSUM_BYTES: Final = 32

Arrays = dict[str, NDArray[Any]]
_DTYPE_OF: Final = {np.dtype(name): name for name in DTYPES}


def pack(
    kind: str,
    version: int,
    header: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    *,
    may_hold_nan: Collection[str] = (),
) -> bytes:
    """The bytes of a header and arrays; equal arguments give equal bytes.

    Raises: ArtifactError for what this layout cannot hold: other types, floats that are not finite (NaN is allowed in
    the arrays that may_hold_nan names, infinity nowhere), a header that is no JSON.
    """
    entries, pieces, at = [], [], 0
    for name, array in arrays.items():
        dtype = _DTYPE_OF.get(array.dtype.newbyteorder("<"))
        if dtype is None:
            raise ArtifactError(f"{kind}: array {name!r} has type {array.dtype}: convert it to one of {DTYPES}")
        reason = _why_not_finite(array, name in may_hold_nan)
        if reason:
            raise ArtifactError(f"{kind}: array {name!r} holds {reason}: mend it before it is stored")
        data = np.ascontiguousarray(array, dtype=dtype).tobytes()
        gap = -at % ALIGNMENT_BYTES
        pieces += [bytes(gap), data]
        at += gap + len(data)
        entries.append({"name": name, "dtype": dtype, "shape": list(array.shape), "n_bytes": len(data)})
    head = {"kind": kind, "version": version, "header": dict(header), "arrays": entries}
    try:
        text = json.dumps(head, sort_keys=True, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{kind}: the header is no JSON ({error}): mend it before it is stored") from error
    if len(text) > MAX_HEAD_BYTES:
        raise ArtifactError(f"{kind}: the header has {len(text)} bytes, at most {MAX_HEAD_BYTES} fit: use arrays")
    body = text + bytes(-(_HEAD_AT + len(text)) % ALIGNMENT_BYTES) + b"".join(pieces)
    n_bytes = _HEAD_AT + len(body) + _CHECKSUM_BYTES
    whole = b"".join(
        (MAGIC, LAYOUT_VERSION.to_bytes(2, "little"), n_bytes.to_bytes(8, "little"), len(text).to_bytes(4, "little"))
    )
    whole += body
    return whole + sha256(whole).digest()


def unpack(
    data: bytes, kind: str, version: int, mend: str, *, may_hold_nan: Collection[str] = ()
) -> tuple[dict[str, Any], Arrays]:
    """The header and the arrays of a file of this kind and version; `mend` says what to do when it is not one.

    Shapes: the arrays are read-only views of `data`, in the order in which they were packed.
    Raises: ArtifactError if the bytes are not whole, not ours, of another kind or version; any other is a bug.
    """
    head, at = _open(data, mend)
    if head.get("kind") != kind:
        raise ArtifactError(f"this file holds a {_shown(head.get('kind'))}, not a {kind!r}: {mend}")
    stated = head.get("version")
    if type(stated) is not int or stated != version:
        is_later = type(stated) is int and stated > version
        raise ArtifactError(
            f"this {kind} file has version {_shown(stated)}, this fairlead reads {version}: "
            + ("upgrade fairlead" if is_later else mend)
        )
    header, entries = head.get("header"), head.get("arrays")
    if not isinstance(header, dict) or not isinstance(entries, list):
        _refuse("its head lacks a header or a list of arrays", mend)
    arrays: Arrays = {}
    end = len(data) - _CHECKSUM_BYTES
    for entry in entries:
        name, dtype, shape = _checked_entry(entry, arrays, mend)
        at += -at % ALIGNMENT_BYTES
        count = prod(shape)
        if type(entry.get("n_bytes")) is not int or entry["n_bytes"] != count * dtype.itemsize:
            # Without this a row too many could hide in the zeros between two arrays.
            _refuse(f"array {_shown(name)} of shape {_shown(shape)} has another length than it states", mend)
        if at + count * dtype.itemsize > end:
            _refuse(f"array {_shown(name)} of shape {_shown(shape)} reaches beyond the end", mend)
        arrays[name] = np.frombuffer(data, dtype=dtype, count=count, offset=at).reshape(shape)
        at += count * dtype.itemsize
        reason = _why_not_finite(arrays[name], name in may_hold_nan)
        if reason:
            _refuse(f"array {_shown(name)} holds {reason}", mend)
    if at != end:
        _refuse(f"{end - at} bytes belong to no array", mend)
    return header, arrays


def pack_texts(name: str, texts: Sequence[str]) -> Arrays:
    """A table of texts as two arrays: `name.bytes`, all of them in UTF-8, and `name.ends`, where each ends.

    Raises: ArtifactError for a text that UTF-8 cannot hold (a lone surrogate).
    """
    try:
        parts = [text.encode("utf-8") for text in texts]
    except UnicodeEncodeError as error:
        raise ArtifactError(
            f"{name}: a text is not valid Unicode ({error.reason}): mend it before it is stored"
        ) from error
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {f"{name}.bytes": np.frombuffer(b"".join(parts), dtype=np.uint8), f"{name}.ends": ends}


def unpack_texts(arrays: Mapping[str, NDArray[Any]], name: str, mend: str) -> tuple[str, ...]:
    """The texts that pack_texts stored under this name.

    Raises: ArtifactError if they are not there or do not fit together.
    """
    blob, ends = arrays.get(f"{name}.bytes"), arrays.get(f"{name}.ends")
    if (
        blob is None
        or ends is None
        or blob.dtype != np.uint8
        or ends.dtype != np.int64
        or (blob.ndim, ends.ndim) != (1, 1)
    ):
        _refuse(f"the texts {name!r} are missing or of a wrong type", mend)
    places = [0, *ends.tolist()]
    if any(end < start for start, end in pairwise(places)) or places[-1] != len(blob):
        _refuse(f"the texts {name!r} do not end where they say", mend)
    data = blob.tobytes()
    try:
        return tuple(data[start:end].decode("utf-8") for start, end in pairwise(places))
    except UnicodeDecodeError:
        _refuse(f"the texts {name!r} are no UTF-8", mend)


def _open(data: bytes, mend: str) -> tuple[dict[str, Any], int]:
    """The head of whole, unchanged bytes, and where it ends."""
    if data[:_LAYOUT_AT] != MAGIC:
        raise ArtifactError(f"these {len(data)} bytes are no file of fairlead: {mend}")
    layout = int.from_bytes(data[_LAYOUT_AT:_TOTAL_AT], "little")
    if len(data) >= _TOTAL_AT and layout != LAYOUT_VERSION:
        raise ArtifactError(
            f"this file has layout {layout}, this fairlead reads {LAYOUT_VERSION}: "
            + ("upgrade fairlead" if layout > LAYOUT_VERSION else mend)
        )
    n_bytes = int.from_bytes(data[_TOTAL_AT:_LENGTH_AT], "little")
    if len(data) < _HEAD_AT + _CHECKSUM_BYTES or len(data) < n_bytes:
        _refuse(f"it is cut short: {len(data)} bytes of {n_bytes or 'more'} are there", mend)
    view = memoryview(data)
    if n_bytes != len(data) or sha256(view[:-_CHECKSUM_BYTES]).digest() != data[-_CHECKSUM_BYTES:]:
        _refuse("it was changed: its checksum is wrong", mend)
    length = int.from_bytes(data[_LENGTH_AT:_HEAD_AT], "little")
    at = _HEAD_AT + length
    if length > MAX_HEAD_BYTES or at > len(data) - _CHECKSUM_BYTES:
        _refuse(f"its head of {length} bytes is longer than the file or than {MAX_HEAD_BYTES}", mend)
    try:
        head = json.loads(data[_HEAD_AT:at].decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"this file cannot be used, its head is no JSON that we read: {mend}") from error
    if not isinstance(head, dict):
        _refuse("its head is no JSON object", mend)
    return head, at + -at % ALIGNMENT_BYTES


def _checked_entry(entry: Any, known: Mapping[str, Any], mend: str) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    """Name, type and shape of one array, if they make sense."""
    if not isinstance(entry, dict):
        _refuse("an array is not described by an object", mend)
    name, dtype, shape = entry.get("name"), entry.get("dtype"), entry.get("shape")
    if not isinstance(name, str) or name in known:
        _refuse(f"an array is named {_shown(name)}, which is no name or taken", mend)
    if not isinstance(dtype, str) or dtype not in DTYPES:
        _refuse(f"array {_shown(name)} has the type {_shown(dtype)}, not one of {DTYPES}", mend)
    if not isinstance(shape, list) or not _is_shape(shape):
        _refuse(f"array {_shown(name)} has the shape {_shown(shape)}, which is none", mend)
    return name, np.dtype(dtype), tuple(shape)


def _is_shape(sizes: list[Any]) -> bool:
    return (
        len(sizes) <= MAX_DIMENSIONS
        and all(type(size) is int and size >= 0 for size in sizes)
        # Beside a zero another size may be anything: bounded, so that numpy can hold it.
        and prod(max(1, size) for size in sizes) < _MAX_EXTENT
    )


def _why_not_finite(array: NDArray[Any], may_be_nan: bool) -> str:
    """What is wrong with the values of an array, or nothing."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    if np.isinf(array).any():
        return "infinity"
    return "" if may_be_nan else "a value that is not a number"


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _shown(value: Any) -> str:
    """A value of the file for a message: short, whatever the file says."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "something too long to show"
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse(reason: str, mend: str) -> NoReturn:
    raise ArtifactError(f"this file cannot be used, {reason}: {mend}")
