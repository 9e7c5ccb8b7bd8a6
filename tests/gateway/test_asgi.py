import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import BodyTooLargeError, MalformedBodyError
from fairlead.gateway.asgi import LINE, ClientGoneError, Message, Presence, Receive, Scope, Send, read_body
from fairlead.gateway.delivery import Delivery
from tests.conftest import VirtualClock
from tests.peers.asgi_caller import call
from tests.peers.worlds import world

CAP_BYTES = 100
LEFT: Message = {"type": "http.disconnect"}


def upload(*pieces: bytes, then_leaves: bool = False) -> Any:
    """A `receive` that gives these pieces, and how many are left."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if not then_leaves:
        messages[-1]["more_body"] = False
    messages.append(LEFT)

    async def receive() -> Message:
        return messages.pop(0)

    return receive, messages


def read(*pieces: bytes, headers: list[tuple[bytes, bytes]] | None = None, then_leaves: bool = False) -> bytes:
    receive, _ = upload(*pieces, then_leaves=then_leaves)
    return asyncio.run(read_body({"headers": headers or []}, receive, CAP_BYTES))


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=12))
def test_a_body_is_the_sum_of_its_pieces_or_too_large(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    if len(whole) <= CAP_BYTES:
        assert read(*pieces) == whole
    else:
        with pytest.raises(BodyTooLargeError):
            read(*pieces)


def test_what_is_too_large_is_not_read_further() -> None:
    receive, left = upload(*[b"x" * 60] * 50)
    with pytest.raises(BodyTooLargeError):
        asyncio.run(read_body({"headers": []}, receive, CAP_BYTES))
    assert len(left) == 49


def test_a_length_above_the_cap_is_refused_unread() -> None:
    receive, left = upload(b"x")
    with pytest.raises(BodyTooLargeError, match="101"):
        asyncio.run(read_body({"headers": [(b"content-length", b"101")]}, receive, CAP_BYTES))
    assert len(left) == 2


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"zstd", b"identity, gzip"])
def test_a_compressed_body_is_refused(encoding: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read(b"x", headers=[(b"content-encoding", encoding)])


@pytest.mark.parametrize("encoding", [b"", b"identity", b"Identity"])
def test_a_plain_body_that_says_so_is_read(encoding: bytes) -> None:
    assert read(b"x", headers=[(b"content-encoding", encoding)]) == b"x"


@pytest.mark.parametrize("pieces", [[], [b"a"], [b"a", b"b"]])
def test_a_client_that_leaves_in_the_middle_is_gone(pieces: list[bytes]) -> None:
    with pytest.raises(ClientGoneError):
        read(*pieces, then_leaves=True)


async def test_presence_lets_errors_and_results_through_and_stops_watching() -> None:
    is_watched = asyncio.Event()

    async def receive() -> Message:
        is_watched.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody leaves")

    n_tasks = len(asyncio.all_tasks())
    with pytest.raises(ValueError, match="mine"), Presence({}, receive):
        await is_watched.wait()
        raise ValueError("mine")
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == n_tasks


class FakeLine:
    is_lost = False
    on_hang_up: Callable[[], None] | None = None


async def never() -> Message:
    raise AssertionError("our own protocol tells by itself; nobody asks")


async def test_a_line_that_is_lost_ends_the_work_without_anybody_asking() -> None:
    line = FakeLine()
    scope: dict[str, Any] = {"extensions": {LINE: line}}
    reached: list[str] = []
    with Presence(scope, never) as presence:
        reached.append("inside")
        assert line.on_hang_up is not None
        line.on_hang_up()
        await asyncio.Event().wait()
        reached.append("never")
    assert (presence.is_gone, reached, line.on_hang_up) == (True, ["inside"], None)


async def test_a_line_lost_before_the_work_begins_is_noticed() -> None:
    line = FakeLine()
    line.is_lost = True
    with pytest.raises(ClientGoneError), Presence({"extensions": {LINE: line}}, never):
        raise AssertionError("there is nobody to work for")


async def test_a_delivery_knows_when_it_has_begun() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    out = Delivery(send)
    had_begun = out.has_begun
    await out.begin_stream([(b"x-a", b"1")], b"first")
    assert (had_begun, out.has_begun) == (False, True)
    await out.piece(b"more")
    await out.end_stream()
    assert [message.get("body") for message in sent] == [None, b"first", b"more", b""]
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, False]
    assert (b"x-accel-buffering", b"no") in sent[0]["headers"]


async def test_the_time_of_a_clients_upload_is_no_overhead_of_ours() -> None:
    clock = VirtualClock()
    w = world(clock=clock)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        async def later() -> Message:
            clock.pass_(2.0)
            return await receive()

        await w.app(scope, later, send)

    body = b'{"model":"lab/strong","messages":[{"role":"user","content":"x"}]}'
    heard = await call(slow, "POST", "/v1/chat/completions", pieces=[body[:5], body[5:]])
    (reply,) = w.moments.replies
    assert (heard.status, heard.header("x-fairlead-overhead-ms"), reply.overhead_s) == (200, "0.000", 0.0)
    assert reply.total_s == 4.0
