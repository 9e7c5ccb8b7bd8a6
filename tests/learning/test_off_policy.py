"""What another policy would have brought: right on average, as sure as it says, and silent where the log is silent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.errors import OutcomesError
from fairlead.learning.off_policy import (
    MARGIN,
    METHODS,
    MIN_EFFECTIVE,
    MIN_SESSIONS,
    Estimates,
    Logged,
    estimate,
    judge,
    mean_figure,
)
from fairlead.learning.outcome_model import foretold_outcomes
from fairlead.learning.outcomes import Floats

N_ARMS = 3


def world(n: int, seed: int, share: float = 0.3) -> tuple[Logged, Floats, float, float]:
    """A log with `share` at random, the best arm by another estimate as target, and both policies' true means."""
    draw = np.random.default_rng(seed)
    chance_right = draw.uniform(0.1, 0.9, (n, N_ARMS))
    foretold = np.clip(chance_right + draw.normal(0.0, 0.2, (n, N_ARMS)), 0.0, 1.0)
    old = np.full((n, N_ARMS), share / N_ARMS)
    old[:, 0] += 1.0 - share
    chosen = (draw.random(n)[:, None] > old.cumsum(axis=1)).sum(axis=1)
    reward = (draw.random(n) < chance_right[np.arange(n), chosen]).astype(np.float64)
    new = np.eye(N_ARMS)[foretold.argmax(axis=1)]
    logged = Logged(chosen, old, reward, foretold, np.arange(n))
    return logged, new, float((old * chance_right).sum(axis=1).mean()), float((new * chance_right).sum(axis=1).mean())


@pytest.mark.parametrize("method", ["ips", "snips", "doubly_robust"])
def test_estimates_are_right_on_average_and_their_intervals_hold_the_truth_as_often_as_they_say(method: str) -> None:
    misses, errors = 0, []
    for seed in range(200):
        logged, new, old_mean, new_mean = world(800, seed)
        found = next(each for name, each in estimate(logged, new).by_method.items() if name == method)
        gain = found.difference
        assert gain.value is not None and gain.low is not None and gain.high is not None
        errors.append(gain.value - (new_mean - old_mean))
        misses += not gain.low <= new_mean - old_mean <= gain.high
    # The mean error within four of its standard errors; misses within four of theirs around 5 %.
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(len(errors))
    assert misses / 200 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def test_doubly_robust_is_nearer_to_the_truth_than_ips() -> None:
    errors: dict[str, list[float]] = {method: [] for method in METHODS}
    for seed in range(60):
        logged, new, _, truth = world(600, seed)
        for method, found in estimate(logged, new).by_method.items():
            assert found.value.value is not None
            errors[method].append((found.value.value - truth) ** 2)
    assert np.mean(errors["doubly_robust"]) < np.mean(errors["snips"]) < np.mean(errors["ips"])


def test_weights_and_effective_sample_are_those_of_the_formulas() -> None:
    logged = Logged(
        np.array([0, 1, 0, 1]), np.full((4, 2), 0.5), np.array([1.0, 0.0, 0.5, 1.0]), np.full((4, 2), np.nan),
        np.arange(4),
    )  # fmt: skip
    target = np.array([[1.0, 0.0]] * 4)
    found = estimate(logged, target)
    assert found.by_method["ips"].value.value == pytest.approx((2 * 1.0 + 2 * 0.5) / 4)
    assert found.by_method["snips"].value.value == pytest.approx((2 * 1.0 + 2 * 0.5) / 4)
    assert found.effective_n == pytest.approx(16 / 8)
    assert found.largest_weight == 2.0
    assert found.changed_share == pytest.approx(0.5)


def test_the_same_policy_gains_nothing_for_certain() -> None:
    logged, _, _, _ = world(400, 0)
    found = estimate(logged, logged.chance)
    for compared in found.by_method.values():
        assert compared.difference.value == pytest.approx(0.0, abs=1e-12)
    exact = found.by_method["doubly_robust"].difference
    assert (exact.low, exact.high) == (0.0, 0.0)
    assert found.effective_n == pytest.approx(400)


def test_what_the_log_never_could_choose_is_named_and_refused() -> None:
    n = 1_000
    chance = np.tile([1.0, 0.0], (n, 1))
    target = chance.copy()
    target[:100] = [0.0, 1.0]
    logged = Logged(np.zeros(n, dtype=np.int64), chance, np.ones(n), np.full((n, 2), 0.5), np.arange(n))
    found = estimate(logged, target)
    assert found.unsupported_share == pytest.approx(0.1)
    finding = judge(found, found)
    assert finding.word == "refused"
    assert "10.0%" in finding.reasons[0]


def test_under_two_hundred_effective_samples_there_is_no_verdict() -> None:
    logged, new, _, _ = world(300, 1)
    found = estimate(logged, new)
    assert found.effective_n < MIN_EFFECTIVE
    assert judge(found, found).word == "refused"
    logged, new, _, _ = world(6_000, 1)
    found = estimate(logged, new)
    assert found.effective_n > MIN_EFFECTIVE
    assert judge(found, found).word == "better"


def test_the_verdict_follows_the_doubly_robust_interval_and_the_margin() -> None:
    logged, new, _, _ = world(6_000, 2)
    reward = estimate(logged, new)
    turned = estimate(Logged(logged.chosen, logged.chance, -logged.outcome, logged.foretold, logged.session), new)
    assert judge(turned, reward).word == "worse"
    assert judge(reward, turned).is_cheaper is True
    assert judge(reward, reward).is_cheaper is False
    same = estimate(logged, logged.chance)
    assert MARGIN > 0 and judge(same, same).word == "as_good" and judge(same, same).is_cheaper is None


