import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import OverloadedError, RejectedError, SilentError
from fairlead.domain.names import UpstreamName
from fairlead.gateway.concurrency import DECREASE, ONE_INCIDENT_S, Gate, is_crowded

UP = UpstreamName("up")


def busy(gate: Gate, n: int) -> Gate:
    for _ in range(n):
        assert gate.take()
    return gate


def test_without_a_refusal_there_is_no_limit() -> None:
    gate = busy(Gate(UP), 10_000)
    assert not gate.is_full
    gate.served()
    assert gate.limit is None


def test_a_refusal_lowers_what_may_run_at_once_and_a_burst_of_them_counts_once() -> None:
    gate = busy(Gate(UP), 100)
    for n in range(50):
        gate.refused(n * 0.01)
    assert gate.limit == 100 * DECREASE
    assert not gate.take()
    gate.refused(ONE_INCIDENT_S)
    assert gate.limit == pytest.approx(100 * DECREASE * DECREASE)


def test_the_limit_never_falls_below_one_request() -> None:
    gate = busy(Gate(UP), 1)
    for n in range(100):
        gate.refused(float(n))
    gate.give()
    assert gate.take()


def test_good_replies_raise_the_limit_one_by_one_until_it_is_forgotten() -> None:
    gate = busy(Gate(UP), 10)
    gate.refused(0.0)
    limits = []
    while gate.limit is not None:
        limits.append(gate.limit)
        gate.served()
    assert limits == sorted(limits)
    assert max(limits) < 20
    assert len(limits) > 100, "a full limit's worth of replies for each slot"


def test_an_operators_limit_is_never_passed() -> None:
    gate = busy(Gate(UP, cap=4), 4)
    assert not gate.take()
    gate.refused(0.0)
    for _ in range(100):
        gate.served()
    assert gate.limit == 4


async def test_who_waits_is_served_in_order_as_slots_become_free() -> None:
    gate = busy(Gate(UP, cap=1), 1)
    served: list[int] = []

    async def one(number: int) -> None:
        await gate.wait(10.0)
        served.append(number)
        gate.give()

    tasks = [asyncio.ensure_future(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert (gate.n_waiting, gate.running) == (5, 1)
    gate.give()
    await asyncio.gather(*tasks)
    assert served == [0, 1, 2, 3, 4]
    assert (gate.n_waiting, gate.running) == (0, 0)


async def test_a_full_queue_refuses_at_once_and_a_slow_one_in_time_and_both_say_when_to_come_back() -> None:
    gate = busy(Gate(UP, cap=1, max_waiting=1), 1)
    first = asyncio.ensure_future(gate.wait(0.01))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError, match="queue is full"):
        await gate.wait(10.0)
    with pytest.raises(OverloadedError, match="No slot") as caught:
        await first
    assert caught.value.retry_after_s == 1.0
    assert (gate.n_waiting, gate.running) == (0, 1)


async def test_a_waiter_that_leaves_gives_its_place_and_its_slot_to_the_next() -> None:
    gate = busy(Gate(UP, cap=1), 1)
    leaver, stayer = (asyncio.ensure_future(gate.wait(10.0)) for _ in range(2))
    await asyncio.sleep(0)
    gate.give()  # the leaver has its slot, and goes before it knows
    leaver.cancel()
    await asyncio.wait_for(stayer, 10)
    assert leaver.cancelled()
    assert (gate.n_waiting, gate.running) == (0, 1)
    gate.give()
    assert gate.take()


@given(st.lists(st.sampled_from(["take", "give", "refused", "served"]), max_size=200), st.none() | st.integers(1, 5))
def test_whatever_happens_no_more_run_than_allowed_and_the_count_is_right(steps: list[str], cap: int | None) -> None:
    gate = Gate(UP, cap)
    running = 0
    for n, step in enumerate(steps):
        if step == "take":
            was_full = gate.is_full
            took = gate.take()
            assert took is not was_full
            running += took
        elif step == "give" and running:
            gate.give()
            running -= 1
        elif step == "refused":
            gate.refused(float(n))
        else:
            gate.served()
        assert gate.running == running
        assert cap is None or running <= cap
        assert gate.limit is None or gate.limit >= 1.0


def test_only_a_refusal_for_want_of_room_says_that_an_upstream_is_crowded() -> None:
    def rejected(status: int) -> RejectedError:
        return RejectedError("no", upstream="up", upstream_status=status, is_retryable=True)

    assert [status for status in (400, 401, 429, 500, 502, 503, 529) if is_crowded(rejected(status))] == [429, 503, 529]
    assert not is_crowded(SilentError("s"))
