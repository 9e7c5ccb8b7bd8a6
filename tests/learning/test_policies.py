import numpy as np
import pytest

from fairlead.learning.policies import (
    COST_WEIGHTS,
    DELAY_WEIGHTS,
    Choices,
    Mixes,
    always,
    best_expected,
    best_expected_timed,
    joined,
    same_mix,
)

SCORE = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
ALL = np.arange(3)


def test_the_first_setting_asks_for_quality_alone_and_the_last_for_the_cheapest() -> None:
    quality = np.array([[0.9, 0.8], [0.1, 0.9]])
    cost = np.array([[2.0, 1.0], [0.5, 3.0]])

    policy = best_expected(quality, cost)

    assert policy.n_settings == len(COST_WEIGHTS)
    assert policy.picks[0].tolist() == [0, 1]
    assert policy.picks[-1].tolist() == [1, 0]


def test_a_dearer_weight_never_raises_the_expected_cost() -> None:
    drawer = np.random.default_rng(0)
    quality, cost = drawer.random((50, 4)), drawer.random((50, 4))

    spent = best_expected(quality, cost).expected(cost, np.arange(50)).mean(axis=1)

    assert (np.diff(spent) <= 1e-12).all()


def test_without_costs_there_is_one_setting() -> None:
    assert best_expected(np.array([[0.1, 0.2]]), None).picks.tolist() == [[1]]


def test_free_models_leave_quality_to_decide() -> None:
    picks = best_expected(np.array([[0.1, 0.2]]), np.zeros((1, 2))).picks

    assert (picks == 1).all()


def test_delay_is_traded_like_cost() -> None:
    quality, cost, delay = np.array([[0.9, 0.5, 0.4]]), np.array([[9.0, 1.0, 9.0]]), np.array([[9.0, 9.0, 1.0]])

    policy = best_expected_timed(quality, cost, delay)

    assert policy.n_settings == len(DELAY_WEIGHTS) ** 2
    assert {int(pick) for pick in policy.picks[:, 0]} == {0, 1, 2}


def test_a_choice_is_worth_the_outcome_of_its_model() -> None:
    assert Choices(np.array([[0, 0, 1], [1, 1, 1]], dtype=np.int16)).expected(SCORE, ALL).tolist() == [
        [1.0, 0.0, 1.0],
        [0.0, 1.0, 1.0],
    ]


def test_a_mix_is_worth_its_expectation() -> None:
    assert same_mix(np.array([[0.25, 0.75]]), 3).expected(SCORE, ALL).tolist() == [[0.25, 0.75, 1.0]]


def test_joined_folds_keep_their_own_picks_and_shares() -> None:
    choices = joined([always(0, 2), always(1, 1)])
    mixes = joined([same_mix(np.array([[1.0, 0.0]]), 1), same_mix(np.array([[0.5, 0.5]]), 2)])

    assert choices.expected(SCORE, ALL).tolist() == [[1.0, 0.0, 1.0]]
    assert mixes.expected(SCORE, ALL).tolist() == [[1.0, 0.5, 1.0]]
    assert mixes.expected(SCORE, np.array([2, 0])).tolist() == [[1.0, 1.0]]


def test_a_fold_with_fewer_mixes_repeats_its_first() -> None:
    whole = joined([same_mix(np.array([[1.0, 0.0], [0.0, 1.0]]), 2), same_mix(np.array([[0.5, 0.5]]), 1)])

    assert whole.expected(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), ALL).tolist() == [
        [1.0, 1.0, 0.5],
        [0.0, 0.0, 0.5],
    ]


def test_a_fold_where_choices_cannot_trade_keeps_its_own_at_every_setting() -> None:
    whole = joined([always(1, 1), Choices(np.array([[0, 0], [1, 0]], dtype=np.int16))])

    assert isinstance(whole, Choices)
    assert whole.picks.tolist() == [[1, 0, 0], [1, 1, 0]]


def test_policies_of_other_kinds_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="mixes"):
        joined([always(0, 2), Mixes(np.ones((1, 1, 2)) / 2, np.zeros(1, dtype=np.int64))])


def test_where_cost_counts_a_near_tie_goes_to_the_usually_better_model_at_every_price() -> None:
    quality = np.array([[0.610, 0.600, 0.2], [0.660, 0.600, 0.2]])
    cost = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1]])
    usual = np.array([0.5, 0.6, 0.2])

    steady, loose = (best_expected(quality, cost, known).picks for known in (usual, None))

    near = COST_WEIGHTS.index(min(COST_WEIGHTS[1:]))
    assert steady[near].tolist() == [1, 0]
    assert loose[near].tolist() == [0, 0]
    assert steady[-1].tolist() == loose[-1].tolist() == [2, 2]
