"""What an upstream says of a failure reaches the client at every door, and none of the endpoint's secrets with it."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest

from fairlead.domain.content import FormatName
from fairlead.domain.names import UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.gateway.ports import Limits
from fairlead.providers.scripted import Scene, ScriptedTransport
from fairlead.providers.upstream import Upstream
from tests.peers.asgi_caller import Heard, call
from tests.peers.worlds import ROLE, STRONG, World, chunk, endpoint, event, refusal, world

KEY: Final = "hunter2plainvalue"
TOKEN: Final = "tok+value/0"
SIGNATURE: Final = "the/signature=="
SECRETS: Final = (KEY, TOKEN, SIGNATURE, "the%2Fsignature%3D%3D")
ECHO: Final = f"refused: Bearer {KEY} {KEY} x-tok {TOKEN} /v1?sig=the%2Fsignature%3D%3D"
ERROR: Final = {"error": {"message": ECHO, "type": ECHO, "param": ECHO, "code": ECHO}}
DOORS: Final[dict[str, dict[str, Any]]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"input": "hi", "store": False},
    "/v1/messages": {"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
}


def echoing(*scenes: Scene, formats: tuple[FormatName, ...] = ("openai_chat",)) -> World:
    """One upstream that has secrets in every place where one may stand."""
    one = replace(
        endpoint("one"),
        secret=Secret(KEY),
        headers=(("x-tok", TOKEN),),
        query=(("sig", SIGNATURE),),
        formats=formats,
    )
    upstreams = {UpstreamName("one"): Upstream(one, ScriptedTransport(scenes))}
    return world(arms=(STRONG,), upstreams=upstreams, limits=Limits(max_attempts=1))


async def asked(w: World, door: str, **members: Any) -> Heard:
    return await call(w.app, "POST", door, {"model": "lab/strong", **DOORS[door], **members})


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("status", [400, 404, 422, 429, 500])
async def test_no_secret_comes_back_in_a_refusal(door: str, status: int) -> None:
    heard = await asked(echoing(refusal(status, json.dumps(ERROR).encode())), door)
    text = heard.body.decode()
    assert "***" in text
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streaming", [False, True])
async def test_no_secret_comes_back_in_a_200_with_an_error_inside(door: str, is_streaming: bool) -> None:
    heard = await asked(echoing(Scene.of(json.dumps(ERROR).encode())), door, stream=is_streaming)
    text = heard.body.decode()
    assert "refused: ***" in text
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("has_begun", [False, True])
async def test_no_secret_comes_back_in_an_error_within_a_stream(door: str, has_begun: bool) -> None:
    before = (ROLE, chunk("hello")) if has_begun else ()
    heard = await asked(echoing(Scene.of(*before, event(ERROR))), door, stream=True)
    text = heard.body.decode()
    assert ("hello" in text) is has_begun
    assert "refused: ***" in text
    assert not [secret for secret in SECRETS if secret in text]


INNER: Final = b'{"error":{"message":"inner err","code":503}}'


def told(heard: Heard) -> dict[str, Any]:
    """The error object, whole or as the last event of a failed chat stream."""
    if heard.status != 200:
        return dict(heard.error)
    *_, last, _done, _rest = heard.body.split(b"\n\n")
    return dict(json.loads(last.removeprefix(b"data: "))["error"])


@pytest.mark.parametrize(
    ("status", "body", "content_type", "error"),
    [
        (
            422,
            b'{"detail":[{"loc":["body","x"],"msg":"field required","type":"missing"}]}',
            "application/json",
            {"message": "body.x: field required", "param": "x", "code": "missing"},
        ),
        (422, b'{"detail":"words"}', "application/json", {"message": "words", "param": None, "code": None}),
        (422, b'{"detail":{"message":"m"}}', "application/json", {"message": "m", "param": None, "code": None}),
        (400, b"plain words", "text/plain; charset=utf-8", {"message": "plain words", "param": None, "code": None}),
        (400, b'"quoted"', "application/json", {"message": "quoted", "param": None, "code": None}),
    ],
    ids=["faults", "detail", "detail's message", "plain", "JSON string"],
)
async def test_a_refusal_is_told_in_the_upstreams_words(
    status: int, body: bytes, content_type: str, error: dict[str, Any]
) -> None:
    scene = replace(refusal(status, body), headers=(("content-type", content_type),))
    heard = await asked(echoing(scene), "/v1/chat/completions")
    assert heard.status == status
    assert told(heard) == {"type": "invalid_request_error", **error}


async def test_a_page_is_not_told() -> None:
    scene = replace(refusal(400, b"<html>oops"), headers=(("content-type", "text/plain"),))
    heard = await asked(echoing(scene), "/v1/chat/completions")
    assert "oops" not in heard.error["message"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("is_streaming", [False, True])
async def test_an_error_inside_a_200_is_named_and_its_words_are_told(door: str, is_streaming: bool) -> None:
    heard = await asked(echoing(Scene.of(INNER[:9], INNER[9:])), door, stream=is_streaming)
    assert heard.status == 502
    assert b"upstream_error_in_reply" in heard.body
    assert "It said: inner err" in heard.body.decode()


async def test_the_words_of_the_last_attempt_are_told_when_several_failed() -> None:
    w = world({"one": [Scene.of(INNER)]}, arms=(STRONG,), limits=Limits(max_attempts=2))
    heard = await asked(w, "/v1/chat/completions")
    assert (heard.status, heard.error["code"]) == (503, "upstream_error_in_reply")
    assert heard.error["message"].endswith("It said: inner err")


@pytest.mark.parametrize("has_begun", [False, True])
async def test_an_error_within_a_stream_is_told_in_the_upstreams_words(has_begun: bool) -> None:
    before = (ROLE, chunk("hello")) if has_begun else ()
    heard = await asked(echoing(Scene.of(*before, event(json.loads(INNER)))), "/v1/chat/completions", stream=True)
    assert told(heard)["code"] == "upstream_error_in_stream"
    assert told(heard)["message"].endswith("It said: inner err")
