"""A small ASGI caller: one request to an app in process, no port opened; it may leave at any moment."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead.gateway.asgi import Message, Receive, Scope, Send
from tests.conftest import CANARY

App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = (b"host", b"127.0.0.1:8484")


@dataclass
class Heard:
    """What came back."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    is_complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} stands there {len(found)} times"
        return found[0] if found else None

    @property
    def error(self) -> dict[str, Any]:
        """The error object, after a look at its shape."""
        said = self.json()
        error: dict[str, Any] = said["error"]
        if said.get("type") == "error":  # Anthropic's shape
            assert set(said) == {"type", "error", "request_id"}, said
            return error | {"code": error["details"]["error_code"]}
        assert set(said) == {"error"}, said
        assert set(error) == {"message", "type", "param", "code"}, error
        assert isinstance(error["message"], str) and error["message"]
        assert isinstance(error["type"], str)
        return error


class Client:
    """One request on its way: `hang_up` makes the server see the client leave."""

    def __init__(self, app: App, scope: dict[str, Any], pieces: Sequence[bytes], *, is_upload_whole: bool) -> None:
        self._app = app
        self._scope = scope
        self._pieces = list(pieces)
        self._is_upload_whole = is_upload_whole
        self._gone = asyncio.Event()
        self.heard = Heard()
        self.has_first_piece = asyncio.Event()

    def hang_up(self) -> None:
        self._gone.set()

    async def run(self) -> Heard:
        await self._app(self._scope, self._receive, self._send)
        return self.heard

    async def _receive(self) -> Message:
        if self._pieces:
            piece = self._pieces.pop(0)
            more = bool(self._pieces) or not self._is_upload_whole
            return {"type": "http.request", "body": piece, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        heard = self.heard
        assert not heard.is_complete, "something was sent after the end"
        if message["type"] == "http.response.start":
            assert heard.status == 0, "two heads"
            heard.status = message["status"]
            heard.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            return
        heard.pieces.append(message.get("body", b""))
        self.has_first_piece.set()
        if not message.get("more_body", False):
            heard.is_complete = True
            assert CANARY.encode() not in heard.body, "a planted secret has reached a client"
            assert not any(CANARY in value for _, value in heard.headers), "a planted secret has reached a client"
            self._gone.set()


def client(
    app: App,
    method: str,
    path: str,
    body: bytes | dict[str, Any] = b"",
    *,
    headers: Sequence[tuple[bytes, bytes]] = (),
    host: bytes | None = HOST[1],
    pieces: Sequence[bytes] | None = None,
    is_upload_whole: bool = True,
) -> Client:
    """A request that has not been sent yet."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "headers": [*([(b"host", host)] if host is not None else []), *headers],
    }
    return Client(app, scope, [data] if pieces is None else pieces, is_upload_whole=is_upload_whole)


async def call(app: App, method: str, path: str, body: bytes | dict[str, Any] = b"", **more: Any) -> Heard:
    """One request from beginning to end."""
    async with asyncio.timeout(30):
        return await client(app, method, path, body, **more).run()


async def chat(app: App, body: dict[str, Any] | None = None, **members: Any) -> Heard:
    """One chat completion."""
    usual = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    return await call(app, "POST", "/v1/chat/completions", (usual if body is None else body) | members)
