"""What outlives one request: slots, hedges, heartbeats, conversations, kept answers, the end of a server."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fairlead.domain.names import AskedModel, UpstreamName
from fairlead.gateway.ports import HedgeLimits, Limits
from fairlead.gateway.pulse import BEATS
from fairlead.gateway.replay_cache import CacheLimits
from fairlead.gateway.swap import SwappableApp
from fairlead.providers.scripted import Scene
from tests.conftest import VirtualClock
from tests.gateway.test_exchange import WHOLE_STREAM, stream_error, without_comments
from tests.peers.asgi_caller import Client, Heard, call, chat, client
from tests.peers.paced import Paced, turns
from tests.peers.worlds import (
    CHEAP,
    DONE,
    ROLE,
    STRONG,
    STRONG_ELSEWHERE,
    USAGE,
    World,
    changed,
    chunk,
    refusal,
    reply_body,
    stream,
    whole,
    world,
)

ONE = (STRONG,)
TWO = (STRONG, STRONG_ELSEWHERE)
ASK = {"model": "lab/strong", "messages": [{"role": "user", "content": "hello"}]}
BIG = {"model": "auto", "messages": [{"role": "user", "content": "word " * 4_000}]}
"""About 5,000 tokens: long enough for a provider's cache."""


def paced(*names: str, arms: Any = TWO, is_open: bool = True, **more: Any) -> tuple[World, list[Paced]]:
    peers = [Paced(is_open=is_open) for _ in names]
    upstreams: dict[UpstreamName, Any] = {UpstreamName(name): peer for name, peer in zip(names, peers, strict=True)}
    return world(arms=arms, upstreams=upstreams, **more), peers


def begun(w: World, **members: Any) -> tuple[Client, "asyncio.Task[Heard]"]:
    caller = client(w.app, "POST", "/v1/chat/completions", ASK | members)
    return caller, asyncio.ensure_future(caller.run())


async def answered(task: "asyncio.Task[Heard]") -> Heard:
    return await asyncio.wait_for(task, 10)


def limited(n: int, **more: Any) -> Limits:
    return Limits(max_concurrency={UpstreamName("one"): n}, **more)


# slots


async def test_a_busy_upstream_is_passed_over_for_the_next_that_is_free() -> None:
    w, (one, two) = paced("one", "two", limits=limited(1))
    _, first = begun(w)
    _, second = begun(w)
    (await one.next_call()).say(reply_body("one"), b"")
    (await two.next_call()).say(reply_body("two"), b"")
    assert {(await answered(task)).header("x-fairlead-provider") for task in (first, second)} == {"alpha", "beta"}
    assert [each.outcome for each in w.moments.attempts] == ["ok", "ok"]
    assert all(gate.running == 0 for gate in w.engine.gates.values())


async def test_when_nobody_is_free_a_request_waits_for_its_turn() -> None:
    w, (one,) = paced("one", arms=ONE, limits=limited(1))
    tasks = [begun(w)[1] for _ in range(3)]
    for n in range(3):
        paced_call = await one.next_call()
        await turns()
        assert len(one.calls) == n + 1, "one at a time"
        paced_call.say(reply_body(), b"")
    assert [(await answered(task)).status for task in tasks] == [200] * 3


async def test_a_full_queue_is_told_to_come_back_and_may_be_retried() -> None:
    w, (one,) = paced("one", arms=ONE, limits=limited(1, max_queue=1))
    _, first = begun(w)
    paced_call = await one.next_call()
    _, waiting = begun(w)
    await turns()
    heard = await answered(begun(w)[1])
    assert (heard.status, heard.error["code"], heard.header("retry-after")) == (503, "overloaded", "1")
    assert heard.header("x-should-retry") is None
    page = w.engine.state().upstreams[0]
    assert (page.running, page.waiting, page.limit) == (1, 1, 1.0)
    paced_call.say(reply_body(), b"")
    (await one.next_call()).say(reply_body(), b"")
    assert [(await answered(task)).status for task in (first, waiting)] == [200, 200]


async def test_a_client_that_leaves_the_queue_leaves_no_trace_in_it() -> None:
    w, (one,) = paced("one", arms=ONE, limits=limited(1))
    _, first = begun(w)
    paced_call = await one.next_call()
    leaver, task = begun(w)
    await turns()
    leaver.hang_up()
    await answered(task)
    gate = w.engine.gates[UpstreamName("one")]
    assert (gate.n_waiting, gate.running) == (0, 1)
    paced_call.say(reply_body(), b"")
    assert (await answered(first)).status == 200
    assert gate.running == 0


