"""Shadows: another model is asked the same, and no client ever notices."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from fairlead.domain.names import ModelId, UpstreamName
from fairlead.gateway.ports import Limits, ShadowLimits
from fairlead.gateway.shadows import Shadows
from fairlead.gateway.swap import SwappableApp
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.store.book import Book
from fairlead.store.lines import Moment
from fairlead.store.redaction import Redactor
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from tests.conftest import VirtualClock
from tests.peers.asgi_caller import Heard, call, chat
from tests.peers.live_gateway import serving_gateway
from tests.peers.openai_server import BROKEN, Call, Script, answer_well, break_off, serving_openai
from tests.peers.paced import Paced, turns
from tests.peers.raw_client import connected, request
from tests.peers.worlds import World, changed, endpoint, refusal, reply_body, whole, world
from tests.routing.small_pool import Known
from tests.store.small_traffic import batch_of

SERVES = Known("lab/serves", "one", "alpha", quality=0.9, price_in=1.0, price_out=2.0)
SHADOW = Known("lab/shadow", "two", "beta", quality=0.2, price_in=1.0, price_out=2.0)
ARMS = (SERVES, SHADOW)
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}


def shadowing(w: World, **changes: Any) -> World:
    """The same world with every request asked again of the shadow's model."""
    usual: dict[str, Any] = {
        "arms": w.services.router.pool.names["lab/shadow"], "share": 1.0, "max_usd_per_day": 1.0, "max_concurrency": 2,
        "max_queue": 3, "deadline_s": 30.0, "draw": lambda: 0.0,
    }  # fmt: skip
    limits = ShadowLimits(**{name: changes.pop(name, value) for name, value in usual.items()})
    return changed(w, shadowing=limits, shadow_observers=(w.moments,), **changes)


def shadows(w: World) -> Shadows:
    assert w.engine.shadows is not None
    return w.engine.shadows


async def asked(w: World, **members: Any) -> Heard:
    heard = await chat(w.app, ASK, **members)
    await asyncio.wait_for(shadows(w).emptied(), 30)
    return heard


def paced(**more: Any) -> tuple[World, Paced, Paced]:
    one, two = Paced(), Paced()
    upstreams: dict[UpstreamName, Any] = {UpstreamName("one"): one, UpstreamName("two"): two}
    return shadowing(world(arms=ARMS, upstreams=upstreams, limits=more.pop("limits", None)), **more), one, two


async def answered(w: World, peer: Paced) -> Heard:
    """A client's request, answered by the peer that serves it."""
    task = asyncio.ensure_future(chat(w.app, ASK))
    (await peer.next_call()).say(reply_body(), b"")
    return await asyncio.wait_for(task, 10)


# over real sockets


@asynccontextmanager
async def front(script: Script, **changes: Any) -> AsyncIterator[tuple[World, int]]:
    """A live gateway before two live upstreams, whose second plays this script; gives its port."""
    async with serving_openai(answer_well) as one, serving_openai(script) as two, AsyncExitStack() as stack:
        upstreams: dict[UpstreamName, Any] = {}
        for name, server in (("one", one), ("two", two)):
            where = endpoint(name, f"http://127.0.0.1:{server.port}/v1")
            upstream = upstreams[UpstreamName(name)] = Upstream(where, HttpTransport(origin_of(where)))
            stack.callback(upstream.close)
        w = shadowing(world(arms=ARMS, upstreams=upstreams), **changes)
        yield w, await stack.enter_async_context(serving_gateway(w.app))


async def talk(port: int, *, stream: bool) -> tuple[int, bytes]:
    """Status, and everything that came after it."""
    body = json.dumps(ASK | {"stream": stream}).encode()
    async with connected(port) as client:
        await client.say(request(body, b"connection: close"))
        came = await client.rest()
    return int(came.split(b" ")[1]), came


@pytest.mark.parametrize("stream", [False, True])
async def test_the_pair_is_recorded_with_tokens_cost_delays_and_words(stream: bool) -> None:
    async def other(call: Call) -> None:
        await answer_well(call, "shadow", "another word")

    async with front(other, keeps_words=True) as (w, port):
        status, body = await talk(port, stream=stream)
        await asyncio.wait_for(shadows(w).emptied(), 30)
    assert status == 200 and b"hello" in body and b"another" not in body
    (told,), (reply,) = w.moments.shadows, w.moments.replies
    assert told.decision_id == reply.decision_id
    assert (told.arm.model, told.outcome, told.upstream_status) == ("lab/shadow", "ok", 200)
    assert told.usage is not None and told.usage.output_tokens == 5
    assert told.cost is not None and told.cost.nano == 10 * 1_000 + 5 * 2_000
    assert told.first_byte_s is not None and told.total_s >= told.first_byte_s
    assert told.words is not None and (told.words() or "").strip() == "another word"


