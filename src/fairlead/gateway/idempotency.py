"""Idempotency: a request that is sent again under the same Idempotency-Key gets the answer of the first.

For replies in one piece; a stream is served as if it had no key. The key belongs to its tenant; under it stands a hash
of the body, and another body under the same key is refused. A duplicate that comes while the first is running waits for
it. Errors are not kept: what failed may be tried again. Bounded in bytes and time; this process's own. Knows no clock.

After: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (07, read 2026-11-23).
"""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from fairlead.domain.call import Headers
from fairlead.domain.decision import Arm
from fairlead.domain.errors import ConflictError, InvalidOptionError
from fairlead.domain.names import TenantName

HEADER: Final = b"idempotency-key"
MAX_KEY_BYTES: Final = 255
KEEP_S: Final = 600.0
"""A client that has not asked again within ten minutes has given up."""
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
ENTRY_BYTES: Final = 500


class Kept(NamedTuple):
    """One answer, as it was sent."""

    headers: Headers
    body: bytes
    arm: Arm
    """Who gave it."""


@dataclass(slots=True)
class _Entry:
    digest: bytes
    began_s: float
    running: "asyncio.Future[None] | None"
    kept: Kept | None = None


Name = tuple[TenantName, bytes]


class Idempotency:
    """The keys of one process."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Name, _Entry] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    async def begin(self, name: Name, body: bytes, now_s: float) -> Kept | None:
        """The kept answer; None when the caller is to serve the request, and then to call `keep` or `release`.

        Raises: ConflictError when the key stands for another body.
        """
        digest = hashlib.sha256(body).digest()
        while True:
            entry = self._entries.get(name)
            if entry is not None and entry.running is None and now_s - entry.began_s > KEEP_S:
                self._drop(name)
                entry = None
            if entry is None:
                running = asyncio.get_running_loop().create_future()
                self._entries[name] = _Entry(digest, now_s, running)
                self.n_bytes += ENTRY_BYTES
                self._make_room()
                return None
            if entry.digest != digest:
                raise ConflictError("This Idempotency-Key was used for another body: use a new key for a new request.")
            if entry.kept is not None:
                return entry.kept
            if entry.running is not None:
                await asyncio.shield(entry.running)  # then look again: it was kept, or it failed and we go on

    def keep(self, name: Name, kept: Kept) -> None:
        """The request was answered well."""
        entry = self._entries.get(name)
        if entry is None or len(kept.body) > MAX_REPLY_BYTES:
            self.release(name)
            return
        entry.kept = kept
        self.n_bytes += len(kept.body)
        self._end(entry)
        self._make_room()

    def release(self, name: Name) -> None:
        """The request failed, or was left: the next under this key is served."""
        entry = self._entries.get(name)
        if entry is not None and entry.kept is None:
            self._drop(name)
            self._end(entry)

    def _end(self, entry: _Entry) -> None:
        running, entry.running = entry.running, None
        if running is not None and not running.done():
            running.set_result(None)

    def _make_room(self) -> None:
        for name in list(self._entries):
            if self.n_bytes <= self._max_bytes:
                return
            if self._entries[name].running is None:
                self._drop(name)

    def _drop(self, name: Name) -> None:
        entry = self._entries.pop(name)
        self.n_bytes -= ENTRY_BYTES + (len(entry.kept.body) if entry.kept is not None else 0)


def key_in(headers: Headers) -> bytes | None:
    """The request's Idempotency-Key. Raises: InvalidOptionError for one that is too long."""
    for name, value in headers:
        if name == HEADER and value:
            if len(value) > MAX_KEY_BYTES:
                raise InvalidOptionError(
                    f"An Idempotency-Key has at most {MAX_KEY_BYTES} characters.", param="Idempotency-Key"
                )
            return value
    return None