async def test_refusals_for_want_of_room_lower_what_an_upstream_is_given() -> None:
    w = world({"one": [refusal(429)]}, arms=ONE, limits=Limits(max_attempts=1))
    await chat(w.app)
    assert w.engine.gates[UpstreamName("one")].limit == 1.0


# hedges

HEDGED = Limits(hedge=HedgeLimits(after_s=0.001, max_share=1.0))


async def test_a_slow_attempt_gets_a_rival_and_the_first_content_wins() -> None:
    w, (one, two) = paced("one", "two", limits=HEDGED)
    _, task = begun(w, stream=True)
    slow = await one.next_call()
    quick = await two.next_call()
    quick.say(ROLE, chunk("quick"), chunk(None, "stop"), USAGE, DONE, b"")
    heard = await answered(task)
    assert heard.header("x-fairlead-provider") == "beta"
    assert b"quick" in heard.body
    assert slow.is_closed
    lost, won = w.moments.attempts
    assert (lost.outcome, lost.is_hedge, lost.place) == ("cancelled", False, 0)
    assert lost.usage is not None
    assert lost.usage.is_estimated
    assert lost.cost is not None, "what the loser may have cost is counted"
    assert (won.outcome, won.is_hedge, won.place) == ("ok", True, 1)
    assert won.cost is not None
    (reply,) = w.moments.replies
    assert reply.cost == lost.cost + won.cost, "and stands in what the request has cost"
    assert f"x-fairlead-cost-usd={reply.cost}".encode() in heard.body
    assert heard.header("x-fairlead-cost-basis") == "expected"
    assert float(heard.header("x-fairlead-cost-usd") or 0) > lost.cost.dollars
    assert all(gate.running == 0 for gate in w.engine.gates.values())


async def test_the_first_attempt_may_still_win_against_its_rival() -> None:
    w, (one, two) = paced("one", "two", limits=HEDGED)
    _, task = begun(w)
    first, rival = await one.next_call(), await two.next_call()
    first.say(reply_body("first"), b"")
    heard = await answered(task)
    assert (heard.status, heard.header("x-fairlead-provider")) == (200, "alpha")
    assert rival.is_closed
    lost, won = w.moments.attempts
    assert lost.cost is not None and won.cost is not None
    assert heard.header("x-fairlead-cost-usd") == str(lost.cost + won.cost)
    assert [(each.outcome, each.is_hedge) for each in w.moments.attempts] == [("cancelled", True), ("ok", False)]


async def test_a_rival_that_fails_leaves_the_first_to_answer() -> None:
    w, (one, two) = paced("one", "two", limits=HEDGED)
    _, task = begun(w)
    first, rival = await one.next_call(), await two.next_call()
    rival.say(b"not json", b"")
    await turns()
    first.say(reply_body("first"), b"")
    assert (await answered(task)).status == 200
    assert sorted(each.outcome for each in w.moments.attempts) == ["garbled", "ok"]


async def test_a_client_that_leaves_a_race_cancels_both() -> None:
    w, (one, two) = paced("one", "two", limits=HEDGED, is_open=False)
    leaver, task = begun(w, stream=True)
    await one.next_call()
    await two.next_call()
    leaver.hang_up()
    await answered(task)
    assert (one.n_cancelled, two.n_cancelled) == (1, 1)
    assert [each.outcome for each in w.moments.attempts] == ["cancelled", "cancelled"]
    assert w.moments.replies[0].outcome == "cancelled"
    assert all(gate.running == 0 for gate in w.engine.gates.values())


async def test_hedges_stay_below_their_share_and_within_the_retry_budget() -> None:
    w, (one, two) = paced("one", "two", limits=Limits(hedge=HedgeLimits(after_s=0.001, max_share=0.1)))
    n_requests = 60
    for _ in range(n_requests):
        _, task = begun(w)
        paced_call = await one.next_call()
        await asyncio.sleep(0.002)  # past the patience: what is counted is calls, not time
        paced_call.say(reply_body(), b"")
        await answered(task)
    assert 1 <= len(two.calls) <= 0.1 * n_requests + 5 + 1


