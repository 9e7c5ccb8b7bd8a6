"""Stack: several parts as one prediction, weighed by cross-validation, calibrated, with an interval.

    quality = mean + sum of weight * (part - mean), then each arm's offset, then differences between arms in part
    interval = +- z sqrt(what cross-validated groups missed by + thrice the mean's own error + luck of GROUP queries)

An interval is of the mean score of about GROUP queries that are foretold alike: of one query, which is right or wrong,
only [0, 1] would be sure.

What is foretold last is steadied (policies/steady): the arm of the highest quality is the arm that is served when
quality alone counts, in every report and benchmark too.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.policies.steady import steadied
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.part import Arrays, Floats, FunctionPart, Part, check_shapes
from fairlead.routing.predictors.registry import PARTS

GROUP: Final = 150
MEAN_DOUBT: Final = 3.0
"""How many variances of the mean are in what a text tells: with 2 the intervals of 300 queries held too few cells."""
INTERVAL_Z: Final = 1.6448536269514722
"""Standard normal quantile of 95 %: the two ends hold 90 % between them."""
LOWEST: Final = 0.005
FULL_LIKENESS: Final = 2.5
"""The kernel of a text with itself, without its wording term."""


class Quality(NamedTuple):
    """Expected scores in [0, 1] with 90 % intervals; each (n, n_arms)."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Stack:
    """Fitted parts and how they are weighed.

    Shapes: mean, offset, mean_error (n_arms,): the arm's mean score, what calibration adds, standard error of the mean;
    weights by name. group_error: standard deviation by which groups of left-out queries missed, beyond luck;
    noise (n_arms,): a score's variance as a share of p (1 - p), 1 for right-or-wrong scores.
    usual_novelty: how unlike its nearest landmark 95 % of the training queries are.
    """

    parts: dict[str, Part]
    weights: dict[str, float]
    mean: Floats
    offset: Floats
    mean_error: Floats
    noise: Floats
    group_error: float
    usual_novelty: float
    difference_share: float = 1.0
    """How much is believed of what a text tells *between* the arms; all is believed of what it tells of them together.

    Differences are small and learned last: with few outcomes most of what is seen of them is noise.
    """
    pair_shares: Floats = field(default_factory=lambda: np.empty(0))
    """The same of each arm's difference to the usually best arm (n_arms,); empty: the share of all."""
    n_pool: int = 0
    """The first so many arms, on which the others joined later, say what a text tells of all together; 0 for all."""
    plan: "_Plan" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", _plan_of(self))

    @property
    def functions(self) -> KernelFunctions | None:
        """The kernel functions of all parts that weigh anything, side by side, or None.

        To be evaluated together with other heads' and handed to predict_of_values.
        """
        return self.plan.functions

    @property
    def usual(self) -> Floats:
        """What is expected of every arm on the usual query (n_arms,)."""
        return self.plan.usual

    def predict(self, reading: Reading) -> Quality:
        """Expected scores of every arm on every query."""
        functions = self.plan.functions
        return self.predict_of_values(reading, None if functions is None else functions.evaluate(reading))

    def predict_of_values(self, reading: Reading, values: Floats | None) -> Quality:
        """The same from the values of `functions` (n, n_functions); None where there is no such function."""
        plan = self.plan
        total = np.empty((len(reading), len(plan.start)))
        total[:] = plan.start
        for weight, part in plan.others:
            total += weight * part.predict(reading)
        if values is not None:
            for weight, function_part, columns in plan.sharing:
                total += weight * function_part.of_values(values[:, columns])
        total = believed(
            total - plan.usual, plan.usual, plan.best, self.difference_share, plan.pair_shares, self.n_pool
        )
        mean = steadied(np.maximum(np.minimum(total, 1.0 - LOWEST), LOWEST), plan.usual)
        variance = mean - mean * mean
        variance *= plan.luck
        variance += plan.error
        half = np.sqrt(variance)
        # A text unlike all that was learned from is foretold less surely.
        half *= INTERVAL_Z + INTERVAL_Z * np.maximum(novelty_of(reading) - self.usual_novelty, 0.0)[:, None]
        return Quality(mean, np.maximum(mean - half, 0.0), np.minimum(mean + half, 1.0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays; those of a part stand under its name."""
        kept = {f"{name}.{key}": array for name, part in self.parts.items() for key, array in part.arrays().items()}
        return {
            **kept,
            "weights": np.array([self.weights[name] for name in self.parts]),
            "mean": self.mean, "offset": self.offset, "mean_error": self.mean_error, "noise": self.noise,
            "pair_shares": self.plan.pair_shares,
            "scalars": np.array([self.group_error, self.usual_novelty, self.difference_share, float(self.n_pool)]),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, names: list[str], arrays: Arrays) -> Self:
        """The stack whose arrays these are. Raises: KeyError for an unknown part or a missing array, ValueError."""
        parts: dict[str, Part] = {}
        for name in names:
            prefix = f"{name}."
            own = {key[len(prefix) :]: array for key, array in arrays.items() if key.startswith(prefix)}
            parts[name] = PARTS[name].from_arrays(own)
        group_error, usual_novelty, difference_share, n_pool = arrays["scalars"].tolist()
        by_arm = {name: arrays[name] for name in ("mean", "offset", "mean_error", "noise", "pair_shares")}
        check_shapes(**{name: (array, (by_arm["mean"].size,)) for name, array in by_arm.items()})
        if not bool((by_arm["noise"] >= 0.0).all()):
            raise ValueError("noise is below 0")
        weights = dict(zip(names, arrays["weights"].tolist(), strict=True))
        return cls(
            parts=parts, weights=weights, **by_arm, group_error=group_error, usual_novelty=usual_novelty,
            difference_share=difference_share, n_pool=int(n_pool),
        )  # fmt: skip


class _Plan(NamedTuple):
    """What a prediction needs of a stack, made ready once: a part without weight is not asked.

    Shapes: start, what is added to the weighed parts, usual, what is foretold of the usual text, pair_shares, luck
    and error, of the variance: (n_arms,).
    """

    start: Floats
    usual: Floats
    best: int
    pair_shares: Floats
    luck: Floats
    error: Floats
    others: tuple[tuple[float, Part], ...]
    functions: KernelFunctions | None
    sharing: tuple[tuple[float, FunctionPart, slice], ...]


def _plan_of(stack: Stack) -> _Plan:
    asked = [(stack.weights[name], part) for name, part in stack.parts.items() if stack.weights[name] != 0.0]
    others = tuple((weight, part) for weight, part in asked if not isinstance(part, FunctionPart))
    sharing: list[tuple[float, FunctionPart, slice]] = []
    at = 0
    for weight, part in asked:
        if isinstance(part, FunctionPart):
            end = at + part.functions.n_functions
            sharing.append((weight, part, slice(at, end)))
            at = end
    functions = KernelFunctions.joined([part.functions for _, part, _ in sharing]) if sharing else None
    return _Plan(
        start=stack.mean * (1.0 - sum(weight for weight, _ in asked)) + stack.offset,
        usual=stack.mean + stack.offset,
        best=int((stack.mean + stack.offset).argmax()) if len(stack.mean) else 0,
        pair_shares=stack.pair_shares if stack.pair_shares.size else np.full(len(stack.mean), stack.difference_share),
        luck=stack.noise / GROUP,
        # What a text tells is at least as unsure as the mean that it is told about.
        error=stack.group_error**2 + MEAN_DOUBT * stack.mean_error**2,
        others=others,
        functions=functions,
        sharing=tuple(sharing),
    )


def believed(told: Floats, usual: Floats, best: int, share: float, pair_shares: Floats, n_pool: int) -> Floats:
    """Qualities, once the foretold differences between arms are believed in part.

    All is believed of what a text tells of the arms together; `share` of how the usually best arm differs from that;
    each arm's pair share of how it differs from the usually best one. Shapes: told (n, n_arms), what is foretold
    beyond usual (n_arms,); n_pool: the arms that "together" means, 0 for all.
    """
    level = told[:, : n_pool or None].mean(axis=1, keepdims=True)
    reference = told[:, best : best + 1]
    result: Floats = (told - reference) * pair_shares
    result += level + share * (reference - level)
    result += usual
    return result


def novelty_of(reading: Reading) -> Floats:
    """How unlike its nearest landmark a query is, from 0 (the same) to 1 (nothing in common); shape (n,)."""
    if not reading.likeness.shape[1]:
        return np.ones(len(reading))
    nearest = reading.likeness.max(axis=1).astype(np.float64)
    result: Floats = np.maximum(1.0 - nearest / FULL_LIKENESS, 0.0)
    return result