async def test_words_are_kept_only_where_the_operator_wants_them() -> None:
    async with front(answer_well) as (w, port):
        await talk(port, stream=False)
        await asyncio.wait_for(shadows(w).emptied(), 30)
    assert [told.words for told in w.moments.shadows] == [None]


@pytest.mark.parametrize("how", BROKEN)
async def test_a_shadow_that_breaks_off_harms_nobody(how: str) -> None:
    begun = asyncio.Event()
    begun.set()

    async def breaks(call: Call) -> None:
        await break_off(call, how, begun)

    async with front(breaks) as (w, port):
        for _ in range(7):
            status, body = await talk(port, stream=True)
            assert status == 200 and b"[DONE]" in body
            await asyncio.wait_for(shadows(w).emptied(), 30)
        assert not w.engine.breakers.down(w.services.clock())
    assert len(w.moments.shadows) == 7
    assert all(told.outcome not in ("ok", "cancelled") for told in w.moments.shadows)
    assert {attempt.outcome for attempt in w.moments.attempts} == {"ok"}


# bounds


async def test_the_client_has_its_reply_before_the_shadow_is_called() -> None:
    w, one, two = paced()
    assert (await answered(w, one)).status == 200
    assert len(w.moments.replies) == 1
    (await two.next_call()).say(reply_body(), b"")
    await asyncio.wait_for(shadows(w).emptied(), 10)
    assert [told.outcome for told in w.moments.shadows] == ["ok"]


async def test_calls_at_once_and_the_queue_are_bounded_and_what_is_more_is_dropped_and_counted() -> None:
    w, one, two = paced()
    for _ in range(7):
        assert (await answered(w, one)).status == 200
    await turns()
    state = w.engine.state().shadows
    assert state is not None
    assert (state.n_running, state.n_waiting, dict(state.dropped)["queue_full"]) == (2, 3, 2)
    assert len(two.calls) == 2
    for _ in range(5):
        (await two.next_call()).say(reply_body(), b"")
    await asyncio.wait_for(shadows(w).emptied(), 10)
    assert len(w.moments.shadows) == 5 and w.engine.gates[UpstreamName("two")].running == 0


async def test_the_day_has_a_bound_in_money() -> None:
    clock = VirtualClock()
    plain = shadowing(world(arms=ARMS), unix_s=clock)
    await asked(plain)
    one_usd = shadows(plain).money.spent_usd
    assert one_usd == pytest.approx((10 * 1.0 + 5 * 2.0) * 1e-6)
    expected_usd = 220e-6
    w = shadowing(world(arms=ARMS), unix_s=clock, max_usd_per_day=expected_usd + 3.5 * one_usd)
    for _ in range(8):
        await asked(w)
    n = len(w.moments.shadows)
    assert 0 < n < 8 and shadows(w).n_dropped["no_money"] == 8 - n
    assert shadows(w).money.spent_usd <= expected_usd + 3.5 * one_usd
    clock.pass_(86_400)
    await asked(w)
    assert len(w.moments.shadows) == n + 1


async def test_a_client_that_needs_the_slot_gets_it_at_once() -> None:
    w, one, two = paced(limits=Limits(max_concurrency={UpstreamName("two"): 1}))
    await answered(w, one)
    held = await two.next_call()
    task = asyncio.ensure_future(chat(w.app, ASK | {"model": "lab/shadow"}))
    (await two.next_call()).say(reply_body("mine"), b"")
    assert b"mine" in (await asyncio.wait_for(task, 10)).body
    assert held.is_closed
    assert [told.outcome for told in w.moments.shadows] == ["cancelled"]
    assert w.engine.gates[UpstreamName("two")].running == 0


@pytest.mark.parametrize("gives_way", [False, True])
async def test_a_shadow_that_ends_before_it_begins_has_cost_nothing_and_gives_its_slot_back(gives_way: bool) -> None:
    def draw() -> float:
        # What is called soon from here comes before the shadow's first step.
        gate = w.engine.gates[UpstreamName("two")]
        asyncio.get_running_loop().call_soon(*((shadows(w).give_way, gate) if gives_way else (shadows(w).stop,)))
        return 0.0

    w, one, two = paced(draw=draw)
    assert (await answered(w, one)).status == 200
    await asyncio.wait_for(shadows(w).emptied(), 10)
    assert not two.calls and w.moments.shadows == []
    assert shadows(w).money.spent_usd == 0.0
    assert shadows(w).n_dropped["no_slot"] == gives_way
    assert w.engine.gates[UpstreamName("two")].running == 0


