from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.decision import Arm
from fairlead.domain.errors import GarbledError, RejectedError, SilentError, TruncatedError, UnreachableError
from fairlead.domain.names import ModelId, ProviderName, SentModel, UpstreamName
from fairlead.gateway.breaker import (
    CREDENTIAL_COOL_DOWN_S,
    FAILURES_TO_OPEN,
    FIRST_COOL_DOWN_S,
    LONGEST_COOL_DOWN_S,
    PROBE_LEASE_S,
    Breaker,
    Breakers,
    Fitness,
    blames_upstream,
)
from fairlead.gateway.shared_rests import SharedRests, table_bytes

UP = UpstreamName("up")
CUT = TruncatedError("cut")


def rejected(status: int, *, retry_after_s: float | None = None, is_retryable: bool = True) -> RejectedError:
    return RejectedError(
        "no", upstream="up", upstream_status=status, is_retryable=is_retryable, retry_after_s=retry_after_s
    )


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        assert not breaker.is_down(0.0)
        breaker.failed(CUT, 0.0)
    return breaker


def test_it_opens_after_enough_failures_in_a_row_and_not_before() -> None:
    breaker = opened()
    assert breaker.is_down(0.0)
    assert breaker.is_down(FIRST_COOL_DOWN_S - 0.01)
    assert not breaker.is_down(FIRST_COOL_DOWN_S)


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(CUT, 0.0)
    breaker.succeeded()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(CUT, 0.0)
    assert not breaker.is_down(0.0)


def test_after_the_cool_down_one_probe_goes_and_the_others_keep_away() -> None:
    breaker = opened()
    breaker.tried(FIRST_COOL_DOWN_S)
    assert breaker.fitness is Fitness.PROBING
    assert breaker.is_down(FIRST_COOL_DOWN_S)
    breaker.succeeded()
    assert not breaker.is_down(FIRST_COOL_DOWN_S)


def test_a_probe_that_never_comes_back_gives_its_place_to_one_other() -> None:
    breaker = opened()
    breaker.tried(FIRST_COOL_DOWN_S)
    later = FIRST_COOL_DOWN_S + PROBE_LEASE_S
    assert not breaker.is_down(later)
    breaker.tried(later)
    assert breaker.is_down(later)


def test_each_failed_probe_doubles_the_rest_up_to_its_limit() -> None:
    breaker = opened()
    now_s, rests = 0.0, []
    for _ in range(8):
        rest_s = next(s for s in range(1, 200) if not breaker.is_down(now_s + s))
        rests.append(rest_s)
        now_s += rest_s
        breaker.tried(now_s)
        breaker.failed(CUT, now_s)
    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]
    assert max(rests) == LONGEST_COOL_DOWN_S


def test_stragglers_of_one_incident_do_not_lengthen_the_rest() -> None:
    breaker = opened()
    for _ in range(60):
        breaker.failed(CUT, 0.5)
    assert not breaker.is_down(FIRST_COOL_DOWN_S)


def test_what_an_upstream_asks_for_is_obeyed_at_once_and_never_cut_short() -> None:
    breaker = Breaker()
    breaker.failed(rejected(429, retry_after_s=30.0), 0.0)
    assert breaker.is_down(29.9)
    breaker.failed(rejected(429, retry_after_s=1.0), 1.0)
    assert breaker.is_down(29.9)
    breaker.failed(rejected(503, retry_after_s=60.0), 2.0)
    assert breaker.is_down(61.9)
    assert not breaker.is_down(62.0)


def test_a_refused_credential_rests_for_long() -> None:
    for status in (401, 402, 403):
        breaker = Breaker()
        breaker.failed(rejected(status), 0.0)
        assert breaker.is_down(CREDENTIAL_COOL_DOWN_S - 0.1), status


def test_a_fault_of_the_request_or_of_one_model_is_not_the_upstreams() -> None:
    for error in (rejected(400, is_retryable=False), rejected(422, is_retryable=False), rejected(404), rejected(400)):
        assert not blames_upstream(error)
    for fault in (rejected(503), rejected(429), CUT, SilentError("s"), GarbledError("g"), UnreachableError("u")):
        assert blames_upstream(fault)


