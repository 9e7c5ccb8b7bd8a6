"""Kept replies: what a client may refer to by id later: conversations that we translated, and who keeps the others.

A reply that we wrote in place of an upstream's exists nowhere else, so its items are kept here, with what was asked,
as a link to the reply before it. Of a reply that came on the lane only its keeper is noted. Per tenant; bounded in
bytes, number and time; whoever keeps most loses first; this process's own. Knows no clock.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from fairlead.domain.names import TenantName, UpstreamName

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_SHARE: Final = 8
"""One reply takes at most this part of all: a larger one is not kept."""
MAX_REPLIES: Final = 20_000
"""As many as conversations are remembered (`affinity`)."""
FORGET_AFTER_S: Final = 3_600.0
"""OpenAI keeps thirty days; a tool loop that stands still for an hour has ended."""
MAX_TURNS: Final = 2_000
ENTRY_BYTES: Final = 600
ITEM_BYTES: Final = 200
"""What an entry and an item take beside their bytes, about."""


class Reply(NamedTuple):
    """One reply."""

    previous: str | None
    """The reply that it goes on from, if that is kept here."""
    said: bytes
    """What was asked: items as JSON, joined by commas."""
    items: Mapping[str, bytes]
    """What was answered, by id; b"" for an item that need not be told again."""
    keeper: UpstreamName | None = None
    """The upstream that keeps it; then there are no bytes here."""

    @property
    def n_bytes(self) -> int:
        """What it takes, about."""
        told = sum([len(item) + ITEM_BYTES for item in self.items.values()])
        return ENTRY_BYTES + len(self.said) + told


class _Shelf:
    """One tenant's."""

    __slots__ = ("items", "n_bytes", "replies")

    def __init__(self) -> None:
        self.replies: OrderedDict[str, tuple[Reply, float]] = OrderedDict()
        """With the time of its last use, the longest unused first."""
        self.items: dict[str, str] = {}
        """Item -> its reply."""
        self.n_bytes = 0


class KeptReplies:
    """The replies of one process."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_replies: int = MAX_REPLIES) -> None:
        self._max_bytes = max_bytes
        self._max_replies = max_replies
        self._shelves: dict[TenantName, _Shelf] = {}
        self.n_bytes = 0
        self._n_replies = 0

    def __len__(self) -> int:
        return self._n_replies

    def keep(self, tenant: TenantName, name: str, reply: Reply, now_s: float) -> None:
        """Keep a reply under its id."""
        size = reply.n_bytes
        if size > self._max_bytes // MAX_SHARE:
            return
        shelf = self._shelves.setdefault(tenant, _Shelf())
        if name in shelf.replies:
            self._drop(shelf, name)
        shelf.replies[name] = (reply, now_s)
        shelf.items.update(dict.fromkeys(reply.items, name))
        shelf.n_bytes += size
        self.n_bytes += size
        self._n_replies += 1
        self._forget(shelf, now_s)
        while self.n_bytes > self._max_bytes or self._n_replies > self._max_replies:
            largest = max(self._shelves.values(), key=lambda each: each.n_bytes)
            self._drop(largest, next(iter(largest.replies)))
        if not shelf.replies:
            del self._shelves[tenant]

    def reply(self, tenant: TenantName, name: str, now_s: float) -> Reply | None:
        """The reply, if it is here and not too old."""
        shelf = self._shelves.get(tenant)
        if shelf is None:
            return None
        self._forget(shelf, now_s)
        return self._used(shelf, name, now_s)

    def item(self, tenant: TenantName, name: str, now_s: float) -> tuple[Reply, bytes] | None:
        """The reply that an item is of, and the item."""
        shelf = self._shelves.get(tenant)
        of = shelf.items.get(name) if shelf is not None else None
        reply = self.reply(tenant, of, now_s) if of is not None else None
        return (reply, reply.items[name]) if reply is not None else None

    def conversation(self, tenant: TenantName, name: str, now_s: float) -> bytes | None:
        """All that was said up to this reply and in it; None when a part of it is not here any more."""
        parts: list[bytes] = []
        left = MAX_TURNS
        step: str | None = name
        while step is not None:
            reply = self.reply(tenant, step, now_s)
            if reply is None or reply.keeper is not None or left == 0:
                return None
            parts += [*reversed(list(reply.items.values())), reply.said]
            step = reply.previous
            left -= 1
        return b",".join([part for part in reversed(parts) if part])

    def _used(self, shelf: _Shelf, name: str, now_s: float) -> Reply | None:
        found = shelf.replies.get(name)
        if found is None:
            return None
        shelf.replies[name] = (found[0], now_s)
        shelf.replies.move_to_end(name)
        return found[0]

    def _forget(self, shelf: _Shelf, now_s: float) -> None:
        while shelf.replies:
            name = next(iter(shelf.replies))
            if now_s - shelf.replies[name][1] <= FORGET_AFTER_S:
                return
            self._drop(shelf, name)

    def _drop(self, shelf: _Shelf, name: str) -> None:
        reply, _ = shelf.replies.pop(name)
        for item in reply.items:
            if shelf.items.get(item) == name:
                del shelf.items[item]
        shelf.n_bytes -= reply.n_bytes
        self.n_bytes -= reply.n_bytes
        self._n_replies -= 1