async def test_a_shadow_waits_for_no_slot() -> None:
    w, one, two = paced(limits=Limits(max_concurrency={UpstreamName("two"): 1}))
    task = asyncio.ensure_future(chat(w.app, ASK | {"model": "lab/shadow"}))
    client_call = await two.next_call()
    await answered(w, one)
    assert shadows(w).n_dropped["no_slot"] == 1
    client_call.say(reply_body(), b"")
    assert (await asyncio.wait_for(task, 10)).status == 200


async def test_draining_ends_what_runs_and_takes_nothing_more() -> None:
    w, one, two = paced()
    app = SwappableApp(w.services)
    served = w.__class__(w.services, app.engine, app, w.moments, w.transports)  # type: ignore[arg-type]
    for _ in range(3):
        await answered(served, one)
    held = await two.next_call()
    app.drain()
    await asyncio.wait_for(shadows(served).emptied(), 10)
    assert held.is_closed and [told.outcome for told in w.moments.shadows] == ["cancelled"] * 2
    await answered(served, one)
    assert len(two.calls) == 2


async def test_a_new_configuration_goes_on_with_the_days_money_and_the_old_one_asks_nobody_more() -> None:
    w, one, two = paced()
    await answered(w, one)
    await two.next_call()
    new = type(w.engine)(w.services, heir_of=w.engine)
    await asyncio.wait_for(shadows(w).emptied(), 10)
    assert [told.outcome for told in w.moments.shadows] == ["cancelled"]
    assert new.shadows is not None
    assert new.shadows.money.spent_usd > 0


# whom


@pytest.mark.parametrize(
    "members",
    [
        {"fairlead": {"excluded_models": ["lab/shadow"]}},
        {"fairlead": {"min_quality": 0.5}},
        {"provider": {"only": ["alpha"]}},
        {"provider": {"zdr": True, "only": ["alpha"]}},
        {"model": "lab/shadow"},
    ],
)
async def test_wishes_of_the_request_hold_for_the_shadow(members: dict[str, Any]) -> None:
    w = shadowing(world(arms=ARMS))
    await asked(w, **members)
    assert w.moments.shadows == []


async def test_needs_of_the_request_hold_for_the_shadow_even_where_the_client_names_its_model() -> None:
    serves = SERVES.with_(abilities={"tools": True})
    w = shadowing(world(arms=(serves, SHADOW)))
    tool = {"type": "function", "function": {"name": "look"}}
    assert (await asked(w, model="lab/serves", tools=[tool])).status == 200
    assert w.moments.shadows == [] and shadows(w).n_dropped["no_fit_arm"] == 1


async def test_a_resting_upstream_and_an_unknown_price_are_left_alone() -> None:
    w = shadowing(world({"two": [refusal(401)]}, arms=ARMS))
    assert (await chat(w.app, ASK | {"model": "lab/shadow"})).status == 502
    await asked(w)
    unpriced = SHADOW.with_(price_in=None, price_out=None)
    other = shadowing(world(arms=(SERVES, unpriced)))
    await asked(other)
    for each in (w, other):
        assert each.moments.shadows == [] and shadows(each).n_dropped["no_fit_arm"] == 1


async def test_only_the_share_of_good_answers_is_asked_again() -> None:
    draws = iter([0.009, 0.011, 0.0])
    w = shadowing(world({"one": [whole(), whole(), refusal(400)]}, arms=ARMS), share=0.01, draw=lambda: next(draws))
    for _ in range(3):
        await asked(w)
    assert len(w.moments.shadows) == 1
    assert next(draws) == 0.0, "nothing is drawn for a request that failed"


async def test_embeddings_have_no_shadow() -> None:
    embed = Known("lab/embed", "one", "alpha", in_auto=False, purpose="embedding", price_out=0.0)
    w = shadowing(world(arms=(*ARMS, embed)))
    await call(w.app, "POST", "/v1/embeddings", {"model": "lab/embed", "input": "x"})
    assert w.moments.shadows == []


async def test_the_store_keeps_the_shadow_beside_its_request_and_redacts_its_words(tmp_path: Any) -> None:
    w = shadowing(world({"two": [whole("write to someone@example.com")]}, arms=ARMS), keeps_words=True)
    heard = await asked(w)
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "t.db"))
    book = Book(Redactor(("email",), ()))
    told: tuple[Moment, ...] = (*w.moments.decisions, *w.moments.attempts, *w.moments.replies, *w.moments.shadows)
    store.put(batch_of(*told, book=book))
    found = store.decision(heard.header("x-fairlead-decision-id") or "")
    store.close()
    assert found is not None
    (row,) = found.shadows
    assert (row.model, row.upstream, row.outcome, row.output_tokens) == ("lab/shadow", "two", "ok", 5)
    assert row.cost_nanousd == 20_000 and row.reply is not None
    assert "someone" not in row.reply and "write to" in row.reply
    assert found.request.model == ModelId("lab/serves")
