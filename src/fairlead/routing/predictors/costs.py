"""Costs: what a call of each arm is expected to cost, in USD, for a text.

In this order, arm by arm: prices that the caller states; prices per token learned from calls whose cost and tokens are
known; the cost itself foretold from the text, where only costs are known or no two prices explain them; else unknown
(NaN), never 0. Prices meet the input tokens of the text and the *expected* output tokens, since bills add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Prices
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.log_amounts import LogAmounts
from fairlead.routing.predictors.part import Arrays, Floats, Sample

CHARS_PER_TOKEN: Final = 3.8
"""The router's own prior for texts whose tokens nobody counted."""
WORST_FIT: Final = 0.2
"""Learned prices whose median relative error is greater are no prices: the arm's cost is foretold directly."""
MIN_CALLS: Final = 3
"""Two prices go through any two calls."""
_SMALLEST_USD: Final = 1e-9
_ROUNDS: Final = 30


class CostBasis(IntEnum):
    """Where an arm's cost comes from."""

    UNKNOWN = 0
    STATED = 1
    LEARNED = 2
    DIRECT = 3


@dataclass(frozen=True, slots=True)
class Calls:
    """What was measured of calls. Shapes: n_chars (n,), of the whole input; the rest (n, n_arms), NaN = hole.

    A measure that no call states is None.
    """

    n_chars: Floats
    cost_usd: Floats | None = None
    input_tokens: Floats | None = None
    output_tokens: Floats | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs by arm. Shapes: every array (n_arms,). Units: USD per token, NaN where no price is known."""

    input_usd: Floats
    output_usd: Floats
    tokens_per_char: Floats
    fixed_tokens: Floats
    """Input tokens beside the text: templates, what the provider adds."""
    fit_error: Floats
    """Median relative error of learned prices on the calls that they were learned from; NaN where none were learned."""
    basis: NDArray[np.int8]
    """CostBasis of each arm."""
    direct: LogAmounts | None = field(default=None)

    @classmethod
    def fit(cls, sample: Sample, calls: Calls, prices: Sequence[Prices | None] | None, n_arms: int) -> Self:
        """Fit. Shapes: prices (n_arms,), a stated price wins over a learned one; None where nobody states any."""
        per_char, fixed = _input_tokens(calls, n_arms)
        input_usd, output_usd = _stated(prices, n_arms)
        basis = np.where(np.isfinite(input_usd + output_usd), CostBasis.STATED, CostBasis.UNKNOWN).astype(np.int8)
        error = np.full(n_arms, np.nan)
        cost = calls.cost_usd
        if cost is None:
            return cls(input_usd, output_usd, per_char, fixed, error, basis)
        for arm in np.flatnonzero(basis == CostBasis.UNKNOWN).tolist():
            input_usd[arm], output_usd[arm], error[arm] = _learned(calls, cost[:, arm], arm, per_char, fixed)
            if error[arm] <= WORST_FIT:
                basis[arm] = CostBasis.LEARNED
            elif np.isfinite(cost[:, arm]).any():
                basis[arm] = CostBasis.DIRECT
        is_direct = basis == CostBasis.DIRECT
        direct = None
        if is_direct.any():
            # All costs that are known shape the components, so that arms learn from one another.
            direct = LogAmounts.fit(sample, np.maximum(cost, _SMALLEST_USD))
        priced = (basis == CostBasis.STATED) | (basis == CostBasis.LEARNED)
        return cls(
            np.where(priced, input_usd, np.nan), np.where(priced, output_usd, np.nan), per_char, fixed, error, basis,
            direct,
        )  # fmt: skip

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether anything is known of the arm's cost (n_arms,)."""
        known: NDArray[np.bool_] = self.basis != CostBasis.UNKNOWN
        return known

    def input_tokens(self, n_chars: Floats) -> Floats:
        """Expected input tokens (n, n_arms) of texts of n_chars characters (n,)."""
        result: Floats = n_chars[:, None] * self.tokens_per_char + self.fixed_tokens
        return result

    def predict(self, reading: Reading, n_chars: Floats, output_tokens: Floats) -> Floats:
        """Expected USD a call (n, n_arms), NaN where unknown.

        Shapes: n_chars (n,); output_tokens (n, n_arms), the expected ones.
        """
        values = None if self.direct is None else self.direct.functions.evaluate(reading)
        return self.of_values(values, self.input_tokens(n_chars), output_tokens)

    def of_values(self, values: Floats | None, input_tokens: Floats, output_tokens: Floats) -> Floats:
        """The same from the values of `direct.functions` (n, n_components) and input tokens (n, n_arms)."""
        cost: Floats = self.input_usd * input_tokens + self.output_usd * output_tokens
        if self.direct is None or values is None:
            return cost
        foretold = np.exp(self.direct.log_median(values)) * self.direct.mean_ratio
        return np.where(self.basis == CostBasis.DIRECT, foretold, cost)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it knows, as named arrays; prices and errors may hold NaN."""
        own: dict[str, NDArray[Any]] = {
            "input_usd": self.input_usd, "output_usd": self.output_usd, "tokens_per_char": self.tokens_per_char,
            "fixed_tokens": self.fixed_tokens, "fit_error": self.fit_error, "basis": self.basis,
        }  # fmt: skip
        if self.direct is not None:
            own |= {f"direct.{name}": array for name, array in self.direct.arrays().items()}
        return own

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The costs that these arrays came from. Raises: KeyError, ValueError."""
        inner = {name.removeprefix("direct."): array for name, array in arrays.items() if name.startswith("direct.")}
        return cls(
            arrays["input_usd"], arrays["output_usd"], arrays["tokens_per_char"], arrays["fixed_tokens"],
            arrays["fit_error"], arrays["basis"], LogAmounts.from_arrays(inner) if inner else None,
        )  # fmt: skip


