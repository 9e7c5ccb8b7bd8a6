import random

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import (
    DeadlineError,
    RejectedError,
    SilentError,
    TruncatedError,
    UnreachableError,
    UpstreamError,
)
from fairlead.gateway.failover import LONGEST_WAIT_S, Failover, GiveUp, RetryBudget, Try


def rejected(status: int, *, is_retryable: bool = True, retry_after_s: float | None = None) -> RejectedError:
    return RejectedError(
        "no", upstream="up", upstream_status=status, is_retryable=is_retryable, retry_after_s=retry_after_s
    )


def failover(
    n: int = 3, *, attempts: int = 4, deadline_s: float = 600.0, budget: RetryBudget | None = None
) -> Failover:
    return Failover(n, max_attempts=attempts, deadline_s=deadline_s, budget=budget or RetryBudget(0.2))


ERRORS = st.one_of(
    st.builds(TruncatedError, st.just("cut")),
    st.builds(SilentError, st.just("silent")),
    st.builds(
        rejected,
        st.sampled_from([400, 401, 404, 408, 429, 500, 503]),
        is_retryable=st.booleans(),
        retry_after_s=st.none() | st.floats(0, 3600),
    ),
)


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(0, 100),
    st.lists(st.tuples(ERRORS, st.floats(0, 30), st.floats(0, 1, exclude_max=True)), min_size=20, max_size=20),
)
def test_it_always_ends_within_its_attempts_and_its_deadline(
    n: int, attempts: int, deadline_s: float, failures: list[tuple[UpstreamError, float, float]]
) -> None:
    machine = failover(n, attempts=attempts, deadline_s=deadline_s)
    step: Try | GiveUp = machine.start()
    now_s, n_tries, places = 0.0, 0, []
    for error, took_s, draw in failures:
        assert isinstance(step, Try)
        now_s += step.wait_s
        assert n_tries == 0 or now_s < deadline_s, "an attempt may begin before the deadline only"
        n_tries += 1
        places.append(step.place)
        now_s += took_s
        step = machine.failed(error, now_s, draw)
        if isinstance(step, GiveUp):
            break
    assert isinstance(step, GiveUp)
    assert n_tries <= attempts
    assert places == sorted(places)
    assert max(places) < n


def test_the_next_candidate_is_tried_at_once() -> None:
    machine = failover()
    assert machine.start() == Try(0)
    assert machine.failed(TruncatedError("cut"), 1.0, 0.9) == Try(1)
    assert machine.failed(rejected(429, retry_after_s=30.0), 1.0, 0.9) == Try(2)


def test_a_fault_of_the_client_is_never_tried_again() -> None:
    for status in (400, 413, 422):
        error = rejected(status, is_retryable=False)
        machine = failover()
        machine.start()
        assert machine.failed(error, 0.0, 0.0) == GiveUp(error)


def test_the_last_candidate_is_asked_again_when_it_said() -> None:
    machine = failover(1)
    machine.start()
    step = machine.failed(rejected(429, retry_after_s=3.0), 0.0, 0.5)
    assert isinstance(step, Try)
    assert step.place == 0
    assert 3.0 <= step.wait_s <= 3.5


def test_who_asks_for_more_patience_than_we_have_is_not_waited_for() -> None:
    error = rejected(503, retry_after_s=LONGEST_WAIT_S + 1)
    machine = failover(1)
    machine.start()
    assert machine.failed(error, 0.0, 0.0) == GiveUp(error)


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    error = rejected(429, retry_after_s=3.0)
    machine = failover(1, deadline_s=2.0)
    machine.start()
    assert machine.failed(error, 0.0, 0.0) == GiveUp(error)


def test_what_will_not_pass_is_not_tried_again_at_the_same_place() -> None:
    for status in (401, 403, 404):
        error = rejected(status)
        machine = failover(1)
        machine.start()
        assert machine.failed(error, 0.0, 0.0) == GiveUp(error)


def test_past_the_deadline_the_deadline_is_said() -> None:
    machine = failover(deadline_s=5.0)
    machine.start()
    step = machine.failed(TruncatedError("cut"), 5.0, 0.0)
    assert isinstance(step, GiveUp)
    assert isinstance(step.error, DeadlineError)


