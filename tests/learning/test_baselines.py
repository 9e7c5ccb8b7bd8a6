import numpy as np
import pytest

from fairlead.learning.baselines import (
    Baselines,
    Contender,
    baselines_of,
    column_means,
    contender_of,
    hull_mixes,
    join_folds,
    join_predictions,
    mean_scores,
    pair_mixes,
)
from fairlead.learning.blind_routers import zero_router_score
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.prediction import Prediction
from tests.learning.small_outcomes import outcomes, two_tasks

NAN = float("nan")


def named(baselines: Baselines, name: str) -> Contender:
    return next(one for one in baselines.contenders if one.name == name)


def first_score(contender: Contender, test: Outcomes) -> float:
    return float(contender.policy.expected(test.score, np.arange(len(test.queries)))[0].mean())


def test_means_take_what_is_known() -> None:
    matrix = np.array([[1.0, NAN, NAN], [0.0, 0.5, NAN]])

    assert column_means(matrix).tolist()[:2] == [0.5, 0.5]
    assert np.isnan(column_means(matrix)[2])
    assert mean_scores(outcomes(matrix.tolist())).tolist() == [0.5, 0.5, 0.5]


def test_training_without_any_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no training outcome holds a score"):
        mean_scores(outcomes([[NAN, NAN]]))


def test_every_baseline_of_the_list_is_there() -> None:
    found = baselines_of(two_tasks(60, 0), two_tasks(40, 1), {"mean": lambda train, test: np.zeros((len(test), 3))})

    assert [one.name for one in found.contenders] == [
        "random_mix", "best_single", "cheapest_adequate", "zero_router", "task_table", "mean", "oracle",
    ]  # fmt: skip
    assert [one.name for one in found.contenders if one.kind == "told"] == ["task_table", "oracle"]
    assert found.left_out == {}


def test_without_costs_or_datasets_baselines_are_left_out_with_a_reason() -> None:
    train = outcomes([[1.0, 0.0], [1.0, 0.0]])

    found = baselines_of(train, train)

    assert [one.name for one in found.contenders] == ["random_mix", "best_single", "oracle"]
    assert set(found.left_out) == {"cheapest_adequate", "zero_router", "task_table"}
    assert all(found.left_out.values())
    assert found.mean_cost_usd is None


def test_the_best_single_is_the_best_of_training_not_of_the_test() -> None:
    train, test = outcomes([[1.0, 0.0]] * 3), outcomes([[0.0, 1.0]] * 4)

    assert first_score(named(baselines_of(train, test), "best_single"), test) == 0.0


def test_the_cheapest_adequate_model_has_95_percent_of_the_best_mean() -> None:
    score = [[1.0, 1.0, 1.0]] * 19 + [[1.0, 1.0, 0.0]] * 1 + [[1.0, 0.0, 0.0]] * 1
    train = outcomes(score, [[9.0, 2.0, 1.0]] * 21)

    policy = named(baselines_of(train, train), "cheapest_adequate").policy

    assert policy.expected(np.tile([0.0, 1.0, 2.0], (21, 1)), np.array([0])).tolist() == [[1.0]]


def test_the_zero_router_walks_the_hull_from_the_best_model_to_the_cheapest() -> None:
    means, costs = np.array([0.2, 0.3, 0.8, 0.7]), np.array([1.0, 2.0, 3.0, 4.0])

    shares = hull_mixes(means, costs)

    assert shares.shape == (101, 4)
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0] * 101)
    assert shares[0].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert shares[-1].tolist() == [1.0, 0.0, 0.0, 0.0]
    for cost, score in zip(shares @ costs, shares @ means, strict=True):
        assert score == pytest.approx(zero_router_score(costs, means, cost + 1e-9), abs=1e-6)


def test_mixes_by_pairs_leave_out_dominated_models() -> None:
    shares = pair_mixes(np.array([0.5, 0.9, 0.4]), np.array([1.0, 5.0, 2.0]), np.array([1.0, 1.0, 3.0]))

    assert shares.tolist()[:2] == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    assert (shares[:, 2] == 0).all()
    assert len(shares) == 2 + 3


def test_the_task_table_is_told_the_dataset_and_shrinks_to_the_mean() -> None:
    train = outcomes([[1.0, 0.0]] * 10 + [[0.0, 1.0]] * 30, datasets=["x"] * 10 + ["y"] * 30)
    test = outcomes([[0.5, 0.5]] * 3, datasets=["x", "y", "new"])

    prediction = named(baselines_of(train, test), "task_table").prediction

    assert prediction is not None
    expected = [[(10 + 2.5) / 20, 7.5 / 20], [2.5 / 40, (30 + 7.5) / 40], [0.25, 0.75]]
    assert prediction.quality.tolist() == [pytest.approx(row) for row in expected]