async def test_a_measured_quantile_says_when_a_stream_is_slow() -> None:
    w, (one, two) = paced("one", "two", limits=Limits(hedge=HedgeLimits(after_quantile=0.95, max_share=1.0)))
    place = w.engine.places[STRONG.spec().arm]
    _, unknown = begun(w, stream=True)
    paced_call = await one.next_call()
    await turns()
    assert not two.calls, "nothing is known yet: nobody is slow"
    paced_call.say(ROLE, chunk("x"), chunk(None, "stop"), DONE, b"")
    await answered(unknown)
    for _ in range(20):
        w.engine.conduct.brought(place, w.services.clock(), 0.001, 0.1, 0.0, 100)
    _, task = begun(w, stream=True)
    await one.next_call()
    (await two.next_call()).say(ROLE, chunk("x"), chunk(None, "stop"), DONE, b"")
    assert (await answered(task)).header("x-fairlead-provider") == "beta"


# heartbeats


def beat(w: World, n: int = BEATS + 1) -> None:
    for _ in range(n):
        w.engine.pulse.beat()


async def test_a_waiting_stream_hears_from_us_and_may_still_fail_over() -> None:
    w, (one, two) = paced("one", "two")
    _, task = begun(w, stream=True)
    slow = await one.next_call()
    beat(w)
    await turns()
    slow.status = 500
    slow.say(ROLE, b"data: {garbage\n\n")
    (await two.next_call()).say(ROLE, chunk("Hel"), chunk("lo ü"), chunk(None, "stop"), USAGE, DONE, b"")
    heard = await answered(task)
    assert heard.status == 200
    assert heard.body.startswith(b": ")
    assert b"x-fairlead-model=lab/strong x-fairlead-provider=beta" in heard.body, "the headers were gone already"
    assert without_comments(heard.body) == WHOLE_STREAM.replace(USAGE, b"")


async def test_a_stream_that_was_begun_by_a_heartbeat_and_finds_nobody_says_so_in_itself() -> None:
    w, (one,) = paced("one", arms=ONE, limits=Limits(max_attempts=1))
    _, task = begun(w, stream=True)
    paced_call = await one.next_call()
    beat(w)
    await turns()
    paced_call.say(b"data: {garbage\n\n")
    heard = await answered(task)
    assert heard.status == 200
    assert stream_error(heard)["code"] == "upstream_garbled"
    (reply,) = w.moments.replies
    assert (reply.status, reply.outcome) == (200, "error")


async def test_a_silent_stream_gets_pings_between_its_pieces_and_a_lively_one_none() -> None:
    w, (one,) = paced("one", arms=ONE)
    caller, task = begun(w, stream=True)
    paced_call = await one.next_call()
    paced_call.say(ROLE, chunk("Hel"))
    await asyncio.wait_for(caller.has_first_piece.wait(), 10)
    for _ in range(3 * BEATS):
        beat(w, 1)
        paced_call.say(chunk("."))
        await turns()
    assert not [piece for piece in caller.heard.pieces if piece.startswith(b":")]
    for _ in range(2):
        beat(w)
        await turns()
    assert len([piece for piece in caller.heard.pieces if piece.startswith(b":")]) == 2
    paced_call.say(chunk(None, "stop"), DONE, b"")
    assert (await answered(task)).is_complete


async def test_a_reply_in_one_piece_is_never_begun_by_a_heartbeat() -> None:
    w, (one,) = paced("one", arms=ONE)
    _, task = begun(w)
    paced_call = await one.next_call()
    beat(w)
    await turns()
    paced_call.say(reply_body(), b"")
    heard = await answered(task)
    assert (heard.status, heard.json()["choices"][0]["message"]["content"]) == (200, "hi")


# caps


async def test_a_stream_longer_than_its_cap_ends_with_an_error() -> None:
    endless = stream(ROLE, *[chunk("x" * 100)] * 100, chunk(None, "stop"), DONE)
    w = world({"one": [endless]}, arms=ONE, limits=Limits(max_stream_bytes=5_000))
    heard = await chat(w.app, stream=True)
    assert stream_error(heard)["code"] == "upstream_garbled"
    assert len(heard.body) < 7_000
    assert w.transports["one"].answers[0].is_closed


async def test_a_reply_longer_than_its_cap_is_not_taken() -> None:
    w = world({"one": [whole("x" * 5_000)]}, arms=ONE, limits=Limits(max_reply_bytes=2_000, max_attempts=1))
    assert (await chat(w.app)).error["code"] == "upstream_garbled"


# the end of a server


