import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fairlead.domain.wishes import Weights
from fairlead.routing.policies.objective import Foretold, Objective, PairThreshold, as_dear_as_the_dearest, excess_of

NAN = float("nan")
COST_SCALE_USD = 0.01


def foretold(
    quality: list[list[float]], cost: list[list[float]] | None = None, delay: list[list[float]] | None = None
) -> Foretold:
    known = np.array(quality)
    unknown = np.full(known.shape, NAN)
    return Foretold(
        known, known - 0.1, known + 0.1, unknown, unknown if cost is None else np.array(cost),
        unknown if delay is None else np.array(delay),
    )  # fmt: skip


def pick(
    objective: Objective,
    quality: list[list[float]],
    cost: list[list[float]] | None = None,
    delay: list[list[float]] | None = None,
) -> list[int]:
    return [int(arm) for arm in objective.pick(foretold(quality, cost, delay), COST_SCALE_USD)]


def test_without_a_preference_quality_alone_decides() -> None:
    assert pick(Objective(), [[0.4, 0.9], [0.6, 0.5]], [[0.001, 0.01]] * 2) == [1, 0]


def test_a_cost_weight_of_nought_is_quality_and_one_of_one_gives_up_a_point_for_the_dearest_call() -> None:
    quality, cost = [[0.2, 0.9]], [[0.0, COST_SCALE_USD]]

    assert pick(Objective(cost_weight=0.0), quality, cost) == [1]
    assert pick(Objective(cost_weight=0.69), quality, cost) == [1]
    assert pick(Objective(cost_weight=0.71), quality, cost) == [0]


def test_where_cost_counts_a_near_tie_goes_to_the_usually_better_arm_and_a_clear_lead_does_not() -> None:
    near, clear = [[0.61, 0.60, 0.30]], [[0.66, 0.60, 0.30]]
    cost, usual = [[0.5 * COST_SCALE_USD] * 3], np.array([0.4, 0.6, 0.9])
    objective = Objective(cost_weight=0.2)

    for quality, chosen in ((near, 1), (clear, 0)):
        told = foretold(quality, cost)
        assert objective.pick(told, COST_SCALE_USD, usual).tolist() == [chosen]
        assert objective.worth(told, COST_SCALE_USD, usual).argmax(axis=1).tolist() == [chosen]
        assert objective.pick(told, COST_SCALE_USD).tolist() == [0]


def test_where_no_price_is_known_or_all_are_free_a_cost_weight_changes_nothing() -> None:
    objective = Objective(cost_weight=5.0)
    free = foretold([[0.2, 0.9]], [[0.0, 0.0]])

    assert objective.pick(free, 0.0).tolist() == [1]
    assert objective.pick(free, None).tolist() == [1]
    assert np.isfinite(objective.worth(free, 0.0)).all()


@pytest.mark.parametrize("objective", [Objective(cost_weight=0.5), Objective(Weights(0.5, 0.5, 0.0))])
def test_an_unknown_cost_is_never_held_to_be_cheap(objective: Objective) -> None:
    assert pick(objective, [[0.5, 0.5, 0.5]], [[0.005, NAN, 0.001]]) == [2]
    # No worse than the dearest either: a better arm of unknown price still wins over the dearest.
    assert pick(objective, [[0.5, 0.6]], [[0.005, NAN]]) == [1]


def test_weights_of_cost_and_speed_decide_between_equals() -> None:
    assert pick(Objective(Weights(1.0, 0.2, 0.0)), [[0.5, 0.5]], [[0.002, 0.001]]) == [1]
    assert pick(Objective(Weights(1.0, 0.0, 0.2)), [[0.5, 0.5]], None, [[9.0, 3.0]]) == [1]
    assert pick(Objective(Weights(1.0, 0.0, 0.2)), [[0.5, 0.5, 0.5]], None, [[NAN, 3.0, 5.0]]) == [1]


def test_unknown_costs_and_delays_of_all_decide_nothing() -> None:
    objective = Objective(Weights(0.2, 0.4, 0.4))

    assert pick(objective, [[0.5, 0.8]]) == [1]
    assert np.isfinite(objective.worth(foretold([[0.5, 0.8]]), None)).all()


def test_a_ceiling_excludes_what_costs_more_and_what_is_not_known_to_cost_less() -> None:
    objective = Objective(max_cost_usd=0.002)

    assert pick(objective, [[0.5, 0.9, 0.8]], [[0.001, 0.003, NAN]]) == [0]
    assert pick(Objective(max_latency_s=2.0), [[0.5, 0.9, 0.8]], None, [[1.0, 3.0, NAN]]) == [0]


def test_a_value_at_its_limit_is_within() -> None:
    assert pick(Objective(max_cost_usd=0.002), [[0.5, 0.9]], [[0.001, 0.002]]) == [1]
    assert pick(Objective(min_quality=0.9, cost_weight=9.0), [[0.5, 0.9]], [[0.001, 0.002]]) == [1]


