"""Arm heads: lengths, costs and delays of a model that joins; where its own outcomes say nothing, the pool's."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fairlead.catalogue.cards import Prices
from fairlead.learning.arm_rows import add_amount
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.routing.features.query_features import QueryFeatures
from fairlead.routing.predictors.costs import Calls, CostBasis, Costs
from fairlead.routing.predictors.delays import PRIOR_SPREAD, TYPICAL, Delays
from fairlead.routing.predictors.kernel_basis import Reading, fit_basis
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.part import Sample, sample_of

_PER_MILLION: Final = 1e-6
_RATES: Final = (
    "wait_s", "s_per_token", "prefill_s_per_token", "offset", "log_spread", "ttft_log_spread", "n_seen", "n_ttft_seen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probed:
    """The outcomes of one new model and their queries. Shapes: n_chars (n,)."""

    outcomes: Outcomes
    features: QueryFeatures
    reading: Reading
    n_chars: Floats

    def column(self, matrix: Floats | None) -> Floats:
        """The one column of a measure, NaN where it is not there (n,)."""
        return np.full(len(self.n_chars), np.nan) if matrix is None else matrix[:, 0]


def add_to_lengths(lengths: Lengths, probed: Probed) -> Lengths:
    """One more arm, the pool's usual length where none was measured."""
    values = lengths.functions.evaluate(probed.reading)
    tokens = np.maximum(probed.column(probed.outcomes.output_tokens), 1.0)
    return replace(lengths, amounts=add_amount(lengths.amounts, values, tokens))


def add_to_costs(costs: Costs, probed: Probed, prices: tuple[float, float] | None) -> Costs:
    """One more arm: prices as stated, else as learned from its calls, else its cost foretold, else unknown."""
    calls = Calls(probed.n_chars, probed.outcomes.cost_usd, probed.outcomes.input_tokens, probed.outcomes.output_tokens)
    stated = None if prices is None else [Prices(input_per_mtok=prices[0], output_per_mtok=prices[1])]
    if len(probed.n_chars):
        one = Costs.fit(_own_sample(probed), calls, stated, 1)
    else:
        rates = (np.nan, np.nan) if prices is None else (prices[0] * _PER_MILLION, prices[1] * _PER_MILLION)
        told = CostBasis.UNKNOWN if prices is None else CostBasis.STATED
        one = Costs(
            np.array(rates[:1]), np.array(rates[1:]), np.zeros(1), np.zeros(1), np.full(1, np.nan),
            np.array([told], dtype=np.int8),
        )  # fmt: skip
    basis, direct = one.basis, costs.direct
    if direct is not None:
        measured = probed.column(probed.outcomes.cost_usd)
        direct = add_amount(direct, direct.functions.evaluate(probed.reading), measured)
    elif basis[0] == CostBasis.DIRECT:
        # The pool foretells no cost directly, and a function of thirty queries of one arm would be none.
        basis = np.array([CostBasis.UNKNOWN], dtype=np.int8)
    has_inputs = bool(np.isfinite(probed.column(probed.outcomes.input_tokens)).any())
    per_char = one.tokens_per_char if has_inputs else np.median(costs.tokens_per_char, keepdims=True)
    fixed = one.fixed_tokens if has_inputs else np.median(costs.fixed_tokens, keepdims=True)
    return replace(
        costs,
        input_usd=np.append(costs.input_usd, one.input_usd),
        output_usd=np.append(costs.output_usd, one.output_usd),
        tokens_per_char=np.append(costs.tokens_per_char, per_char),
        fixed_tokens=np.append(costs.fixed_tokens, fixed),
        fit_error=np.append(costs.fit_error, one.fit_error),
        basis=np.append(costs.basis, basis).astype(np.int8),
        direct=direct,
    )


def add_to_delays(delays: Delays, probed: Probed) -> Delays:
    """One more arm, its wait and rates from its own calls drawn to the prior; no residual by text."""
    if len(probed.n_chars):
        latency_s = probed.column(probed.outcomes.latency_s)[:, None]
        tokens = probed.column(probed.outcomes.output_tokens)[:, None]
        own = probed.outcomes
        one = Delays.fit(_own_sample(probed), latency_s, tokens, own.input_tokens, own.ttft_s)
        rows = {name: float(getattr(one, name)[0]) for name in _RATES}
    else:
        given = (
            TYPICAL.ttft_s,
            TYPICAL.s_per_token,
            TYPICAL.prefill_s_per_token,
            0.0,
            PRIOR_SPREAD,
            PRIOR_SPREAD,
            0.0,
            0.0,
        )
        rows = dict(zip(_RATES, given, strict=True))
    grown: dict[str, Any] = {name: np.append(getattr(delays, name), row) for name, row in rows.items()}
    return replace(delays, loadings=np.vstack((delays.loadings, np.zeros((1, delays.loadings.shape[1])))), **grown)


def _own_sample(probed: Probed) -> Sample:
    """The probes as a sample of their own: what is fitted on it besides rates is dropped again."""
    basis = fit_basis(probed.features, len(probed.n_chars), 0)
    return sample_of(basis, basis.read(probed.features), 0)
