"""Dashboard: calls in, pages out. Every page runs in a small pool of threads: the gateway waits for none.

The only place that writes the headers of pages: each answer carries the same strict policy, whatever is in it.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from fairlead.dashboard.ask import Ask, Page, Shown, Visitor
from fairlead.dashboard.assets import PREFIX, Asset, Assets
from fairlead.dashboard.doorway import Doorway, wants_html
from fairlead.dashboard.elements import Markup, element
from fairlead.dashboard.frame import HOME, framed
from fairlead.dashboard.incoming import fields, form, header
from fairlead.dashboard.login import login_form
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.sources import Sources
from fairlead.domain.call import Headers
from fairlead.domain.engine_state import NOTHING
from fairlead.domain.errors import (
    FairleadError,
    MethodError,
    StoreError,
    UnauthenticatedError,
    UnavailableError,
    UnknownRouteError,
)
from fairlead.domain.page_call import PageAnswer, PageCall, PageCaller

_LOG: Final = logging.getLogger("fairlead.dashboard")
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
GUARDS: Final[Headers] = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
_NO_STORE: Final = (b"cache-control", b"no-store")
_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_LOGIN_PATH: Final = f"{HOME}/login"
_LOGOUT_PATH: Final = f"{HOME}/logout"
_MAX_ONWARD_CHARS: Final = 4_000
"""Of the address that a login leads on to: written three times as long, it fits into a form (`MAX_BODY_BYTES`)."""


class Dashboard:
    """One configuration's pages."""

    def __init__(
        self,
        pages: Sequence[Page],
        sources: Sources,
        doorway: Doorway,
        assets: Assets,
        pool: PagePool,
        unix_s: Callable[[], float],
    ) -> None:
        self._pages = tuple(pages)
        self._exact = {page.path: page for page in pages if not page.path.endswith("/*")}
        self._below = {page.path[:-1]: page for page in pages if page.path.endswith("/*")}
        self._sources = sources
        self._doorway = doorway
        self._assets = assets
        self._pool = pool
        self._unix_s = unix_s

    async def answer(self, call: PageCall) -> PageAnswer:
        """See gateway.ports.Pages. Never raises."""
        try:
            return await self._answer(call)
        except FairleadError as error:
            return self._failed(call, error)
        except Exception as error:  # noqa: BLE001 - a bug of a page must not become the gateway's
            # The message may quote a prompt: only its type and place are logged.
            place = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("internal error %s in a page at\n%s", type(error).__name__, place)
            return self._failed(call, FairleadError("Something went wrong inside Fairlead; its log says where."))

    def caller(self, call: PageCall, needs: str) -> PageCaller:
        """See gateway.ports.Pages. Raises: UnauthenticatedError, ForbiddenError."""
        return self._doorway.caller(call, needs)

    async def _answer(self, call: PageCall) -> PageAnswer:
        path = call.path.rstrip("/") or HOME
        if path.startswith(PREFIX):
            return await self._pool.run(lambda: self._asset(call, path))
        if path == _LOGIN_PATH:
            return self._log_in(call)
        if path == _LOGOUT_PATH and call.method == "POST":
            return self._log_out(call)
        page, rest = self._page(path)
        if call.method == "POST":
            raise MethodError("This page takes no forms.", allowed=("GET", "HEAD"))
        found = self._doorway.visitor(call)
        if found is None:
            if wants_html(call):
                return _gone_to(_login_before(call))
            raise UnauthenticatedError("Log in first.", code="not_logged_in")
        state = call.state() if page.needs_state else NOTHING
        ask = Ask(found, self._sources, self._unix_s(), fields(call.query), rest, state)
        return await self._pool.run(lambda: self._written(call, page, page.show(ask), found))

    def _page(self, path: str) -> tuple[Page, str]:
        page = self._exact.get(path)
        if page is not None:
            return page, ""
        for prefix, below in self._below.items():
            if path.startswith(prefix):
                return below, path[len(prefix) :]
        raise UnknownRouteError("There is no such page.")

    def _written(self, call: PageCall, page: Page, shown: Shown, visitor: Visitor) -> PageAnswer:
        if shown.to is not None:
            return _gone_to(shown.to)
        if shown.file is not None:
            return _kept_as(call, *shown.file)
        if shown.body is None:
            body = msgspec.json.encode(shown.json)
            return _answer(call, shown.status, b"application/json", body)
        html = framed(
            shown.title, shown.body, assets=self._assets, pages=self._pages, visitor=visitor, here=page.path,
            is_demo=self._sources.is_demo, scripts=shown.scripts,
        )  # fmt: skip
        return _answer(call, shown.status, b"text/html; charset=utf-8", html)

    def _asset(self, call: PageCall, path: str) -> PageAnswer:
        asset = self._assets.at(path)
        if asset is None:
            raise UnknownRouteError("There is no such file.")
        return _asset_answer(call, asset)

    def _log_in(self, call: PageCall) -> PageAnswer:
        found = self._doorway.visitor(call)
        if call.method != "POST":
            if found is not None:
                return _gone_to(HOME)
            return self._login_page(call, 200, "", fields(call.query).get("next", ""))
        posted = form(call)
        onward = posted.get("next", "")
        entry = self._doorway.log_in(call, posted, self._unix_s())
        if entry.cookie is None:
            answer = self._login_page(call, 429 if entry.wait_s else 401, entry.why, onward)
            if entry.wait_s:
                answer.headers.append(_retry_after(entry.wait_s))
            return answer
        answer = _gone_to(onward if _is_ours(onward) else HOME)
        answer.headers.append((b"set-cookie", entry.cookie))
        return answer

    def _login_page(self, call: PageCall, status: int, why: str, onward: str) -> PageAnswer:
        body = login_form(self._doorway.login_token, why, onward if _is_ours(onward) else "")
        html = framed("Log in", body, assets=self._assets, pages=(), visitor=None, is_demo=self._sources.is_demo)
        return _answer(call, status, b"text/html; charset=utf-8", html)

    def _log_out(self, call: PageCall) -> PageAnswer:
        self._doorway.writer(call, form(call))
        answer = _gone_to(_LOGIN_PATH)
        answer.headers.append((b"set-cookie", self._doorway.log_out(call)))
        return answer

    def _failed(self, call: PageCall, error: FairleadError) -> PageAnswer:
        status = 503 if isinstance(error, StoreError) else error.status
        message = "The traffic store does not answer just now." if isinstance(error, StoreError) else error.message
        if wants_html(call):
            html = framed(
                "That did not work", _sorry(message), assets=self._assets, pages=self._pages,
                visitor=self._doorway.visitor(call), is_demo=self._sources.is_demo,
            )  # fmt: skip
            answer = _answer(call, status, b"text/html; charset=utf-8", html)
        else:
            answer = _answer(call, status, b"application/json", msgspec.json.encode({"error": message}))
        if isinstance(error, MethodError):
            answer.headers.append((b"allow", ", ".join(error.allowed).encode()))
        if isinstance(error, UnavailableError) and error.retry_after_s is not None:
            answer.headers.append(_retry_after(error.retry_after_s))
        return answer