async def test_when_a_server_ends_running_streams_say_so_and_waiting_replies_are_a_503() -> None:
    w, (one,) = paced("one", arms=ONE)
    caller, speaking = begun(w, stream=True)
    (await one.next_call()).say(ROLE, chunk("Hel"))
    await asyncio.wait_for(caller.has_first_piece.wait(), 10)
    _, opening = begun(w, stream=True)
    _, in_one_piece = begun(w)
    await one.next_call()
    await one.next_call()
    w.engine.is_draining = True
    ready = await call(w.app, "GET", "/health/ready")
    assert (ready.status, ready.json()["reasons"][0]) == (503, "the server is being stopped")
    w.engine.shut_down()
    heard = await answered(speaking)
    assert stream_error(heard)["code"] == "shutting_down"
    assert heard.body.startswith(ROLE + chunk("Hel"))
    for task in (opening, in_one_piece):
        heard = await answered(task)
        assert (heard.status, heard.error["code"]) == (503, "shutting_down")
    assert all(each.is_closed for each in one.calls)
    assert {each.outcome for each in w.moments.attempts} == {"cancelled"}
    assert {each.outcome for each in w.moments.replies} == {"error"}
    assert not w.engine.running


async def test_a_new_configuration_is_taken_over_between_two_requests_and_running_ones_end_on_the_old() -> None:
    w, (one,) = paced("one", arms=ONE)
    app = SwappableApp(w.services)
    old_engine = app.engine
    old = asyncio.ensure_future(client(app, "POST", "/v1/chat/completions", ASK).run())
    old_call = await one.next_call()
    other = Paced()
    app.swap(replace(w.services, upstreams={UpstreamName("one"): other}, config_version="new"))
    new = asyncio.ensure_future(client(app, "POST", "/v1/chat/completions", ASK).run())
    (await other.next_call()).say(reply_body("new"), b"")
    assert (await answered(new)).json()["choices"][0]["message"]["content"] == "new"
    emptied = asyncio.ensure_future(old_engine.emptied())
    await turns()
    assert not emptied.done()
    old_call.say(reply_body("old"), b"")
    assert (await answered(old)).json()["choices"][0]["message"]["content"] == "old"
    await asyncio.wait_for(emptied, 10)
    assert [reply.config_version for reply in w.moments.replies] == ["new", "abc"]
    ready = await call(app, "GET", "/health/ready")
    assert ready.json()["config_version"] == "new"


async def test_what_was_learned_outlives_a_change_of_the_configuration() -> None:
    w = world({"one": [refusal(401)], "two": [whole()]}, arms=TWO)
    app = SwappableApp(w.services)
    await call(app, "POST", "/v1/chat/completions", ASK | {"session_id": "s"})
    app.swap(w.services)
    state = app.engine.state()
    assert [each.upstream for each in state.upstreams if each.is_down] == ["one"]
    assert state.n_sessions == 1
    assert any(arm.n_attempts for arm in state.arms)


# conversations


async def test_a_tool_loop_goes_on_with_the_model_that_began_it(clock: VirtualClock) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    known: Any = {"tools": True}
    w = world(arms=(STRONG.with_(abilities=known), CHEAP.with_(abilities=known)), clock=clock)
    first = await chat(w.app, tools=tools, fairlead={"allowed_models": ["lab/cheap"]})
    assert first.header("x-fairlead-model") == "lab/cheap"
    turn = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "t", "content": "4"},
    ]
    body = {"model": "auto:quality", "messages": turn, "tools": tools}
    decision = (await call(w.app, "POST", "/v1/route", body)).json()
    assert decision["reason"]["code"] == "kept_in_tool_loop"
    assert decision["session"]["without"]["model"] == "lab/strong"
    assert (await chat(w.app, body)).header("x-fairlead-model") == "lab/cheap"
    moment = w.moments.decisions[-1]
    assert (moment.kept, moment.without and moment.without.model) == ("kept_in_tool_loop", "lab/strong")
    assert moment.figures().reason == "kept_in_tool_loop"
    assert w.moments.replies[-1].kept == "kept_in_tool_loop"
    off = body | {"fairlead": {"session_affinity": "off"}}
    assert (await call(w.app, "POST", "/v1/route", off)).json()["session"] is None
    plain = changed(w, keeps_sessions=False)
    assert (await chat(plain.app, body)).header("x-fairlead-model") == "lab/strong"


