"""Exploration in a running gateway: what is logged is what was drawn, within its bounds, and never in a tool loop."""

import random
from collections import Counter
from typing import Any

from scipy.stats import binomtest

from fairlead.domain.moments import Decided
from fairlead.gateway.exploring import ExploreLimits
from fairlead.routing.explore import Exploration
from fairlead.store.candidates import pack_arms, pack_candidates, unpack_candidates
from tests.conftest import VirtualClock
from tests.peers.asgi_caller import Heard, call, chat
from tests.peers.worlds import World, around, changed, world
from tests.routing.small_pool import Known

BEST = Known("lab/best", "one", "alpha", quality=0.80, price_in=1.0, price_out=1.0)
NEXT = Known("lab/next", "two", "beta", quality=0.79, price_in=1.05, price_out=1.05)
THIRD = Known("lab/third", "three", "gamma", quality=0.78, price_in=1.0, price_out=1.0)
POOR = Known("lab/poor", "three", "gamma", quality=0.2, price_in=1.0, price_out=1.0)
ARMS = tuple(arm.with_(abilities={"tools": True}) for arm in (BEST, NEXT, THIRD, POOR))
N = 800
SHARE = 0.1
TOOL = {"type": "function", "function": {"name": "look"}}
LOOP = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "seen"},
]  # fmt: skip


def exploring(
    *, seed: int = 7, max_usd_per_day: float = 1e6, clock: Any = None, draws: list[float] | None = None, **more: Any
) -> World:
    """A world that explores a tenth, by seeded draws or by these."""
    given = iter(draws) if draws is not None else None
    draw = random.Random(seed).random if given is None else lambda: next(given)
    limits = ExploreLimits(Exploration(SHARE, 2.0, **more), max_usd_per_day, draw)
    changes: dict[str, Any] = {"exploring": limits} | ({"unix_s": clock} if clock is not None else {})
    return changed(world(arms=ARMS), **changes)


def chances(moment: Decided) -> dict[str, float]:
    """Model -> its logged chance, from the figures that a store keeps."""
    figures = moment.figures()
    rows = unpack_candidates(pack_candidates(figures), None, pack_arms(figures.arms))
    return {row.model: row.propensity for row in rows if row.propensity is not None}


async def test_each_model_serves_as_often_as_its_logged_chance_says() -> None:
    w = exploring()
    for _ in range(N):
        assert (await chat(w.app)).status == 200
    logged = [chances(moment) for moment in w.moments.decisions]
    served = Counter(str(moment.arm.model) for moment in w.moments.replies if moment.arm is not None)
    for model in ("lab/best", "lab/next", "lab/third"):
        chance = logged[0][model]
        assert {round(each[model], 6) for each in logged} == {round(chance, 6)}, "the chances do not depend on the draw"
        assert binomtest(served[model], N, chance).pvalue > 0.001
    assert served["lab/poor"] == 0 and logged[0]["lab/poor"] == 0
    n_explored = N - served["lab/best"]
    assert binomtest(n_explored, N, SHARE, alternative="greater").pvalue > 0.001, "the share is a cap"
    for moment in w.moments.decisions:
        assert abs(chances(moment)[moment.arm.model] - moment.chance) < 1e-6
        assert (moment.figures().reason == "explored") == (moment.arm.model != "lab/best")


async def test_the_reply_to_a_drawn_request_says_so() -> None:
    w = exploring(draws=[0.0, 0.99])
    plain, drawn = await chat(w.app), await chat(w.app)
    assert plain.header("x-fairlead-explored") is None
    assert (drawn.header("x-fairlead-explored"), drawn.header("x-fairlead-model")) == ("true", "lab/third")
    assert [moment.figures().reason for moment in w.moments.decisions] == ["highest_utility", "explored"]


async def test_asking_what_would_be_chosen_draws_nothing_and_spends_nothing() -> None:
    w = exploring(draws=[])
    body = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
    heard = await call(w.app, "POST", "/v1/route", body)
    shown = {each["model"]: each["chance"] for each in heard.json()["candidates"]}
    assert heard.json()["chosen"]["model"] == "lab/best"
    assert shown == {"lab/best": 0.9, "lab/next": 0.05, "lab/third": 0.05, "lab/poor": 0.0}
    assert w.engine.explorer is not None and w.engine.explorer.money.spent_usd == 0


