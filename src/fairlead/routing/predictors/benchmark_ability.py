"""BenchmarkPredictor: quality from published and measured abilities against the difficulty that a text shows.

P(accepted) = E sigma(kinds . theta - difficulty), with theta a model's Gaussian abilities and the difficulty's residual
error; the expectation by MacKay's approximation sigma(mean / sqrt(1 + pi v / 8)) (MacKay 1992, "The evidence framework
applied to classification networks", eq. 10). All models at once, in about a dozen small array operations, each of which
treats every model alike: the order of the models changes no bit. That is why there is no matrix product here: its
kernels add in an order that depends on the row's place.
"""

from collections.abc import Mapping, Sequence
from math import exp, inf, pi
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Benchmark, ModelCard
from fairlead.domain.decision import Basis, PromptTraits
from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.features.query_features import text_of
from fairlead.routing.modelmap.ability import Abilities, abilities_of
from fairlead.routing.modelmap.benchmark_scale import BenchmarkScale, fit_benchmark_scale
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.forecast_kernel import ForecastKernel, ForecastLibrary
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.predictors.prompt_kernel import PromptKernel
from fairlead.routing.predictors.prompt_reader import (
    AGENTIC,
    DATA,
    DIFFICULTY_RANGE,
    TOKENS_RANGE,
    PromptReader,
    PromptReading,
    flag_logits,
)

Floats = NDArray[np.float64]

INTERVAL_Z: Final = 1.6448536269514722
"""Standard normal quantile of 95 %: the two ends hold 90 % between them."""
HIDDEN_AT_ZERO: Final = 2.0
HIDDEN_GROWTH: Final = 0.3
HIDDEN_RANGE: Final = (0.3, 12.0)
HIDDEN_WHEN_ASKED: Final = 2.0
"""Hidden reasoning in tokens per visible token of a model that reasons: 2 at difficulty 0, growing by e^0.3 a logit,
doubled when the client asks for reasoning. A prior set by hand. The shippable outcomes hold reasoning tokens of two
models on 44 questions of one kind, about 1.1 and 4.1 per visible token: they fix neither the level nor the growth."""

_N_KINDS: Final = len(KINDS)
_ROWS, _COLUMNS = np.triu_indices(_N_KINDS)
_FOLD: Final = np.where(_ROWS == _COLUMNS, 1.0, 2.0)
"""A covariance is kept as its upper triangle: what stands beside the diagonal counts twice."""
_PARTS: Final = np.array([0, _N_KINDS])
"""Where means and covariances begin among a model's moments."""
_SIGNS: Final = np.array([[0.0], [INTERVAL_Z], [-INTERVAL_Z]])


class BenchmarkPredictor:
    """Predicts from benchmark figures on cards, and from outcomes of the models that were measured.

    `cards` are those of the whole catalogue: from them it learns once how hard each benchmark is. Bound models are then
    judged one by one, so that a small pool is judged as well as a large one. `measured`: id of a card -> its evidence.
    """

    def __init__(
        self,
        reader: PromptReader,
        benchmarks: Mapping[str, Benchmark],
        cards: Sequence[ModelCard] = (),
        measured: Mapping[str, MeasuredAbility] = MappingProxyType({}),
        library: ForecastLibrary | None = None,
    ) -> None:
        self._reader = reader
        self._benchmarks = benchmarks
        self._measured = measured
        self._library = library
        self.scale: BenchmarkScale = fit_benchmark_scale(cards, benchmarks, reader.anchors)

    def bind(self, cards: Sequence[ModelCard]) -> "BenchmarkForecaster":
        """A forecaster for exactly these models, in this order."""
        abilities = [abilities_of(card, self._benchmarks, self.scale, self._measured.get(card.model)) for card in cards]
        reasons = [
            1.0 if (fact := card.abilities.get("reasoning")) is not None and fact.value else 0.0 for card in cards
        ]
        return BenchmarkForecaster(self._reader, abilities, reasons, self._library)


