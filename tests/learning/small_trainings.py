"""Small worlds to train on: made-up texts about sums and poems, and models that are good at one of them."""

from dataclasses import replace
from functools import cache

import numpy as np

from fairlead.assembly.shipped import query_encoder
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.routing.features.query_features import QueryEncoder

ARMS = ("bard", "calculator", "dear")
SUM, POEM = "What is the sum of 12 and 31, and is it even?", "Write a poem about snow and old friends, number 7."
_SUBJECTS = ("rain", "love", "the sea", "autumn", "a cat", "stars")
_TURNS = ("hope", "dust", "fire", "old friends", "snow")


@cache
def encoder() -> QueryEncoder:
    """The shipped one, read once."""
    return query_encoder()


def texts(n: int, seed: int = 0) -> list[str]:
    """Sums and poems in turn, all different."""
    drawer = np.random.default_rng(seed)
    numbers = 10 + drawer.permutation(2_000)[:n]
    return [
        f"What is the sum of {number} and {number % 97}, and is it even?"
        if place % 2 == 0
        else f"Write a poem about {_SUBJECTS[number % 6]} and {_TURNS[number % 5]}, number {number}."
        for place, number in enumerate(numbers.tolist())
    ]


def outcomes_of(asked: list[str], score: Floats, arms: tuple[str, ...] = ()) -> Outcomes:
    """Outcomes of these texts; arms are named m0, m1, ... unless they are given."""
    queries = Queries(tuple(f"q{place}" for place in range(len(asked))), tuple(asked), ("",) * len(asked))
    return Outcomes(queries, arms or tuple(f"m{place}" for place in range(score.shape[1])), score)


def sums_and_poems(n: int = 80, seed: int = 0) -> Outcomes:
    """A bard good at poems, a calculator good at sums, a dear model fair at both."""
    drawer = np.random.default_rng(seed)
    chance = np.array([[0.05, 0.95, 0.5] if place % 2 == 0 else [0.95, 0.05, 0.5] for place in range(n)])
    return outcomes_of(texts(n, seed), (drawer.random(chance.shape) < chance).astype(np.float64), ARMS)


def costs(n: int, seed: int = 0) -> Floats:
    """USD a call: the last model is the dearest by far."""
    return np.array([1e-4, 4e-4, 1e-3]) * np.random.default_rng(seed).uniform(0.8, 1.2, (n, 3))


def tokens(n: int, seed: int = 0) -> Floats:
    """Output tokens of a call: poems are long."""
    drawer = np.random.default_rng(seed)
    usual = np.array([[20.0] * 3 if place % 2 == 0 else [300.0] * 3 for place in range(n)])
    return np.round(usual * drawer.uniform(0.8, 1.2, (n, 3)))


def every_figure(n: int = 60) -> Outcomes:
    """Sums and poems with cost, length and delay, and one outcome missing: what trains every head of a router."""
    score = sums_and_poems(n).score.copy()
    score[3, 1] = np.nan
    return replace(
        sums_and_poems(n), score=score, cost_usd=costs(n), output_tokens=tokens(n), latency_s=0.01 * tokens(n)
    )
