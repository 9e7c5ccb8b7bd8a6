"""Affinity: which conversation a request continues, and which arms have read it.

A session is known by an explicit id, else by the head of the conversation, which stays as it grows. The memory is this
process's own, bounded in number and in time. Knows no clock: the time comes in as a number.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from fairlead.domain.call import Headers
from fairlead.domain.decision import Arm
from fairlead.domain.names import TenantName
from fairlead.domain.outline import Outline
from fairlead.routing.switching import MIN_WARM_TOKENS, Held, Warm

SESSION_HEADERS: Final = (
    b"x-session-id",
    b"x-claude-code-session-id",
    b"x-session-affinity",
    b"x-conversation-id",
    b"session_id",
    b"conversation_id",
)
"""Headers of clients and agents that name a conversation, the most explicit first; the last two are the Codex CLI's."""
_NAMES: Final = frozenset(SESSION_HEADERS)
MAX_SESSIONS: Final = 20_000
"""About 18 MB: some 900 bytes each."""
FORGET_AFTER_S: Final = 3_600.0
"""No provider in the catalogue keeps an idle prompt for longer, unless paid for."""
MAX_WARM_ARMS: Final = 4
"""Arms remembered per conversation: who served last, and who may still be warm from before."""
_CHARS_PER_TOKEN: Final = 3.8


def stated_session(headers: Headers, of_body: str | None) -> bytes | None:
    """The conversation's id as the client states it; the body's word goes first."""
    if of_body:
        return of_body.encode("utf-8", "replace")
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES and value:
            found[name] = value
    if not found:
        return None
    return next(found[name] for name in SESSION_HEADERS if name in found)


def session_key(tenant: TenantName, stated: bytes | None, outline: Outline) -> str | None:
    """The key of the conversation, 32 hex digits; None for a request that cannot be told from others.

    Sessions of different tenants never meet. A derived key hashes the head of the system message, of the first user
    turn and the size of the tools: two conversations that begin alike share it, as they share a provider's cache.
    """
    if stated is None:
        if not outline.first_turn_text:
            return None
        stated = f"{outline.system_text}\0{outline.n_tools}\0{outline.tool_chars}\0{outline.first_turn_text}".encode(
            "utf-8", "replace"
        )
        kind = b"d"
    else:
        kind = b"s"
    return hashlib.blake2b(b"%b\0%b\0%b" % (kind, tenant.encode(), stated), digest_size=16).hexdigest()


def is_worth_remembering(outline: Outline) -> bool:
    """Whether a conversation without an id can gain by being known: a cache may hold it, or it calls tools."""
    return outline.n_tools > 0 or outline.n_chars + outline.tool_chars >= MIN_WARM_TOKENS * _CHARS_PER_TOKEN


class Conversation:
    """What is remembered of one."""

    __slots__ = ("anchor", "last_s", "warm")

    def __init__(self) -> None:
        self.anchor: Arm | None = None
        self.last_s = 0.0
        self.warm: dict[Arm, tuple[float, float]] = {}
        """Arm -> tokens it has read, and when."""


class SessionMemory:
    """The conversations of one process, the least recently used forgotten first."""

    def __init__(self, max_sessions: int = MAX_SESSIONS) -> None:
        self._max = max_sessions
        self._kept: OrderedDict[str, Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def held(self, key: str, places: Mapping[Arm, int], now_s: float) -> Held | None:
        """What is known of this conversation, in terms of a pool's arms; None when nothing is."""
        known = self._kept.get(key)
        if known is None:
            return None
        if now_s - known.last_s > FORGET_AFTER_S:
            del self._kept[key]
            return None
        anchor = places.get(known.anchor) if known.anchor is not None else None
        warm = (
            Warm(places[arm], tokens, now_s - last_s) for arm, (tokens, last_s) in known.warm.items() if arm in places
        )
        return Held(anchor, tuple(warm))

    def served(self, key: str, arm: Arm, tokens: float, now_s: float) -> None:
        """This arm has just answered a turn; `tokens` is the conversation's length now, as far as it was read."""
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = Conversation()
            if len(self._kept) > self._max:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        known.anchor = arm
        known.last_s = now_s
        known.warm.pop(arm, None)
        known.warm[arm] = (tokens, now_s)
        if len(known.warm) > MAX_WARM_ARMS:
            del known.warm[next(iter(known.warm))]


def places_of(arms: Iterable[Arm]) -> dict[Arm, int]:
    """Arm -> its place in the pool."""
    return {arm: place for place, arm in enumerate(arms)}
