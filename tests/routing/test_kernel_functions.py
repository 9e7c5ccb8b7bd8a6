import numpy as np
import pytest

from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.kernel_functions import LARGEST, KernelFunctions
from tests.routing.small_texts import features_of, small_texts

FEATURES = features_of(small_texts(80, 0))
BASIS = fit_basis(FEATURES, 50, 0)


def functions_of(seed: int, n_functions: int = 3) -> KernelFunctions:
    weights = np.random.default_rng(seed).normal(size=(BASIS.root.shape[1], n_functions))
    return KernelFunctions.of(BASIS, weights)


def test_functions_have_the_values_that_were_fitted_on_the_basis_rows() -> None:
    weights = np.random.default_rng(0).normal(size=(BASIS.root.shape[1], 4))
    reading = BASIS.read(FEATURES)

    values = KernelFunctions.of(BASIS, weights).evaluate(reading)

    fitted = BASIS.rows(reading).astype(np.float64) @ weights
    assert np.abs(values - fitted).max() < 2e-3 * np.abs(fitted).max()


def test_a_text_has_the_same_values_alone_and_among_others_but_for_rounding() -> None:
    functions = functions_of(1)
    together = functions.evaluate(BASIS.read(FEATURES))

    for row in range(5):
        alone = functions.evaluate(BASIS.read(FEATURES.take(np.array([row]))))
        assert np.allclose(alone[0], together[row], atol=1e-4 * np.abs(together).max())


def test_functions_come_back_from_their_arrays_with_the_same_bits() -> None:
    functions = functions_of(2)
    reading = BASIS.read(FEATURES.take(np.array([3])))

    arrays = functions.arrays()
    loaded = KernelFunctions.from_arrays(arrays)

    assert arrays["gram_numbers"].dtype == np.int16
    assert np.abs(arrays["gram_numbers"].astype(int)).max() <= LARGEST
    assert loaded.gram_table.tobytes() == functions.gram_table.tobytes()
    assert loaded.evaluate(reading).tobytes() == functions.evaluate(reading).tobytes()
    again = loaded.arrays()
    assert all(again[name].tobytes() == arrays[name].tobytes() for name in arrays)


def test_a_step_is_a_power_of_two_and_rounding_moves_a_weight_by_half_a_step_at_most() -> None:
    steps = functions_of(3).arrays()["gram_steps"]

    assert (np.frexp(steps)[0] == 0.5).all()


def test_several_evaluated_together_have_the_values_they_have_alone() -> None:
    first, second = functions_of(4, 2), functions_of(5, 3)
    reading = BASIS.read(FEATURES)

    joined = KernelFunctions.joined([first, second])

    values = joined.evaluate(reading)
    assert joined.n_functions == 5
    assert np.allclose(values[:, :2], first.evaluate(reading), atol=1e-5)
    assert np.allclose(values[:, 2:], second.evaluate(reading), atol=1e-5)


def test_no_function_and_functions_of_nothing_are_possible() -> None:
    reading = BASIS.read(FEATURES)
    none = functions_of(0, n_functions=0)
    nought = KernelFunctions.of(BASIS, np.zeros((BASIS.root.shape[1], 2)))

    for functions in (none, nought):
        loaded = KernelFunctions.from_arrays(functions.arrays())
        assert loaded.evaluate(reading).shape == (80, functions.n_functions)
        assert not loaded.evaluate(reading).any()


def test_a_text_without_any_n_gram_has_values() -> None:
    functions = functions_of(6)
    features = features_of(["", "add seven"])

    assert np.isfinite(functions.evaluate(BASIS.read(features))).all()
    assert np.isfinite(functions.evaluate(BASIS.read(features.take(np.array([0]))))).all()


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    arrays = functions_of(7).arrays()
    numbers, steps, weights = arrays["gram_numbers"], arrays["gram_steps"], arrays["landmark_weights"]
    changes = [
        {"gram_numbers": numbers[:-1]},
        {"gram_numbers": numbers[:, :2]},
        {"gram_numbers": numbers.astype(np.int32)},
        {"gram_steps": steps[:2]},
        {"gram_steps": steps.astype(np.float64)},
        {"landmark_weights": weights[:, 0]},
        {"landmark_weights": weights.astype(np.float64)},
    ]

    for change in changes:
        with pytest.raises(ValueError, match="weights"):
            KernelFunctions.from_arrays({**arrays, **change})
    for name in arrays:
        with pytest.raises(KeyError, match=name):
            KernelFunctions.from_arrays({key: array for key, array in arrays.items() if key != name})
    assert numbers.shape[0] == N_BUCKETS
