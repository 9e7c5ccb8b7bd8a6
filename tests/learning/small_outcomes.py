"""Small worlds of outcomes: models of known skill and price on queries of known kinds."""

import numpy as np

from fairlead.learning.outcomes import Floats, Outcomes, Queries


def queries(n: int, datasets: list[str] | None = None) -> Queries:
    """Queries without meaning, in the given datasets."""
    return Queries(tuple(f"q{k}" for k in range(n)), tuple(f"text {k}" for k in range(n)), tuple(datasets or [""] * n))


def outcomes(
    score: list[list[float]], cost: list[list[float]] | None = None, datasets: list[str] | None = None
) -> Outcomes:
    """Outcomes of models a, b, c, ... from nested lists."""
    matrix = np.array(score, dtype=np.float64)
    arms = tuple("abcdefgh"[: matrix.shape[1]])
    return Outcomes(
        queries(len(score), datasets), arms, matrix, None if cost is None else np.array(cost, dtype=np.float64)
    )


def two_tasks(n: int, seed: int, *, timed: bool = False) -> Outcomes:
    """Three models: a cheap one good at words, one good at sums, a dear one fair at both; tasks in turn."""
    drawer = np.random.default_rng(seed)
    names = ["words" if k % 2 else "sums" for k in range(n)]
    chance = np.array([[0.9, 0.3, 0.7] if name == "words" else [0.2, 0.9, 0.7] for name in names])
    score: Floats = (drawer.random(chance.shape) < chance).astype(np.float64)
    cost = np.array([1e-4, 4e-4, 1e-3]) * drawer.uniform(0.5, 1.5, chance.shape)
    delay = np.array([2.0, 1.0, 0.5]) * drawer.uniform(0.5, 1.5, chance.shape)
    return Outcomes(queries(n, names), ("a", "b", "c"), score, cost, latency_s=delay if timed else None)
