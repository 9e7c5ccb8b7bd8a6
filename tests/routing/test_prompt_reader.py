import dataclasses
from math import isfinite, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.features.prompt_reader import DIFFICULTY_RANGE, MAX_TABLE_VALUE, TOKENS_RANGE, PromptReader
from fairlead.routing.features.text_hashing import encode_text, hash_ngrams
from tests.routing.small_reader import small_reader

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


def test_the_sum_over_ngrams_is_exact_even_at_its_largest() -> None:
    full = np.full_like(READER.table, MAX_TABLE_VALUE)
    reader = dataclasses.replace(small_reader(), table=full, steps=READER.steps / 1_000)
    outline = Outline(turn_text="a b " * 3_000, turn_chars=12_000)
    n = len(hash_ngrams(encode_text(outline.turn_text)))

    assert n > 11_000 and n * MAX_TABLE_VALUE < 2**24
    assert reader.read(outline).log_output_tokens == pytest.approx(
        log(200) + n * MAX_TABLE_VALUE * 1e-6 / sqrt(n), abs=1e-12
    )


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


def test_arrays_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="wrong shapes"):
        PromptReader(READER.table[:10], READER.steps, READER.surface_weights, READER.intercepts, 1.0, 1.0, {})
