"""Replay cache: the exact answer to the exact same question of the same tenant, for a while. Off unless asked for.

The key is a SHA-256 over tenant, door, model and the whole request, its members in order and without ours. Nothing that
calls tools is kept, and nothing sampled unless the operator says so: a second answer would differ, and a client that
asks twice may want that. Tenants never share an answer: the tenant is in the key. Bounded in bytes, the least recently
used goes first. Knows no clock.
"""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from fairlead.domain.call import Headers
from fairlead.domain.decision import Arm
from fairlead.domain.names import TenantName
from fairlead.domain.usage import Usage
from fairlead.wire.lane import Members, put_together, take_apart

ENTRY_BYTES: Final = 400
"""What an entry takes beside its body."""
_TOOLS: Final = ("tools", "functions", "web_search_options", "mcp_servers")
_ELSEWHERE: Final = ("previous_response_id", "conversation", "prompt", "container")
"""Members by which the answer depends on what a provider keeps: the same request need not mean the same."""
_OURS: Final = frozenset(
    (
        "fairlead",
        "models",
        "provider",
        "model",
        "user",
        "metadata",
        "session_id",
        "prompt_cache_key",
        "safety_identifier",
    )
)
"""Members that do not bear on the answer: routing is in the key by its result, and who asks by the tenant."""
_NONE: Final = (b"null", b"[]", b"false")
_CHAT_ONLY: Final = frozenset(("messages", "stream", "instructions", "max_output_tokens", "reasoning"))
"""A body with `input` that has one of these is a chat (OpenAI Responses), not embeddings."""


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How the operator wants it."""

    ttl_s: float
    max_bytes: int
    sampled: bool = False
    """Also keep answers that were sampled at a temperature above 0, or at the provider's default."""


class Kept(NamedTuple):
    """One answer, as it went to the client."""

    body: bytes
    """The whole reply, or the whole stream as it was sent, without comments of ours."""
    arm: Arm
    usage: Usage | None
    stored_s: float
    headers: Headers
    """Those that speak of the answer."""


class ReplayCache:
    """The answers of one process."""

    def __init__(self, limits: CacheLimits) -> None:
        self.limits = limits
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self.n_bytes = 0
        self.n_hits = 0
        self.n_misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: bytes, now_s: float) -> Kept | None:
        """The answer, if it is there and not too old."""
        kept = self._kept.get(key)
        if kept is not None and now_s - kept.stored_s > self.limits.ttl_s:
            self._drop(key)
            kept = None
        if kept is None:
            self.n_misses += 1
            return None
        self.n_hits += 1
        self._kept.move_to_end(key)
        return kept

    def keep(self, key: bytes, kept: Kept) -> None:
        """Keep an answer that ended well; one larger than everything is not kept."""
        size = len(kept.body) + ENTRY_BYTES
        if size > self.limits.max_bytes:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = kept
        self.n_bytes += size
        while self.n_bytes > self.limits.max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        self.n_bytes -= len(self._kept.pop(key).body) + ENTRY_BYTES


def question_of(body: bytes, *, sampled: bool) -> bytes | None:
    """A request free of what does not bear on the answer; None for one whose answer must not be kept.

    Raises: MalformedBodyError for what is not a JSON object; a door has refused that already.
    """
    members = take_apart(body)
    if any(bytes(members[name]) not in _NONE for name in (*_TOOLS, *_ELSEWHERE) if name in members):
        return None
    if not sampled and not _is_certain(members):
        return None
    # Values keep their bytes: read as numbers, two long ones could become the same.
    return put_together({name: members[name] for name in sorted(members) if name not in _OURS})


def _is_certain(members: Members) -> bool:
    """Whether the request asks for the likeliest answer: temperature 0, or embeddings, which are not sampled."""
    if "temperature" not in members:
        return "input" in members and members.keys().isdisjoint(_CHAT_ONLY)
    return re.fullmatch(rb"-?0(\.0+)?", bytes(members["temperature"])) is not None


def key_of(question: bytes, tenant: TenantName, door: str, model: str) -> bytes:
    """The key of an answer; each part is preceded by its length, so that no two requests can be spelled alike."""
    found = hashlib.sha256()
    for part in (tenant.encode(), door.encode(), model.encode(), question):
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.digest()
