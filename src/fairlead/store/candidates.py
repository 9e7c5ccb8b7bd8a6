"""Candidates in a row: every candidate of one decision as one small blob, and back."""

import json
import math
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

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
    return b"".join((_VERSION, figures.places, figures.columns))


def pack_ineligible(figures: Figures) -> str | None:
    """`ground:place,place;ground:place`; None where nobody was excluded."""
    if not figures.ineligible:
        return None
    return ";".join(f"{code}:{','.join(map(str, places))}" for code, places in figures.ineligible)


def pack_arms(arms: Sequence[Arm]) -> str:
    """The arms that places count in, as JSON."""
    return json.dumps([[arm.model, arm.upstream, arm.provider] for arm in arms], ensure_ascii=True)


def split(blob: bytes) -> tuple[bytes, bytes]:
    """The places and the columns of a blob; empty for one that is damaged or of a later version."""
    n, rest = divmod(len(blob) - 1, _PLACE_BYTES + _FLOAT_BYTES * len(COLUMNS))
    if not blob.startswith(_VERSION) or rest:
        return b"", b""
    return blob[1 : 1 + _PLACE_BYTES * n], blob[1 + _PLACE_BYTES * n :]


def unpack_candidates(blob: bytes | None, ineligible: str | None, arms: str | None) -> tuple[CandidateRow, ...]:
    """Candidates best first, then who was excluded; empty where nothing was kept."""
    known = json.loads(arms) if arms else []
    places, columns = split(blob or b"")
    n = len(places) // _PLACE_BYTES
    found = []
    numbers = struct.unpack(f"<{n}H", places)
    figures = struct.unpack(f"<{n * len(COLUMNS)}f", columns)
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
