"""A small world of texts: three kinds of query, an embedder of hashed words, and models of known skill."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.outline import outline_of_text
from fairlead.routing.features.query_features import QueryEncoder, QueryFeatures
from fairlead.routing.features.text_hashing import N_BUCKETS, encode_text, hash_ngrams
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.part import Sample, sample_of

Floats = NDArray[np.float64]

WORDS = {
    "sums": ("add", "number", "seven", "multiply", "12", "divide", "remainder", "= ?"),
    "code": ("def", "return", "`list`", "loop", "bug", "{", "}", "compile"),
    "prose": ("river", "story", "write", "gentle", "winter", "poem", "letter", "morning"),
}
KINDS = tuple(WORDS)

SIGNS = np.random.default_rng(7).choice(np.array([-1.0, 1.0], dtype=np.float32), (N_BUCKETS, 24))


@dataclass(frozen=True)
class HashedWords:
    """Text to vector without a vocabulary: the sum of a fixed sign pattern per n-gram bucket."""

    n_dims: int = 24

    def embed(self, text: str) -> NDArray[np.float32]:
        """A unit vector, or zeros for a text without any."""
        vector: NDArray[np.float32] = SIGNS[hash_ngrams(encode_text(text)), : self.n_dims].sum(axis=0)
        length = float(np.linalg.norm(vector))
        return (vector / length if length else np.zeros(self.n_dims)).astype(np.float32)


ENCODER = QueryEncoder(HashedWords())


def small_texts(n: int, seed: int) -> list[str]:
    """Texts of the three kinds in turn."""
    chance = np.random.default_rng(seed)
    return [" ".join(chance.choice(WORDS[KINDS[at % 3]], chance.integers(6, 14))) for at in range(n)]


def features_of(texts: list[str]) -> QueryFeatures:
    """What the encoder sees of bare texts."""
    return ENCODER.encode_all([outline_of_text(text) for text in texts])


def small_sample(n: int, seed: int = 0, n_landmarks: int = 128) -> Sample:
    """A sample of n texts."""
    features = features_of(small_texts(n, seed))
    basis = fit_basis(features, n_landmarks, seed)
    return sample_of(basis, basis.read(features), seed)


SKILLS = np.array([[0.9, 0.2, 0.6, 0.5], [0.3, 0.9, 0.6, 0.5], [0.4, 0.3, 0.6, 0.5]])
"""Chance of success by kind (rows) and model (columns): two specialists, a steady one and a coin."""


def small_chances(n: int) -> Floats:
    """The true chance of success of every model on the texts of small_texts (n, 4)."""
    return SKILLS[np.arange(n) % 3]


def small_scores(n: int, seed: int) -> Floats:
    """Right or wrong by these chances (n, 4)."""
    drawn = np.random.default_rng(seed + 1_000).random((n, SKILLS.shape[1]))
    return (drawn < small_chances(n)).astype(np.float64)


def with_holes(scores: Floats, share: float, seed: int) -> Floats:
    """The same with a share of the cells unseen."""
    return np.where(np.random.default_rng(seed).random(scores.shape) < share, np.nan, scores)