@pytest.mark.parametrize("header", [b"x-session-id", b"x-claude-code-session-id", b"session_id"])
async def test_a_session_is_known_by_its_header_and_its_id_is_not_recorded(header: bytes) -> None:
    w = world()
    for _ in range(2):
        await call(w.app, "POST", "/v1/chat/completions", ASK, headers=[(header, b"mine")])
    first, second = w.moments.decisions
    assert first.session is not None
    assert first.session == second.session
    assert "mine" not in first.session
    assert (first.kept, second.kept) == (None, "no_pricing")
    assert (first.chance, first.n_candidates) == (1.0, 2)


async def test_a_short_question_without_tools_or_an_id_is_no_conversation() -> None:
    w = world()
    await chat(w.app)
    assert w.engine.state().n_sessions == 0
    await chat(w.app, BIG)
    assert w.engine.state().n_sessions == 1


# kept answers

CERTAIN: Any = {"temperature": 0}


def cached(w: World, **limits: Any) -> World:
    return changed(w, cache=CacheLimits(60.0, 1_000_000, **limits))


async def test_the_cache_is_off_unless_asked_for() -> None:
    w = world()
    for _ in range(2):
        assert (await chat(w.app, **CERTAIN)).header("x-fairlead-cache") is None
    assert w.n_calls == 2


async def test_the_same_question_is_answered_from_the_cache_and_costs_nothing(clock: VirtualClock) -> None:
    w = cached(world(clock=clock))
    first = await chat(w.app, **CERTAIN)
    clock.pass_(7.0)
    second = await chat(w.app, **CERTAIN)
    assert (first.header("x-fairlead-cache"), second.header("x-fairlead-cache")) == ("miss", "hit")
    assert (second.header("age"), second.header("x-fairlead-cost-usd")) == ("7", "0.000000000")
    assert second.body == first.body
    assert second.header("x-fairlead-model") == first.header("x-fairlead-model")
    assert w.n_calls == 1
    reply = w.moments.replies[-1]
    assert reply.cost is not None
    assert (reply.is_cached, reply.n_attempts, reply.cost.nano) == (True, 0, 0)
    clock.pass_(60.0)
    assert (await chat(w.app, **CERTAIN)).header("x-fairlead-cache") == "miss"


async def test_a_stream_is_given_again_as_it_was_without_our_comments() -> None:
    w = cached(world({name: [stream()] for name in ("one", "two", "three")}))
    first = await chat(w.app, stream=True, **CERTAIN)
    second = await chat(w.app, stream=True, **CERTAIN)
    assert second.header("x-fairlead-cache") == "hit"
    assert second.body == without_comments(first.body) == WHOLE_STREAM.replace(USAGE, b"")
    assert second.header("content-type") == first.header("content-type")
    asked = await chat(w.app, stream=True, stream_options={"include_usage": True}, **CERTAIN)
    assert asked.header("x-fairlead-cache") == "miss"
    assert w.n_calls == 2


@pytest.mark.parametrize(
    ("members", "limits"),
    [
        ({"temperature": 1}, {}),
        ({}, {}),
        ({"temperature": 0, "tools": [{"type": "function", "function": {"name": "f"}}], "model": "lab/strong"}, {}),
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "model": "lab/strong"}, {"sampled": True}),
        ({"temperature": 0, "fairlead": {"cache": "off"}}, {}),
    ],
)
async def test_what_must_not_be_kept_is_not(members: dict[str, Any], limits: dict[str, bool]) -> None:
    w = cached(world(), **limits)
    for _ in range(2):
        assert (await chat(w.app, **members)).header("x-fairlead-cache") is None
    assert w.n_calls == 2


@pytest.mark.parametrize("bad", [refusal(500), stream(ROLE, chunk("a"), ending="cut"), stream(ROLE, chunk("a"))])
@pytest.mark.parametrize("is_streaming", [False, True])
async def test_what_failed_is_not_kept(bad: Scene, is_streaming: bool) -> None:
    good = stream() if is_streaming else whole()
    w = cached(world({"one": [bad, good]}, arms=ONE, limits=Limits(max_attempts=1)))
    await chat(w.app, stream=is_streaming, **CERTAIN)
    w.engine.breakers.succeeded(STRONG.spec().arm)
    assert (await chat(w.app, stream=is_streaming, **CERTAIN)).header("x-fairlead-cache") == "miss"
    assert (await chat(w.app, stream=is_streaming, **CERTAIN)).header("x-fairlead-cache") == "hit"


