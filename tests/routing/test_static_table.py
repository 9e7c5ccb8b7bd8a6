import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.errors import ArtifactError
from fairlead.routing.container import pack, unpack
from fairlead.routing.features.static_table import MAX_SCALE, StaticTable

PIECES = ("the", "cat", "##s", "dog", "a", "##a", ".", "sits")
N_DIMS = 16


def small_table(seed: int = 0) -> StaticTable:
    chance = np.random.default_rng(seed)
    rows = chance.integers(-127, 128, (len(PIECES), N_DIMS), dtype=np.int8)
    return StaticTable(PIECES, rows, chance.integers(1, MAX_SCALE + 1, len(PIECES)).astype(np.float32))


def test_a_text_is_the_direction_of_the_scaled_sum_of_the_rows_of_its_distinct_pieces() -> None:
    table = small_table()
    rows = table.rows.astype(np.int64) * table.row_scale.astype(np.int64)[:, None]
    total = rows[0] + rows[1] + rows[2] + rows[6]

    vector = table.embed("The cats. zzz .")

    assert vector.dtype == np.float32
    assert np.allclose(vector, total / np.linalg.norm(total), rtol=1e-6)


def test_a_text_without_known_pieces_is_zero() -> None:
    table = small_table()

    for text in ("", "   ", "zzz", "\ud800"):
        assert table.embed(text).tolist() == [0.0] * N_DIMS


def test_rows_that_cancel_are_zero_and_not_nan() -> None:
    table = StaticTable(("a", "b"), np.array([[1, 2], [-1, -2]], dtype=np.int8), np.ones(2, dtype=np.float32))

    assert table.embed("a b").tolist() == [0.0, 0.0]


TEXTS = st.lists(st.sampled_from(["the", "cat", "cats", "dog", "aaa", ".", "sits", "zz"]), max_size=900).map(" ".join)


@settings(max_examples=50)
@given(TEXTS, TEXTS)
def test_the_same_text_gives_the_same_bits_alone_among_others_and_again(text: str, other: str) -> None:
    table = small_table()

    alone = table.embed(text)

    assert table.embed_all([other, text, text])[1].tobytes() == alone.tobytes()
    assert table.embed(text).tobytes() == small_table().embed(text).tobytes() == alone.tobytes()


@given(st.permutations(["the", "cat", "dog", "a", ".", "sits"] * 3))
def test_the_order_of_words_changes_no_bit(words: list[str]) -> None:
    table = small_table()

    assert table.embed(" ".join(words)).tobytes() == table.embed(" ".join(sorted(words))).tobytes()


@given(st.lists(st.sampled_from(["the", "cats", "dog", "aa", "."]), min_size=1, max_size=8), st.integers(2, 5))
def test_saying_it_again_changes_nothing(words: list[str], n_times: int) -> None:
    table = small_table()

    assert table.embed(" ".join(words * n_times)).tobytes() == table.embed(" ".join(words)).tobytes()


def test_the_sum_of_very_many_pieces_is_exact() -> None:
    n_pieces = 3_000
    pieces = [f"word{number}" for number in range(n_pieces)]
    rows = np.full((n_pieces, 2), 127, dtype=np.int8)
    rows[:, 1] = np.where(np.arange(n_pieces) % 2, 126, -127)
    table = StaticTable(pieces, rows, np.full(n_pieces, 255, dtype=np.float32))
    total = [127 * 255 * n_pieces, -255 * n_pieces // 2]

    vector = table.embed(" ".join(pieces))

    length = np.sqrt(float(sum(part * part for part in total)))
    assert vector.tolist() == [float(np.float32(part * (1.0 / length))) for part in total]


def test_the_vector_has_unit_length() -> None:
    assert np.linalg.norm(small_table().embed("the cat sits . a dog")) == pytest.approx(1.0, abs=1e-6)


def test_no_texts_give_no_rows() -> None:
    assert small_table().embed_all([]).shape == (0, N_DIMS)


def test_a_table_comes_back_from_a_container_without_being_copied() -> None:
    table = small_table(seed=3)

    arrays = unpack(pack("router", 1, {}, table.arrays()), "router", 1, "mend")[1]
    loaded = StaticTable.from_arrays(arrays, "mend")

    assert loaded.pieces == PIECES
    assert np.shares_memory(loaded.rows, arrays["piece_rows"])
    assert loaded.embed("the cats").tobytes() == table.embed("the cats").tobytes()


def test_arrays_that_do_not_fit_are_refused() -> None:
    arrays = small_table().arrays()
    scales = arrays["piece_scales"]
    changes = {
        "rows too few": {"piece_rows": arrays["piece_rows"][:-1]},
        "rows as floats": {"piece_rows": arrays["piece_rows"].astype(np.float32)},
        "one row": {"piece_rows": arrays["piece_rows"].ravel()},
        "an entry of -128": {"piece_rows": np.full_like(arrays["piece_rows"], -128)},
        "scales in 64 bits": {"piece_scales": scales.astype(np.float64)},
        "a broken scale": {"piece_scales": scales + np.float32(0.5)},
        "a scale too large": {"piece_scales": scales * 0 + MAX_SCALE + 1},
        "a negative scale": {"piece_scales": -scales},
        "a scale that is no number": {"piece_scales": scales * np.float32(np.nan)},
        "scales as a column": {"piece_scales": scales[:, None]},
    }

    for change in changes.values():
        with pytest.raises(ArtifactError, match=r"does not fit together.*mend"):
            StaticTable.from_arrays({**arrays, **change}, "mend")
    for name in arrays:
        with pytest.raises(ArtifactError, match="mend"):
            StaticTable.from_arrays({key: array for key, array in arrays.items() if key != name}, "mend")


@settings(max_examples=40)
@given(st.text(alphabet="thecatsdog a.", max_size=60))
def test_a_look_up_gives_the_direction_and_each_piece_once(text: str) -> None:
    table = small_table()

    direction, numbers = table.look_up(text)

    assert direction.tobytes() == table.embed(text).tobytes()
    assert numbers.tolist() == sorted(set(numbers.tolist()))
    assert bool(numbers.size) == bool(direction.any())
