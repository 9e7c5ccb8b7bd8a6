from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.modelmap.known_queries import KnownQueries, text_hash


def known_queries(hashes: list[int]) -> KnownQueries:
    """Queries of these hashes, for two models."""
    n = len(hashes)
    single = np.linspace(-1.0, 1.0, n).astype(np.float32)
    return KnownQueries(
        np.array(hashes, dtype=np.int64), np.arange(n).astype(np.int16), single, single,
        np.column_stack((single, single)), np.array([0.4, 0.6]), np.eye(2), np.array([0.1, 1.0]), np.eye(2),
        min(n, 2), 0.7,
    )  # fmt: skip


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_a_hash_is_found_where_it_stands_and_no_other_is(hashes: list[int], others: list[int]) -> None:
    known = known_queries(hashes)

    assert known.find(np.array(hashes, dtype=np.int64)).tolist() == list(range(len(hashes)))
    missing = [one for one in others if one not in hashes]
    assert known.find(np.array(missing, dtype=np.int64)).tolist() == [-1] * len(missing)


def test_arrays_give_the_same_queries_back() -> None:
    known = known_queries([5, -7, 9])

    again = KnownQueries.from_arrays(known.arrays())

    assert {name: array.tobytes() for name, array in again.arrays().items()} == {
        name: array.tobytes() for name, array in known.arrays().items()
    }
    assert (again.n_landmarks, again.text_sd) == (2, 0.7)


def test_leanings_are_kept_where_they_are_and_may_be_missing() -> None:
    bare = known_queries([5, -7, 9])
    leanings = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], dtype=np.float32)
    arrays = replace(bare, leanings=leanings).arrays()

    assert KnownQueries.from_arrays(bare.arrays()).leanings is None
    np.testing.assert_array_equal(KnownQueries.from_arrays(arrays).leanings, leanings)
    with pytest.raises(ValueError, match="do not fit together"):
        KnownQueries.from_arrays({**arrays, "leanings": leanings[:2]})


@pytest.mark.parametrize("name", ["clusters", "easiness", "foretold", "components", "arm_means", "response_mean"])
def test_arrays_that_do_not_fit_together_are_refused(name: str) -> None:
    arrays = known_queries([5, -7, 9]).arrays()

    with pytest.raises(ValueError, match="do not fit together"):
        KnownQueries.from_arrays({**arrays, name: arrays[name][:-1]})


def test_more_landmarks_than_queries_are_refused() -> None:
    known = replace(known_queries([5, -7, 9]), n_landmarks=4)

    with pytest.raises(ValueError, match="do not fit together"):
        KnownQueries.from_arrays(known.arrays())


def test_a_missing_array_is_named() -> None:
    arrays = known_queries([5]).arrays()
    del arrays["hashes"]

    with pytest.raises(KeyError, match="hashes"):
        KnownQueries.from_arrays(arrays)


def test_a_hash_tells_texts_apart_and_never_changes() -> None:
    # Fixed: the hashes of yesterday's files must find today's texts.
    assert text_hash("what is 2 2") == -8861018573187262019
    assert len({text_hash(f"text {number}") for number in range(1_000)}) == 1_000


@given(st.text(st.characters()))
def test_any_text_has_a_hash_that_eight_bytes_hold(text: str) -> None:
    assert -(2**63) <= text_hash(text) < 2**63


def test_a_lone_surrogate_has_a_hash_too() -> None:
    assert text_hash("\ud800") != text_hash("")
