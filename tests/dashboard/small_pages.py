"""A dashboard without a gateway: calls in, answers out; whoever has keys logs in."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fairlead.dashboard.ask import Page
from fairlead.dashboard.assets import Assets
from fairlead.dashboard.dashboard import Dashboard
from fairlead.dashboard.doorway import Doorway, KeyHolder
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.pages.register import PAGES
from fairlead.dashboard.sessions import Sessions
from fairlead.dashboard.sources import Sources
from fairlead.domain.engine_state import NOTHING, EngineState
from fairlead.domain.page_call import PageAnswer, PageCall

NOW_S = 1_790_000_000.0
HOST = b"127.0.0.1:8484"
NOTHING_KEPT = Sources()
OWN = Assets(
    {
        **dict.fromkeys(("dashboard.css", "workbench.css"), b"body {}"),
        **dict.fromkeys(("dashboard.js", "playground.js", "policy.js"), b"// js"),
        "icon.svg": b"<svg/>",
    }
)
READER = "fl-reader"
OPERATOR = "fl-operator"
TALKER = "fl-talker"


def holder(key: str, name: str, tenant: str, *may: str) -> KeyHolder:
    return KeyHolder(hashlib.sha256(key.encode()).hexdigest(), name, tenant, frozenset(may))


HOLDERS = (
    holder(READER, "ria", "blue", "read", "chat"),
    holder(OPERATOR, "otto", "house", "admin"),
    holder(TALKER, "tess", "blue", "chat"),
)


@dataclass
class Site:
    """A dashboard and a browser's worth of memory."""

    dashboard: Dashboard
    cookie: str | None = None
    unix_s: list[float] = field(default_factory=lambda: [NOW_S])
    state: Callable[[], EngineState] = lambda: NOTHING

    async def get(self, path: str, query: str = "", *, more: Mapping[str, str] = {}) -> PageAnswer:
        call = PageCall("GET", path, query.encode(), self._headers(more), client="10.0.0.1", state=self.state)
        return await self._send(call)

    async def post(
        self, path: str, fields: Mapping[str, str], *, more: Mapping[str, str] = {"sec-fetch-site": "same-origin"}
    ) -> PageAnswer:
        headers = self._headers({"content-type": "application/x-www-form-urlencoded", **more})
        return await self._send(
            PageCall("POST", path, b"", headers, urlencode(fields).encode(), "10.0.0.1", state=lambda: NOTHING)
        )

    async def log_in(self, key: str) -> PageAnswer:
        page = (await self.get("/ui/login")).body.decode()
        return await self.post("/ui/login", {"key": key, "form_token": hidden_token(page)})

    def _headers(self, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        headers = [(b"host", HOST), *((name.encode(), value.encode()) for name, value in more.items())]
        if self.cookie:
            headers.append((b"cookie", self.cookie.encode()))
        return headers

    async def _send(self, call: PageCall) -> PageAnswer:
        answer = await self.dashboard.answer(call)
        for name, value in answer.headers:
            if name == b"set-cookie":
                self.cookie = value.decode().partition(";")[0]
        return answer


def hidden_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def site(
    sources: Sources = NOTHING_KEPT,
    *,
    holders: Sequence[KeyHolder] = (),
    pages: Sequence[Page] = PAGES,
    state: Callable[[], EngineState] | None = None,
) -> Site:
    now = [NOW_S]
    numbers = iter(range(1, 1_000))
    sessions = Sessions(b"s" * 32, lambda: now[0], lambda n: bytes([next(numbers) % 256]) * n)
    doorway = Doorway(holders, sessions, Pace())
    dashboard = Dashboard(pages, sources, doorway, OWN, PagePool(), lambda: now[0])
    return Site(dashboard, None, now, state or (lambda: NOTHING))


def header(answer: PageAnswer, name: str) -> str | None:
    return next((value.decode() for each, value in answer.headers if each == name.encode()), None)
