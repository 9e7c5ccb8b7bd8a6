import pytest

from fairlead.domain.errors import (
    GarbledError,
    RejectedError,
    SilentError,
    TruncatedError,
    UnreachableError,
    UpstreamError,
)
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId, TenantName
from fairlead.domain.usage import Usage
from fairlead.gateway.record import MOST_TOKENS, AttemptRecord, Record, outcome_of
from fairlead.gateway.work import DOORS, work_of
from fairlead.providers.scripted import Scene
from tests.conftest import VirtualClock
from tests.peers.asgi_caller import chat
from tests.peers.worlds import DONE, MIDDLE, ROLE, STRONG, Moments, chunk, event, reply_body, stream, world
from tests.routing.small_pool import Known


def begun(clock: VirtualClock) -> tuple[Record, Moments]:
    work = work_of(
        DOORS["/v1/chat/completions"], b'{"model":"auto","messages":[{"role":"user"}]}', [], TenantName("t"), clock()
    )
    moments = Moments()
    return Record(DecisionId("d"), work, [moments], clock), moments


def attempted(
    record: Record, moments: Moments, clock: VirtualClock, arm: Known, *, place: int = 0, is_hedge: bool = False
) -> AttemptRecord:
    attempt = AttemptRecord(
        DecisionId("d"), arm.spec(), [moments], clock, place=place, is_hedge=is_hedge, numbers=record.numbers
    )
    record.attempt_begins(attempt)
    return attempt


def test_the_overhead_is_the_time_that_was_not_spent_waiting(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    clock.pass_(0.25)  # ours
    late = attempted(record, moments, clock, STRONG)
    clock.pass_(4.0)
    record.waited(4.0)
    late.ended("timeout", None)
    clock.pass_(0.5)  # ours
    clock.pass_(2.0)
    record.waited(2.0)
    good = attempted(record, moments, clock, MIDDLE, place=1)
    clock.pass_(8.0)
    good.answered("speaking")
    record.waited(8.0)
    record.delivers(good)
    clock.pass_(0.25)  # ours
    assert record.overhead_s() == pytest.approx(1.0)
    assert record.first_byte_s == pytest.approx(14.75)
    good.ended("ok", 200)
    first, second = moments.attempts
    assert (first.outcome, first.first_byte_s, first.total_s, first.place) == ("timeout", None, 4.0, 0)
    assert (second.outcome, second.first_byte_s, second.total_s, second.place) == ("ok", 8.0, 8.25, 1)
    assert (first.stage, second.stage) == ("waiting", "speaking")


def test_an_attempt_ends_once(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    attempt = attempted(record, moments, clock, STRONG)
    attempt.ended("ok", 200)
    attempt.ended("cancelled", None)
    assert [each.outcome for each in moments.attempts] == ["ok"]


def test_what_one_attempt_used_is_not_charged_to_another(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    one, two = attempted(record, moments, clock, STRONG), attempted(record, moments, clock, MIDDLE, is_hedge=True)
    one.used(Usage(input_tokens=1_000_000))
    one.ended("truncated", 200)
    two.ended("ok", 200)
    assert [each.cost for each in moments.attempts] == [Usd(5_000_000_000), None]
    assert [each.is_hedge for each in moments.attempts] == [False, True]


def test_a_request_costs_what_all_its_attempts_cost(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    one, two = attempted(record, moments, clock, STRONG), attempted(record, moments, clock, MIDDLE, is_hedge=True)
    one.used(Usage(input_tokens=1_000_000))
    one.ended("cancelled", None)
    record.delivers(two)
    two.used(Usage(input_tokens=1_000_000))
    assert two.cost is not None
    whole = Usd(5_000_000_000) + two.cost
    assert record.cost == whole, "before the winner is over, as headers tell it"
    two.ended("ok", 200)
    record.replied("ok", 200, None, 0.0)
    assert (record.cost, moments.replies[0].cost) == (whole, whole)


def test_a_failure_without_a_word_of_tokens_costs_nothing_unless_it_is_the_last(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    attempted(record, moments, clock, STRONG).ended("rejected", 500)
    assert record.cost is None
    good = attempted(record, moments, clock, STRONG)
    good.used(Usage(input_tokens=1_000_000))
    good.ended("ok", 200)
    assert record.cost == good.cost == Usd(5_000_000_000)


def test_tokens_at_an_unknown_price_make_the_whole_request_of_unknown_cost(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    unpriced = attempted(record, moments, clock, STRONG.with_(price_in=None))
    unpriced.used(Usage(input_tokens=10))
    unpriced.ended("cancelled", None)
    good = attempted(record, moments, clock, STRONG)
    good.used(Usage(input_tokens=10))
    good.ended("ok", 200)
    assert record.cost is None


async def test_a_request_that_is_refused_before_anybody_is_called_costs_nothing() -> None:
    w = world()
    assert (await chat(w.app, model="lab/nobody")).status == 404
    (reply,) = w.moments.replies
    assert (reply.arm, reply.cost) == (None, Usd(0))


def test_an_unknown_price_makes_an_unknown_cost(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    attempt = attempted(record, moments, clock, STRONG.with_(price_in=None))
    attempt.used(Usage(input_tokens=10, output_tokens=1))
    assert attempt.cost is None


def test_an_answer_from_the_cache_costs_nothing_and_says_so(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    record.cached(STRONG.spec().arm)
    record.replied("ok", 200, None, 0.0)
    (reply,) = moments.replies
    assert (reply.is_cached, reply.cost, reply.n_attempts, reply.arm) == (True, Usd(0), 0, STRONG.spec().arm)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnreachableError("x"), ("unreachable", None)),
        (SilentError("x"), ("timeout", None)),
        (TruncatedError("x"), ("truncated", 200)),
        (GarbledError("x"), ("garbled", 200)),
        (UpstreamError("x"), ("rejected", 200)),
        (
            RejectedError("x", upstream="u", upstream_status=429, is_retryable=True),
            ("rejected", 429),
        ),
        (
            RejectedError("x", upstream="u", upstream_status=422, is_retryable=False),
            ("refused_request", 422),
        ),
    ],
)
def test_every_error_has_its_outcome(error: UpstreamError, expected: tuple[str, int | None]) -> None:
    assert outcome_of(error) == expected


@pytest.mark.parametrize("n_tokens", [MOST_TOKENS + 1, 10**400])
async def test_a_count_beyond_all_reason_is_unknown_and_the_answer_goes_through(n_tokens: int) -> None:
    usage = {"prompt_tokens": n_tokens, "completion_tokens": 5, "total_tokens": 15}
    w = world({"one": [Scene.of(reply_body(usage=usage))]})
    heard = await chat(w.app, model="lab/strong")
    assert heard.status == 200
    assert heard.header("x-fairlead-cost-usd") == "unknown"
    assert w.moments.attempts[0].usage is None
    assert w.moments.attempts[0].cost is None


async def test_so_it_is_in_a_stream_whose_usage_is_our_estimate_then() -> None:
    last = event({"id": "c", "choices": [], "usage": {"prompt_tokens": 10**400, "completion_tokens": 1}})
    w = world({"one": [stream(ROLE, chunk("hi"), chunk(None, "stop"), last, DONE)]})
    heard = await chat(w.app, model="lab/strong", stream=True)
    assert heard.body.endswith(DONE)
    assert b"error" not in heard.body
    (attempt,) = w.moments.attempts
    assert attempt.outcome == "ok"
    assert attempt.usage is None or attempt.usage.is_estimated
