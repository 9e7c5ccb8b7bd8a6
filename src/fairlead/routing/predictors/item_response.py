"""ItemResponse: P(success) = sigma(b_model + theta_model . a(text)), the item's parameters read off its text.

Multidimensional item response (Reckase 2009, "Multidimensional Item Response Theory") with amortised items: theta are
the models' places on their common components, a(text) kernel functions. Fitted by majorisation: the logistic loss has
curvature at most 1/4 (Bohning and Lindsay 1988), so every round is a ridge on eta + 4 (score - p), which also holds
for scores between 0 and 1.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.components import shrunk_means
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes
from fairlead.routing.predictors.shrinkage import ShrunkFit, Spectrum, fit_shrunk

ROUNDS: Final = 6
_LEAST_START: Final = 0.02


@dataclass(frozen=True, slots=True)
class ItemResponse:
    """Shapes: easiness b (n_arms,); abilities theta (n_arms, n_components); as many functions as components."""

    easiness: Floats
    abilities: Floats
    functions: KernelFunctions

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        fit = fit_logistic(sample.spectrum, scores)
        live = np.isfinite(fit.penalties)
        functions = KernelFunctions.of(sample.basis, fit.weights[:, live])
        return cls(fit.components.mean, fit.components.loadings[:, live], functions)

    def predict(self, reading: Reading) -> Floats:
        return self.of_values(self.functions.evaluate(reading))

    def of_values(self, values: Floats) -> Floats:
        """Expected scores (n, n_arms) from the values of the functions (n, n_components)."""
        return sigmoid(values @ self.abilities.T + self.easiness)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"easiness": self.easiness, "abilities": self.abilities, **self.functions.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        functions = KernelFunctions.from_arrays(arrays)
        easiness, abilities = arrays["easiness"], arrays["abilities"]
        check_shapes(
            easiness=(easiness, (len(abilities),)), abilities=(abilities, (len(easiness), functions.n_functions))
        )
        return cls(easiness, abilities, functions)


def fit_logistic(spectrum: Spectrum, scores: Floats) -> ShrunkFit:
    """Reduced-rank logistic regression. Shapes: scores (n, n_arms), NaN = hole."""
    start = np.clip(shrunk_means(scores), _LEAST_START, 1.0 - _LEAST_START)
    eta = np.tile(np.log(start / (1.0 - start)), (len(scores), 1))
    fit = fit_shrunk(spectrum, eta + 4.0 * (scores - sigmoid(eta)))
    for _ in range(ROUNDS - 1):
        eta = fit.predict(spectrum.rows)
        fit = fit_shrunk(spectrum, eta + 4.0 * (scores - sigmoid(eta)))
    return fit


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return result
