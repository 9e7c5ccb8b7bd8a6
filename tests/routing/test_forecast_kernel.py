"""What native code foretells from a text beside what numpy does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.evaluation.native_code import Library
from fairlead.routing.features.language import LANGUAGE_SAMPLE_CHARS, quick_language_of
from fairlead.routing.features.plain_request import plain_request
from fairlead.routing.modelmap.ability import Abilities
from fairlead.routing.predictors.benchmark_ability import BenchmarkForecaster
from fairlead.routing.predictors.prompt_kernel import PromptKernel
from fairlead.routing.predictors.prompt_reader import LONG_TURN_CHARS, PromptReader
from tests.routing.small_reader import small_reader

READER = small_reader(seed=5)
K = len(KINDS)


@pytest.fixture(scope="module")
def reader(library: Library) -> PromptReader:
    """Its scores are native in both: what is compared is what is made of them."""
    return replace(READER, scorer=PromptKernel(library, READER))


OUTLINES = st.builds(
    Outline,
    system_text=st.sampled_from(("", "Answer in one word.")),
    turn_text=st.text(max_size=80),
    turn_chars=st.sampled_from((0, 90, LONG_TURN_CHARS + 1)),
    n_tools=st.integers(0, 2),
    in_tool_loop=st.booleans(),
    wants_structured=st.booleans(),
    wants_reasoning=st.booleans(),
    max_output_tokens=st.none() | st.integers(0, 3_000),
    n_choices=st.integers(0, 3),
)


def some_abilities(seed: int, n: int) -> list[Abilities]:
    drawer = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        root = drawer.normal(0, drawer.uniform(0.1, 2), (K, K))
        found.append(Abilities(drawer.normal(0, 6, K), root @ root.T, "published", 3))
    return found


@given(seed=st.integers(0, 10**6), n=st.integers(0, 9), outline=OUTLINES)
def test_native_and_numpy_foretell_the_same(
    library: Library, reader: PromptReader, seed: int, n: int, outline: Outline
) -> None:
    abilities, reasons = some_abilities(seed, n), [float(place % 2) for place in range(n)]
    plain = BenchmarkForecaster(reader, abilities, reasons).forecast(outline)

    native = BenchmarkForecaster(reader, abilities, reasons, library).forecast(outline)

    assert native.figures == pytest.approx(plain.figures, rel=1e-11, abs=1e-12)
    assert native.kind_shares == pytest.approx(plain.kind_shares, abs=1e-14)
    assert native.difficulty == pytest.approx(plain.difficulty, abs=1e-14)
    assert native.block is not None and plain.block is None


WORDS = st.sampled_from((
    "the", "The", "of", "explain", "explaining", "der", "und", "UND", "que", "please", "sorting", "42", "what,", "a",
    "DIE", "lists", "=", "en", "is", "\t", "\n", "i", "x" * 40,
))  # fmt: skip


@given(
    words=st.lists(WORDS, max_size=40),
    system=st.sampled_from(("", "Der Hund und die Katze.", "Für")),
    mark=st.sampled_from(("", "é", "\x01")),
)
def test_the_language_is_that_of_the_quick_look(
    library: Library, reader: PromptReader, words: list[str], system: str, mark: str
) -> None:
    outline = Outline(system_text=system, turn_text=f"{' '.join(words)}{mark}", turn_chars=9)
    forecast = BenchmarkForecaster(reader, some_abilities(2, 1), [0.0], library).forecast(outline)

    is_plain = not mark and system.isascii()
    read = plain_request(outline.turn_text)[:LANGUAGE_SAMPLE_CHARS]
    assert forecast.language == (quick_language_of(read) if is_plain else None)


def test_without_a_native_reader_of_texts_numpy_foretells(library: Library) -> None:
    found = BenchmarkForecaster(READER, some_abilities(1, 2), [0.0, 1.0], library).forecast(Outline(turn_text="x"))

    assert found.block is None and found.figures.shape == (4, 2)


def test_what_native_code_has_foretold_stays_when_it_foretells_another(library: Library, reader: PromptReader) -> None:
    forecaster = BenchmarkForecaster(reader, some_abilities(3, 4), [0.0] * 4, library)
    first = forecaster.forecast(Outline(turn_text="how many primes", turn_chars=15))
    again = forecaster.forecast(Outline(turn_text="how many primes", turn_chars=15)).figures.copy()

    forecaster.forecast(Outline(turn_text="write a poem", turn_chars=4_000))

    assert np.array_equal(first.figures, again)


@given(seed=st.integers(0, 10**6), order=st.permutations(range(7)))
def test_the_order_of_the_models_changes_no_bit(
    library: Library, reader: PromptReader, seed: int, order: list[int]
) -> None:
    abilities, outline = some_abilities(seed, 7), Outline(turn_text="how many primes", turn_chars=15)
    plain = BenchmarkForecaster(reader, abilities, [0.0] * 7, library).forecast(outline)

    mixed = BenchmarkForecaster(reader, [abilities[place] for place in order], [0.0] * 7, library).forecast(outline)

    assert np.array_equal(plain.figures[:, order], mixed.figures)


@pytest.mark.parametrize("level", [-900.0, -20.0, 0.0, 20.0, 900.0])
def test_far_up_and_far_down_the_scale_the_interval_holds_the_quality(
    library: Library, reader: PromptReader, level: float
) -> None:
    ability = Abilities(np.full(K, level), np.eye(K), "published", 9)

    forecast = BenchmarkForecaster(reader, [ability], [0.0], library).forecast(Outline(turn_text="x", turn_chars=1))

    assert 0 <= forecast.quality_low[0] <= forecast.quality[0] <= forecast.quality_high[0] <= 1
