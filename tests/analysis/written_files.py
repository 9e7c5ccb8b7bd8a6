"""Model files written by the tests: headers as the formats' own writers make them, with few or no weights behind."""

import json
import struct
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from fairlead.analysis.quantisation import GGUF_TYPES

_BITS = {"BF16": 16, "F16": 16, "F32": 32, "F8_E4M3": 8, "U8": 8, "I32": 32}


def safetensors_bytes(tensors: Mapping[str, tuple[str, Sequence[int]]], *, with_weights: bool = False) -> bytes:
    """A safetensors file."""
    at, fields = 0, {}
    for name, (dtype, shape) in tensors.items():
        size = prod(shape) * _BITS[dtype] // 8
        fields[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **fields}).encode()
    return len(text).to_bytes(8, "little") + text + (b"\0" * at if with_weights else b"")


def gguf_bytes(metadata: Mapping[str, Any], tensors: Mapping[str, tuple[str, Sequence[int]]]) -> bytes:
    """The header of a GGUF file, version 3."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        out += _text(key) + _value(value)
    for name, (kind, shape) in tensors.items():
        out += _text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        out += struct.pack("<IQ", GGUF_TYPES[kind][0], 0)
    return out


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(one) for one in value)
    if isinstance(value[0], float):
        return struct.pack("<IIQ", 9, 6, len(value)) + struct.pack(f"<{len(value)}f", *value)
    return struct.pack("<IIQ", 9, 4, len(value)) + struct.pack(f"<{len(value)}I", *value)
