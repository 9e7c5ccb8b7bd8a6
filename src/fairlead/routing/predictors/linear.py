"""Linear: a ridge on meaning and shape with an embedding per model: reduced-rank regression, or matrix factorisation.

score ~ mean + (x W) v_model, x the text's vector and shape, W shared by all models, v the model's place on the
components (as EmbedLLM's factorisation; Zhuang et al. 2024, arXiv 2410.02223, with ridge in place of descent).
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes
from fairlead.routing.predictors.shrinkage import Spectrum, fit_shrunk

MEANING: Final = 4.0
SHAPE: Final = 0.25
"""Scales at which a direction of the meaning and a number of the shape vary alike."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Shapes: mean (n_arms,); loadings (n_arms, n_components); weights (n_dims + n_shape, n_components)."""

    mean: Floats
    loadings: Floats
    weights: Floats

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        fit = fit_shrunk(Spectrum.of(_columns(sample.reading)), scores)
        return cls(fit.components.mean, fit.components.loadings, fit.weights)

    def predict(self, reading: Reading) -> Floats:
        result: Floats = (_columns(reading) @ self.weights) @ self.loadings.T + self.mean
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"mean": self.mean, "loadings": self.loadings, "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        mean, loadings, weights = arrays["mean"], arrays["loadings"], arrays["weights"]
        check_shapes(mean=(mean, (len(loadings),)), loadings=(loadings, (len(mean), weights.shape[1])))
        return cls(mean, loadings, weights)


def _columns(reading: Reading) -> NDArray[np.float32]:
    return np.hstack((np.float32(MEANING) * reading.meaning, np.float32(SHAPE) * reading.shape))
