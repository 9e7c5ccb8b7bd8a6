"""Delays: the seconds of a call given its tokens, per arm, from what was measured or from the catalogue's prior.

    seconds = (wait + prefill * input tokens + s_per_token * output tokens) * exp(residual(text))

Each arm's three numbers are a robust fit on log seconds, drawn to the prior in their logs: an arm without a measurement
*is* its prior. Where the time to first token was measured, wait and prefill are read off it and s_per_token off the
rest of the call. What they leave is foretold from the text like any other amount, arms sharing components: a tool
call's tokens take longer than prose. Quantiles come from left-out residuals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.delay_prior import Delay
from fairlead.routing.predictors.kernel_basis import Reading
from fairlead.routing.predictors.kernel_functions import KernelFunctions
from fairlead.routing.predictors.log_amounts import fit_robust, left_out, rows_to_learn_from, spread_of
from fairlead.routing.predictors.part import Arrays, Floats, Sample

TYPICAL: Final = Delay(ttft_s=0.6, s_per_token=1 / 60, prefill_s_per_token=2.5e-5, hidden_share=0.0)
"""For an arm without a card: a hosted model of middle size on the scale of the delay prior."""
PRIOR_LOG_SD: Final = (1.0, 1.0, 0.5)
"""How far an arm may be from its prior: wait and s_per_token by a factor of e; prefill, which totals hide, by less."""
NOISE_LOG_SD: Final = 0.3
"""Two runs of one call differ by a factor of about 1.3; sets what one measurement weighs against the prior."""
PRIOR_SPREAD: Final = 0.8
"""Log spread of an arm that was never measured: prior and noise together."""
_ROUNDS: Final = 30
_CLIP_SDS: Final = 1.5
_LARGEST_STEP: Final = 1.0
_SMALLEST_S: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays by arm.

    Shapes: wait_s, s_per_token, prefill_s_per_token, offset, log_spread, n_seen, n_ttft_seen, ttft_log_spread
    (n_arms,); loadings (n_arms, n_components); as many functions as components. Units: seconds, seconds per output and
    per input token; offset and spreads are natural logs.
    """

    wait_s: Floats
    s_per_token: Floats
    prefill_s_per_token: Floats
    offset: Floats
    loadings: Floats
    functions: KernelFunctions
    log_spread: Floats
    ttft_log_spread: Floats
    n_seen: Floats
    n_ttft_seen: Floats

    @classmethod
    def fit(
        cls,
        sample: Sample,
        latency_s: Floats,
        output_tokens: Floats,
        input_tokens: Floats | None = None,
        ttft_s: Floats | None = None,
        priors: Sequence[Delay] | None = None,
    ) -> Self:
        """Fit. Shapes: every matrix (n, n_arms), NaN = hole; priors (n_arms,), TYPICAL without.

        A cell counts where latency and output tokens are known: where the tokens of a call were not measured, give the
        foretold ones. Without input tokens the prefill is part of the wait.
        """
        n_arms = latency_s.shape[1]
        given = list(priors) if priors is not None else [TYPICAL] * n_arms
        inputs = np.zeros_like(latency_s) if input_tokens is None else np.nan_to_num(input_tokens)
        first = np.full_like(latency_s, np.nan) if ttft_s is None else ttft_s
        seconds = np.where(np.isfinite(output_tokens) & (latency_s > 0), latency_s, np.nan)
        rates = np.array(
            [fit_rates(given[arm], seconds[:, arm], output_tokens[:, arm], inputs[:, arm], first[:, arm])
             for arm in range(n_arms)]
        )  # fmt: skip
        wait, slope, prefill = rates.T
        expected_first = wait + prefill * inputs
        gap = np.log(seconds) - np.log(expected_first + slope * np.nan_to_num(output_tokens))
        offset, loadings, functions, spread = _fit_residual(sample, gap)
        first_gap = np.log(np.where(first > 0, first, np.nan)) - np.log(expected_first)
        first_spread = spread_of(first_gap) if np.isfinite(first_gap).any() else spread
        n_seen, n_first = (np.isfinite(values).sum(axis=0).astype(np.float64) for values in (gap, first_gap))
        return cls(
            wait, slope, prefill, np.where(n_seen > 0, offset, 0.0), loadings, functions,
            np.where(n_seen > 0, spread, PRIOR_SPREAD), np.where(n_first > 0, first_spread, PRIOR_SPREAD),
            n_seen, n_first,
        )  # fmt: skip

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Whether any whole call of the arm was timed (n_arms,)."""
        measured: NDArray[np.bool_] = self.n_seen > 0
        return measured

    def predict(self, reading: Reading, output_tokens: Floats, input_tokens: Floats | None = None) -> Floats:
        """Median seconds of a whole call (n, n_arms). Shapes: tokens (n, n_arms), measured or foretold."""
        return self.of_values(self.functions.evaluate(reading), output_tokens, input_tokens)

    def of_values(self, values: Floats, output_tokens: Floats, input_tokens: Floats | None = None) -> Floats:
        """The same from the values of `functions` (n, n_components)."""
        first = self.ttft(output_tokens.shape, input_tokens)
        residual = values @ self.loadings.T + self.offset
        result: Floats = (first + self.s_per_token * output_tokens) * np.exp(residual)
        return result

    def ttft(self, shape: tuple[int, ...], input_tokens: Floats | None = None) -> Floats:
        """Median seconds to the first token, in this shape (n, n_arms)."""
        inputs = np.zeros(shape) if input_tokens is None else input_tokens
        result: Floats = self.wait_s + self.prefill_s_per_token * inputs
        return result

    def factor(self, z: float, output_tokens: Floats, length_log_spread: Floats | None = None) -> Floats:
        """What the median seconds are multiplied by to get a quantile: z = 1.2816 for 90 % (n, n_arms).

        Where `output_tokens` are foretold give the spread of the lengths, which weighs as much as the tokens' share of
        the seconds.
        """
        variance = np.broadcast_to(self.log_spread**2, output_tokens.shape)
        if length_log_spread is not None:
            streaming = self.s_per_token * output_tokens
            share = streaming / (self.wait_s + streaming)
            variance = variance + (share * length_log_spread) ** 2
        result: Floats = np.exp(z * np.sqrt(variance))
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it knows, as named arrays."""
        return {
            "wait_s": self.wait_s, "s_per_token": self.s_per_token, "prefill_s_per_token": self.prefill_s_per_token,
            "offset": self.offset, "loadings": self.loadings, "log_spread": self.log_spread,
            "ttft_log_spread": self.ttft_log_spread, "n_seen": self.n_seen, "n_ttft_seen": self.n_ttft_seen,
            **self.functions.arrays(),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The delays that these arrays came from. Raises: KeyError, ValueError."""
        functions = KernelFunctions.from_arrays(arrays)
        return cls(
            arrays["wait_s"], arrays["s_per_token"], arrays["prefill_s_per_token"], arrays["offset"],
            arrays["loadings"], functions, arrays["log_spread"], arrays["ttft_log_spread"], arrays["n_seen"],
            arrays["n_ttft_seen"],
        )  # fmt: skip


def _fit_residual(sample: Sample, gap: Floats) -> tuple[Floats, Floats, KernelFunctions, Floats]:
    """What the text says of the seconds beyond the tokens: offset, loadings, functions and the spread left."""
    n_arms = gap.shape[1]
    rows = rows_to_learn_from(gap, sample.seed)
    if len(rows) < 2:
        nothing = KernelFunctions.of(sample.basis, np.zeros((sample.basis.root.shape[1], 0)))
        spread = spread_of(gap) if len(rows) else np.full(n_arms, PRIOR_SPREAD)
        return np.zeros(n_arms), np.zeros((n_arms, 0)), nothing, spread
    known = sample if len(rows) == len(gap) else sample.take(rows)
    fit, pseudo = fit_robust(known.spectrum, gap[rows])
    live = np.isfinite(fit.penalties)
    spread = spread_of(gap[rows] - left_out(known.spectrum, pseudo, fit))
    functions = KernelFunctions.of(sample.basis, fit.weights[:, live])
    is_timed = np.isfinite(gap).any(axis=0, keepdims=True).T
    loadings = np.where(is_timed, fit.components.loadings[:, live], 0.0)
    return fit.components.mean, loadings, functions, spread


def fit_rates(prior: Delay, seconds: Floats, tokens: Floats, inputs: Floats, first_s: Floats) -> Floats:
    """Wait, s_per_token and prefill of one arm (3,), drawn to its prior.

    Shapes: seconds, tokens, inputs, first_s (n,); NaN in seconds and first_s where not measured.
    """
    start = np.log([prior.ttft_s, prior.s_per_token, prior.prefill_s_per_token])
    timed = np.isfinite(seconds)
    split: NDArray[np.bool_] = np.isfinite(first_s) & (first_s > 0)
    nothing = np.zeros_like(seconds)
    ones = np.ones_like(seconds)
    if not split.any():
        return _log_linear(start, np.column_stack((ones, tokens, inputs))[timed], np.log(seconds[timed]))
    head = _log_linear(start, np.column_stack((ones, nothing, inputs))[split], np.log(first_s[split]))
    both = timed & split & (tokens > 1) & (seconds > first_s)
    rest = np.log(np.maximum(seconds[both] - first_s[both], _SMALLEST_S))
    # The first token is there when the rest begins.
    tail = _log_linear(start, np.column_stack((nothing, tokens - 1.0, nothing))[both], rest)
    return np.array([head[0], tail[1], head[2]])


def _log_linear(start: Floats, columns: Floats, log_seconds: Floats) -> Floats:
    """exp(w) of log seconds ~ log(columns @ exp(w)), w drawn to `start`: damped Gauss-Newton with Huber's weights.

    Shapes: start (3,), columns (n, 3), not negative -> (3,).
    """
    precision = NOISE_LOG_SD**2 / np.square(PRIOR_LOG_SD)
    w = start.copy()
    for _ in range(_ROUNDS):
        parts = columns * np.exp(w)
        whole = parts.sum(axis=1)
        gap = log_seconds - np.log(whole)
        limit = _CLIP_SDS * max(float(np.median(np.abs(gap))) / 0.6745, 1e-6) if len(gap) else 1.0
        weight = np.minimum(1.0, limit / np.maximum(np.abs(gap), 1e-12))
        share = parts / whole[:, None]
        normal = (share * weight[:, None]).T @ share + np.diag(precision)
        step = np.linalg.solve(normal, share.T @ (weight * gap) - precision * (w - start))
        w += np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        if float(np.abs(step).max()) < 1e-6:
            break
    result: Floats = np.exp(w)
    return result
