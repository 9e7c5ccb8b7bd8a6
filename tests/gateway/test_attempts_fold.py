"""Which attempts of a running gateway the store folds into their requests: the usual ones, and only those."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fairlead.domain.names import UpstreamName
from fairlead.gateway.gathering import Gathering, Told
from fairlead.gateway.ports import Limits
from fairlead.gateway.replay_cache import CacheLimits
from fairlead.store.lines import Lines, Moment, Of
from tests.gateway.test_engine import HEDGED, answered, begun, paced
from tests.gateway.test_hang_ups import LONE_ASK, Waiting
from tests.gateway.test_openai_client import ASK, front
from tests.peers.asgi_caller import chat, client
from tests.peers.openai_server import Loses
from tests.peers.worlds import ROLE, STRONG, STRONG_ELSEWHERE, World, changed, chunk, refusal, reply_body, stream, world

ONE, TWO = (STRONG,), (STRONG, STRONG_ELSEWHERE)


def with_store(w: World) -> tuple[World, Callable[[], list[str]]]:
    """The world with moments gathered as for a store, and the kinds of lines that these make."""
    gathering, told = Gathering(lambda: 1.0), list[Told]()
    gathering.listens(told.extend)
    heard = changed(w, observers=(*w.services.observers, gathering), decision_observers=(w.moments,))

    def kinds() -> list[str]:
        gathering.tell()
        return [Of(line[0]).name.lower() for line in Lines().of(told)]

    return heard, kinds


async def ask_json(w: World) -> None:
    await chat(w.app, model="lab/strong")


async def ask_stream(w: World) -> None:
    await chat(w.app, model="lab/strong", stream=True)


async def ask_thrice(w: World) -> None:
    for _ in range(3):
        await chat(w.app, model="lab/strong")


async def leave(w: World) -> None:
    waiting = w.services.upstreams[UpstreamName("one")]
    assert isinstance(waiting, Waiting)
    leaver = client(w.app, "POST", "/v1/chat/completions", LONE_ASK)
    task = asyncio.ensure_future(leaver.run())
    await asyncio.wait_for(waiting.reached.wait(), 10)
    leaver.hang_up()
    await asyncio.wait_for(task, 10)


@pytest.mark.parametrize(
    ("w", "ask", "wanted"),
    [
        (world(arms=ONE), ask_json, ["reply"]),
        (world({"one": [stream()]}, arms=ONE), ask_stream, ["reply"]),
        (world(arms=ONE), ask_thrice, ["reply"] * 3),
        (world(arms=ONE, limits=HEDGED), ask_json, ["reply"]),
        (world({"one": [refusal(500)]}, arms=TWO), ask_json, ["attempt", "attempt", "reply"]),
        (world({"one": [refusal(400)]}, arms=ONE), ask_json, ["attempt", "reply"]),
        (world({"one": [stream(ROLE, chunk("Hel"))]}, arms=ONE), ask_stream, ["reply"]),
        (world(arms=ONE, upstreams={UpstreamName("one"): Waiting("whole")}), leave, ["attempt", "reply"]),
    ],
    ids=["whole", "streamed", "one by one", "hedge not needed", "failover", "refused", "truncated", "client left"],
)
async def test_an_attempt_has_a_line_of_its_own_only_where_it_says_more_than_its_reply(
    w: World, ask: Callable[[World], Awaitable[None]], wanted: list[str]
) -> None:
    w, kinds = with_store(w)
    await ask(w)
    assert kinds() == wanted


async def test_an_answer_from_the_cache_has_no_attempt_at_all() -> None:
    w, kinds = with_store(changed(world(arms=ONE), cache=CacheLimits(60.0, 1_000_000)))
    for _ in range(2):
        await chat(w.app, model="lab/strong", temperature=0)
    assert [reply.is_cached for reply in w.moments.replies] == [False, True]
    assert kinds() == ["reply", "reply"]


async def test_a_hedge_has_lines_for_both() -> None:
    w, (one, two) = paced("one", "two", limits=HEDGED)
    w, kinds = with_store(w)
    _, task = begun(w)
    await one.next_call()
    (await two.next_call()).say(reply_body("quick"), b"")
    await answered(task)
    assert kinds() == ["attempt", "attempt", "reply"]


async def test_a_request_that_was_sent_again_has_two_attempts_each_with_a_number_and_a_line_of_its_own() -> None:
    async with front(Loses(2), limits=Limits()) as (asker, w):
        for _ in range(2):
            await asker.chat.completions.create(model="lab/strong", messages=ASK)
    moments: list[Moment] = [*w.moments.attempts[1:], w.moments.replies[1]]
    assert [(attempt.number, attempt.outcome) for attempt in w.moments.attempts] == [
        (1, "ok"),
        (1, "unreachable"),
        (2, "ok"),
    ]
    assert w.moments.replies[1].n_attempts == 2
    lines = Lines().of([(1.0, moment) for moment in moments])
    assert [(Of(line[0]), line[2]) for line in lines[:2]] == [(Of.ATTEMPT, 1), (Of.ATTEMPT, 2)]
    assert Of(lines[2][0]) == Of.REPLY
