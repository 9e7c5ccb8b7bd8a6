import numpy as np
import pytest
from numpy.typing import NDArray

from fairlead.learning.stacking import (
    FEW_QUERIES,
    N_PARTITIONS,
    NOISE_RANGE,
    StackFit,
    fit_stack,
    partitions_of,
    weigh_parts,
)
from fairlead.learning.text_groups import grouped_folds
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.predictors.stack import GROUP
from tests.routing.small_texts import (
    features_of,
    small_chances,
    small_sample,
    small_scores,
    small_texts,
    with_holes,
)

Floats = NDArray[np.float64]


def fitted(n: int, scores: Floats, names: tuple[str, ...] = tuple(PARTS), n_folds: int = 5, seed: int = 0) -> StackFit:
    return fit_stack(small_sample(n, seed), scores, np.arange(n) % n_folds, names)


def brier(foretold: Floats, scores: Floats) -> float:
    return float(np.nanmean((foretold - scores) ** 2))


def test_weights_are_not_negative_and_the_stack_is_as_good_as_its_best_part() -> None:
    scores = small_scores(300, 0)

    fit = fitted(300, scores)

    parts = {name: brier(left_out, scores) for name, left_out in fit.parts_left_out.items()}
    assert min(fit.stack.weights.values()) >= 0.0
    assert brier(fit.left_out, scores) <= min(parts.values()) + 0.001
    assert brier(fit.left_out, scores) < 0.95 * brier(np.broadcast_to(scores.mean(axis=0), scores.shape), scores)


def test_new_queries_are_foretold_as_well_as_the_left_out_ones() -> None:
    fit = fitted(300, small_scores(300, 0))
    reading = small_sample(300).basis.read(features_of(small_texts(300, 99)))
    truth = small_chances(300)

    foretold = fit.stack.predict(reading)

    assert float(((foretold.mean - truth) ** 2).mean()) < 0.3 * float(((truth - truth.mean(axis=0)) ** 2).mean())


def test_a_part_that_knows_gets_the_weight_and_one_that_guesses_gets_little() -> None:
    chance = np.random.default_rng(0)
    scores = small_scores(400, 0)
    mean = scores.mean(axis=0)
    parts = {"knows": small_chances(400), "guesses": np.clip(mean + chance.normal(0, 0.3, scores.shape), 0, 1)}

    weights = weigh_parts(parts, scores, mean)

    assert 0.75 < weights["knows"] < 1.1
    assert weights["guesses"] < 0.25


def test_equal_parts_share_the_weight() -> None:
    chances = small_chances(200)

    weights = weigh_parts({"a": chances, "b": chances.copy()}, small_scores(200, 0), chances.mean(axis=0))

    assert weights["a"] == pytest.approx(weights["b"])
    assert weights["a"] + weights["b"] == pytest.approx(1.0, abs=0.15)


def test_a_part_that_echoes_another_gets_weight_from_the_outcomes_alone() -> None:
    chances = small_chances(200)
    parts = {"item_response": chances, "kernel_ridge": chances.copy(), "neighbours": chances.copy()}

    weights = weigh_parts(parts, small_scores(200, 0), chances.mean(axis=0))

    assert weights["kernel_ridge"] < weights["item_response"] == pytest.approx(weights["neighbours"])
    assert weigh_parts({"kernel_ridge": chances}, small_scores(200, 0), chances.mean(axis=0))["kernel_ridge"] > 0.8


def test_without_any_signal_the_means_are_foretold() -> None:
    scores = (np.random.default_rng(0).random((300, 3)) < [0.2, 0.5, 0.8]).astype(np.float64)

    fit = fitted(300, scores)

    assert brier(fit.left_out, scores) < 1.02 * brier(np.broadcast_to(scores.mean(axis=0), scores.shape), scores)


