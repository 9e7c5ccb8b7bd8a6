"""Candidates in a row: every candidate of one decision as one small blob, and back."""

import json
import math
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.decision import Arm
from fairlead.domain.figures import COLUMNS, Figures

_VERSION: Final = b"\x01"
_FLOAT_BYTES: Final = 4
_PLACE_BYTES: Final = 2


class CandidateRow(NamedTuple):
    """One arm of one decision. Units: USD, tokens, seconds; None is unknown; one that was excluded has no figures."""

    model: str
    upstream: str
    provider: str
    place: int | None
    """0 is the best; None for an arm that was excluded."""
    excluded_for: str | None = None
    quality: float | None = None
    cost_usd: float | None = None
    output_tokens: float | None = None
    ttft_s: float | None = None
    total_s: float | None = None
    utility: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    propensity: float | None = None


def pack_candidates(figures: Figures) -> bytes:
    """The blob: its version, then places, then columns."""
    return _VERSION + figures.places + figures.columns


def pack_ineligible(figures: Figures) -> str | None:
    """`ground:place,place;ground:place`; None where nobody was excluded."""
    if not figures.ineligible:
        return None
    return ";".join(f"{code}:{','.join(map(str, places))}" for code, places in figures.ineligible)


def pack_arms(arms: Sequence[Arm]) -> str:
    """The arms that places count in, as JSON."""
    return json.dumps([[arm.model, arm.upstream, arm.provider] for arm in arms], ensure_ascii=True)


def columns_of(blobs: Sequence[bytes], names: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """Places and the named columns of blobs that are equally long; shapes (n blobs, n candidates), empty if damaged."""
    n, rest = divmod(len(blobs[0]) - 1, _PLACE_BYTES + _FLOAT_BYTES * len(COLUMNS))
    raw = np.frombuffer(b"".join(blobs), dtype=np.uint8).reshape(len(blobs), -1)
    if rest or (raw[:, 0] != _VERSION[0]).any():
        return (np.empty((len(blobs), 0), dtype=np.intp),) * (1 + len(names))
    begins = 1 + _PLACE_BYTES * n
    places = np.ascontiguousarray(raw[:, 1:begins]).view("<u2").astype(np.intp)
    table = np.ascontiguousarray(raw[:, begins:]).view("<f4").reshape(len(blobs), len(COLUMNS), n)
    return (places, *(table[:, COLUMNS.index(name)].astype(np.float64) for name in names))


def unpack_candidates(blob: bytes | None, ineligible: str | None, arms: str | None) -> tuple[CandidateRow, ...]:
    """Candidates best first, then who was excluded; empty where nothing was kept, or not what their places count in."""
    if not arms:
        return ()
    known = json.loads(arms)
    blob = blob or b""
    n, rest = divmod(len(blob) - 1, _PLACE_BYTES + _FLOAT_BYTES * len(COLUMNS))
    if not blob.startswith(_VERSION) or rest:
        n = 0  # damaged, or of a later version
    found = []
    numbers = struct.unpack_from(f"<{n}H", blob, 1) if n else ()
    figures = struct.unpack_from(f"<{n * len(COLUMNS)}f", blob, 1 + _PLACE_BYTES * n) if n else ()
    for place, number in enumerate(numbers):
        of = [None if math.isnan(value) else value for value in figures[place::n]]
        model, upstream, provider = known[number]
        found.append(CandidateRow(model, upstream, provider, place, None, *of))
    for ground in (ineligible or "").split(";"):
        code, _, listed = ground.partition(":")
        for number in filter(None, listed.split(",")):
            model, upstream, provider = known[int(number)]
            found.append(CandidateRow(model, upstream, provider, None, code))
    return tuple(found)
