import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.learning.new_arm import Posterior, columns_of, prior_of
from fairlead.learning.probes import choose_probes, choose_rows, mean_slope, narrowed
from fairlead.routing.modelmap.known_queries import KnownQueries
from fairlead.routing.predictors.item_response import sigmoid


def known_queries(n: int, seed: int = 0, spread: float = 2.0) -> KnownQueries:
    """Queries of random easiness for three models."""
    draw = np.random.default_rng(seed)
    easiness = draw.normal(0.0, spread, n).astype(np.float32)
    components = draw.normal(0.0, 1.0, (n, 3)).astype(np.float32)
    return KnownQueries(
        np.arange(n, dtype=np.int64), np.zeros(n, dtype=np.int16), easiness, easiness, components, np.full(3, 0.5),
        np.eye(3), np.array([0.0, 1.0]), np.eye(2), n, 0.5,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 120), st.integers(1, 150), st.integers(0, 2**31), st.sampled_from([0.0, 1.0, 40.0]))
def test_there_are_as_many_different_probes_as_wanted_or_all(n: int, wanted: int, seed: int, spread: float) -> None:
    probes = choose_probes(known_queries(n, spread=spread), wanted, seed)

    assert len(set(probes.tolist())) == len(probes) == min(n, wanted)
    assert probes.tolist() == sorted(probes.tolist())
    assert all(0 <= place < n for place in probes.tolist())


def test_equal_seeds_choose_equal_probes_and_others_choose_others() -> None:
    known = known_queries(500)

    assert choose_probes(known, 40, 1).tolist() == choose_probes(known, 40, 1).tolist()
    assert choose_probes(known, 40, 1).tolist() != choose_probes(known, 40, 2).tolist()


def test_queries_whose_outcome_is_certain_are_seldom_asked() -> None:
    known = known_queries(1_000)
    chance = sigmoid(known.easiness.astype(np.float64))
    is_certain = chance * (1 - chance) < 0.04

    asked = np.concatenate([choose_probes(known, 60, seed) for seed in range(10)])

    assert is_certain.mean() > 0.05
    assert is_certain[asked].mean() < 0.3 * is_certain.mean()


def variance_of_mean(known: KnownQueries, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    columns = columns_of(known)
    prior = prior_of(known, columns, None, is_asked=True)
    slope = mean_slope(columns, prior)
    return float(slope @ narrowed(columns, prior, rows).covariance @ slope)


def test_answers_to_the_chosen_narrow_the_mean_more_than_answers_to_others() -> None:
    known = known_queries(1_000)

    for seed in range(5):
        luck = np.random.default_rng(seed).permutation(1_000)[:40]
        assert variance_of_mean(known, choose_probes(known, 40, seed)) < 0.8 * variance_of_mean(known, luck)


def test_what_was_asked_is_not_asked_again() -> None:
    known = known_queries(100)
    columns = columns_of(known)
    prior = prior_of(known, columns, None, is_asked=True)
    asked = choose_rows(columns, prior, [mean_slope(columns, prior)], 60, 0)

    more = choose_rows(columns, prior, [mean_slope(columns, prior)], 60, 1, asked=asked)

    assert sorted([*asked.tolist(), *more.tolist()]) == list(range(100))


def test_a_figure_of_some_queries_draws_the_probes_to_them() -> None:
    columns = np.zeros((200, 2))
    columns[:100, 0] = columns[100:, 1] = 1.0
    belief = Posterior(np.zeros(2), np.eye(2))
    of_first = mean_slope(columns, belief, np.where(np.arange(200) < 100, 1.0, 0.0))

    assert choose_rows(columns, belief, [of_first], 20, 0).max() < 100
    assert choose_rows(columns, belief, [mean_slope(columns, belief)], 20, 0).max() >= 100


@pytest.mark.parametrize("n", [0, -3])
def test_no_probe_is_no_choice(n: int) -> None:
    with pytest.raises(ValueError, match="are none"):
        choose_probes(known_queries(10), n, 0)


def test_queries_without_components_are_chosen_too() -> None:
    known = known_queries(50)
    bare = KnownQueries(
        known.hashes, known.clusters, known.easiness, known.foretold, np.zeros((50, 0), dtype=np.float32),
        known.arm_means, np.zeros((3, 0)), known.response_mean, known.response_covariance, 50, 0.5,
    )  # fmt: skip

    assert len(choose_probes(bare, 20, 0)) == 20
