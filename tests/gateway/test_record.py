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
from fairlead.gateway.record import Record, outcome_of
from fairlead.gateway.work import DOORS, work_of
from tests.conftest import VirtualClock
from tests.peers.worlds import MIDDLE, STRONG, Moments


def begun(clock: VirtualClock) -> tuple[Record, Moments]:
    work = work_of(
        DOORS["/v1/chat/completions"], b'{"model":"auto","messages":[{"role":"user"}]}', [], TenantName("t"), clock()
    )
    moments = Moments()
    return Record(DecisionId("d"), work, [moments], clock), moments


def test_the_overhead_is_the_time_that_was_not_spent_waiting(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    clock.pass_(0.25)  # ours
    record.attempt_begins(STRONG.spec())
    clock.pass_(4.0)
    record.attempt_ended("timeout", None)
    clock.pass_(0.5)  # ours
    clock.pass_(2.0)
    record.waited(2.0)
    record.attempt_begins(MIDDLE.spec())
    clock.pass_(8.0)
    record.answered()
    clock.pass_(0.25)  # ours
    assert record.overhead_s() == pytest.approx(1.0)
    assert record.first_byte_s == pytest.approx(14.75)
    record.attempt_ended("ok", 200)
    late, good = moments.attempts
    assert (late.outcome, late.first_byte_s, late.total_s) == ("timeout", None, 4.0)
    assert (good.outcome, good.first_byte_s, good.total_s) == ("ok", 8.0, 8.25)


def test_an_attempt_ends_once(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    record.attempt_ended("cancelled", None)
    assert moments.attempts == []
    record.attempt_begins(STRONG.spec())
    record.attempt_ended("ok", 200)
    record.attempt_ended("cancelled", None)
    assert [attempt.outcome for attempt in moments.attempts] == ["ok"]


def test_what_a_failed_attempt_used_is_not_charged_to_the_next(clock: VirtualClock) -> None:
    record, moments = begun(clock)
    record.attempt_begins(STRONG.spec())
    record.used(Usage(input_tokens=1_000_000))
    record.attempt_ended("truncated", 200)
    record.attempt_begins(MIDDLE.spec())
    record.attempt_ended("ok", 200)
    assert [attempt.cost for attempt in moments.attempts] == [Usd(5_000_000_000), None]


def test_an_unknown_price_makes_an_unknown_cost(clock: VirtualClock) -> None:
    record, _ = begun(clock)
    record.attempt_begins(STRONG.with_(price_in=None).spec())
    record.used(Usage(input_tokens=10, output_tokens=1))
    assert record.cost is None


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
