"""A small trained router: four models of known skill on texts of three kinds, a tiny table of word pieces."""

import numpy as np

from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.training import train
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.features.static_table import StaticTable
from fairlead.routing.trained_router import TrainedRouter
from tests.routing.small_texts import WORDS, small_scores, small_texts

PIECES = tuple(dict.fromkeys(word for words in WORDS.values() for word in words if word.isalnum()))
ROWS = np.random.default_rng(3).integers(-100, 101, (len(PIECES), 16)).astype(np.int8)
TABLE = StaticTable(PIECES, ROWS, np.full(len(PIECES), 9, dtype=np.float32))
ENCODER = QueryEncoder(TABLE)
ARMS = ("sums", "code", "steady", "coin")
USD_PER_TOKEN = np.array([1.0, 2.0, 4.0, 8.0]) * 1e-6


def small_outcomes(n: int, seed: int = 0, *, bare: bool = False) -> Outcomes:
    """What the four models scored on n texts, with lengths, costs and delays, or bare of them."""
    texts, scores = tuple(small_texts(n, seed)), small_scores(n, seed)
    queries = Queries(tuple(f"q{at}" for at in range(n)), texts, ("",) * n)
    if bare:
        return Outcomes(queries, ARMS, scores)
    tokens: Floats = np.rint(np.exp(np.random.default_rng(seed).normal(5.0, 0.4, scores.shape))).astype(np.float64)
    inputs: Floats = np.array([[len(text) / 4.0 + 10.0] * 4 for text in texts])
    delay_s: Floats = 0.4 + 0.01 * tokens
    return Outcomes(queries, ARMS, scores, tokens * USD_PER_TOKEN, inputs, tokens, delay_s, np.full(scores.shape, 0.4))


def small_router(outcomes: Outcomes, encoder: QueryEncoder = ENCODER) -> TrainedRouter:
    """A router of these outcomes."""
    return train(outcomes, encoder, card={"as_of": "2026-11-01"}).router
