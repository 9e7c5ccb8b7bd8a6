"""/ui at the gateway: handed on to whoever makes pages, written to by itself alone."""

from dataclasses import dataclass, field

import pytest

from fairlead.domain.errors import UnauthenticatedError
from fairlead.domain.page_call import PageAnswer, PageCall, PageCaller
from tests.peers.asgi_caller import call
from tests.peers.worlds import World, changed, world


@dataclass
class Showing:
    """Pages that say what they were asked."""

    calls: list[PageCall] = field(default_factory=list)

    async def answer(self, call: PageCall) -> PageAnswer:
        self.calls.append(call)
        return PageAnswer(200, [(b"content-type", b"text/html"), (b"x-page", b"1")], b"<p>page</p>")

    def caller(self, call: PageCall, needs: str) -> PageCaller:
        raise UnauthenticatedError("no")


def showing_world(showing: Showing | None, **changes: object) -> World:
    return changed(world(), pages=showing, **changes)


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/decisions/a/b"])
async def test_a_call_below_ui_is_handed_on_with_all_that_pages_need(path: str) -> None:
    showing = Showing()
    heard = await call(showing_world(showing).app, "GET", path)
    assert (heard.status, heard.body) == (200, b"<p>page</p>")
    (asked,) = showing.calls
    assert (asked.method, asked.path, asked.body) == ("GET", path, b"")
    assert {arm.upstream for arm in asked.state().upstreams} == {"one", "two", "three"}


async def test_a_form_is_handed_on_with_its_body_and_a_long_one_is_refused() -> None:
    showing = Showing()
    app = showing_world(showing).app
    await call(app, "POST", "/ui/x", b"a=1")
    assert showing.calls[0].body == b"a=1"
    heard = await call(app, "POST", "/ui/x", b"a" * 16_385)
    assert heard.status == 413
    assert len(showing.calls) == 1


async def test_without_pages_nothing_answers_at_ui() -> None:
    assert (await call(showing_world(None).app, "GET", "/ui")).status == 404


@pytest.mark.parametrize("name", ["/uiother", "/u"])
async def test_a_path_that_only_begins_alike_is_no_page(name: str) -> None:
    showing = Showing()
    assert (await call(showing_world(showing).app, "GET", name)).status == 404
    assert showing.calls == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8484", 200),
        ("https://127.0.0.1:8484", 200),
        ("http://127.0.0.1:9999", 403),
        ("https://chat.example", 403),
        ("null", 403),
    ],
)
async def test_pages_answer_to_their_own_origin_alone_even_where_others_may_call_the_api(
    origin: str, status: int
) -> None:
    showing = Showing()
    app = showing_world(showing, allowed_origins=frozenset(("https://chat.example", "null"))).app
    heard = await call(app, "POST", "/ui/x", b"a=1", headers=[(b"origin", origin.encode())])
    assert heard.status == status
    assert heard.header("access-control-allow-origin") is None
    assert len(showing.calls) == (status == 200)


async def test_a_host_that_is_not_ours_sees_no_page() -> None:
    showing = Showing()
    heard = await call(showing_world(showing).app, "GET", "/ui", host=b"evil.example")
    assert heard.status == 403
    assert showing.calls == []
