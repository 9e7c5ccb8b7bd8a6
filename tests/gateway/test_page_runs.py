"""/ui/run/…: whoever is logged in runs requests from a page of ours, with their own rights; nobody else does."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from fairlead.dashboard.doorway import KeyHolder
from fairlead.domain.names import TenantName
from fairlead.gateway.access import AccessKey, digest
from tests.dashboard.small_pages import HOLDERS, OPERATOR, READER, holder, site
from tests.gateway.test_feedback import Keeping
from tests.peers.asgi_caller import HOST, Heard, call
from tests.peers.worlds import STREAM_EVENTS, World, changed, stream, world

CHAT = {"model": "lab/cheap", "messages": [{"role": "user", "content": "hello"}]}
OURS = (b"sec-fetch-site", b"same-origin")
VOTER = "fl-voter"
Headers = list[tuple[bytes, bytes]]


async def entered(key: str | None, old: World, holders: Sequence[KeyHolder] = HOLDERS) -> tuple[World, Headers]:
    """A gateway with a dashboard, and what the browser of somebody who is logged in sends along."""
    here = site(holders=holders if key is not None else ())
    if key is not None:
        assert (await here.log_in(key)).status == 303
    page = (await here.get("/ui/playground")).body.decode()
    found = re.search(r'data-form-token="([0-9a-f]+)"', page)
    assert found is not None
    headers = [OURS, (b"x-fairlead-form", found[1].encode())]
    if here.cookie is not None:
        headers.append((b"cookie", here.cookie.encode()))
    return changed(old, pages=here.dashboard), headers


async def sent(asked: World, path: str, body: dict[str, Any], headers: Headers) -> Heard:
    return await call(asked.app, "POST", path, body, headers=headers)


async def test_a_chat_from_a_page_is_a_request_of_the_key_that_is_logged_in() -> None:
    # The API asks for keys: a page's request carries none, and needs none.
    keys = [AccessKey("api", digest("fl-other"), TenantName("default"), frozenset(("chat",)))]
    asked, headers = await entered(READER, world(keys=keys))

    heard = await sent(asked, "/ui/run/chat", CHAT, headers)

    assert heard.status == 200 and heard.json()["choices"][0]["message"]["content"] == "hi"
    (decided,), (replied,) = asked.moments.decisions, asked.moments.replies
    assert (decided.tenant, decided.key_name, decided.door) == ("blue", "ria", "chat")
    assert (replied.tenant, replied.key_name) == ("blue", "ria")


async def test_the_session_does_not_travel_to_an_upstream() -> None:
    asked, headers = await entered(READER, world())

    await sent(asked, "/ui/run/chat", CHAT, headers)

    (received,) = asked.transports["two"].received
    assert not {name.lower() for name in received.headers} & {"cookie", "x-fairlead-form"}
    assert "fairlead_session" not in repr(received)


async def test_a_stream_passes_through_as_it_is() -> None:
    asked, headers = await entered(READER, world({"two": [stream(*STREAM_EVENTS)]}))

    heard = await sent(asked, "/ui/run/chat", CHAT | {"stream": True}, headers)

    assert heard.header("content-type") == "text/event-stream; charset=utf-8"
    assert b'"Hel"' in heard.body and heard.body.rstrip().endswith(b"data: [DONE]")


async def test_a_decision_is_shown_and_nobody_is_called() -> None:
    asked, headers = await entered(READER, world())

    heard = await sent(asked, "/ui/run/route", CHAT | {"model": "auto"}, headers)

    assert heard.json()["schema"].startswith("fairlead.decision/")
    assert asked.n_calls == 0


async def test_a_vote_is_kept_for_the_tenant_of_the_session() -> None:
    keeping = Keeping({"d1": "blue"})
    voter = holder(VOTER, "vic", "blue", "read", "feedback")
    asked, headers = await entered(VOTER, changed(world(), traffic=keeping), [*HOLDERS, voter])

    heard = await sent(asked, "/ui/run/feedback", {"decision_id": "d1", "score": 1}, headers)

    assert heard.status == 200
    (opinion,) = keeping.opinions
    assert (opinion.tenant, opinion.key_name) == ("blue", "vic")


@pytest.mark.parametrize(("key", "path"), [(OPERATOR, "/ui/run/chat"), (READER, "/ui/run/feedback")])
async def test_a_permission_that_the_key_lacks_is_lacking_here_too(key: str, path: str) -> None:
    asked, headers = await entered(key, changed(world(), traffic=Keeping()))

    heard = await sent(asked, path, CHAT, headers)

    assert heard.status == 403 and "permission" in heard.error["message"]
    assert asked.n_calls == 0


@pytest.mark.parametrize("without", [b"cookie", b"x-fairlead-form", b"sec-fetch-site"])
@pytest.mark.parametrize("path", ["/ui/run/chat", "/ui/run/route", "/ui/run/feedback"])
async def test_without_session_token_or_origin_nothing_is_run(without: bytes, path: str) -> None:
    asked, headers = await entered(READER, world())

    heard = await sent(asked, path, CHAT, [header for header in headers if header[0] != without])

    assert heard.status in (401, 403)
    assert asked.n_calls == 0 and not asked.moments.decisions


@pytest.mark.parametrize(
    "header",
    [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-site", b"same-site"), (b"origin", b"https://evil.example")],
)
async def test_a_page_of_another_place_runs_nothing_with_a_stolen_token(header: tuple[bytes, bytes]) -> None:
    asked, headers = await entered(READER, world(origins=("https://evil.example",)))

    heard = await sent(asked, "/ui/run/chat", CHAT, [each for each in headers if each[0] != header[0]] + [header])

    assert heard.status == 403
    assert asked.n_calls == 0


async def test_without_keys_the_token_of_a_page_is_needed_all_the_same() -> None:
    asked, headers = await entered(None, world())
    assert (await sent(asked, "/ui/run/chat", CHAT, headers)).status == 200
    heard = await sent(asked, "/ui/run/chat", CHAT, [OURS, (b"origin", b"http://" + HOST[1])])
    assert (heard.status, heard.error["code"]) == (403, "stale_form")


async def test_without_a_dashboard_there_is_no_such_route() -> None:
    assert (await call(world().app, "POST", "/ui/run/chat", CHAT)).status == 404
