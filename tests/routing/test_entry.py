from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.modelmap.entry import MEASURES, VERSION, Clusters, Entry, Measure, ModelMap
from fairlead.routing.modelmap.known_queries import KnownQueries

N_CLUSTERS = 3


def entry(arm: str, seed: int = 0, **measures: Measure | None) -> Entry:
    """An entry of random numbers."""
    draw = np.random.default_rng(seed)
    spread = draw.normal(size=(4, 4))
    return Entry(
        arm, draw.normal(size=4), spread @ spread.T, draw.uniform(1, 9, N_CLUSTERS), draw.uniform(1, 9, N_CLUSTERS),
        np.array([4.0, 0.0, 7.0]), np.array([120.5, np.nan, 33.0]),
        Measure(0.61, 0.03, 11, "our own runs", "2026-11-01"), stale=None, **measures,
    )  # fmt: skip


def model_map(*entries: Entry, known: KnownQueries | None = None, kinds: bool = False) -> ModelMap:
    """A map of these entries."""
    draw = np.random.default_rng(1)
    clusters = Clusters(
        np.array([0.5, 0.3, 0.2]), np.array([-0.4, 0.1, 0.9]), np.array([80.0, 200.0, 4_000.0]),
        draw.normal(size=(N_CLUSTERS, 5)), draw.dirichlet(np.ones(7), N_CLUSTERS) if kinds else None,
    )  # fmt: skip
    return ModelMap({one.arm: one for one in entries}, clusters, known)


def known_queries() -> KnownQueries:
    single = np.array([0.5, -0.5], dtype=np.float32)
    return KnownQueries(
        np.array([7, -9]), np.array([0, 2], dtype=np.int16), single, single, single[:, None], np.array([0.5]),
        np.ones((1, 1)), np.array([0.0, 1.0]), np.eye(2), 1, 0.8,
    )  # fmt: skip


def bits(one: ModelMap) -> dict[str, tuple[str, bytes]]:
    return {name: (str(array.dtype), array.tobytes()) for name, array in one.arrays().items()}


@pytest.mark.parametrize("kinds", [True, False])
def test_a_map_comes_back_from_its_arrays_bit_for_bit(kinds: bool) -> None:
    seconds = Measure(0.4, None, 3, "measured here, «übrigens»", "")
    first = model_map(entry("a"), entry("b@high", 1, ttft_s=seconds), known=known_queries(), kinds=kinds)

    again = ModelMap.from_arrays(first.arrays())

    assert bits(again) == bits(first)
    assert tuple(again.entries) == ("a", "b@high")
    assert again.entries["b@high"].ttft_s == seconds
    for name, one in first.entries.items():
        for field in ("ability", "covariance", "wins", "losses", "n_by_cluster", "tokens_by_cluster"):
            np.testing.assert_array_equal(getattr(again.entries[name], field), getattr(one, field))


def test_what_is_unknown_stays_unknown() -> None:
    again = ModelMap.from_arrays(model_map(entry("a")).arrays())

    assert np.isnan(again.entries["a"].tokens_by_cluster).tolist() == [False, True, False]
    assert again.entries["a"].failure_share is None
    assert again.clusters.kinds is None
    assert again.known is None


@given(
    st.dictionaries(
        st.sampled_from(MEASURES[1:]),
        st.builds(
            Measure,
            st.floats(-1e9, 1e9),
            st.none() | st.floats(0, 1e9),
            st.integers(0, 2**60),
            st.text(st.characters(exclude_categories=["Cs"])),
            st.text(st.characters(exclude_categories=["Cs"])),
        ),
    )
)
def test_every_single_figure_comes_back_as_it_was(measures: dict[str, Measure]) -> None:
    again = ModelMap.from_arrays(model_map(entry("a", 0, **measures)).arrays()).entries["a"]

    assert {name: getattr(again, name) for name in MEASURES[1:]} == {name: measures.get(name) for name in MEASURES[1:]}


def test_no_array_holds_a_number_that_is_not_finite() -> None:
    arrays = model_map(entry("a"), known=known_queries()).arrays()

    assert all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


def test_success_is_the_mean_of_its_beta_distribution() -> None:
    one = replace(entry("a"), wins=np.array([1.0, 8.0, 80.0]), losses=np.array([1.0, 2.0, 20.0]))

    np.testing.assert_allclose(one.success, [0.5, 0.8, 0.8])
    assert one.success_sd[0] == pytest.approx(np.sqrt(1 / 12))
    assert one.success_sd[2] < one.success_sd[1]


def test_one_more_entry_changes_no_other() -> None:
    first = model_map(entry("a"), known=known_queries())

    grown = first.with_entry(entry("b", 1))

    assert tuple(grown.entries) == ("a", "b")
    assert grown.entries["a"] is first.entries["a"]
    assert grown.known is first.known
    assert tuple(first.entries) == ("a",)


def test_an_entry_of_other_clusters_is_refused_by_name() -> None:
    odd = replace(entry("odd"), wins=np.ones(2))

    with pytest.raises(ValueError, match="odd does not speak of 3 clusters"):
        model_map(odd)


def test_another_version_is_refused_with_both_numbers() -> None:
    arrays = {**model_map(entry("a")).arrays(), "version": np.array([VERSION + 1], dtype=np.int32)}

    with pytest.raises(ValueError, match=rf"version \[{VERSION + 1}\], this fairlead reads {VERSION}"):
        ModelMap.from_arrays(arrays)


def test_a_map_of_nobody_is_a_map() -> None:
    assert ModelMap.from_arrays(model_map().arrays()).entries == {}


def test_figures_for_another_number_of_models_are_refused() -> None:
    two, one = model_map(entry("a"), entry("b")).arrays(), model_map(entry("a")).arrays()
    mixed = {**two, **{name: array for name, array in one.items() if name.startswith("measures.")}}

    with pytest.raises(ValueError, match="6 figures for 2 models"):
        ModelMap.from_arrays(mixed)


def test_an_entry_takes_less_than_two_kilobytes() -> None:
    bare = {name: array.nbytes for name, array in model_map().arrays().items()}
    full = {name: array.nbytes for name, array in model_map(entry("a")).arrays().items()}

    assert sum(full.values()) - sum(bare.values()) < 2_000
