"""What native code foretells of a trained router's arms beside numpy. Compiled here and now."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.domain.outline import Outline, outline_of_text
from fairlead.evaluation.native_code import Library
from fairlead.learning.training import train
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, Sample
from fairlead.routing.predictors.router_tables import ABI
from fairlead.routing.router_kernel import RouterKernel
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import small_outcomes, small_router
from tests.learning.small_trainings import encoder, every_figure, texts
from tests.routing.random_router import Size, is_clear, random_router
from tests.routing.small_reader import PIECES
from tests.routing.small_texts import HashedWords

PARTS = ("kernel_ridge", "item_response", "linear", "cluster_table", "cluster_committee", "neighbours")
HEADS = ("lengths", "costs", "direct", "delays")
STRANGE = (
    "", " ", "x", "\n\n\n", "a" * 100_000, "wörter " * 3_000, "how " * 50_000, "\ud800", "\0" * 50, "#" * 300, "😀" * 9,
    "é", "a b", "ab", "abcd", "abcde", "(A) x ____ ```", "def f(x):\n    return x\n",
)  # fmt: skip
ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=300)
LIKE_A_PROMPT = st.lists(
    st.sampled_from((*PIECES, "Apples", "(A)", "\n\n", "____", "```", "x=3,", "é", "1984", "grüße")), max_size=200
).map(" ".join)
SIZES = st.builds(
    Size, n_arms=st.integers(1, 6), n_landmarks=st.sampled_from((1, 7, 90)), n_functions=st.sampled_from((1, 2, 12, 20))
)


@pytest.fixture(scope="module")
def small() -> TrainedRouter:
    return small_router(small_outcomes(90))


@pytest.fixture(scope="module")
def shipped_words() -> TrainedRouter:
    """On the shipped table, with every head."""
    return train(every_figure(), encoder()).router


def native(router: TrainedRouter, library: Library) -> TrainedRouter:
    made = replace(router, library=library)
    assert made.kernel is not None
    return made


def differences(one: TrainedRouter, other: TrainedRouter, outline: Outline) -> dict[str, float]:
    """By which each figure differs most, amounts as a share; what one does not know the other must not know either."""
    found = {}
    for name, a, b in zip(
        ("quality", "low", "high", "tokens", "cost", "delay"), one.foretell([outline]), other.foretell([outline]),
        strict=True,
    ):  # fmt: skip
        assert a.shape == b.shape and (np.isnan(a) == np.isnan(b)).all(), name
        scale = 1.0 if name in ("quality", "low", "high") else np.nan_to_num(np.abs(a)) + 1e-12
        found[name] = float(np.nan_to_num(np.abs(a - b) / scale).max())
    return found


@given(
    seed=st.integers(0, 10**6), size=SIZES, names=st.frozensets(st.sampled_from(PARTS + HEADS)),
    text=ANY_TEXT | LIKE_A_PROMPT,
)  # fmt: skip
def test_any_router_foretells_the_same_as_in_numpy(
    library: Library, small: TrainedRouter, seed: int, size: Size, names: frozenset[str], text: str
) -> None:
    plain, outline = random_router(small, seed, size, names), outline_of_text(text)
    assume(is_clear(plain, plain.basis.read(plain.encoder.encode(outline))))

    found = differences(plain, native(plain, library), outline)

    assert max(found.values()) < 1e-4, found


@pytest.mark.parametrize("text", STRANGE, ids=lambda text: f"{text[:3]!r}x{len(text)}")
def test_strange_texts_are_foretold_alike(library: Library, shipped_words: TrainedRouter, text: str) -> None:
    outline = outline_of_text(text)._replace(n_chars=7_000)

    found = differences(shipped_words, native(shipped_words, library), outline)

    assert max(found.values()) < 1e-5, found


def test_a_trained_router_foretells_the_same_as_in_numpy(library: Library, shipped_words: TrainedRouter) -> None:
    made = native(shipped_words, library)

    for text in texts(40, seed=9):
        found = differences(shipped_words, made, outline_of_text(text))
        assert max(found.values()) < 1e-5, (text, found)


def test_alone_or_among_others_a_text_gets_the_same_bits(library: Library, small: TrainedRouter) -> None:
    made, asked = native(small, library), [outline_of_text(text) for text in STRANGE]
    together = made.foretell(asked)

    for place, outline in enumerate(asked):
        for one, all_of_them in zip(made.foretell([outline]), together, strict=True):
            assert one[0].tobytes() == all_of_them[place].tobytes()
    assert made.foretell([]).quality.shape == (0, 4)


def test_a_changed_router_is_foretold_by_its_own_numbers(library: Library, small: TrainedRouter) -> None:
    asked, made = [outline_of_text("add seven")], native(small, library)
    doubted = replace(made, stack=replace(made.stack, mean_error=made.stack.mean_error + 0.2))

    assert (doubted.foretell(asked).quality_low < made.foretell(asked).quality_low).all()
    assert doubted.foretell(asked).quality.tolist() == made.foretell(asked).quality.tolist()


class Coin:
    """A part that native code has never heard of."""

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> "Coin":
        return cls()

    def predict(self, reading: Reading) -> Floats:
        return np.full((len(reading), 4), 0.5)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Coin":
        return cls()


def test_a_part_that_native_code_does_not_know_leaves_the_router_to_numpy(
    library: Library, small: TrainedRouter
) -> None:
    parts, weights = {**small.stack.parts, "coin": Coin()}, {**small.stack.weights, "coin": 0.3}
    with_coin = replace(small, stack=replace(small.stack, parts=parts, weights=weights))

    made = replace(with_coin, library=library)

    assert made.kernel is None
    asked = [outline_of_text("add seven")]
    assert made.foretell(asked).quality.tolist() == with_coin.foretell(asked).quality.tolist()
    weightless = replace(small, stack=replace(small.stack, parts=parts, weights={**weights, "coin": 0.0}))
    assert replace(weightless, library=library).kernel is not None


def test_an_encoder_without_a_table_leaves_the_router_to_numpy(library: Library, small: TrainedRouter) -> None:
    assert replace(small, encoder=QueryEncoder(HashedWords(16)), library=library).kernel is None


def test_a_router_with_more_functions_than_the_code_is_made_for_is_left_to_numpy(
    library: Library, small: TrainedRouter
) -> None:
    large = random_router(small, 3, Size(2, 5, 33), frozenset(PARTS + HEADS))

    assert replace(large, library=library).kernel is None


@pytest.mark.parametrize("name", ["loadings", "mean"])
def test_parts_that_do_not_fit_together_are_refused(library: Library, small: TrainedRouter, name: str) -> None:
    ridge = small.stack.parts["kernel_ridge"]
    wrong = replace(ridge, **{name: getattr(ridge, name)[:-1]})  # type: ignore[type-var]
    stack = replace(
        small.stack, parts={**small.stack.parts, "kernel_ridge": wrong}, weights=dict.fromkeys(small.stack.weights, 0.1)
    )

    with pytest.raises(ValueError, match=r"shape|dimension"):
        RouterKernel.of(library, replace(small, stack=stack))


def test_the_library_says_for_which_layout_it_was_compiled(library: Library) -> None:
    assert library.router_forecast_abi() == ABI
