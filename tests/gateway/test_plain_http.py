"""Methods and heads as HTTP has them, over a real socket."""

import json

import pytest

from tests.gateway.test_doors import gateway
from tests.peers.raw_client import connected


async def heard(asked: bytes) -> tuple[bytes, bytes]:
    """Head, in small letters, and body of the answer to this."""
    async with gateway() as (port, _, _), connected(port) as client:
        await client.say(asked)
        head, _, body = (await client.rest()).partition(b"\r\n\r\n")
        return head.lower(), body


def without_date(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if not line.startswith(b"date:")]


@pytest.mark.parametrize(
    "path", [b"/", b"/health/live", b"/health/ready", b"/metrics", b"/v1/models", b"/v1/models/auto"]
)
async def test_head_is_get_without_a_body(path: bytes) -> None:
    rest = b" %b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % path
    got, body = await heard(b"GET" + rest)
    asked, nothing = await heard(b"HEAD" + rest)
    assert got.startswith(b"http/1.1 200")
    assert b"content-length: %d" % len(body) in got
    assert (without_date(asked), nothing) == (without_date(got), b"")


async def test_an_answer_to_options_has_no_length() -> None:
    head, body = await heard(b"OPTIONS /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert head.startswith(b"http/1.1 204")
    assert (b"content-length" in head, b"transfer-encoding" in head, body) == (False, False, b"")


async def test_http_1_0_without_a_host_is_told_that_there_is_none() -> None:
    head, body = await heard(b"GET /health/live HTTP/1.0\r\n\r\n")
    error = json.loads(body)["error"]
    assert (head[:12], error["code"]) == (b"http/1.1 403", "host_not_allowed")
    assert "no Host" in error["message"]