def keyed(w: World, body: Any = ASK, key: bytes = b"k1") -> "asyncio.Task[Heard]":
    caller = client(w.app, "POST", "/v1/chat/completions", body, headers=[(b"idempotency-key", key)])
    return asyncio.ensure_future(caller.run())


async def test_a_repeated_request_is_served_once_and_answered_twice() -> None:
    w, (one,) = paced("one", arms=ONE)
    first = keyed(w)
    paced_call = await one.next_call()
    second = keyed(w)
    await turns()
    assert len(one.calls) == 1, "the second waits for the first"
    paced_call.say(reply_body("once"), b"")
    heard, again = await answered(first), await answered(second)
    assert again.body == heard.body
    assert (heard.header("idempotent-replayed"), again.header("idempotent-replayed")) == (None, "true")
    assert again.header("x-fairlead-decision-id") != heard.header("x-fairlead-decision-id")
    assert again.header("x-fairlead-model") == "lab/strong"
    costs = [value for name, value in again.headers if name == "x-fairlead-cost-usd"]
    assert costs == ["0.000000000"], "it was paid for with the first"
    assert float(heard.header("x-fairlead-cost-usd") or "nan") > 0
    third = await answered(keyed(w))
    assert third.body == heard.body
    assert len(one.calls) == 1
    refused = await answered(keyed(w, ASK | {"seed": 1}))
    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_reused")


async def test_a_failure_is_not_kept_for_a_repeated_request() -> None:
    w = world({"one": [refusal(400), whole()]}, arms=ONE)
    assert [(await answered(keyed(w))).status for _ in range(3)] == [400, 200, 200]
    assert w.n_calls == 2


async def test_a_first_request_whose_client_leaves_frees_the_one_that_waits() -> None:
    w, (one,) = paced("one", arms=ONE)
    leaver = client(w.app, "POST", "/v1/chat/completions", ASK, headers=[(b"idempotency-key", b"k1")])
    gone = asyncio.ensure_future(leaver.run())
    await one.next_call()
    second = keyed(w)
    await turns()
    leaver.hang_up()
    await answered(gone)
    (await one.next_call()).say(reply_body(), b"")
    assert (await answered(second)).status == 200


# retries of clients


async def test_a_clients_own_retry_earns_no_further_attempts() -> None:
    w = world({"one": [refusal(500)], "two": [refusal(500)]}, arms=TWO, limits=Limits(retry_budget_share=1.0))
    before = w.engine.budget.tokens
    for _ in range(3):
        w.engine.budget.spend()
    await call(w.app, "POST", "/v1/chat/completions", ASK, headers=[(b"x-stainless-retry-count", b"1")])
    assert w.engine.budget.tokens < before - 3
    left = w.engine.budget.tokens
    await call(w.app, "POST", "/v1/chat/completions", ASK, headers=[(b"x-stainless-retry-count", b"0")])
    assert w.engine.budget.tokens > left - 3


async def test_when_all_rest_the_last_word_is_a_503_that_says_when_to_come_back(clock: VirtualClock) -> None:
    w = world({"one": [Scene(is_refused=True)]}, arms=ONE, clock=clock, limits=Limits(max_attempts=1))
    for _ in range(5):
        assert (await chat(w.app)).status == 502
    heard = await chat(w.app)
    assert (heard.status, heard.error["code"]) == (503, "all_upstreams_down")
    assert heard.header("retry-after") == "2"
    assert heard.header("x-should-retry") == "false"


async def test_measured_conduct_enters_the_next_decision(clock: VirtualClock) -> None:
    def waits() -> Callable[[float], Any]:
        async def sleep(seconds: float) -> None:
            clock.pass_(seconds)

        return sleep

    slow = replace(stream(), delay_s=30.0)
    w = world({"one": [slow]}, arms=(STRONG, CHEAP.with_(quality=0.85)), clock=clock)
    w.transports["one"]._sleep = waits()
    for _ in range(12):
        await chat(w.app, model="lab/strong", stream=True)
    decision = (await call(w.app, "POST", "/v1/route", ASK | {"model": AskedModel("auto:speed")})).json()
    (seen,) = [each for each in decision["candidates"] if each["model"] == "lab/strong"]
    assert (seen["delay_basis"], seen["ttft_s"] > 10) == ("measured", True)
    assert json.dumps(decision)
