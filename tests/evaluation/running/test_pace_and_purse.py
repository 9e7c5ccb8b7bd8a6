"""Pace and purse: how many calls at once, and never more money than there is."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from fairlead.evaluation.running.pace import START, Pace
from fairlead.evaluation.running.purse import Purse
from tests.evaluation.running.worlds import Clock


async def test_a_pace_grows_while_the_upstream_keeps_up_and_never_above_its_most() -> None:
    pace = Pace(32, Clock())
    assert pace.limit == START
    for _ in range(100):
        await pace.enter()
        pace.kept_up()
        pace.leave()
    assert pace.limit == 32


async def test_a_refusal_halves_the_pace_once_for_all_calls_under_way() -> None:
    pace = Pace(64, Clock())
    epochs = [await pace.enter() for _ in range(8)]
    for epoch in epochs:
        pace.refused(epoch, None)
    assert (pace.limit, pace.n_cuts) == (START / 2, 1)
    pace.kept_up()
    assert pace.limit == START / 2 + 1 / (START / 2)


async def test_an_upstream_that_wants_rest_gets_it() -> None:
    clock = Clock()
    pace = Pace(8, clock)
    pace.refused(await pace.enter(), 5.0)
    assert pace.rest_s == 5.0
    clock.now_s += 6
    assert pace.rest_s == 0.0


async def test_no_more_are_under_way_than_the_limit_and_all_get_their_turn() -> None:
    pace, active, most = Pace(3, Clock()), 0, 0

    async def one() -> None:
        nonlocal active, most
        await pace.enter()
        active += 1
        most = max(most, active)
        await asyncio.sleep(0)
        active -= 1
        pace.leave()

    await asyncio.gather(*(one() for _ in range(50)))
    assert (most, pace.n_active) == (3, 0)


async def test_a_cancelled_waiter_takes_no_slot_with_it() -> None:
    pace = Pace(1, Clock())
    await pace.enter()
    waiting = [asyncio.ensure_future(pace.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    pace.leave()
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    await waiting[1]
    assert pace.n_active == 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=40), st.integers(0, 300))
def test_spent_held_and_reserved_never_pass_the_cap(calls: list[tuple[int, int, bool]], cap: int) -> None:
    purse = Purse(cap)
    open_calls = []
    for most, share, is_held in calls:
        if purse.reserve(most):
            open_calls.append((most, min(share, most), is_held))
        if len(open_calls) > 3:
            amount, spent, held = open_calls.pop(0)
            purse.hold(amount) if held else purse.settle(amount, spent)
        assert purse.spent_nano + purse.held_nano + purse.reserved_nano <= cap
        assert purse.overrun_nano == 0