def fit_two_rates(first: Floats, second: Floats, amount: Floats) -> tuple[float, float, float]:
    """The two rates, neither negative, of amount ~ a * first + b * second, and their median relative error.

    Least absolute relative deviation by reweighting, so that a call billed otherwise does not pull: where most calls
    are exactly linear, the rates are exact. Of rates that fit alike, the one on `first` is the greater.
    """
    scale = 1.0 / np.maximum(np.abs(amount), _SMALLEST_USD)
    columns = np.column_stack((first, second)) * scale[:, None]
    target = amount * scale
    weight = np.ones(len(amount))
    rates = np.zeros(2)
    for _ in range(_ROUNDS):
        rates = _nonnegative(columns, target, weight)
        gap = np.abs(target - columns @ rates)
        weight = 1.0 / np.maximum(gap, 1e-6)
    return float(rates[0]), float(rates[1]), float(np.median(np.abs(target - columns @ rates)))


def _nonnegative(columns: Floats, target: Floats, weight: Floats) -> Floats:
    """Weighted least squares in two columns without negative weights: both, or the better of each alone."""
    weighted = columns * weight[:, None]
    normal, cross = weighted.T @ columns, weighted.T @ target
    size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    scaled = normal / np.outer(size, size)
    if abs(scaled[0, 1]) < 1.0 - 1e-9:
        both: Floats = np.linalg.solve(scaled, cross / size) / size
        if both.min() >= 0.0:
            return both
    alone = np.maximum(cross / np.maximum(np.diag(normal), 1e-300), 0.0)
    gain = cross * alone
    return np.where(np.arange(2) == int(gain[1] > gain[0]), alone, 0.0)


def _input_tokens(calls: Calls, n_arms: int) -> tuple[Floats, Floats]:
    """Tokens per character and tokens beside the text, of each arm: measured, else of the pool, else the prior."""
    rates = np.tile([1.0 / CHARS_PER_TOKEN, 0.0], (n_arms, 1))
    if calls.input_tokens is None:
        return rates[:, 0], rates[:, 1]
    seen = np.isfinite(calls.input_tokens)
    measured = seen.sum(axis=0) >= MIN_CALLS
    for arm in np.flatnonzero(measured).tolist():
        rows = seen[:, arm]
        chars = calls.n_chars[rows]
        rates[arm] = fit_two_rates(chars, np.ones(len(chars)), calls.input_tokens[rows, arm])[:2]
    if measured.any():
        rates[~measured] = np.median(rates[measured], axis=0)
    return rates[:, 0], rates[:, 1]


def _stated(prices: Sequence[Prices | None] | None, n_arms: int) -> tuple[Floats, Floats]:
    """Stated prices as USD per token (n_arms,), NaN unless both are stated."""
    pairs = np.full((n_arms, 2), np.nan)
    for arm, price in enumerate(prices or ()):
        if price is not None and price.input_per_mtok is not None and price.output_per_mtok is not None:
            pairs[arm] = price.input_per_mtok * 1e-6, price.output_per_mtok * 1e-6
    return pairs[:, 0], pairs[:, 1]


def _learned(calls: Calls, cost_usd: Floats, arm: int, per_char: Floats, fixed: Floats) -> tuple[float, float, float]:
    """Prices of input and output tokens and their error; NaN where calls do not tell."""
    if calls.output_tokens is None:
        return np.nan, np.nan, np.nan
    outputs = calls.output_tokens[:, arm]
    estimated = calls.n_chars * per_char[arm] + fixed[arm]
    measured = np.full(len(outputs), np.nan) if calls.input_tokens is None else calls.input_tokens[:, arm]
    inputs = np.where(np.isfinite(measured), measured, estimated)
    rows = np.isfinite(cost_usd) & np.isfinite(outputs)
    if rows.sum() < MIN_CALLS:
        return np.nan, np.nan, np.nan
    return fit_two_rates(inputs[rows], outputs[rows], cost_usd[rows])
