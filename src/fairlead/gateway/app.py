"""The ASGI application: a table of routes, each with its permission; default is to refuse.

Every answer leaves through here, errors too, so that every error has one shape. A Host or an Origin that is not ours is
refused before anything is read: a web page must not be able to spend money at a server on localhost.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fairlead.domain.call import Headers
from fairlead.domain.errors import (
    FairleadError,
    ForbiddenError,
    MethodError,
    OverloadedError,
    RejectedError,
    RequestError,
    UnavailableError,
    UnknownRouteError,
    UpstreamError,
)
from fairlead.gateway.access import Caller, Permission
from fairlead.gateway.asgi import ClientGoneError, Receive, Scope, Send, line_of
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.engine import Engine
from fairlead.gateway.ports import Services
from fairlead.wire.failures import write_failure

_LOG: Final = logging.getLogger("fairlead.gateway")
_QUOTED_PATH_CHARS: Final = 120
PAGES_PATH: Final = "/ui"
"""Pages for people. They may be written to by themselves alone, whoever else may call the API."""
_CORS_HEADERS: Final = (
    b"authorization, content-type, x-api-key, x-request-id, x-stainless-*, anthropic-version, anthropic-beta"
)


@dataclass(slots=True)
class Request:
    """One request on its way to a route."""

    scope: Scope
    receive: Receive
    out: Delivery
    caller: Caller
    began_s: float
    headers: Headers
    """Headers to add to whatever is answered."""


Handler = Callable[[Request], Awaitable[None]]
WriteFailure = Callable[[FairleadError], tuple[int, bytes]]
"""An error as status and body."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `needs` is None for what anybody may see."""

    handler: Handler
    needs: Permission | None
    write_failure: WriteFailure = write_failure
    """Errors in the format of this route's clients."""


Routes = Mapping[str, Mapping[str, Route]]
"""Path -> method -> route. A path that ends in `/*` takes everything below it."""


class App:
    """The gateway as an ASGI application."""

    def __init__(self, services: Services, engine: Engine, routes: Routes) -> None:
        self._services = services
        self._engine = engine
        self._routes = {path: methods for path, methods in routes.items() if not path.endswith("/*")}
        self._below = {path[:-1]: methods for path, methods in routes.items() if path.endswith("/*")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = Delivery(send, line_of(scope))
        began_s = self._services.clock()
        added: Headers = []
        route: Route | None = None
        try:
            origin = self._check_sender(scope)
            if origin is not None:
                added.append((b"access-control-allow-origin", origin))
                added.append((b"vary", b"origin"))
            if scope["method"] == "OPTIONS":
                await _preflight(send, added)
                return
            route = self._route(scope)
            caller = self._services.access.caller(scope["headers"], route.needs) if route.needs else None
            await route.handler(Request(scope, receive, out, caller or _NOBODY, began_s, added))
        except ClientGoneError:
            return
        except FairleadError as error:
            await self._fail(out, error, added, self._writer(route, scope))
        except Exception as error:  # noqa: BLE001 - the outermost boundary: a bug must not take the server down
            # The message of an unknown error may quote a prompt or a key: only its type and place are logged.
            place = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("internal error %s at\n%s", type(error).__name__, place)
            hidden = FairleadError("Something went wrong inside Fairlead; its log says where.")
            await self._fail(out, hidden, added, self._writer(route, scope))

    def _route(self, scope: Scope) -> Route:
        path: str = scope["path"]
        methods = self._routes.get(path)
        if methods is None:
            methods = next((table for prefix, table in self._below.items() if path.startswith(prefix)), None)
        if methods is None:
            raise UnknownRouteError(f"Nothing answers at {path[:_QUOTED_PATH_CHARS]!r}. The API is below /v1.")
        route = methods.get(scope["method"])
        if route is None:
            takes = ", ".join(methods)
            raise MethodError(
                f"{path[:_QUOTED_PATH_CHARS]!r} takes {takes}, not {scope['method'][:16]}.", allowed=tuple(methods)
            )
        return route

    def _writer(self, route: Route | None, scope: Scope) -> WriteFailure:
        """How errors are written at this path, known or not: a client of one door understands that door's errors."""
        if route is not None:
            return route.write_failure
        path: str = scope["path"]
        for door, methods in self._routes.items():
            if door != "/" and path.startswith(door):
                return next(iter(methods.values())).write_failure
        return write_failure

    def _check_sender(self, scope: Scope) -> bytes | None:
        """The Origin to allow, if a browser sent one. Raises: ForbiddenError, RequestError."""
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    raise RequestError("The request has two Host headers.", code="malformed_http")
                host = value
            elif name == b"origin":
                origin = value
        if host is None and scope["http_version"] != "1.0":
            raise RequestError("The request has no Host header.", code="malformed_http")
        allowed = self._services.allowed_hosts
        if allowed and _host_name(host or b"") not in allowed:
            raise ForbiddenError(
                "This server does not answer to that Host. Add it to 'server.allowed_hosts' if it should."
                if host is not None
                else "The request has no Host header: send one of those that this server answers to.",
                code="host_not_allowed",
            )
        path = scope["path"]
        if path == PAGES_PATH or path.startswith(f"{PAGES_PATH}/"):
            if origin is not None and not _is_own(origin, host or b""):
                raise ForbiddenError("The pages of this server answer to no other page.", code="origin_not_allowed")
            return None
        if origin is not None and origin.decode("latin-1") not in self._services.allowed_origins:
            raise ForbiddenError(
                "Requests from this web page's origin are not allowed. Add it to 'server.allowed_origins'.",
                code="origin_not_allowed",
            )
        return origin

    async def _fail(self, out: Delivery, error: FairleadError, added: Headers, write: WriteFailure) -> None:
        if out.has_begun:
            return  # the stream has already said it, or cannot any more
        status, body = write(error)
        headers = [*added]
        if (isinstance(error, UpstreamError) or status >= 500) and not isinstance(error, OverloadedError):
            # Our own attempts are spent: an SDK's retries would multiply them. Where none was made, one may help.
            headers.append((b"x-should-retry", b"false"))
        if isinstance(error, MethodError):
            headers.append((b"allow", ", ".join(error.allowed).encode()))
        if isinstance(error, RejectedError | UnavailableError) and error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after_s))))
        await out.whole(status, headers, body)


_NOBODY: Final = Caller("nobody", None, frozenset())  # type: ignore[arg-type]


def _is_own(origin: bytes, host: bytes) -> bool:
    """Whether a page of this very server asks: its Host has been found to be ours already."""
    return origin in (b"http://" + host, b"https://" + host)


def _host_name(host: bytes) -> str:
    """The name in a Host header, without its port; IPv6 keeps its brackets."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


async def _preflight(send: Send, added: Headers) -> None:
    headers = [
        *added,
        (b"allow", b"GET, HEAD, POST, OPTIONS"),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", _CORS_HEADERS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
