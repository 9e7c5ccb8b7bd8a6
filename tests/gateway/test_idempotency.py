import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.decision import Arm
from fairlead.domain.errors import ConflictError, InvalidOptionError
from fairlead.domain.names import ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.gateway.idempotency import ENTRY_BYTES, KEEP_S, MAX_REPLY_BYTES, Idempotency, Kept, key_in

A = (TenantName("a"), b"k")
ARM = Arm(ModelId("lab/a"), UpstreamName("up"), ProviderName("p"), SentModel("a"))
ANSWER = Kept([(b"x-fairlead-model", b"lab/a")], b"answer", ARM)


async def test_a_second_request_gets_the_answer_of_the_first() -> None:
    kept = Idempotency()
    assert await kept.begin(A, b"body", 0.0) is None
    kept.keep(A, ANSWER)
    assert await kept.begin(A, b"body", 1.0) == ANSWER
    assert await kept.begin((TenantName("b"), b"k"), b"body", 1.0) is None, "another tenant's key is another key"


async def test_another_body_under_the_same_key_is_refused_while_it_runs_and_after() -> None:
    kept = Idempotency()
    await kept.begin(A, b"body", 0.0)
    for _ in range(2):
        with pytest.raises(ConflictError):
            await kept.begin(A, b"other", 1.0)
        kept.keep(A, ANSWER)


async def test_a_duplicate_waits_for_the_first_and_gets_its_answer() -> None:
    kept = Idempotency()
    await kept.begin(A, b"body", 0.0)
    waiting = [asyncio.ensure_future(kept.begin(A, b"body", 0.0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    kept.keep(A, ANSWER)
    assert await asyncio.gather(*waiting) == [ANSWER] * 3


async def test_when_the_first_fails_exactly_one_of_the_waiting_goes_on() -> None:
    kept = Idempotency()
    await kept.begin(A, b"body", 0.0)
    waiting = [asyncio.ensure_future(kept.begin(A, b"body", 0.0)) for _ in range(3)]
    await asyncio.sleep(0)
    kept.release(A)
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [None]
    assert len(pending) == 2
    kept.keep(A, ANSWER)
    assert await asyncio.gather(*pending) == [ANSWER] * 2


async def test_a_duplicate_that_leaves_does_not_stop_the_others() -> None:
    kept = Idempotency()
    await kept.begin(A, b"body", 0.0)
    leaver, stayer = (asyncio.ensure_future(kept.begin(A, b"body", 0.0)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.sleep(0)
    kept.keep(A, ANSWER)
    assert await stayer == ANSWER
    assert leaver.cancelled()


async def test_an_answer_is_kept_for_its_time_and_a_giant_one_not_at_all() -> None:
    kept = Idempotency()
    await kept.begin(A, b"body", 0.0)
    kept.keep(A, ANSWER)
    assert await kept.begin(A, b"another body", KEEP_S + 0.1) is None
    kept.keep(A, Kept([], bytes(MAX_REPLY_BYTES + 1), ARM))
    assert len(kept) == 0
    assert kept.n_bytes == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2_000)), max_size=40))
def test_what_is_kept_stays_within_its_bytes(steps: list[tuple[int, int]]) -> None:
    async def run() -> None:
        kept = Idempotency(max_bytes=4_000)
        for n, (key, size) in enumerate(steps):
            name = (TenantName("t"), b"%d" % key)
            if await kept.begin(name, b"", float(n)) is None:
                kept.keep(name, Kept([], bytes(size), ARM))
            assert kept.n_bytes <= 4_000
            assert kept.n_bytes >= len(kept) * ENTRY_BYTES

    asyncio.run(run())


def test_a_key_is_read_from_its_header_and_bounded() -> None:
    assert key_in([(b"host", b"x"), (b"idempotency-key", b"abc")]) == b"abc"
    assert key_in([(b"idempotency-key", b"")]) is None
    with pytest.raises(InvalidOptionError):
        key_in([(b"idempotency-key", b"x" * 256)])
