"""Bradley-Terry: strengths recovered, intervals that cover, and None where games settle nothing."""

import math

import numpy as np
import pytest

from fairlead.evaluation.statistics.bradley_terry import Game, bradley_terry
from fairlead.evaluation.statistics.logistic import fit_logistic


def games(draw: np.random.Generator, strengths: dict[str, float], n: int) -> list[Game]:
    names = list(strengths)
    found = []
    for place in range(n):
        one, other = draw.choice(len(names), 2, replace=False)
        lead = strengths[names[one]] - strengths[names[other]]
        found.append(Game(names[one], names[other], float(draw.random() < 1 / (1 + math.exp(-lead))), place))
    return found


def test_strengths_are_recovered_and_their_intervals_cover() -> None:
    truth, hits, values = {"a": 0.0, "b": 0.7, "c": -0.4}, 0, []
    for seed in range(200):
        found = bradley_terry(games(np.random.default_rng(seed), truth, 150), anchor="a")
        assert found is not None
        figure = found.of["b"]
        assert figure.value is not None and figure.low is not None and figure.high is not None
        values.append(figure.value)
        hits += figure.low <= 0.7 <= figure.high
    assert 0.91 <= hits / 200 <= 0.99
    assert np.mean(values) == pytest.approx(0.7, abs=0.05)


def test_one_who_wins_every_game_has_no_finite_strength() -> None:
    found = bradley_terry([Game("a", "b", 1.0, n) for n in range(5)], anchor="b")
    assert found is not None
    assert found.of["a"].value is None and "no chain" in (found.of["a"].reason or "")
    assert found.rank["a"] is None
    assert found.of["b"].value == 0.0


def test_strangers_are_not_compared() -> None:
    played = [Game("a", "b", 1.0, 0), Game("a", "b", 0.0, 1), Game("c", "d", 1.0, 2), Game("c", "d", 0.0, 3)]
    found = bradley_terry(played, anchor="a")
    assert found is not None
    assert found.of["b"].value == pytest.approx(0.0)
    assert found.of["c"].value is None


def test_no_game_is_no_table() -> None:
    assert bradley_terry([]) is None


def test_ties_are_half_a_win_for_each_and_tell_that_they_are_level() -> None:
    found = bradley_terry([Game("a", "b", 0.5, n) for n in range(9)], anchor="a")
    assert found is not None and found.of["b"].value == pytest.approx(0.0)
    assert found.rank == {"a": 1, "b": 1}


def test_a_separated_or_collinear_regression_is_none() -> None:
    x = np.array([[1.0], [1.0], [-1.0]])
    assert fit_logistic(x, np.array([1.0, 1.0, 0.0]), [0, 1, 2]) is None
    twice = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, 1.0]])
    assert fit_logistic(twice, np.array([1.0, 1.0, 0.0]), [0, 1, 2]) is None
    assert fit_logistic(x, np.array([1.0, 0.0, 1.0]), [0, 0, 0]) is None
