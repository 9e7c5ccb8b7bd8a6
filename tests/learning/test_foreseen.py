"""What a changed policy is foretold to do: which decisions move, from whom to whom, and what that would cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.wishes import Weights
from fairlead.learning.foreseen import foresee
from fairlead.learning.replay import Change
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow, table_of
from fairlead.routing.policies.objective import Objective

GOOD = ReplayCandidate("lab/good", "one", 1.0, 0.9, 0.8, 1.0, 100.0, 0.01, 4.0)
CHEAP = ReplayCandidate("lab/cheap", "two", 0.0, 0.6, 0.5, 0.7, 100.0, 0.001, 1.0)
COST = Change(Objective(cost_weight=5.0))


def row(n: int, candidates: tuple[ReplayCandidate, ...] = (GOOD, CHEAP)) -> ReplayRow:
    return ReplayRow(f"d{n}", float(n), candidates, 0, policy="auto")


def test_what_moves_is_told_with_its_rows_newest_first_and_what_it_is_foretold_to_change() -> None:
    held = row(1)._replace(is_free=False)
    found = foresee(table_of([row(0), held, row(2)]), COST)
    assert (found.n, found.n_changed) == (3, 2)
    (move,) = found.moves
    assert (move.old, move.new, move.rows) == (("lab/good", "one"), ("lab/cheap", "two"), (2, 0))
    assert move.quality == pytest.approx(-0.3)
    assert move.cost_usd == pytest.approx(-0.009)


def test_a_shift_is_over_all_decisions_those_that_stay_too() -> None:
    rows = [row(n)._replace(is_free=n % 2 == 0) for n in range(80)]
    found = foresee(table_of(rows), COST)
    assert found.quality.n == 80
    assert found.quality.old.value == pytest.approx(0.9)
    assert found.quality.difference.value == pytest.approx(-0.15)
    low, high = found.quality.difference.low, found.quality.difference.high
    assert low is not None and high is not None and low < -0.15 < high
    assert found.latency_s.difference.value == pytest.approx(-1.5)


def test_of_few_sessions_there_is_a_mean_and_no_interval() -> None:
    found = foresee(table_of([row(n) for n in range(5)]), COST)
    assert found.quality.difference.value == pytest.approx(-0.3)
    assert found.quality.difference.low is None and "30" in (found.quality.difference.reason or "")


def test_an_unknown_figure_of_an_arm_that_nobody_chooses_hides_nothing_and_one_that_is_chosen_is_left_out() -> None:
    unknown = ReplayCandidate("lab/unknown", "three", 0.0, 0.1)
    slow = CHEAP._replace(total_s=None)
    found = foresee(table_of([row(0, (GOOD, CHEAP, unknown)), row(1, (GOOD, slow, unknown))]), COST)
    assert (found.quality.n, found.latency_s.n) == (2, 1)


def test_an_empty_log_changes_nothing() -> None:
    found = foresee(table_of([]), COST)
    assert (found.n, found.n_changed, found.moves) == (0, 0, ())
    assert found.quality.difference.value is None


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10), st.integers(1, 12))
def test_every_changed_decision_is_in_one_move(quality: int, cost: int, speed: int, n: int) -> None:
    change = Change(Objective(Weights(quality, cost, speed)))
    found = foresee(table_of([row(place) for place in range(n)]), change)
    assert sorted(place for move in found.moves for place in move.rows) == list(range(found.n_changed))