def test_intervals_hold_the_observed_mean_of_groups_nine_times_in_ten() -> None:
    inside: list[bool] = []
    for seed in range(6):
        sample = small_sample(300, seed)
        fit = fit_stack(sample, small_scores(300, seed), np.arange(300) % 5, ("kernel_ridge", "cluster_table"))
        n_new = 1_500
        foretold = fit.stack.predict(sample.basis.read(features_of(small_texts(n_new, 500 + seed))))
        observed = small_scores(n_new, 900 + seed)
        for arm in range(observed.shape[1]):
            order = np.argsort(foretold.mean[:, arm], kind="stable")
            for group in np.array_split(order, n_new // GROUP):
                low, high = foretold.low[group, arm].mean(), foretold.high[group, arm].mean()
                inside.append(bool(low <= observed[group, arm].mean() <= high))

    assert len(inside) == 240
    assert 0.83 <= np.mean(inside) <= 0.98


def test_the_same_sample_and_scores_give_the_same_stack() -> None:
    first, second = (fitted(100, small_scores(100, 0)).stack.arrays() for _ in range(2))

    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_with_more_partitions_the_calibration_is_the_mean_of_what_each_says() -> None:
    sample, scores = small_sample(240), small_scores(240, 0)
    cuts = [np.arange(240) % 5, np.arange(240) // 48]
    names = ("linear", "neighbours")

    alone = [fit_stack(sample, scores, cut, names) for cut in cuts]
    both = fit_stack(sample, scores, cuts[0], names, more_folds=cuts[1:])

    for name in ("offset", "noise", "pair_shares", "difference_share", "group_error"):
        said = [getattr(fit.stack, name) for fit in alone]
        assert not np.allclose(said[0], said[1])
        assert np.allclose(getattr(both.stack, name), np.mean(said, axis=0))
    for name in names:
        assert both.stack.weights[name] == pytest.approx(np.mean([fit.stack.weights[name] for fit in alone]))
    assert np.array_equal(both.left_out, alone[0].left_out)


@pytest.mark.parametrize(
    ("n_queries", "n_partitions"), [(20, N_PARTITIONS), (FEW_QUERIES, N_PARTITIONS), (FEW_QUERIES + 1, 1)]
)
def test_few_queries_are_cut_into_folds_several_times(n_queries: int, n_partitions: int) -> None:
    cuts = partitions_of(np.arange(n_queries), 5, seed=3)

    assert len(cuts) == n_partitions
    assert len({cut.tobytes() for cut in cuts}) == n_partitions
    assert np.array_equal(cuts[0], grouped_folds(np.arange(n_queries), 5, 3))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_incomplete_outcomes_are_the_normal_case(share: float) -> None:
    scores = with_holes(small_scores(600, 0), share, seed=3)

    fit = fitted(600, scores)

    seen = np.isfinite(scores)
    by_means = np.broadcast_to(np.nanmean(scores, axis=0), scores.shape)
    assert np.isfinite(fit.left_out).all()
    assert brier(np.where(seen, fit.left_out, np.nan), scores) < brier(by_means, scores)


def test_whatever_outcomes_there_are_the_stack_is_finite_and_within_bounds() -> None:
    scores = small_scores(40, 0)
    no_arm, no_query = scores.copy(), scores.copy()
    no_arm[:, 1] = np.nan
    no_query[5:20] = np.nan
    worlds = [
        no_arm,
        no_query,
        scores[:, :1],
        np.ones_like(scores),
        np.zeros_like(scores),
        np.full_like(scores, np.nan),
    ]

    for world in worlds:
        stack = fitted(40, world).stack
        foretold = stack.predict(small_sample(40).basis.read(features_of(["", "add seven", "\ud800" * 9])))
        assert all(np.isfinite(array).all() for name, array in stack.arrays().items() if "scores" not in name)
        assert (foretold.low <= foretold.mean).all()
        assert (foretold.mean <= foretold.high).all()
        assert foretold.low.min() >= 0.0
        assert foretold.high.max() <= 1.0


def test_an_arm_without_outcomes_is_foretold_with_a_wide_interval() -> None:
    scores = small_scores(90, 0)
    scores[:, 1] = np.nan
    fit = fitted(90, scores)

    foretold = fit.stack.predict(small_sample(90).reading)

    width = (foretold.high - foretold.low).mean(axis=0)
    assert width[1] > 0.8
    assert width[1] > 2.0 * width[[0, 2, 3]].max()


def test_partial_credit_is_less_noisy_than_right_or_wrong() -> None:
    scores = np.clip(small_chances(200) + np.random.default_rng(0).normal(0, 0.05, (200, 4)), 0.0, 1.0)

    noise = fitted(200, scores, ("kernel_ridge",)).stack.noise

    assert (noise < 0.3).all()
    assert (noise >= NOISE_RANGE[0]).all()
    assert fitted(200, small_scores(200, 0), ("kernel_ridge",)).stack.noise == pytest.approx(np.ones(4), abs=0.2)


def test_one_fold_leaves_nothing_to_learn_from_and_breaks_nothing() -> None:
    fit = fitted(30, small_scores(30, 0), n_folds=1)

    assert np.isfinite(fit.left_out).all()
    assert np.isfinite(fit.stack.predict(small_sample(30).reading).mean).all()


def test_progress_is_told_for_every_part_of_every_fold() -> None:
    told: list[str] = []

    fit_stack(small_sample(30), small_scores(30, 0), np.arange(30) % 2, ("linear", "cluster_table"), told.append)

    assert told == [
        "fold 1: linear", "fold 1: cluster_table", "fold 2: linear", "fold 2: cluster_table",
        "all: linear", "all: cluster_table",
    ]  # fmt: skip


def test_no_part_and_an_unknown_part_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a part"):
        fitted(20, small_scores(20, 0), ())
    with pytest.raises(KeyError, match="oracle"):
        fitted(20, small_scores(20, 0), ("oracle",))


def test_what_is_foretold_apart_of_a_fold_does_not_know_who_did_well_in_it() -> None:
    scores, folds = (np.random.default_rng(0).random((100, 3)) < 0.5).astype(np.float64), np.arange(100) % 5
    lucky = scores.copy()
    lucky[folds == 0, 0] = 1.0

    before, after = (fitted(100, one, ("linear", "neighbours")) for one in (scores, lucky))

    moved = {
        name: float((late - early)[folds == 0, 0].mean())
        for name, early, late in (
            ("known", before.left_out, after.left_out),
            ("apart", before.apart.quality, after.apart.quality),
            ("usual", before.apart.usual, after.apart.usual),
        )
    }
    assert moved["known"] > 0.05
    assert abs(moved["apart"]) < 0.02
    assert abs(moved["usual"]) < 0.01
