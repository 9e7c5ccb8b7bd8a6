"""The floor under the gateway: a bare pass-through on the same server stack, which decides, checks and counts nothing.

    python -m benchmarks.speed.bare PORT UPSTREAM_PORT

uvicorn (httptools, uvloop) with a raw ASGI callable and the project's own upstream client.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from fairlead.domain.call import Deadlines
from fairlead.domain.names import UpstreamName
from fairlead.providers.origin import Origin
from fairlead.providers.request_head import write_headers
from fairlead.providers.transport import HttpTransport

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class PassThrough:
    """An ASGI app that hands each POST to one upstream and its reply back, piece by piece."""

    def __init__(self, upstream_port: int) -> None:
        name = UpstreamName("mock")
        self._transport = HttpTransport(
            Origin(name=name, scheme="http", host="127.0.0.1", port=upstream_port, allow_private=True)
        )
        self._headers = write_headers([(b"content-type", b"application/json")])
        self._deadlines = Deadlines()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET":  # the question whether it is up
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        message = await receive()
        pieces = [message["body"]]
        while message["more_body"]:
            message = await receive()
            pieces.append(message["body"])
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        answer = await self._transport.exchange("POST", scope["path"], self._headers, body, self._deadlines)
        kept = [pair for pair in answer.headers if pair[0] in (b"content-type", b"content-length")]
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        if len(kept) == 2:  # a length: the body is sent whole
            await send({"type": "http.response.body", "body": await answer.read(1 << 24)})
            return
        while chunk := await answer.next_chunk():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    port, upstream_port = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        PassThrough(upstream_port),
        host="127.0.0.1",
        port=port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        loop="uvloop",
        http="httptools",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