class BenchmarkForecaster:
    """Knows its models. Holds constant arrays only, so any number of threads may ask it at once."""

    def __init__(
        self,
        reader: PromptReader,
        abilities: Sequence[Abilities],
        reasons: Sequence[float],
        library: ForecastLibrary | None = None,
    ) -> None:
        self._reader = reader
        n = len(abilities)
        self.bases: tuple[Basis, ...] = tuple(ability.basis for ability in abilities)
        # Shape (n_kinds + n_pairs, n_models): one product and one sum by parts give all means and all variances.
        self._moments: Floats = (
            np.array([np.append(one.mean, one.covariance[_ROWS, _COLUMNS] * _FOLD) for one in abilities])
            .reshape(n, _N_KINDS + len(_ROWS))
            .T.copy()
        )
        self._reasons: Floats = np.array(reasons, dtype=np.float64)
        self._kernel = None if library is None else self._native(library)

    def _native(self, library: ForecastLibrary) -> ForecastKernel | None:
        reader, scorer = self._reader, self._reader.scorer
        if not isinstance(scorer, PromptKernel):
            return None
        constants = {
            "residual_variance": reader.difficulty_sd**2,
            "z": INTERVAL_Z,
            "difficulty_low": DIFFICULTY_RANGE[0],
            "difficulty_high": DIFFICULTY_RANGE[1],
            "tokens_low": TOKENS_RANGE[0],
            "tokens_high": TOKENS_RANGE[1],
            "hidden_at_zero": HIDDEN_AT_ZERO,
            "hidden_growth": HIDDEN_GROWTH,
            "hidden_low": HIDDEN_RANGE[0],
            "hidden_high": HIDDEN_RANGE[1],
        }
        kinds = (_N_KINDS, AGENTIC, DATA)
        return ForecastKernel(library, scorer, self._moments, self._reasons, kinds, constants)

    def forecast(self, outline: Outline) -> Forecast:
        """What to expect of every bound model."""
        room = inf if outline.max_output_tokens is None else max(1, outline.max_output_tokens)
        hidden_factor = HIDDEN_WHEN_ASKED if outline.wants_reasoning else 1.0
        if self._kernel is not None:
            text, n_chars = text_of(outline)
            turn_at = len(outline.system_text) + 1 if outline.system_text else 0
            n_choices = max(1, outline.n_choices)
            return self._kernel.foretell(text, n_chars, turn_at, flag_logits(outline), hidden_factor, room, n_choices)
        reading = self._reader.read(outline)
        low, high = HIDDEN_RANGE
        hidden = min(high, max(low, HIDDEN_AT_ZERO * exp(HIDDEN_GROWTH * reading.difficulty))) * hidden_factor
        visible = exp(reading.log_output_tokens)
        tokens = np.minimum(self._reasons * (hidden * visible) + visible, room) * max(1, outline.n_choices)
        figures = np.vstack((self._quality(reading), tokens))
        return Forecast(figures, reading.kind_shares, reading.difficulty)

    def _quality(self, reading: PromptReading) -> Floats:
        """Mean, low end and high end (3, n_models)."""
        shares = np.array(reading.kind_shares)
        factors = np.concatenate((shares, shares.take(_ROWS) * shares.take(_COLUMNS)))
        mean, variance = np.add.reduceat(self._moments * factors[:, None], _PARTS, axis=0)
        mean -= reading.difficulty
        variance += self._reader.difficulty_sd**2
        # The signs are turned round: what follows is 1 / (1 + e^-x).
        logits = np.sqrt(variance) * _SIGNS
        logits -= mean
        logits[0] /= np.sqrt(variance * (pi / 8.0) + 1.0)
        np.exp(logits, out=logits)
        logits += 1.0
        quality: Floats = np.reciprocal(logits)
        # Near 0 and 1 the mean of so skewed a distribution passes its own 5 % or 95 % point: the interval ends at it.
        np.minimum(quality[1], quality[0], out=quality[1])
        np.maximum(quality[2], quality[0], out=quality[2])
        return quality

    def traits(self, outline: Outline) -> PromptTraits:
        """What was read off the prompt."""
        return self._reader.traits(outline)
