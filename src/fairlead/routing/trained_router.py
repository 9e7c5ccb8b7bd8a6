"""TrainedRouter: what was learned from outcomes, whole: from a request's outline to what to expect of every arm.

It holds numbers only. A file of it (router_file) and the gateway both use this object; fitting one is the business of
the room `learning`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.outline import Outline
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.policies.objective import Foretold, Objective
from fairlead.routing.policies.verdict import Verdict
from fairlead.routing.predictors.costs import Costs
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.kernel_basis import KernelBasis, Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.stack import Stack
from fairlead.routing.router_kernel import RouterKernel, RouterLibrary

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heads:
    """What is foretold beside quality; None for what no outcome told."""

    lengths: Lengths | None
    costs: Costs | None
    delays: Delays | None

    def output_tokens(self, reading: Reading, n_arms: int) -> Floats:
        """Expected output tokens (n, n_arms), NaN where not known."""
        return np.full((len(reading), n_arms), np.nan) if self.lengths is None else self.lengths.mean(reading)

    def cost_usd(self, reading: Reading, n_chars: Floats, n_arms: int) -> Floats:
        """Expected USD a call (n, n_arms), NaN where not known. Shapes: n_chars (n,), of the whole input."""
        if self.costs is None:
            return np.full((len(reading), n_arms), np.nan)
        return self.costs.predict(reading, n_chars, self.output_tokens(reading, n_arms))


@dataclass(frozen=True, slots=True)
class TrainedRouter:
    """Shapes: arms (n_arms,), each `model` or `model@effort`. A head that nothing was known for is None."""

    arms: tuple[str, ...]
    encoder: QueryEncoder
    basis: KernelBasis
    stack: Stack
    lengths: Lengths | None
    costs: Costs | None
    delays: Delays | None
    model_map: ModelMap
    verdict: Verdict
    cost_scale_usd: float | None
    """Mean cost of a call to the dearest arm: what a cost weight of 1 is measured in."""
    card: Mapping[str, Any] = field(default_factory=dict)
    library: RouterLibrary | None = field(default=None, repr=False, compare=False)
    """Native code for the same arithmetic, where it was compiled: it says the same to about five decimals."""
    functions: "_Functions" = field(init=False, repr=False, compare=False)
    kernel: RouterKernel | None = field(init=False, repr=False, compare=False)
    """None without native code, and where a part or an encoder is none that it knows."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "functions", _functions_of(self))
        object.__setattr__(self, "kernel", None if self.library is None else RouterKernel.of(self.library, self))

    def foretell(self, outlines: Sequence[Outline]) -> Foretold:
        """What to expect of every arm on every request; the same outline gives the same figures, bit for bit."""
        if self.kernel is not None:
            return Foretold(*self.kernel.foretell(outlines).transpose(1, 0, 2))
        reading = self.basis.read(self.encoder.encode_all(outlines))
        functions = self.functions
        values = np.zeros((len(reading), 0)) if functions.joined is None else functions.joined.evaluate(reading)
        quality = self.stack.predict_of_values(reading, values[:, functions.quality])
        n_chars = np.array([outline.n_chars for outline in outlines], dtype=np.float64)
        unknown = np.full(quality.mean.shape, np.nan)
        tokens = unknown if self.lengths is None else self.lengths.mean_of_values(values[:, functions.lengths])
        cost = delay = unknown
        input_tokens = None
        if self.costs is not None:
            input_tokens = self.costs.input_tokens(n_chars)
            cost = self.costs.of_values(values[:, functions.costs], input_tokens, tokens)
        if self.delays is not None:
            known = tokens if self.lengths is not None else np.ones_like(tokens)
            delay = self.delays.of_values(values[:, functions.delays], known, input_tokens)
        return Foretold(quality.mean, quality.low, quality.high, tokens, cost, delay)

    def choose(self, foretold: Foretold, objective: Objective, *, heeds_verdict: bool = True) -> NDArray[np.int64]:
        """The chosen arm of every request (n,).

        Where the verdict finds routing to pay at this preference it is the arm of the highest worth, which is steadied
        as the quality is (policies/steady).
        """
        instead = self.served_instead(foretold, objective) if heeds_verdict else None
        return instead if instead is not None else objective.pick(foretold, self.cost_scale_usd, self.stack.usual)

    def served_instead(self, foretold: Foretold, objective: Objective) -> NDArray[np.int64] | None:
        """The arm to serve where the verdict does not find routing to pay (n,); None where the router is to choose.

        One arm for all, but where that would pass a limit on this request: there the best of those within, by what they
        usually do.
        """
        place, n = self.verdict.serve_instead(self.arms, objective), len(foretold.quality)
        if place is None or not objective.is_limited:
            return None if place is None else np.full(n, place, dtype=np.int64)
        usual = self.verdict.usual_of(self.arms)
        known = np.isfinite(usual.quality)
        worth = np.where(known, objective.worth(usual, self.cost_scale_usd), -np.inf)
        quality = np.repeat(np.where(known, usual.quality, 0.0), n, axis=0)
        return objective.best_of(np.repeat(worth, n, axis=0), foretold._replace(quality=quality))

    def worth(self, foretold: Foretold, objective: Objective) -> Floats:
        """The worth of every arm under an objective (n, n_arms): what the choice is the highest of."""
        return objective.worth(foretold, self.cost_scale_usd, self.stack.usual)


class _Functions(NamedTuple):
    """Every head's kernel functions side by side, evaluated once a request, and which columns are whose."""

    joined: KernelFunctions | None
    quality: slice
    lengths: slice
    costs: slice
    delays: slice


def _functions_of(router: TrainedRouter) -> _Functions:
    direct = None if router.costs is None or router.costs.direct is None else router.costs.direct.functions
    several = (
        router.stack.functions,
        None if router.lengths is None else router.lengths.functions,
        direct,
        None if router.delays is None else router.delays.functions,
    )
    places, at = [], 0
    for each in several:
        end = at + (0 if each is None else each.n_functions)
        places.append(slice(at, end))
        at = end
    there = [each for each in several if each is not None]
    return _Functions(KernelFunctions.joined(there) if there else None, *places)
