"""Neighbours: quality by the fifty landmarks that are most like the query.

k between 50 and 100: with five neighbours this method falls below the best single model, with fifty it holds its own
(RouterEval, arXiv 2503.10657; arXiv 2505.12601). Only landmarks are kept, so that a decision costs the same however
long the training took.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes
from fairlead.routing.predictors.shrinkage import query_levels, usual_scores

N_NEIGHBOURS: Final = 50
TEMPERATURE: Final = 0.15
PRIOR_WEIGHT: Final = 0.05
"""Weight of the model's mean beside neighbours whose weights add up to one: what an arm that none of them saw gets."""
_CHUNK: Final = 512
"""Queries at once: what is gathered for them stays under 50 MB with a hundred arms."""

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Shapes: mean (n_arms,); scores (n_landmarks, n_arms), NaN = hole.

    Made of them: places (n_usable,), the landmarks that any arm answered; beside (n_usable, 2 n_arms), their scores
    with 0 in the holes, then 1 where there is a score.
    """

    mean: Floats
    scores: Singles
    places: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    beside: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seen = np.isfinite(self.scores)
        places = np.flatnonzero(seen.any(axis=1))
        both = np.hstack((np.where(seen, self.scores, 0.0), seen)).astype(np.float64)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "beside", both[places])

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        chosen = sample.basis.chosen
        kept = np.full((len(chosen), scores.shape[1]), np.nan, dtype=np.float32)
        place = {int(query): row for row, query in enumerate(sample.places)}
        for landmark, query in enumerate(chosen.tolist()):
            if query in place:
                kept[landmark] = scores[place[query]]
        return cls(usual_scores(scores, query_levels(sample.spectrum, scores)), kept)

    def predict(self, reading: Reading) -> Floats:
        likeness = reading.likeness
        if len(self.places) < likeness.shape[1]:
            likeness = likeness.take(self.places, axis=1)
        if not likeness.shape[1]:
            return np.tile(self.mean, (len(reading), 1))
        if len(reading) == 1:
            return self._average(likeness)
        result = np.empty((len(reading), len(self.mean)))
        for at in range(0, len(reading), _CHUNK):
            result[at : at + _CHUNK] = self._average(likeness[at : at + _CHUNK])
        return result

    def _average(self, likeness: Singles) -> Floats:
        """Expected scores (n, n_arms) by the likeness to the usable landmarks (n, n_usable)."""
        n_arms, beyond = len(self.mean), likeness.shape[1] - N_NEIGHBOURS
        if beyond > 0:
            at = likeness.argpartition(beyond, axis=1)[:, beyond:]
            near = likeness[np.arange(len(likeness))[:, None], at]
        else:
            at = np.broadcast_to(np.arange(likeness.shape[1]), likeness.shape)
            near = likeness
        weights = near.astype(np.float64)
        weights -= weights.max(axis=1, keepdims=True)
        weights *= 1.0 / TEMPERATURE
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        sums = (weights[:, None, :] @ self.beside.take(at, axis=0))[:, 0, :]
        told, seen = sums[:, :n_arms], sums[:, n_arms:]
        # What the arms that were asked there say of the place, for those that were not.
        level = (told - seen * self.mean).sum(axis=1, keepdims=True) / (seen.sum(axis=1, keepdims=True) + PRIOR_WEIGHT)
        expected = self.mean + (1.0 - seen) * level
        result: Floats = (told + PRIOR_WEIGHT * expected) / (seen + PRIOR_WEIGHT)
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"mean": self.mean, "scores": self.scores}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        mean, scores = arrays["mean"], arrays["scores"]
        check_shapes(mean=(mean, scores.shape[1:]))
        if np.isinf(scores).any():
            raise ValueError("a score is infinite")
        return cls(mean, scores)