def test_where_none_is_within_the_limits_the_least_far_out_is_taken() -> None:
    objective = Objective(max_cost_usd=0.001)

    assert pick(objective, [[0.5, 0.9, 0.99]], [[0.002, 0.003, NAN]]) == [0]
    assert pick(objective, [[0.5, 0.9]], [[NAN, NAN]]) == [1]
    assert pick(Objective(min_quality=0.95, cost_weight=9.0), [[0.5, 0.9]], [[0.0, 0.01]]) == [1]


def test_a_quality_floor_comes_before_the_price() -> None:
    quality, cost = [[0.5, 0.8, 0.9]], [[0.0001, 0.001, 0.01]]

    assert pick(Objective(min_quality=0.7, cost_weight=2.0), quality, cost) == [1]


def test_ties_go_to_the_cheaper_and_then_to_the_first() -> None:
    assert pick(Objective(), [[0.5, 0.5, 0.5]], [[0.003, 0.001, 0.002]]) == [1]
    assert pick(Objective(), [[0.5, 0.5, 0.5]], [[0.001, 0.001, NAN]]) == [0]
    assert pick(Objective(cost_weight=1.0), [[0.5, 0.5]], [[NAN, 0.001]]) == [1]
    assert pick(Objective(), [[0.5, 0.5]]) == [0]


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        Objective(Weights(1.0, 0.0, 0.0), cost_weight=0.1)
    for weight in (-0.1, NAN, float("inf"), 1e308):
        with pytest.raises(ValueError, match="cost weight is a number of 0 or more"):
            Objective(cost_weight=weight)
    for limit in (0.0, -1.0, NAN):
        with pytest.raises(ValueError, match="max_cost_usd is above 0"):
            Objective(max_cost_usd=limit)
        with pytest.raises(ValueError, match="max_latency_s is above 0"):
            Objective(max_latency_s=limit)
    for floor in (-0.1, 1.1, NAN):
        with pytest.raises(ValueError, match="min_quality is between 0 and 1"):
            Objective(min_quality=floor)


FIGURES = st.lists(
    st.tuples(
        st.floats(0, 1), st.just(NAN) | st.floats(0, 1e3), st.just(NAN) | st.floats(0, 1e4)
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip
OBJECTIVES = st.one_of(
    st.builds(Objective, cost_weight=st.floats(0, 100), max_cost_usd=st.none() | st.floats(1e-9, 1e3)),
    st.builds(
        Objective,
        weights=st.builds(Weights, st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1)),
        max_latency_s=st.none() | st.floats(1e-9, 1e3),
        min_quality=st.none() | st.floats(0, 1),
    ),
)


@given(FIGURES, OBJECTIVES)
def test_no_arm_that_is_worse_in_everything_known_is_chosen(
    figures: list[tuple[float, float, float]], objective: Objective
) -> None:
    quality, cost, delay = (np.array([column]) for column in zip(*figures, strict=True))
    expected = Foretold(quality, quality * 0.9, quality, quality * NAN, cost, delay)

    at = int(objective.pick(expected, COST_SCALE_USD)[0])

    assert np.isfinite(objective.worth(expected, COST_SCALE_USD)).all()
    margin = 1e-6 * (1.0 + 100.0 * 1e3 / COST_SCALE_USD * 1e-9)
    for other in range(len(figures)):
        better = quality[0, other] > quality[0, at] + margin
        cheaper = cost[0, other] < cost[0, at]
        sooner = delay[0, other] < delay[0, at]
        assert not (better and cheaper and sooner)


@given(FIGURES, OBJECTIVES)
def test_queries_are_decided_one_by_one(figures: list[tuple[float, float, float]], objective: Objective) -> None:
    quality, cost, delay = (np.array([column, column[::-1]]) for column in zip(*figures, strict=True))
    both = Foretold(quality, quality * 0.9, quality, quality * NAN, cost, delay)

    together = objective.pick(both, COST_SCALE_USD)

    for row in (0, 1):
        alone = Foretold(*(each[row : row + 1] for each in both))
        assert objective.pick(alone, COST_SCALE_USD)[0] == together[row]


def test_the_excess_over_a_limit_is_a_share_of_it() -> None:
    values: NDArray[np.float64] = np.array([[1.0, 2.0, 3.0, NAN, float("inf")]])

    assert excess_of(values, 2.0).tolist() == [[0.0, 0.0, 0.5, 1e9, 1e9]]


def test_the_dearest_stands_in_for_what_is_not_known() -> None:
    values = np.array([[1.0, NAN, 3.0], [NAN, NAN, NAN]])

    assert as_dear_as_the_dearest(values, 7.0).tolist() == [[1.0, 3.0, 3.0], [7.0, 7.0, 7.0]]


def test_a_pair_is_decided_by_the_gain_of_the_strong_one() -> None:
    expected = foretold([[0.5, 0.0, 0.9], [0.7, 0.0, 0.8], [0.9, 0.0, 0.5]])

    assert PairThreshold(strong=2, weak=0, min_gain=0.2).pick(expected).tolist() == [2, 0, 0]
    assert PairThreshold(strong=2, weak=0, min_gain=-1.0).pick(expected).tolist() == [2, 2, 2]
