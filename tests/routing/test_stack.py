from dataclasses import replace

import numpy as np
import pytest

from fairlead.learning.stacking import fit_stack
from fairlead.routing.policies.steady import steadied
from fairlead.routing.predictors.cluster_table import ClusterTable
from fairlead.routing.predictors.part import Part, take_reading
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.predictors.stack import GROUP, INTERVAL_Z, LOWEST, Stack, believed, novelty_of
from tests.routing.small_texts import features_of, small_sample, small_scores, with_holes

SAMPLE = small_sample(90)
SCORES = with_holes(small_scores(90, 0), 0.2, seed=1)
STACK = replace(fit_stack(SAMPLE, SCORES, np.arange(90) % 3).stack, weights=dict.fromkeys(PARTS, 0.25))


def stack_of(parts: dict[str, Part], weights: dict[str, float], n_arms: int = 4) -> Stack:
    nought = np.zeros(n_arms)
    return Stack(parts, weights, nought + 0.5, nought, nought, nought + 1.0, group_error=0.0, usual_novelty=1.0)


def test_a_forecast_is_the_weighed_sum_of_the_parts_about_the_mean() -> None:
    expected = np.tile(STACK.mean + STACK.offset, (90, 1))
    for name, part in STACK.parts.items():
        expected += STACK.weights[name] * (part.predict(SAMPLE.reading) - STACK.mean)

    whole = replace(STACK, difference_share=1.0, pair_shares=np.ones(4))
    expected = steadied(np.clip(expected, LOWEST, 1.0 - LOWEST), STACK.mean + STACK.offset)
    assert whole.predict(SAMPLE.reading).mean == pytest.approx(expected, abs=1e-5)


def test_of_differences_between_arms_only_a_share_is_believed_and_of_what_they_share_all() -> None:
    told = np.random.default_rng(0).normal(0.0, 0.2, (20, 4))
    usual = np.array([0.5, 0.6, 0.4, 0.3])
    level = told.mean(axis=1, keepdims=True)

    half = believed(told, usual, 1, 0.5, np.full(4, 0.5), 0)
    of_two = believed(told, usual, 1, 0.5, np.full(4, 0.5), 2)

    assert believed(told, usual, 1, 1.0, np.ones(4), 0) == pytest.approx(usual + told)
    assert half == pytest.approx(usual + level + 0.5 * (told - level))
    assert of_two.mean() - half.mean() == pytest.approx(0.5 * (told[:, :2].mean() - told.mean()))


def test_of_one_pair_of_arms_as_much_is_believed_as_its_share_says() -> None:
    told = np.random.default_rng(0).normal(0.0, 0.2, (20, 4))
    shares = np.array([0.2, 0.5, 1.0, 0.5])

    gap = believed(told, np.zeros(4), 1, 0.5, shares, 0)

    assert gap - gap[:, 1:2] == pytest.approx((told - told[:, 1:2]) * shares)


def test_an_interval_is_the_luck_of_a_group_and_the_errors_of_mean_and_groups() -> None:
    table = ClusterTable.fit(SAMPLE, SCORES)
    stack = Stack(
        {"cluster_table": table}, {"cluster_table": 1.0}, np.full(4, 0.5), np.zeros(4), np.full(4, 0.03),
        np.full(4, 0.8), group_error=0.04, usual_novelty=1.0,
    )  # fmt: skip

    mean, low, high = stack.predict(SAMPLE.reading)

    half = INTERVAL_Z * np.sqrt(0.04**2 + 3.0 * 0.03**2 + 0.8 * mean * (1.0 - mean) / GROUP)
    assert low == pytest.approx(np.maximum(mean - half, 0.0))
    assert high == pytest.approx(np.minimum(mean + half, 1.0))


def test_a_text_unlike_all_others_has_a_wider_interval() -> None:
    reading = SAMPLE.basis.read(features_of(["add number seven multiply 12", "好" * 900 + "🙂\n" * 40]))
    known, strange = novelty_of(reading)

    quality = STACK.predict(reading)

    width = (quality.high - quality.low)[:, STACK.mean.argmin()]
    assert strange > known + 0.2
    assert strange > STACK.usual_novelty
    assert width[1] > width[0]


