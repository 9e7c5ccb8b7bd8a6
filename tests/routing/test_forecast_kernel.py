"""The native qualities beside numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.evaluation.native_code import Library
from fairlead.routing.modelmap.ability import Abilities
from fairlead.routing.predictors.benchmark_ability import BenchmarkForecaster
from tests.native_library import native_library
from tests.routing.small_reader import small_reader

READER = small_reader(seed=5)
K = len(KINDS)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return native_library(tmp_path_factory.mktemp("native"))


def some_abilities(seed: int, n: int) -> list[Abilities]:
    drawer = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        root = drawer.normal(0, drawer.uniform(0.1, 2), (K, K))
        found.append(Abilities(drawer.normal(0, 6, K), root @ root.T, "published", 3))
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(0, 9), text=st.text(max_size=80))
def test_native_and_numpy_foretell_the_same(library: Library, seed: int, n: int, text: str) -> None:
    abilities, outline = some_abilities(seed, n), Outline(turn_text=text, turn_chars=len(text))
    plain = BenchmarkForecaster(READER, abilities, [1.0] * n).forecast(outline)

    native = BenchmarkForecaster(READER, abilities, [1.0] * n, library).forecast(outline)

    for one, other in zip(native.arrays, plain.arrays, strict=True):
        assert one == pytest.approx(other, abs=1e-12)


@given(seed=st.integers(0, 10**6), order=st.permutations(range(7)))
def test_the_order_of_the_models_changes_no_bit(library: Library, seed: int, order: list[int]) -> None:
    abilities, outline = some_abilities(seed, 7), Outline(turn_text="how many primes", turn_chars=15)
    plain = BenchmarkForecaster(READER, abilities, [0.0] * 7, library).forecast(outline)

    mixed = BenchmarkForecaster(READER, [abilities[place] for place in order], [0.0] * 7, library).forecast(outline)

    for one, other in zip(plain.arrays, mixed.arrays, strict=True):
        assert np.array_equal(one[order], other)


@pytest.mark.parametrize("level", [-900.0, -20.0, 0.0, 20.0, 900.0])
def test_far_up_and_far_down_the_scale_the_interval_holds_the_quality(library: Library, level: float) -> None:
    ability = Abilities(np.full(K, level), np.eye(K), "published", 9)

    forecast = BenchmarkForecaster(READER, [ability], [0.0], library).forecast(Outline(turn_text="x", turn_chars=1))

    assert 0 <= forecast.quality_low[0] <= forecast.quality[0] <= forecast.quality_high[0] <= 1
