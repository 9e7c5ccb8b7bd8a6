"""The shipped artefact: the text model as bytes, and back.

Layout, all numbers little-endian:

    8 bytes   b"fairlead"
    2 bytes   version of this layout
    4 bytes   length of the header
    header    JSON: names, shapes and order of the arrays, scalars, anchors, card
    payload   the arrays, one after another
    32 bytes  SHA-256 of everything before

No pickle, nothing executable. A file that is cut, changed or from a later version is refused with a reason.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import numpy as np

from fairlead.domain.errors import ArtifactError
from fairlead.domain.kinds import KINDS
from fairlead.routing.features.prompt_reader import HEADS, MAX_TABLE_VALUE, PromptReader
from fairlead.routing.features.surface import SURFACE_NAMES
from fairlead.routing.features.text_hashing import N_BUCKET_BITS, RUN_BYTES
from fairlead.routing.modelmap.benchmark_scale import Anchor

MAGIC: Final = b"fairlead"
VERSION: Final = 1
_CHECKSUM_BYTES: Final = 32
_HEAD_BYTES: Final = len(MAGIC) + 2 + 4
_MEND: Final = "install fairlead again, or make the artefact anew (`make artefact`)"

_ARRAYS: Final = (("table", "<i2"), ("steps", "<f8"), ("surface_weights", "<f8"), ("intercepts", "<f8"))
"""Name and stored type of the arrays, in the order of the payload."""


def dump(reader: PromptReader, card: Mapping[str, Any]) -> bytes:
    """The artefact of a text model with its card; equal arguments give equal bytes."""
    header = {
        **_features(),
        "arrays": {name: list(getattr(reader, name).shape) for name, _ in _ARRAYS},
        "difficulty_sd": reader.difficulty_sd,
        "log_tokens_sd": reader.log_tokens_sd,
        "anchors": {name: list(anchor) for name, anchor in sorted(reader.anchors.items())},
        "card": card,
    }
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, allow_nan=False).encode("utf-8")
    payload = b"".join(np.ascontiguousarray(getattr(reader, name)).astype(kind).tobytes() for name, kind in _ARRAYS)
    body = MAGIC + VERSION.to_bytes(2, "little") + len(text).to_bytes(4, "little") + text + payload
    return body + sha256(body).digest()


def load(data: bytes) -> PromptReader:
    """The text model of an artefact.

    Raises: ArtifactError if the bytes are not whole, not ours, or of another version.
    """
    header, payload = _open(data)
    try:
        arrays: dict[str, Any] = {}
        at = 0
        for name, kind in _ARRAYS:
            shape = tuple(int(size) for size in header["arrays"][name])
            count = int(np.prod(shape))
            arrays[name] = np.frombuffer(payload, dtype=kind, count=count, offset=at).reshape(shape)
            at += count * np.dtype(kind).itemsize
        if at != len(payload):
            raise ValueError(f"{len(payload) - at} bytes too many")
        table = arrays["table"]
        if max(int(table.max()), -int(table.min())) > MAX_TABLE_VALUE:
            raise ValueError(f"a weight is above {MAX_TABLE_VALUE}")
        rest = {name: arrays[name].astype(np.float64) for name in ("steps", "surface_weights", "intercepts")}
        if not all(np.isfinite(array).all() for array in rest.values()):
            raise ValueError("a weight is not a finite number")
        return PromptReader(
            table=table.astype(np.float32),
            difficulty_sd=float(header["difficulty_sd"]),
            log_tokens_sd=float(header["log_tokens_sd"]),
            anchors={name: Anchor(float(pair[0]), float(pair[1])) for name, pair in header["anchors"].items()},
            **rest,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtifactError(f"the routing artefact does not fit together ({error}): {_MEND}") from error


def card_of(data: bytes) -> dict[str, Any]:
    """The card: what the artefact was fitted on, when, and how well it did.

    Raises: ArtifactError as load does.
    """
    header, _ = _open(data)
    card = header.get("card")
    if not isinstance(card, dict):
        raise ArtifactError(f"the routing artefact has no card: {_MEND}")
    return card


def _features() -> dict[str, Any]:
    """What the table means: a model made for other features must not be used with these."""
    return {
        "kinds": list(KINDS),
        "heads": list(HEADS),
        "surface": list(SURFACE_NAMES),
        "bucket_bits": N_BUCKET_BITS,
        "run_bytes": RUN_BYTES,
    }


def _open(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and payload of whole, unchanged bytes."""
    if data[: len(MAGIC)] != MAGIC:
        raise ArtifactError(f"these {len(data)} bytes are no routing artefact: {_MEND}")
    version = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 2], "little")
    if len(data) > _HEAD_BYTES and version != VERSION:
        raise ArtifactError(
            f"the routing artefact has layout {version}, this fairlead reads {VERSION}: "
            + ("upgrade fairlead" if version > VERSION else _MEND)
        )
    if len(data) < _HEAD_BYTES + _CHECKSUM_BYTES or sha256(data[:-_CHECKSUM_BYTES]).digest() != data[-_CHECKSUM_BYTES:]:
        raise ArtifactError(f"the routing artefact is cut short or changed (its checksum is wrong): {_MEND}")
    length = int.from_bytes(data[_HEAD_BYTES - 4 : _HEAD_BYTES], "little")
    try:
        header = json.loads(data[_HEAD_BYTES : _HEAD_BYTES + length])
    except ValueError as error:
        raise ArtifactError(f"the routing artefact's header is no JSON: {_MEND}") from error
    expected = _features()
    if not isinstance(header, dict) or {key: header.get(key) for key in expected} != expected:
        raise ArtifactError(f"the routing artefact was made for other features than this fairlead reads: {_MEND}")
    return header, data[_HEAD_BYTES + length : -_CHECKSUM_BYTES]