async def test_embeddings_that_are_refused_spend_nothing() -> None:
    w = exploring(draws=[])
    assert (await call(w.app, "POST", "/v1/embeddings", {"model": "auto", "input": "x"})).status == 400
    assert w.engine.explorer is not None and w.engine.explorer.money.spent_usd == 0


async def served_by(w: World, **members: Any) -> list[Heard]:
    return [await chat(w.app, **members) for _ in range(60)]


async def test_tool_loops_named_models_and_requests_with_tools_are_never_drawn() -> None:
    w = exploring(draws=[0.999] * 1_000)
    for members in (
        {"messages": LOOP, "tools": [TOOL]},
        {"messages": LOOP},
        {"tools": [TOOL]},
        {"model": "lab/best"},
        {"models": ["lab/best", "lab/next"], "model": "lab/best"},
        {"provider": {"sort": "price"}},
        {"provider": {"order": ["alpha"]}},
    ):
        w.moments.decisions.clear()
        for heard in await served_by(w, **members):
            assert heard.status == 200 and heard.header("x-fairlead-explored") is None, members
        assert {moment.chance for moment in w.moments.decisions} == {1.0}


async def test_the_first_request_with_tools_is_drawn_where_the_operator_says_so_and_its_loop_is_not() -> None:
    w = exploring(draws=[0.999] * 1_000, with_tools=True)
    assert (await chat(w.app, tools=[TOOL])).header("x-fairlead-explored") == "true"
    assert (await chat(w.app, tools=[TOOL], messages=LOOP)).header("x-fairlead-explored") is None


async def test_a_running_conversation_is_never_drawn() -> None:
    w = exploring(draws=[0.0] + [0.999] * 100)
    assert (await chat(w.app, session_id="s")).header("x-fairlead-explored") is None
    for heard in await served_by(w, session_id="s"):
        assert heard.header("x-fairlead-model") == "lab/best"


async def test_a_floor_of_the_request_holds_for_the_drawn_model() -> None:
    w = exploring(draws=[0.999] * 100)
    for heard in await served_by(w, fairlead={"min_quality": 0.795}):
        assert heard.header("x-fairlead-model") == "lab/best"


async def test_the_day_has_a_bound_and_its_chances_say_when_it_is_reached() -> None:
    clock = VirtualClock()
    one = exploring(draws=[0.93] * 100, clock=clock)
    assert (await chat(one.app)).header("x-fairlead-model") == "lab/next"
    assert one.engine.explorer is not None
    extra_usd = one.engine.explorer.money.spent_usd
    assert extra_usd > 0
    w = exploring(draws=[0.93] * 100, clock=clock, max_usd_per_day=extra_usd * 3.5)
    models = [(await chat(w.app)).header("x-fairlead-model") for _ in range(6)]
    # Once the money is gone, only who costs no more may still be drawn.
    assert models == ["lab/next"] * 3 + ["lab/third"] * 3
    assert [round(moment.chance, 6) for moment in w.moments.decisions] == [0.05] * 3 + [0.1] * 3
    assert w.engine.explorer is not None
    assert w.engine.explorer.money.spent_usd <= extra_usd * 3.5
    clock.pass_(86_400)
    assert (await chat(w.app)).header("x-fairlead-model") == "lab/next"


async def test_one_request_has_a_bound() -> None:
    w = exploring(draws=[0.93] * 100, max_extra_usd=1e-12)
    assert (await chat(w.app)).header("x-fairlead-model") == "lab/third"


async def test_a_new_configuration_goes_on_with_what_the_day_has_cost() -> None:
    w = exploring(draws=[0.93] * 100)
    await chat(w.app)
    old = w.engine
    assert old.explorer is not None
    new = type(old)(w.services, heir_of=old)
    assert new.explorer is not None
    assert new.explorer.money.spent_usd == old.explorer.money.spent_usd > 0


async def test_without_the_section_nothing_is_drawn() -> None:
    w = world(arms=ARMS)
    assert w.engine.explorer is None
    assert around(w.services, w.moments, w.transports).engine.explorer is None
    await chat(w.app)
    assert chances(w.moments.decisions[0])["lab/best"] == 1.0