def arm(model: str, upstream: str = "up") -> Arm:
    return Arm(ModelId(f"lab/{model}"), UpstreamName(upstream), ProviderName("p"), SentModel(model))


def test_breakers_of_different_upstreams_do_not_mix() -> None:
    breakers = Breakers()
    for _ in range(FAILURES_TO_OPEN):
        breakers.failed(arm("a"), CUT, 0.0)
    assert breakers.down(0.0) == {UP}
    breakers.succeeded(arm("a", "other"))
    assert breakers.down(0.0) == {UP}
    breakers.tried(arm("b"), FIRST_COOL_DOWN_S)
    breakers.succeeded(arm("b"))
    assert breakers.down(FIRST_COOL_DOWN_S) == frozenset()


def test_a_rate_limit_rests_one_model_and_leaves_the_others_of_its_upstream() -> None:
    breakers = Breakers()
    breakers.failed(arm("a"), rejected(429, retry_after_s=9.0), 0.0)
    assert breakers.down(0.0) == {arm("a")}
    breakers.succeeded(arm("b"))
    assert breakers.down(0.0) == {arm("a")}
    assert breakers.down(9.0) == frozenset()


STEPS = st.lists(st.tuples(st.sampled_from(["tried", "ok", "cut", "429", "401", "400"]), st.floats(0, 40)), max_size=40)


@given(STEPS)
def test_whatever_happens_a_rest_ends_and_a_success_heals(steps: list[tuple[str, float]]) -> None:
    breakers = Breakers()
    now_s = 0.0
    for step, seconds in steps:
        now_s += seconds
        before = breakers.down(now_s)
        if step == "tried":
            breakers.tried(arm("a"), now_s)
        elif step == "ok":
            breakers.succeeded(arm("a"))
            assert not breakers.down(now_s)
        elif step == "400":
            breakers.failed(arm("a"), rejected(400, is_retryable=False), now_s)
            assert breakers.down(now_s) == before
        else:
            error = {"cut": CUT, "429": rejected(429, retry_after_s=5.0), "401": rejected(401)}[step]
            breakers.failed(arm("a"), error, now_s)
            assert before <= breakers.down(now_s), "a failure never makes an upstream fit"
        assert not breakers.down(now_s + LONGEST_COOL_DOWN_S)


def test_a_few_errors_500_are_one_clients_trouble_and_twenty_in_a_row_are_an_outage() -> None:
    breaker = Breaker()
    for _ in range(19):
        breaker.failed(rejected(500), 0.0)
    assert not breaker.is_down(0.0)
    breaker.failed(rejected(500), 0.0)
    assert breaker.is_down(0.0)


def test_what_one_worker_finds_resting_the_others_keep_away_from() -> None:
    buffer = bytearray(table_bytes(2))
    arms = [arm("a"), arm("b")]
    mine, others = (Breakers(SharedRests(buffer, place), arms) for place in range(2))
    for _ in range(FAILURES_TO_OPEN):
        mine.failed(arm("a"), CUT, 0.0)
    mine.failed(arm("b"), rejected(429, retry_after_s=9.0), 0.0)
    assert others.down(0.1) == mine.down(0.1) == {UP, arm("b")}
    assert others.down(FIRST_COOL_DOWN_S) == {arm("b")}
    mine.tried(arm("a"), FIRST_COOL_DOWN_S)
    assert UP in others.down(FIRST_COOL_DOWN_S + 0.1), "one worker probes"
    mine.succeeded(arm("a"))
    assert others.down(FIRST_COOL_DOWN_S + 0.2) == {arm("b")}
    assert mine.soonest_s(FIRST_COOL_DOWN_S) == 9.0 - FIRST_COOL_DOWN_S
    assert others.soonest_s(FIRST_COOL_DOWN_S) is None


def test_a_rest_of_an_arm_that_a_new_configuration_lacks_is_not_heard() -> None:
    buffer = bytearray(table_bytes(2))
    mine, others = (Breakers(SharedRests(buffer, place), [arm("a")]) for place in range(2))
    others.serve([arm("a", "elsewhere")])
    mine.failed(arm("a"), rejected(401), 0.0)
    assert others.down(0.1) == frozenset()
