"""/ui: pages for people, made elsewhere; here they are asked for and sent."""

from typing import Final

from fairlead.domain.page_call import PageCall
from fairlead.gateway.app import PAGES_PATH, Handler, Request
from fairlead.gateway.asgi import read_body
from fairlead.gateway.engine import Engine

MAX_BODY_BYTES: Final = 16_384
"""Of a form: a key, its token, and where to go then. It is read before anybody is known."""

__all__ = ["PAGES_PATH", "page_call", "pages"]


def pages(engine: Engine) -> Handler:
    """The handler."""
    found = engine.services.pages

    async def handle(request: Request) -> None:
        assert found is not None, "without pages there is no route to them"
        body = b""
        if request.scope["method"] == "POST":
            body = await read_body(request.scope, request.receive, MAX_BODY_BYTES)
        status, headers, page = await found.answer(page_call(engine, request, body))
        await request.out.page(status, headers, page)

    return handle


def page_call(engine: Engine, request: Request, body: bytes) -> PageCall:
    """The request, as pages read it."""
    scope = request.scope
    client = scope.get("client")
    return PageCall(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b""),
        headers=scope["headers"],
        body=body,
        client=client[0] if client else "",
        is_tls=scope.get("scheme") == "https",
        state=engine.state,
    )