def test_without_outcomes_everything_is_unknown_and_nothing_is_nought() -> None:
    empty = np.zeros((0, 2))
    found = estimate(Logged(np.zeros(0, dtype=np.int64), empty, np.zeros(0), empty, np.zeros(0, dtype=np.int64)), empty)
    assert found.old.value is None
    assert all(each.value.value is None and each.difference.value is None for each in found.by_method.values())
    assert judge(found, found).word == "refused"


def test_a_policy_that_makes_none_of_the_logged_choices_is_foretold_and_not_estimated() -> None:
    n = 50
    chance = np.full((n, 2), 0.5)
    logged = Logged(np.zeros(n, dtype=np.int64), chance, np.ones(n), np.full((n, 2), 0.5), np.arange(n))
    found = estimate(logged, np.tile([0.0, 1.0], (n, 1)))
    assert found.effective_n == 0.0
    assert found.by_method["direct"].value.value is not None
    assert all(found.by_method[method].value.value is None for method in METHODS if method != "direct")
    assert judge(found, found).word == "refused"


def test_decisions_of_one_session_count_as_one_for_the_doubt() -> None:
    terms = np.random.default_rng(0).normal(0.0, 1.0, 100)
    single = mean_figure(terms, np.arange(100), 100)
    copied = mean_figure(np.repeat(terms, 4), np.repeat(np.arange(100), 4), 100)
    assert copied.standard_error == pytest.approx(single.standard_error)
    too_few = mean_figure(terms, np.arange(100) % (MIN_SESSIONS - 1), MIN_SESSIONS - 1)
    assert too_few.low is None and too_few.reason is not None


def test_a_cut_weight_widens_the_interval_by_what_it_may_have_lost() -> None:
    n = 400
    chance = np.tile([0.99, 0.01], (n, 1))
    chosen = np.zeros(n, dtype=np.int64)
    chosen[:40] = 1
    logged = Logged(chosen, chance, np.ones(n), np.full((n, 2), np.nan), np.arange(n))
    found = estimate(logged, np.tile([0.0, 1.0], (n, 1)))
    value = found.by_method["ips"].value
    assert found.clipped_share == pytest.approx(0.1 * (100 - 20))
    assert value.value == pytest.approx(0.1 * 20)
    assert value.high is not None and value.high > 0.1 * 100


@pytest.mark.parametrize(
    ("chance", "chosen"),
    [([[0.5, 0.4]], [0]), ([[1.0, 0.0]], [1]), ([[1.5, -0.5]], [0]), ([[float("nan"), 1.0]], [1])],
)
def test_chances_that_are_none_are_refused(chance: list[list[float]], chosen: list[int]) -> None:
    with pytest.raises(OutcomesError, match="chance"):
        Logged(np.array(chosen), np.array(chance), np.ones(1), np.ones((1, 2)), np.zeros(1, dtype=np.int64))


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(OutcomesError, match="unknown"):
        Logged(np.array([0]), np.array([[1.0]]), np.array([np.nan]), np.ones((1, 1)), np.zeros(1, dtype=np.int64))


def test_no_decision_is_foretold_by_its_own_session() -> None:
    logged, _, _, _ = world(300, 3)
    before = foretold_outcomes(logged.outcome, logged.foretold, logged.chosen, logged.session)
    changed = logged.outcome.copy()
    changed[7] = 1.0 - changed[7]
    after = foretold_outcomes(changed, logged.foretold, logged.chosen, logged.session)
    assert np.array_equal(before[7], after[7])
    assert not np.array_equal(before, after)


def test_an_arm_that_was_never_chosen_is_foretold_by_its_estimate_alone() -> None:
    logged, _, _, _ = world(2_000, 4)
    chosen = np.minimum(logged.chosen, 1)
    found = foretold_outcomes(logged.outcome, logged.foretold, chosen, logged.session)
    assert np.corrcoef(found[:, 2], logged.foretold[:, 2])[0, 1] > 0.99


@st.composite
def small_logs(draw: st.DrawFn) -> tuple[Logged, Floats]:
    n, m = draw(st.integers(2, 30)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chance = rng.dirichlet(np.ones(m), n)
    chance[rng.random((n, m)) < draw(st.floats(0, 0.8))] = 0.0
    chance[chance.sum(axis=1) == 0, 0] = 1.0
    chance /= chance.sum(axis=1, keepdims=True)
    chosen = np.array([rng.choice(m, p=row) for row in chance])
    foretold = np.where(rng.random((n, m)) < 0.3, np.nan, rng.random((n, m)))
    scale = draw(st.sampled_from([0.0, 1e-6, 1.0, 1e6]))
    session = rng.integers(0, draw(st.integers(1, 40)), n)
    return Logged(chosen, chance, rng.random(n) * scale, foretold, session), rng.dirichlet(np.ones(m), n)


@settings(max_examples=150, deadline=None)
@given(small_logs())
def test_no_log_gives_a_figure_that_is_not_finite(log: tuple[Logged, Floats]) -> None:
    found: Estimates = estimate(*log)
    figures = [found.old, *(each for compared in found.by_method.values() for each in compared)]
    for figure in figures:
        for number in (figure.value, figure.low, figure.high, figure.standard_error):
            assert number is None or np.isfinite(number)
    assert 0.0 <= found.unsupported_share <= 1.0 and 0.0 <= found.changed_share <= 1.0 + 1e-9
    assert 0.0 <= found.effective_n <= found.n + 1e-6
