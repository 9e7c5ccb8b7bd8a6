"""Doorway: who may look. A key is shown once, in the login form; from then on a sealed cookie stands for it."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fairlead.dashboard.ask import Visitor
from fairlead.dashboard.incoming import check_same_site, header, is_tls, token
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.sessions import Session, Sessions, cookie_header, cookie_of
from fairlead.domain.errors import ForbiddenError, UnauthenticatedError
from fairlead.domain.page_call import PageCall, PageCaller

SEES: Final = frozenset(("read", "admin"))
"""Permissions that let a key in: `read` shows its own tenant's rows, `admin` everybody's."""
_MAX_KEY_CHARS: Final = 512
_OPEN: Final = "open"
_LOGIN: Final = "login"


class KeyHolder(NamedTuple):
    """One key of the configuration."""

    digest: str
    name: str
    tenant: str
    may: frozenset[str]


class Entry(NamedTuple):
    """How a login went: a `Set-Cookie`, or why not; seconds to wait where there were too many tries."""

    cookie: bytes | None
    why: str = ""
    wait_s: float = 0.0


class Doorway:
    """Of one configuration; sessions and pace go on through its changes."""

    def __init__(self, holders: Sequence[KeyHolder], sessions: Sessions, pace: Pace) -> None:
        self._holders = tuple(holders)
        self._by_tag = {sessions.key_tag(holder.digest): holder for holder in self._holders}
        self._sessions = sessions
        self._pace = pace

    @property
    def login_token(self) -> str:
        """The token of the login form, which nobody is logged in for."""
        return self._sessions.form_token(_LOGIN)

    def visitor(self, call: PageCall) -> Visitor | None:
        """Who looks; None for somebody who must log in first."""
        if not self._holders:
            every = frozenset(("chat", "feedback", "read", "admin"))
            return Visitor("anyone", None, "default", every, True, self._sessions.form_token(_OPEN))
        found = self._session(call)
        if found is None:
            return None
        session, holder = found
        tenant = None if "admin" in holder.may else holder.tenant
        return Visitor(holder.name, tenant, holder.tenant, holder.may, False, self._sessions.form_token(session.name))

    def writer(self, call: PageCall, posted: Mapping[str, str]) -> Visitor:
        """Who writes, from a page of ours. Raises: UnauthenticatedError, ForbiddenError."""
        check_same_site(call)
        visitor = self.visitor(call)
        if visitor is None:
            raise UnauthenticatedError("Log in first.", code="not_logged_in")
        if not hmac.compare_digest(token(call, posted).encode(), visitor.form_token.encode()):
            raise ForbiddenError("This form is out of date: load its page again.", code="stale_form")
        return visitor

    def caller(self, call: PageCall, needs: str) -> PageCaller:
        """Who runs a request from a page of ours; its token comes in a header. Raises as `writer` does."""
        visitor = self.writer(call, {})
        if needs not in visitor.may:
            raise ForbiddenError(f"The key '{visitor.name}' may not do this: it lacks the permission '{needs}'.")
        return PageCaller(visitor.name, visitor.own_tenant, visitor.may)

    def log_in(self, call: PageCall, posted: Mapping[str, str], now_s: float) -> Entry:
        """Take a key. Raises: ForbiddenError for a form that is not ours."""
        check_same_site(call)
        if not self._sessions.is_form_token(token(call, posted), _LOGIN):
            raise ForbiddenError("This form is out of date: load its page again.", code="stale_form")
        wait_s = self._pace.wait_s(call.client, now_s)
        if wait_s > 0:
            return Entry(None, "Too many tries.", wait_s)
        holder = self._holder(posted.get("key", "").strip()[:_MAX_KEY_CHARS])
        if holder is None:
            self._pace.take(call.client, now_s)  # a right key is no guess
            return Entry(None, "This key is not one of this server's keys.")
        if not SEES & holder.may:
            return Entry(None, "This key may not look: it lacks the permission 'read'.")
        return Entry(cookie_header(self._sessions.begun(holder.digest), is_tls=is_tls(call)))

    def log_out(self, call: PageCall) -> bytes:
        """End the session; the `Set-Cookie` that takes it away."""
        found = self._session(call)
        if found is not None:
            self._sessions.end(found[0])
        return cookie_header("", is_tls=is_tls(call), lasts_s=0)

    def _session(self, call: PageCall) -> tuple[Session, KeyHolder] | None:
        cookie = cookie_of(value for name, value in call.headers if name == b"cookie")
        session = self._sessions.read(cookie) if cookie else None
        holder = self._by_tag.get(session.key_tag) if session is not None else None
        return (session, holder) if session is not None and holder is not None else None

    def _holder(self, key: str) -> KeyHolder | None:
        """Whose key it is. Every key is compared, each in constant time."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
        found = None
        for holder in self._holders:
            if hmac.compare_digest(digest, holder.digest):
                found = holder
        return found


def wants_html(call: PageCall) -> bool:
    """Whether a person waits for a page, not a script for data."""
    return "text/html" in (header(call.headers, b"accept") or "text/html")
