"""Sessions: who is logged in, as a sealed cookie; and the token that every write carries. Pure.

A session says nothing of its key: it holds an end, 128 random bits and a tag of the key, under a seal that only this
server can make. A key that is taken out of the configuration ends its sessions; so does a restart.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

LASTS_S: Final = 12 * 3_600
"""A working day."""
COOKIE: Final = "fairlead_session"
MAX_COOKIE_CHARS: Final = 300
MAX_ENDED: Final = 10_000
"""Logged-out sessions that are remembered until they end by themselves."""
_TAG_CHARS: Final = 32


class Session(NamedTuple):
    """One login."""

    ends_s: int
    name: str
    """Random: no two logins share it."""
    key_tag: str


class Sessions:
    """Makes and reads them. `secret` is shared by the workers of one server."""

    def __init__(self, secret: bytes, unix_s: Callable[[], float], random_bytes: Callable[[int], bytes]) -> None:
        self._secret = secret
        self._unix_s = unix_s
        self._random_bytes = random_bytes
        self._ended: OrderedDict[str, int] = OrderedDict()

    def key_tag(self, digest: str) -> str:
        """What a session holds of the key with this digest."""
        return self._sealed(f"key:{digest}")[:_TAG_CHARS]

    def begun(self, digest: str) -> str:
        """The cookie's value of a new session of this key."""
        ends_s = int(self._unix_s()) + LASTS_S
        body = f"{ends_s}.{self._random_bytes(16).hex()}.{self.key_tag(digest)}"
        return f"{body}.{self._sealed(f'session:{body}')}"

    def read(self, cookie: str) -> Session | None:
        """The session of this cookie; None for one that is not ours, has been changed, or is over."""
        body, _, seal = cookie[:MAX_COOKIE_CHARS].rpartition(".")
        if not _same(seal, self._sealed(f"session:{body}")):
            return None
        ends, name, key_tag = body.split(".")
        session = Session(int(ends), name, key_tag)
        if session.ends_s <= self._unix_s() or session.name in self._ended:
            return None
        return session

    def end(self, session: Session) -> None:
        """Log out: the cookie is worth nothing from now on, wherever a copy of it lies."""
        self._ended[session.name] = session.ends_s
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def form_token(self, session_name: str) -> str:
        """What shows that a form came from a page of ours, of this session."""
        return self._sealed(f"form:{session_name}")

    def is_form_token(self, token: str, session_name: str) -> bool:
        """Whether it is."""
        return _same(token, self.form_token(session_name))

    def _sealed(self, words: str) -> str:
        return hmac.new(self._secret, words.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _same(a: str, b: str) -> bool:
    """In a time that does not tell where they differ."""
    return hmac.compare_digest(a.encode("utf-8", "replace"), b.encode("utf-8", "replace"))


def cookie_of(values: Iterable[bytes], name: str = COOKIE) -> str | None:
    """Our cookie among `Cookie` headers; None where it is missing or stands there twice."""
    found = [
        value
        for header in values
        for each in header.decode("latin-1").split(";")
        for key, _, value in [each.strip().partition("=")]
        if key == name
    ]
    return found[0] if len(found) == 1 else None


def cookie_header(value: str, *, is_tls: bool, lasts_s: int = LASTS_S) -> bytes:
    """The `Set-Cookie` of a session; an empty value and 0 seconds take it away."""
    secure = "; Secure" if is_tls else ""
    return f"{COOKIE}={value}; Path=/ui; Max-Age={lasts_s}; HttpOnly; SameSite=Strict{secure}".encode()