def _sorry(message: str) -> Markup:
    return element(
        "section", element("p", message), element("p", element("a", "To the overview", href=HOME)), class_="empty"
    )


def _login_before(call: PageCall) -> str:
    """The login that leads on to what was asked for: its path and its search, written as an address again."""
    if call.path.rstrip("/") == HOME and not call.query:
        return _LOGIN_PATH
    onward = quote(call.path) + (f"?{call.query.decode('latin-1')}" if call.query else "")
    return f"{_LOGIN_PATH}?next={quote(onward)}" if _is_ours(onward) else _LOGIN_PATH


def _is_ours(address: str) -> bool:
    """Whether a login may lead there: an address below ours, as it stands in a header."""
    is_plain = all("!" <= c <= "~" and c != "\\" for c in address)
    return address.startswith(HOME) and is_plain and len(address) <= _MAX_ONWARD_CHARS


def _retry_after(wait_s: float) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % max(1, round(wait_s))


def _answer(call: PageCall, status: int, kind: bytes, body: bytes) -> PageAnswer:
    return PageAnswer(status, [(b"content-type", kind), *GUARDS, _NO_STORE], b"" if call.method == "HEAD" else body)


def _kept_as(call: PageCall, name: str, words: str) -> PageAnswer:
    """A text to be kept; its name is one of ours, never a visitor's."""
    answer = _answer(call, 200, b"text/plain; charset=utf-8", words.encode("utf-8", "replace"))
    answer.headers.append((b"content-disposition", b'attachment; filename="%s"' % name.encode()))
    return answer


def _gone_to(address: str) -> PageAnswer:
    return PageAnswer(303, [(b"location", address.encode("latin-1", "replace")), *GUARDS, _NO_STORE], b"")


def _asset_answer(call: PageCall, asset: Asset) -> PageAnswer:
    headers = [(b"content-type", asset.kind), *GUARDS, _FOR_EVER, (b"vary", b"accept-encoding")]
    if "gzip" in (header(call.headers, b"accept-encoding") or ""):
        return PageAnswer(200, [*headers, (b"content-encoding", b"gzip")], asset.packed)
    return PageAnswer(200, headers, asset.body)