def test_a_text_that_is_a_landmark_is_not_novel_and_without_landmarks_all_is() -> None:
    novelty = novelty_of(SAMPLE.reading)
    nothing = take_reading(SAMPLE.reading, np.array([0, 1]))
    without = type(nothing)(nothing.meaning, nothing.shape, nothing.grams, nothing.likeness[:, :0])

    assert novelty == pytest.approx(np.zeros(90), abs=1e-5)
    assert novelty_of(without).tolist() == [1.0, 1.0]


def test_one_query_is_foretold_as_among_others_but_for_rounding_and_always_with_the_same_bits() -> None:
    together = STACK.predict(SAMPLE.reading)

    for row in (0, 41, 89):
        one = take_reading(SAMPLE.reading, np.array([row]))
        alone = STACK.predict(one)
        assert alone.mean[0] == pytest.approx(together.mean[row], abs=1e-5)
        assert alone.low[0] == pytest.approx(together.low[row], abs=1e-5)
        assert STACK.predict(one).mean.tobytes() == alone.mean.tobytes()


def test_a_stack_comes_back_from_its_arrays_with_the_same_bits() -> None:
    arrays = STACK.arrays()

    loaded = Stack.from_arrays(list(STACK.parts), arrays)

    for reading in (SAMPLE.reading, take_reading(SAMPLE.reading, np.array([7]))):
        for theirs, ours in zip(loaded.predict(reading), STACK.predict(reading), strict=True):
            assert theirs.tobytes() == ours.tobytes()
    again = loaded.arrays()
    assert again.keys() == arrays.keys()
    assert all(again[name].tobytes() == arrays[name].tobytes() for name in arrays)


def test_every_single_part_is_a_stack() -> None:
    for name in PARTS:
        stack = stack_of({name: STACK.parts[name]}, {name: 1.0})

        alone = steadied(np.clip(STACK.parts[name].predict(SAMPLE.reading), LOWEST, 1.0 - LOWEST), np.full(4, 0.5))
        assert stack.predict(SAMPLE.reading).mean == pytest.approx(alone, abs=1e-5)


def test_functions_of_several_parts_are_evaluated_once_and_may_be_handed_in() -> None:
    functions = STACK.functions
    assert functions is not None

    values = functions.evaluate(SAMPLE.reading)

    given = STACK.predict_of_values(SAMPLE.reading, values)
    assert given.mean.tobytes() == STACK.predict(SAMPLE.reading).mean.tobytes()
    assert stack_of({"cluster_table": STACK.parts["cluster_table"]}, {"cluster_table": 1.0}).functions is None


def test_a_part_without_weight_is_not_asked() -> None:
    class Refuses(ClusterTable):
        def predict(self, reading: object) -> np.typing.NDArray[np.float64]:
            raise AssertionError("it was asked")

    table = ClusterTable.fit(SAMPLE, SCORES)
    silent = Refuses(table.centroids, table.wins, table.losses)

    stack = stack_of({"silent": silent, "table": table}, {"silent": 0.0, "table": 1.0})

    assert stack.predict(SAMPLE.reading).mean.shape == (90, 4)


def test_unknown_parts_and_arrays_that_do_not_fit_are_refused() -> None:
    names, arrays = list(STACK.parts), STACK.arrays()
    wrong = {
        "mean": np.zeros((4, 1)),
        "offset": np.zeros(1),
        "mean_error": np.zeros(3),
        "noise": -np.ones(4),
        "weights": arrays["weights"][:2],
        "scalars": np.zeros(3),
    }

    with pytest.raises(KeyError, match="oracle"):
        Stack.from_arrays([*names, "oracle"], arrays)
    for name, array in wrong.items():
        with pytest.raises(ValueError, match=r"has shape|argument|unpack|below 0"):
            Stack.from_arrays(names, {**arrays, name: array})
    for name in arrays:
        with pytest.raises(KeyError):
            Stack.from_arrays(names, {key: array for key, array in arrays.items() if key != name})
