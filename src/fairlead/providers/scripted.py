"""A provider that plays a script: scenes in, answers out, without a socket.

A second, real implementation of the transport's promise: for tests, load runs, and underneath the simulated models.
It keeps what it received, so that a test can look.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from fairlead.domain.call import Answer, Deadlines, Headers
from fairlead.domain.errors import GarbledError, SilentError, TruncatedError, UnreachableError, UpstreamError

Sleep = Callable[[float], Awaitable[object]]
Ending = Literal["end", "cut", "stall"]


class Piece(NamedTuple):
    """A piece of a reply's body, and how long to wait before it comes."""

    data: bytes
    delay_s: float = 0.0


class Received(NamedTuple):
    """One request, as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """What to answer to one request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    pieces: Iterable[Piece] = ()
    ending: Ending = "end"
    """`cut`: the connection breaks after the last piece; `stall`: nothing more comes, until a deadline passes."""
    delay_s: float = 0.0
    """Before the head."""
    is_refused: bool = False
    """No connection at all."""

    @classmethod
    def of(cls, *data: bytes, status: int = 200, ending: Ending = "end") -> "Scene":
        """A scene with these pieces of body, without delays."""
        return cls(status=status, pieces=tuple(Piece(piece) for piece in data), ending=ending)


@dataclass(slots=True, eq=False)
class ScriptedAnswer:
    """Plays one scene; keeps the promises of `domain.call.Answer`."""

    scene: Scene
    deadlines: Deadlines
    sleep: Sleep
    is_closed: bool = False
    has_ended: bool = False
    waited_s: float = 0.0
    _pieces: Iterator[Piece] = field(init=False)

    def __post_init__(self) -> None:
        self._pieces = iter(self.scene.pieces)

    @property
    def status(self) -> int:
        return self.scene.status

    @property
    def headers(self) -> Headers:
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.scene.headers]

    async def read(self, cap_bytes: int) -> bytes:
        whole = bytearray()
        while piece := await self.next_chunk():
            whole += piece
            if len(whole) > cap_bytes:
                self.close()
                raise GarbledError(f"the reply is longer than {cap_bytes} bytes")
        return bytes(whole)

    async def next_chunk(self) -> bytes:
        if self.is_closed:
            raise TruncatedError("the answer was closed")
        for piece in self._pieces:
            if piece.delay_s > 0:
                await self.sleep(piece.delay_s)
                self.waited_s += piece.delay_s
                if self.deadlines.total_s is not None and self.waited_s > self.deadlines.total_s:
                    raise SilentError(f"the reply was not whole within {self.deadlines.total_s} s")
            if piece.data:
                return piece.data
        if self.scene.ending == "cut":
            raise TruncatedError("the connection broke before the reply was whole")
        if self.scene.ending == "stall":
            await self.sleep(self.deadlines.idle_s)
            raise SilentError(f"no byte for {self.deadlines.idle_s} s")
        self.has_ended = True
        return b""

    def close(self) -> None:
        self.is_closed = True


class ScriptedTransport:
    """Answers requests with scenes, in the order in which the requests come; the last scene stays for all the rest."""

    def __init__(self, scenes: Iterable[Scene | UpstreamError], *, sleep: Sleep = asyncio.sleep) -> None:
        self._scenes = deque(scenes)
        self._sleep = sleep
        self.received: list[Received] = []
        self.answers: list[ScriptedAnswer] = []

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> Answer:
        """Plays the next scene.

        Raises: the script's own error; UnreachableError for a refused scene or an empty script.
        """
        self.received.append(Received(method, target, header_map(headers), body))
        if not self._scenes:
            raise UnreachableError("the script is empty")
        scene = self._scenes.popleft() if len(self._scenes) > 1 else self._scenes[0]
        return await self.play(scene, deadlines)

    async def play(self, scene: Scene | UpstreamError, deadlines: Deadlines) -> ScriptedAnswer:
        """One scene as an answer."""
        if isinstance(scene, UpstreamError):
            raise scene
        if scene.is_refused:
            raise UnreachableError("the connection was refused")
        if scene.delay_s > 0:
            await self._sleep(scene.delay_s)
        answer = ScriptedAnswer(scene, deadlines, self._sleep)
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        """Nothing to give back."""


def header_map(lines: bytes) -> dict[str, str]:
    """Serialised header lines -> name (lower case) to value; for looking at, not for HTTP."""
    found: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
