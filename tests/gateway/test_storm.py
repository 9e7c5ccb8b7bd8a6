"""A storm through the real `openai` client: its retries and ours together stay below 1.2 calls a request."""

import asyncio

import openai
import pytest

from fairlead.gateway.failover import RetryBudget
from fairlead.gateway.ports import Limits
from tests.gateway.test_openai_client import ASK, front
from tests.peers.openai_server import Call, Loses

N_REQUESTS = 120


async def always_500(call: Call) -> None:
    await call.json({"error": {"message": "no"}}, "500 Internal Server Error")


async def test_retries_of_client_and_gateway_do_not_multiply() -> None:
    n_calls = 0

    async def count(call: Call) -> None:
        nonlocal n_calls
        n_calls += 1
        await always_500(call)

    async with front(count) as (plain, w):
        client = plain.with_options(max_retries=2)

        async def ask() -> int:
            try:
                await client.chat.completions.create(model="lab/strong", messages=ASK)
            except openai.APIStatusError as error:
                assert error.response.headers["x-should-retry"] == "false"
                return error.status_code
            return 200

        statuses: list[int] = []
        for _ in range(N_REQUESTS // 20):
            statuses += await asyncio.gather(*[ask() for _ in range(20)])
        assert set(statuses) <= {502, 503}
        assert len(w.moments.replies) == N_REQUESTS, "the SDK has not asked again"
        assert len(w.moments.attempts) == n_calls
        assert N_REQUESTS <= n_calls <= 1.2 * N_REQUESTS + RetryBudget.CAPACITY


async def test_a_rate_limit_that_says_when_is_obeyed_and_not_hammered() -> None:
    n_calls = 0

    async def busy(call: Call) -> None:
        nonlocal n_calls
        n_calls += 1
        await call.json({"error": {"message": "slow down"}}, "429 Too Many Requests", "retry-after: 30")

    async with front(busy) as (plain, w):
        client = plain.with_options(max_retries=2)
        for _ in range(10):
            try:
                await client.chat.completions.create(model="lab/strong", messages=ASK)
            except openai.RateLimitError as error:
                assert error.response.headers["retry-after"] == "30"
        assert n_calls == 10, "one call a request, nothing on top"
        assert w.engine.state().upstreams[0].limit == 1.0


async def test_a_request_lost_on_a_rested_connection_has_a_line_of_its_own_beside_the_one_that_took_its_place() -> None:
    script = Loses(2)
    async with front(script) as (client, w):
        for _ in range(2):
            await client.chat.completions.create(model="lab/strong", messages=ASK)
        assert [attempt.outcome for attempt in w.moments.attempts] == ["ok", "unreachable", "ok"]
        assert len({attempt.decision_id for attempt in w.moments.attempts[1:]}) == 1
        assert script.n_calls == len(w.moments.attempts)
        assert w.engine.breakers.soonest_s(0.0) is None, "only a connection failed"


@pytest.mark.parametrize("n", [1, 2])
async def test_a_request_that_is_sent_again_is_one_of_its_attempts(n: int) -> None:
    script = Loses(2)
    async with front(script, limits=Limits(max_attempts=n)) as (client, w):
        await client.chat.completions.create(model="lab/strong", messages=ASK)
        if n == 1:
            with pytest.raises(openai.APIStatusError):
                await client.chat.completions.create(model="lab/strong", messages=ASK)
        else:
            await client.chat.completions.create(model="lab/strong", messages=ASK)
        assert script.n_calls == len(w.moments.attempts) == 1 + n
        assert w.moments.replies[-1].n_attempts == n
