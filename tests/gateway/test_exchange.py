"""One request from door to door: streams, failover, deadlines, budgets."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.call import Call, Deadlines
from fairlead.domain.content import FormatName
from fairlead.domain.errors import TruncatedError, UnreachableError
from fairlead.domain.names import UpstreamName
from fairlead.gateway.attempt import HELD_CAP_BYTES
from fairlead.gateway.breaker import FAILURES_TO_OPEN
from fairlead.gateway.failover import RetryBudget
from fairlead.gateway.ports import Limits
from fairlead.providers.scripted import Piece, Scene, ScriptedAnswer
from fairlead.wire.quirks import NONE
from tests.conftest import VirtualClock
from tests.peers.asgi_caller import Heard, call, chat
from tests.peers.worlds import (
    ALL,
    CHEAP,
    DONE,
    ROLE,
    STREAM_EVENTS,
    STRONG,
    STRONG_ELSEWHERE,
    USAGE,
    World,
    chunk,
    event,
    refusal,
    reply_body,
    stream,
    whole,
    world,
)

ONE = (STRONG,)
TWO = (STRONG, STRONG_ELSEWHERE)
WHOLE_STREAM = b"".join(STREAM_EVENTS)


def without_comments(body: bytes) -> bytes:
    return b"".join(part + b"\n\n" for part in body.split(b"\n\n")[:-1] if not part.startswith(b":"))


def parts(body: bytes) -> list[bytes]:
    """The events of a stream."""
    return [part.strip(b"\n") for part in body.split(b"\n\n") if part.strip(b"\n") and not part.startswith(b":")]


def stream_error(heard: Heard) -> dict[str, Any]:
    """The error that ended a stream."""
    assert heard.is_complete
    assert heard.body.endswith(DONE)
    *_, last, done = heard.body.removesuffix(b"\n\n").split(b"\n\n")
    assert done == b"data: [DONE]"
    error: dict[str, Any] = json.loads(last.removeprefix(b"data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def finishes(body: bytes) -> list[str]:
    """Every finish reason in a stream."""
    found = []
    for part in body.split(b"\n\n"):
        if part.startswith(b"data: {"):
            choices = json.loads(part[6:]).get("choices") or []
            found += [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    return found


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_obfuscation": True}])
async def test_the_usage_that_we_asked_for_is_hidden_from_who_did_not_ask(options: dict[str, Any] | None) -> None:
    w = world({"one": [stream()]}, arms=ONE)
    heard = await chat(w.app, stream=True, **({"stream_options": options} if options else {}))
    assert without_comments(heard.body) == WHOLE_STREAM.replace(USAGE, b"")
    assert w.bodies("one")[0]["stream_options"] == (options or {}) | {"include_usage": True}
    assert w.moments.replies[0].usage is not None
    assert w.moments.replies[0].usage.output_tokens == 5


async def test_the_usage_is_shown_to_who_asked() -> None:
    w = world({"one": [stream()]}, arms=ONE)
    heard = await chat(w.app, stream=True, stream_options={"include_usage": True})
    assert without_comments(heard.body) == WHOLE_STREAM
    assert heard.header("content-type") == "text/event-stream; charset=utf-8"
    assert heard.header("x-fairlead-cost-basis") == "expected"
    assert b": x-fairlead-cost-usd=0.000150000\n\n" in heard.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
RESERVED = {
    "model", "models", "messages", "stream", "stream_options", "provider", "fairlead", "max_tokens", "n", "tools",
    "max_completion_tokens", "functions", "response_format", "reasoning_effort", "reasoning",
}  # fmt: skip
SPACES = st.text(" \t\r\n", max_size=3)


@given(st.dictionaries(st.text(max_size=6).filter(lambda k: k not in RESERVED), JSON, max_size=5), SPACES, st.data())
def test_every_other_member_keeps_its_bytes(members: dict[str, Any], space: str, data: st.DataObject) -> None:
    spelled = {
        json.dumps(key, ensure_ascii=data.draw(st.booleans())): f"{space}{json.dumps(value, indent=2)}"
        for key, value in members.items()
    }
    spelled['"messages"'] = f'{space}[{{"role":"user",{space}"content":"h\\u00e9 1e2"}}]'
    spelled['"temperature"'] = "1.50E-0"
    spelled['"seed"'] = "123456789012345678901234567890"
    body = "{" + ",".join(f"{space}{key}{space}:{value}{space}" for key, value in spelled.items()) + ',"model":"auto"}'
    w = world({"one": [whole()]}, arms=ONE)
    heard = asyncio.run(call(w.app, "POST", "/v1/chat/completions", body.encode()))
    assert heard.status == 200, heard.body
    sent = w.transports["one"].received[0].body.decode()
    for value in spelled.values():
        assert value.strip(" \t\r\n") in sent
    assert json.loads(sent) == json.loads(body) | {"model": "lab/strong"}


CUTS = ("end", "cut", "stall")


@pytest.mark.parametrize("ending", CUTS)
async def test_a_stream_cut_at_any_byte_is_an_error_or_the_whole_answer(ending: str) -> None:
    finished_at = WHOLE_STREAM.index(USAGE)
    for at in range(len(WHOLE_STREAM)):
        scene = replace(stream(WHOLE_STREAM[:at], ending=ending))
        w = world({"one": [scene, UnreachableError("gone")]}, arms=ONE, limits=Limits(max_attempts=1))
        w.transports["one"]._sleep = lambda _s: asyncio.sleep(0)
        heard = await chat(w.app, stream=True)
        if heard.status != 200:
            assert heard.error["type"] == "upstream_error"
            assert at < WHOLE_STREAM.index(chunk("Hel")) + len(chunk("Hel"))
            continue
        # The events count, not the blank lines: a last event that lacks its own is given one.
        is_whole = parts(heard.body) == parts(WHOLE_STREAM.replace(USAGE, b""))
        if not is_whole:
            stream_error(heard)
            assert w.moments.replies[0].outcome == "truncated"
        if at < finished_at - 2:  # a last event may lack its blank line
            assert finishes(heard.body) == [], f"a finish was invented at {at}"
            assert not is_whole


async def test_a_stream_cut_between_events_is_an_error_or_the_whole_answer() -> None:
    for n in range(len(STREAM_EVENTS) + 1):
        w = world({"one": [stream(*STREAM_EVENTS[:n] or [b""])]}, arms=ONE, limits=Limits(max_attempts=1))
        heard = await chat(w.app, stream=True)
        if n >= 4:
            assert finishes(heard.body) == ["stop"]
        elif heard.status == 200:
            assert stream_error(heard)["code"] == "upstream_truncated"
        else:
            assert (heard.status, heard.error["code"]) == (502, "upstream_truncated")


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize(
    "bad",
    [
        refusal(500),
        refusal(429),
        refusal(503),
        refusal(401),
        refusal(403),
        refusal(404),
        refusal(529),
        refusal(302),
        Scene(is_refused=True),
        Scene.of(b"", ending="cut"),
        Scene.of(b"<html>"),
        Scene.of(b'{"error":{"message":"x"}}'),
        TruncatedError("cut"),
        refusal(400, b'{"error":{"code":"context_length_exceeded"}}'),
    ],
)
async def test_before_any_content_the_next_candidate_is_tried(bad: Any, is_streaming: bool) -> None:
    good = stream() if is_streaming else whole()
    w = world({"one": [bad], "two": [good]}, arms=TWO)
    heard = await chat(w.app, model="lab/strong", stream=is_streaming)
    assert heard.status == 200, heard.body
    assert heard.header("x-fairlead-provider") == "beta"
    assert [attempt.arm.upstream for attempt in w.moments.attempts] == ["one", "two"]
    assert all(answer.is_closed for transport in w.transports.values() for answer in transport.answers)


@pytest.mark.parametrize(
    "opening",
    [
        [ROLE], [ROLE, b": ping\n\n"], [ROLE, DONE], [event({"error": {"message": "busy"}}), DONE],
        [ROLE, event({"error": {"message": "busy"}})], [b"data: {not json\n\n"], [b": OPENROUTER PROCESSING\n\n" * 9],
        [chunk(None, "error"), DONE],
    ],
)  # fmt: skip
async def test_a_stream_that_fails_before_its_first_content_fails_over(opening: list[bytes]) -> None:
    w = world({"one": [stream(*opening)], "two": [stream()]}, arms=TWO)
    heard = await chat(w.app, model="lab/strong", stream=True)
    assert without_comments(heard.body) == WHOLE_STREAM.replace(USAGE, b"")
    assert heard.header("x-fairlead-provider") == "beta"


@pytest.mark.parametrize(
    "last",
    [
        [],
        [DONE],
        [event({"error": {"message": "busy"}})],
        [b"data: {no\n\n"],
        [b"data: {no"],
        [chunk(None, "error"), DONE],
    ],
)
@pytest.mark.parametrize("ending", ["end", "cut"])
async def test_after_the_first_content_nothing_is_ever_tried_again(last: list[bytes], ending: str) -> None:
    w = world({"one": [stream(ROLE, chunk("Hel"), *last, ending=ending)], "two": [stream()]}, arms=TWO)
    heard = await chat(w.app, model="lab/strong", stream=True)
    assert stream_error(heard)["type"] == "upstream_error"
    assert heard.body.startswith(ROLE + chunk("Hel"))
    assert finishes(heard.body) == []
    assert not w.transports["two"].received
    (moment,) = w.moments.replies
    assert (moment.outcome, moment.n_attempts) == ("truncated", 1)
    assert moment.usage is not None
    assert moment.usage.is_estimated


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        (
            (chunk("x" * (HELD_CAP_BYTES + 1)),),
            "begins too large: more than 4,194,304 bytes came with its first content",
        ),
        ((ROLE, *(b": " + b"x" * (1 << 20) + b"\n\n" for _ in range(5)), chunk("x")), "goes on without any content"),
    ],
)
async def test_a_stream_that_begins_too_large_is_told_whether_it_had_content(
    opening: tuple[bytes, ...], said: str
) -> None:
    w = world({"one": [stream(*opening)]}, arms=ONE, limits=Limits(max_attempts=1))
    heard = await chat(w.app, stream=True)
    assert (heard.status, heard.error["code"]) == (502, "upstream_garbled")
    assert said in heard.error["message"]


async def test_an_empty_finish_reason_is_not_a_finish() -> None:
    w = world({"one": [stream(ROLE, chunk("Hel", ""), chunk("lo", ""))]}, arms=ONE)
    heard = await chat(w.app, stream=True)
    assert stream_error(heard)["code"] == "upstream_truncated"


@pytest.mark.parametrize("finish", [None, "", "error"])
async def test_a_whole_reply_without_a_finish_is_not_a_success(finish: str | None) -> None:
    body = json.loads(reply_body())
    body["choices"][0]["finish_reason"] = finish
    w = world({"one": [Scene.of(json.dumps(body).encode())]}, arms=ONE, limits=Limits(max_attempts=1))
    assert (await chat(w.app)).status == 502


async def test_an_upstreams_broken_text_is_the_upstreams_fault() -> None:
    for body in (
        reply_body(model="").replace(b'"hi"', b'"\xff"'),
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"choices":' * 60_000,
    ):
        w = world({"one": [Scene.of(body)]}, arms=ONE, limits=Limits(max_attempts=1))
        heard = await chat(w.app)
        assert (heard.status, heard.error["type"]) == (502, "upstream_error"), heard.body


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_fault_of_the_client_is_told_in_the_upstreams_words_and_tried_once(status: int) -> None:
    said = b'{"error":{"message":"bad image","type":"invalid_request_error","param":"messages","code":"bad_image"}}'
    w = world({"one": [refusal(status, said)]}, arms=TWO)
    heard = await chat(w.app, model="lab/strong")
    assert (heard.status, heard.error) == (status, json.loads(said)["error"])
    assert w.n_calls == 1
    assert heard.header("x-should-retry") == "false"
    assert not w.engine.breakers.down(0.0)


@pytest.mark.parametrize("scene", [refusal(500), refusal(429), Scene(is_refused=True), Scene.of(b"x")])
async def test_once_our_attempts_are_spent_the_client_is_told_not_to_repeat_them(scene: Scene) -> None:
    w = world({"one": [scene], "two": [scene]}, arms=TWO, limits=Limits(max_attempts=2))
    heard = await chat(w.app, model="lab/strong")
    assert heard.status in (429, 502, 503)
    assert heard.header("x-should-retry") == "false"
    assert heard.error["type"] == "upstream_error"


async def test_a_last_refusal_keeps_its_status_and_its_wish_for_patience() -> None:
    w = world({"one": [refusal(429, retry_after="20")]}, arms=ONE)
    heard = await chat(w.app)
    assert (heard.status, heard.header("retry-after")) == (429, "20")
    assert w.n_calls == 1


async def test_a_failing_upstream_is_left_alone_and_tried_again_after_its_rest(clock: VirtualClock) -> None:
    w = world({"one": [refusal(502)], "two": [whole()]}, arms=TWO, clock=clock)
    first_one = {"order": ["alpha"]}  # measured conduct alone would soon prefer the other
    for _ in range(FAILURES_TO_OPEN + 3):
        assert (await chat(w.app, model="lab/strong", provider=first_one)).status == 200
    assert len(w.transports["one"].received) == FAILURES_TO_OPEN
    ready = (await call(w.app, "GET", "/health/ready")).json()
    assert ready["upstreams"] == {"one": "down", "two": "up"}
    assert ready["status"] == "ready"
    clock.pass_(2.0)
    w.transports["one"]._scenes[0] = whole()
    assert (await chat(w.app, model="lab/strong", provider=first_one)).header("x-fairlead-provider") == "alpha"
    assert (await call(w.app, "GET", "/health/ready")).json()["upstreams"]["one"] == "up"


async def test_when_all_are_down_the_least_bad_is_tried_rather_than_nobody() -> None:
    w = world({"one": [refusal(401), whole()]}, arms=ONE)
    assert (await chat(w.app)).status == 502
    assert (await chat(w.app)).status == 200


async def test_a_storm_is_not_doubled() -> None:
    w = world({"one": [refusal(500)], "two": [refusal(500)]}, arms=(STRONG, CHEAP))
    n_requests = 300
    for _ in range(n_requests):
        for spec in w.engine.services.router.pool.specs:
            w.engine.breakers.succeeded(spec.arm)
        await chat(w.app)
    assert w.n_calls <= 1.2 * n_requests + RetryBudget.CAPACITY
    assert w.n_calls > n_requests


class Dribbling:
    """An upstream that says something for ever, and never anything that counts."""

    formats: tuple[FormatName, ...] = ("openai_chat",)
    quirks = NONE

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self.answers: list[ScriptedAnswer] = []

    async def send(self, call: Call) -> ScriptedAnswer:
        def forever() -> Any:
            while True:
                yield Piece(self._piece, 0.001)

        deadlines = Deadlines(total_s=None if call.is_streaming else call.within_s)
        answer = ScriptedAnswer(Scene(pieces=forever()), deadlines, asyncio.sleep)
        self.answers.append(answer)
        return answer

    def masked(self, text: str) -> str:
        return text


@pytest.mark.parametrize("is_streaming", [False, True])
async def test_an_upstream_that_dribbles_for_ever_meets_the_deadline(is_streaming: bool) -> None:
    upstream = Dribbling(b": still thinking\n\n" if is_streaming else b" ")
    w = world(arms=ONE, upstreams={UpstreamName("one"): upstream}, limits=Limits(deadline_s=0.05),
              clock=asyncio.get_running_loop().time)  # fmt: skip
    heard = await chat(w.app, stream=is_streaming)
    assert (heard.status, heard.error["code"]) == (504, "deadline_exceeded")
    assert all(answer.is_closed for answer in upstream.answers)


def n_answers_left_open(w: World) -> int:
    return sum(not answer.is_closed for transport in w.transports.values() for answer in transport.answers)


async def test_every_answer_is_given_back_whatever_happens() -> None:
    for scene in (whole(), stream(), refusal(500), Scene.of(b"x"), stream(ROLE, chunk("a"), ending="cut")):
        for is_streaming in (False, True):
            w = world({name: [scene] for name in ("one", "two", "three")}, arms=ALL)
            await chat(w.app, stream=is_streaming)
            assert n_answers_left_open(w) == 0


async def test_streams_that_die_after_they_began_count_against_their_upstream() -> None:
    w = world({"one": [stream(ROLE, chunk("a"), ending="cut")]}, arms=ONE)
    for _ in range(FAILURES_TO_OPEN):
        await chat(w.app, stream=True)
    assert w.engine.breakers.down(w.services.clock()) == {UpstreamName("one")}


@pytest.mark.parametrize(
    ("scene", "status", "outcome"),
    [(refusal(400), 400, "refused"), (refusal(429), 429, "error"), (refusal(500), 502, "error")],
)
async def test_what_is_recorded_is_what_the_client_got(scene: Scene, status: int, outcome: str) -> None:
    w = world({"one": [scene]}, arms=ONE, limits=Limits(max_attempts=1))
    heard = await chat(w.app)
    (reply,) = w.moments.replies
    assert (heard.status, reply.status, reply.outcome) == (status, status, outcome)


async def test_a_deadline_that_passed_is_an_error_and_not_the_clients_mistake() -> None:
    upstream = Dribbling(b" ")
    w = world(arms=ONE, upstreams={UpstreamName("one"): upstream}, limits=Limits(deadline_s=0.05),
              clock=asyncio.get_running_loop().time)  # fmt: skip
    await chat(w.app)
    (reply,) = w.moments.replies
    assert (reply.status, reply.outcome) == (504, "error")


async def test_a_stream_without_usage_says_that_its_cost_is_an_estimate() -> None:
    w = world({"one": [stream(ROLE, chunk("some words"), chunk(None, "stop"), DONE)]}, arms=ONE)
    heard = await chat(w.app, stream=True)
    assert b"(estimated: the upstream reported no usage)" in heard.body


async def test_the_end_of_a_request_says_what_decided() -> None:
    w = world()
    await chat(w.app)
    await chat(w.app, model="lab/strong")
    await chat(w.app, fairlead={"allowed_models": ["nobody/*"]})
    assert [moment.reason for moment in w.moments.replies] == ["highest_utility", "asked_by_name", "nobody_eligible"]


async def test_the_state_says_where_each_breaker_stands(clock: VirtualClock) -> None:
    w = world({"one": [refusal(401), whole()]}, arms=(STRONG, CHEAP), clock=clock)

    def fitness() -> dict[str, str]:
        return {each.upstream: each.fitness for each in w.engine.state().upstreams}

    await chat(w.app, model="lab/strong")
    assert fitness() == {"one": "open", "two": "closed"}
    clock.pass_(100.0)
    await chat(w.app, model="lab/strong")
    assert set(fitness().values()) == {"closed"}


@pytest.mark.parametrize("status", [204, 302, 999])
async def test_only_a_redirect_is_called_one(status: int) -> None:
    w = world({"one": [refusal(status, b"{}")]}, arms=ONE, limits=Limits(max_attempts=1))
    heard = await chat(w.app)
    assert (heard.status, heard.error["code"]) == (502, "upstream_garbled")
    assert str(status) in heard.error["message"]
    assert ("redirect" in heard.error["message"]) is (status == 302)