def test_waits_grow_and_are_spread() -> None:
    machine = failover(1, attempts=4)
    machine.start()
    waits = []
    for _ in range(3):
        step = machine.failed(TruncatedError("cut"), 0.0, 0.0)
        assert isinstance(step, Try)
        waits.append(step.wait_s)
    assert waits == [0.25, 0.5, 1.0]


@given(st.integers(1, 2000), st.floats(0.0, 1.0), st.integers(0, 2**31))
def test_in_a_storm_attempts_stay_below_a_share_above_requests(n_requests: int, share: float, seed: int) -> None:
    budget = RetryBudget(share)
    chance = random.Random(seed)
    n_attempts = 0
    for _ in range(n_requests):
        machine = failover(chance.randint(1, 4), budget=budget)
        step: Try | GiveUp = machine.start()
        while isinstance(step, Try):
            n_attempts += 1
            step = machine.failed(rejected(500), 0.0, 0.0)
    assert n_attempts <= (1 + share) * n_requests + RetryBudget.CAPACITY + 1e-6


def test_a_budget_never_holds_more_than_its_capacity() -> None:
    budget = RetryBudget(0.2)
    for _ in range(1000):
        budget.request()
    assert sum(budget.spend() for _ in range(100)) == RetryBudget.CAPACITY


def places_after(upstreams: str, *errors: UpstreamError) -> list[int]:
    """The places tried, the order being one letter for each candidate's upstream."""
    machine = Failover(
        len(upstreams),
        max_attempts=len(errors) + 1,
        deadline_s=600.0,
        budget=RetryBudget(0.2),
        upstream_of=upstreams.__getitem__,
    )
    places = [machine.start().place]
    for error in errors:
        step = machine.failed(error, 0.0, 0.0)
        assert isinstance(step, Try)
        places.append(step.place)
    return places


def test_behind_a_dead_door_the_next_model_is_no_better_so_other_doors_come_first() -> None:
    dead = UnreachableError("u")
    assert places_after("aaabab", dead) == [0, 3]
    assert places_after("aaabab", dead, dead) == [0, 3, 1]
    assert places_after("aab", rejected(401), TruncatedError("cut")) == [0, 2, 1]


def test_a_failure_of_one_model_goes_on_in_order() -> None:
    assert places_after("aaab", rejected(500), rejected(429), rejected(404)) == [0, 1, 2, 3]


def test_a_busy_candidate_is_passed_over_and_stays_for_later() -> None:
    machine = failover(3)
    machine.start()
    assert machine.elsewhere(lambda place: place == 2) == Try(2)
    assert machine.n_attempts == 1, "nobody was called"
    assert machine.elsewhere(lambda _place: False) is None
    step = machine.failed(rejected(500), 0.0, 0.0)
    assert step == Try(0)


def test_a_hedge_goes_to_another_upstream_once_and_is_paid_for() -> None:
    budget = RetryBudget(0.2)
    machine = Failover(3, max_attempts=3, deadline_s=600.0, budget=budget, upstream_of="aab".__getitem__)
    machine.start()
    before = budget.tokens
    assert machine.hedge(lambda _place: True) == Try(2)
    assert budget.tokens == before - 1
    assert machine.hedge(lambda _place: True) is None, "the other arm is at the same slow upstream"
    assert machine.failed(TruncatedError("cut"), 0.0, 0.0) == Try(1)
    assert isinstance(machine.failed(TruncatedError("cut"), 0.0, 0.0), GiveUp)


def test_a_hedge_needs_somebody_free_and_a_budget() -> None:
    empty = RetryBudget(0.0, capacity=0.0)
    machine = Failover(2, max_attempts=3, deadline_s=600.0, budget=empty)
    machine.start()
    assert machine.hedge(lambda _place: True) is None
    machine = failover(2)
    machine.start()
    assert machine.hedge(lambda _place: False) is None


def test_a_request_that_is_sent_again_has_one_attempt_less_for_others() -> None:
    machine = failover(3, attempts=2)
    machine.start()
    assert machine.again()
    assert not machine.again()
    assert isinstance(machine.failed(TruncatedError("cut"), 0.0, 0.0), GiveUp)
