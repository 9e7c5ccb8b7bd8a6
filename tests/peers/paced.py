"""An upstream that says each piece when a test tells it to, and knows what became of every call."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fairlead.domain.call import Call, Headers
from fairlead.domain.content import FormatName
from fairlead.domain.errors import TruncatedError, UpstreamError
from fairlead.wire.quirks import NONE, Quirks


@dataclass(eq=False)
class PacedCall:
    """One call: the upstream's side of it, and the gateway's."""

    call: Call
    status: int = 200
    headers: Headers = field(default_factory=list)
    is_closed: bool = False
    _pieces: "asyncio.Queue[bytes | UpstreamError]" = field(default_factory=asyncio.Queue)

    def say(self, *pieces: bytes | UpstreamError) -> None:
        """Give these pieces; b"" ends the reply."""
        for piece in pieces:
            self._pieces.put_nowait(piece)

    async def next_chunk(self) -> bytes:
        if self.is_closed:
            raise TruncatedError("closed")
        piece = await self._pieces.get()
        if isinstance(piece, UpstreamError):
            raise piece
        return piece

    async def read(self, cap_bytes: int) -> bytes:
        data = b""
        while piece := await self.next_chunk():
            data += piece
        return data

    def close(self) -> None:
        self.is_closed = True


class Paced:
    """The upstream. A call waits for its head until `answers`, unless `is_open`."""

    formats: tuple[FormatName, ...] = ("openai_chat",)
    quirks: Quirks = NONE

    def __init__(self, *, is_open: bool = True) -> None:
        self.calls: list[PacedCall] = []
        self._came: asyncio.Queue[PacedCall] = asyncio.Queue()
        self._heads = asyncio.Event()
        self.n_cancelled = 0
        if is_open:
            self._heads.set()

    async def send(self, call: Call) -> Any:
        paced = PacedCall(call)
        self.calls.append(paced)
        self._came.put_nowait(paced)
        try:
            await self._heads.wait()
        except asyncio.CancelledError:
            self.n_cancelled += 1
            paced.is_closed = True
            raise
        return paced

    def masked(self, text: str) -> str:
        return text

    async def next_call(self) -> PacedCall:
        """The next call that comes in."""
        async with asyncio.timeout(10):
            return await self._came.get()


async def turns(n: int = 20) -> None:
    """Let everything that can go on without a socket or a timer go on."""
    for _ in range(n):
        await asyncio.sleep(0)
