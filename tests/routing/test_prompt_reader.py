import dataclasses
from math import isfinite, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.predictors.kernel_basis import MEANING_WIDTH, SHAPE, SHAPE_WIDTH, scale_meaning, scale_shape
from fairlead.routing.predictors.prompt_reader import (
    DIFFICULTY_RANGE,
    HEADS,
    MAX_EXACT_SUM,
    MAX_TABLE_VALUE,
    TOKENS_RANGE,
    Landmarks,
)
from tests.routing.small_reader import N_DIMS, PIECES, small_reader

READER = small_reader(seed=1)


def test_a_flat_model_sees_every_kind_alike() -> None:
    reading = small_reader().read(Outline(turn_text="anything", turn_chars=8))

    assert reading.kind_shares == pytest.approx([1 / len(KINDS)] * len(KINDS))
    assert reading.difficulty == pytest.approx(-2.0 + 0.5 * log(9))
    assert reading.log_output_tokens == pytest.approx(log(200))


@given(st.text(alphabet=st.characters(codec=None), max_size=800), st.integers(0, 10**9))
def test_any_text_gives_a_sane_reading_twice_the_same(text: str, n_chars: int) -> None:
    outline = Outline(turn_text=text, turn_chars=n_chars, system_text=text[:20])

    reading = READER.read(outline)

    assert READER.read(outline) == reading
    assert sum(reading.kind_shares) == pytest.approx(1.0)
    assert all(share >= 0 for share in reading.kind_shares)
    assert DIFFICULTY_RANGE[0] <= reading.difficulty <= DIFFICULTY_RANGE[1]
    assert TOKENS_RANGE[0] <= reading.log_output_tokens <= TOKENS_RANGE[1]


def test_the_sum_over_pieces_is_exact_even_at_its_largest() -> None:
    full = np.full_like(READER.piece_table, MAX_TABLE_VALUE)
    reader = dataclasses.replace(small_reader(), piece_table=full, piece_steps=READER.piece_steps / 1_000)
    n = len(PIECES)

    reading = reader.read(Outline(turn_text=f"{' '.join(PIECES)} hows", turn_chars=100))

    assert reading.log_output_tokens == pytest.approx(log(200) + n * MAX_TABLE_VALUE * 1e-6 / sqrt(n), abs=1e-12)


def test_a_table_of_so_many_pieces_that_sums_would_round_is_refused() -> None:
    n = MAX_EXACT_SUM // MAX_TABLE_VALUE + 1
    rows = np.ones((n, N_DIMS), dtype=np.int8)
    table = StaticTable([f"p{place}" for place in range(n)], rows, np.ones(n, dtype=np.float32))

    with pytest.raises(ValueError, match="too many"):
        dataclasses.replace(READER, table=table, piece_table=np.zeros((n, len(HEADS)), dtype=np.int16))


def test_tools_make_agentic_work_likelier_and_a_tool_result_more_so() -> None:
    agentic = KINDS.index("agentic")
    plain, offered, looping = (
        READER.read(Outline(turn_text="look it up", turn_chars=10, n_tools=n_tools, in_tool_loop=in_loop)).kind_shares[
            agentic
        ]
        for n_tools, in_loop in ((0, False), (3, False), (3, True))
    )

    assert plain < offered < looping


def test_a_schema_and_a_long_turn_speak_for_data() -> None:
    data = KINDS.index("data")
    flat = small_reader()

    def share(outline: Outline) -> float:
        return flat.read(outline).kind_shares[data]

    plain = Outline(turn_text="x", turn_chars=100)
    assert share(plain) < share(plain._replace(wants_structured=True))
    assert share(plain) < share(plain._replace(turn_chars=50_000))


def test_traits_name_the_kinds_largest_first() -> None:
    traits = READER.traits(Outline(turn_text="Please write the poem", turn_chars=21))

    shares = [share for _, share in traits.kinds]
    assert shares == sorted(shares, reverse=True)
    assert {kind for kind, _ in traits.kinds} == set(KINDS)
    assert traits.language == "en"
    assert traits.output_tokens >= 1 and isfinite(traits.difficulty)


@pytest.mark.parametrize("name", ["piece_table", "piece_steps", "column_weights", "intercepts"])
def test_arrays_of_the_wrong_shape_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="wrong shapes"):
        dataclasses.replace(READER, **{name: getattr(READER, name)[:-1]})


def test_landmarks_of_another_table_are_refused() -> None:
    marks = READER.landmarks
    other = Landmarks(marks.centre[1:], marks.shape_mean, marks.shape_sd, marks.meaning[:, 1:], marks.shape)

    with pytest.raises(ValueError, match="wrong shapes"):
        dataclasses.replace(READER, landmarks=other)


def test_the_score_is_the_formula_of_the_caption() -> None:
    outline = Outline(turn_text="how many primes? Look up 17", turn_chars=27)
    marks, (_, numbers) = READER.landmarks, READER.table.look_up(outline.turn_text)
    features = QueryEncoder(READER.table).encode(outline)
    meaning = scale_meaning(features.dense, marks.centre)[0].astype(np.float64)
    shape = scale_shape(features.shape, marks.shape_mean, marks.shape_sd)[0].astype(np.float64)
    in_meaning = np.exp(-MEANING_WIDTH * ((meaning - marks.meaning) ** 2).sum(axis=1))
    in_shape = np.exp(-SHAPE_WIDTH * ((shape - marks.shape) ** 2).sum(axis=1))
    columns = np.concatenate((in_meaning + SHAPE * in_shape + in_meaning * in_shape, meaning, shape))
    pieces = READER.piece_table[numbers].sum(axis=0) * READER.piece_steps / sqrt(len(numbers))
    expected = columns @ READER.column_weights + pieces + READER.intercepts

    reading = READER.read(outline)

    shares = np.exp(expected[: len(KINDS)])
    assert reading.kind_shares == pytest.approx(shares / shares.sum(), rel=1e-4)
    assert (reading.difficulty, reading.log_output_tokens) == pytest.approx(expected[len(KINDS) :], abs=1e-4)


def test_courtesies_around_a_request_do_not_change_its_reading() -> None:
    plain, polite = "How many primes are there?", "Hi! How many primes are there? Thank you."

    readings = [READER.read(Outline(turn_text=text, turn_chars=len(text))) for text in (plain, polite)]
    assert readings[0] == readings[1]