def test_the_oracle_is_the_best_a_choice_can_be_and_takes_the_cheaper_of_equals() -> None:
    test = outcomes([[1.0, 1.0], [0.0, 1.0], [NAN, 0.0]], [[2.0, 1.0]] * 3)

    policy = named(baselines_of(test, test), "oracle").policy

    assert policy.expected(np.tile([0.0, 1.0], (3, 1)), np.arange(3))[0].tolist() == [1.0, 1.0, 1.0]


def test_no_method_beats_the_oracle_and_random_is_the_mean() -> None:
    train, test = two_tasks(300, 0), two_tasks(200, 1)

    found = {one.name: first_score(one, test) for one in baselines_of(train, test).contenders}

    assert max(found.values()) == found["oracle"]
    assert found["random_mix"] == pytest.approx(test.score.mean())
    assert found["task_table"] > found["best_single"] + 0.1


def test_holes_in_training_outcomes_are_no_zeros() -> None:
    whole = two_tasks(400, 0)
    score = np.where(np.random.default_rng(1).random(whole.score.shape) < 0.6, NAN, whole.score)
    holed = Outcomes(whole.queries, whole.arms, score, whole.cost_usd)
    test = two_tasks(50, 2)

    full, sparse = (named(baselines_of(train, test), "task_table").prediction for train in (whole, holed))

    assert full is not None and sparse is not None
    assert np.abs(full.quality - sparse.quality).max() < 0.12


def test_a_forecast_of_cost_is_used_and_else_the_mean() -> None:
    quality, mean = np.array([[0.9, 0.8]]), np.array([[2.0, 1.0]])

    by_mean = contender_of("r", Prediction(quality), mean, None)
    by_forecast = contender_of("r", Prediction(quality, np.array([[1.0, 2.0]])), mean, None)

    outcome = np.array([[0.0, 1.0]])
    assert by_mean.policy.expected(outcome, np.array([0]))[-1].tolist() == [1.0]
    assert by_forecast.policy.expected(outcome, np.array([0]))[-1].tolist() == [0.0]


def test_folds_are_joined_in_their_order() -> None:
    whole = two_tasks(120, 0, timed=True)
    first, second = np.arange(0, 60), np.arange(60, 120)
    folds = [
        baselines_of(whole.take(second), whole.take(first)),
        baselines_of(whole.take(first), whole.take(second)),
    ]

    found = join_folds(folds)

    assert [one.name for one in found.contenders] == [one.name for one in folds[0].contenders]
    for one in found.contenders:
        parts = [
            named(fold, one.name).policy.expected(whole.take(rows).score, np.arange(60))
            for fold, rows in zip(folds, (first, second), strict=True)
        ]
        assert one.policy.expected(whole.score, np.arange(120)).tolist() == np.hstack(parts).tolist()
    assert all(one.timed_policy is not None for one in found.contenders)
    assert found.mean_cost_usd is not None and found.mean_cost_usd.shape == (120, 3)


def test_what_one_fold_does_not_foretell_the_whole_does_not() -> None:
    quality = np.ones((2, 1))

    whole = join_predictions([Prediction(quality, cost_usd=quality), Prediction(quality * 0.5)])

    assert whole.quality.ravel().tolist() == [1.0, 1.0, 0.5, 0.5]
    assert whole.cost_usd is None


def test_outcomes_of_different_arms_are_refused() -> None:
    with pytest.raises(ValueError, match="different arms"):
        baselines_of(outcomes([[1.0]]), outcomes([[1.0, 0.0]]))


def test_baselines_do_not_read_the_scores_of_the_test() -> None:
    train, test = two_tasks(100, 0), two_tasks(50, 1)
    other = Outcomes(test.queries, test.arms, 1 - test.score, test.cost_usd)

    def fit(_train: Outcomes, asked: Queries) -> Floats:
        return np.full((len(asked), 3), 0.5)

    for one in baselines_of(train, test, {"flat": fit}).contenders:
        again = named(baselines_of(train, other, {"flat": fit}), one.name)
        alike = np.array_equal(
            one.policy.expected(test.score, np.arange(50)), again.policy.expected(test.score, np.arange(50))
        )
        assert alike == (one.name != "oracle")
