"""Scenes of the matrix: what the upstream is to say and how it goes wrong. A scene travels in the prompt's text."""

from dataclasses import dataclass
from typing import Final

TEXT: Final = "Grüße, “wörld” \\ 🙂\nsecond line"
PIECES: Final = ("Grüße, ", "“wörld” \\ ", "🙂\nsecond line")
THOUGHTS: Final = ("First I think, ", "then I know.")
CALLS: Final = (
    ("call_one", "get_weather", '{"city": "Köln", "days": 3}'),
    ("call_two", "get_time", '{"zone": "Europe/Berlin"}'),
)
STRUCTURED: Final = '{"answer": 4, "why": "2 + 2"}'
SIGNATURE: Final = "c2lnbmF0dXJlLW9mLXRob3VnaHRz"
IMAGE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
USAGE: Final = (21, 7)
"""Input and output tokens that every upstream reports."""

GOOD: Final = ("ok", "tools", "image", "structured", "reasoning")
GARBAGE: Final = (b"<html><body>It works</body></html>", b'{"foo": 1}', b"[]", b"\x00\xff\xfe", b"", b"null")


@dataclass(frozen=True)
class Scene:
    """One scene."""

    kind: str
    """One of GOOD, or 4xx, 429, 5xx, timeout, stall, garbage, cut, half."""
    content: str = "ok"
    """For a cut: which good scene is cut."""
    at: int = 0
    """For a cut: after how many events (or in the middle of which); for garbage: which."""

    def marker(self) -> str:
        """How the scene stands in a prompt."""
        return f"scene:{self.kind}:{self.content}:{self.at};"


def scene_in(body: bytes) -> Scene:
    """The scene that a request's body asks for."""
    start = body.index(b"scene:")
    kind, content, at = body[start + 6 : body.index(b";", start)].decode().split(":")
    return Scene(kind, content, int(at))
