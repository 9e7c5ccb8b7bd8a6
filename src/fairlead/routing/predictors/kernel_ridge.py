"""KernelRidge: expected scores as smooth functions of meaning, shape and wording, one per component of the models."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.part import Arrays, Floats, Sample, check_shapes
from fairlead.routing.predictors.shrinkage import fit_shrunk


@dataclass(frozen=True, slots=True)
class KernelRidge:
    """Shapes: mean (n_arms,); loadings (n_arms, n_components); as many functions as components."""

    mean: Floats
    loadings: Floats
    functions: KernelFunctions

    @classmethod
    def fit(cls, sample: Sample, scores: Floats) -> Self:
        fit = fit_shrunk(sample.spectrum, scores)
        live = np.isfinite(fit.penalties)
        functions = KernelFunctions.of(sample.basis, fit.weights[:, live])
        return cls(fit.components.mean, fit.components.loadings[:, live], functions)

    def predict(self, reading: Reading) -> Floats:
        return self.of_values(self.functions.evaluate(reading))

    def of_values(self, values: Floats) -> Floats:
        """Expected scores (n, n_arms) from the values of the functions (n, n_components)."""
        result: Floats = values @ self.loadings.T + self.mean
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"mean": self.mean, "loadings": self.loadings, **self.functions.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        functions = KernelFunctions.from_arrays(arrays)
        mean, loadings = arrays["mean"], arrays["loadings"]
        check_shapes(mean=(mean, (len(loadings),)), loadings=(loadings, (len(mean), functions.n_functions)))
        return cls(mean, loadings, functions)
