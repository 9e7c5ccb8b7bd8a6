from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.learning.metrics.hypervolume import Nadir, hypervolume, nadir_of, undominated
from fairlead.learning.outcomes import Floats

POINTS = st.lists(st.tuples(*[st.integers(0, 10)] * 3), min_size=1, max_size=6)
NADIR = Nadir(np.array([0.2]), np.array([10.0]), np.array([5.0]))


def by_inclusion_and_exclusion(points: Floats) -> float:
    """Points as boxes from the origin; the volume of their union."""
    parts = chain.from_iterable(combinations(range(len(points)), k) for k in range(1, len(points) + 1))
    signed = [(1.0 if len(part) % 2 else -1.0) * float(np.prod(points[list(part)].min(axis=0))) for part in parts]
    return sum(signed)


def volume(points: list[Floats], nadir: Nadir) -> Floats:
    quality, cost, delay = points
    return hypervolume(quality, cost, delay, nadir)


@given(POINTS)
def test_the_volume_is_that_of_the_union_of_boxes(points: list[tuple[int, int, int]]) -> None:
    boxes = np.array(points) / 10
    quality, cost, delay = 0.2 + 0.8 * boxes[:, 0], 10 * (1 - boxes[:, 1]), 5 * (1 - boxes[:, 2])

    found = hypervolume(quality[None], cost[None], delay[None], NADIR)[0]

    assert found == pytest.approx(by_inclusion_and_exclusion(boxes), abs=1e-9)


def test_a_single_point_by_hand_and_a_perfect_one() -> None:
    half = hypervolume(np.array([[0.6]]), np.array([[5.0]]), np.array([[2.5]]), NADIR)
    perfect = hypervolume(np.array([[1.0]]), np.array([[0.0]]), np.array([[0.0]]), NADIR)

    assert half[0] == pytest.approx(1 / 8)
    assert perfect[0] == pytest.approx(1.0)


def test_points_beyond_the_nadir_add_nothing() -> None:
    quality, cost, delay = np.array([[0.6, 0.9, 0.1]]), np.array([[5.0, 11.0, 1.0]]), np.array([[2.5, 1.0, 1.0]])

    assert hypervolume(quality, cost, delay, NADIR)[0] == pytest.approx(1 / 8)


def test_more_points_never_dominate_less_and_their_order_is_nothing() -> None:
    drawer = np.random.default_rng(0)
    points = [drawer.uniform(0.2, 1, (1, 30)), drawer.uniform(0, 10, (1, 30)), drawer.uniform(0, 5, (1, 30))]
    order = drawer.permutation(30)

    volumes = [volume([axis[:, :k] for axis in points], NADIR)[0] for k in range(1, 31)]

    assert (np.diff(volumes) >= -1e-12).all()
    assert volume([axis[:, order] for axis in points], NADIR)[0] == pytest.approx(volumes[-1])


def test_a_batch_is_each_row_alone() -> None:
    drawer = np.random.default_rng(1)
    points = [drawer.uniform(0, 1, (5, 8)) for _ in range(3)]
    nadir = nadir_of(*points)

    together = volume(points, nadir)

    for k in range(5):
        one = Nadir(nadir.quality[k : k + 1], nadir.cost[k : k + 1], nadir.delay[k : k + 1])
        assert volume([axis[k : k + 1] for axis in points], one)[0] == pytest.approx(together[k])


def test_the_nadir_is_the_worst_of_the_undominated() -> None:
    quality, cost, delay = np.array([[0.9, 0.5, 0.4]]), np.array([[9.0, 2.0, 3.0]]), np.array([[1.0, 4.0, 8.0]])

    assert undominated(quality, cost, delay).tolist() == [[True, True, False]]
    nadir = nadir_of(quality, cost, delay)
    assert (nadir.quality[0], nadir.cost[0], nadir.delay[0]) == (0.5, 9.0, 4.0)


def test_equal_points_do_not_dominate_each_other() -> None:
    same = np.array([[0.5, 0.5]])

    assert undominated(same, same, same).tolist() == [[True, True]]


def test_an_axis_without_length_has_no_volume() -> None:
    free = Nadir(np.array([0.2]), np.array([0.0]), np.array([5.0]))

    assert np.isnan(hypervolume(np.array([[0.6]]), np.array([[0.0]]), np.array([[1.0]]), free)[0])
