"""Pool: every arm that a router may choose from, compiled once into arrays.

The arms stand in a canonical order (cheaper first, then by a hash of their names), so that neither the order of the
configuration nor anybody's name decides a tie.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Ability, ModelCard, Prices
from fairlead.domain.data_policy import UNSTATED, DataPolicy
from fairlead.domain.decision import Arm, Basis
from fairlead.domain.model_names import Meant
from fairlead.domain.names import UpstreamName
from fairlead.routing.delay_prior import Delay, delay_prior
from fairlead.routing.predictors.predictor import Forecaster, Predictor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ABILITIES: Final[tuple[Ability, ...]] = ("tools", "vision", "audio", "files", "structured_output", "reasoning")

DEFAULT_CACHE_WINDOW_S: Final = 300.0
"""Anthropic states 5 minutes, OpenAI 5 to 10 (their pages on prompt caching, read 2026-11-23). Where a provider keeps a
prefix longer, a conversation is taken for cold too early and decided afresh: the harmless mistake."""


@dataclass(frozen=True, slots=True)
class ArmSpec:
    """One arm as the configuration and the catalogue describe it."""

    arm: Arm
    card: ModelCard
    prices: Prices
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    data_policy: DataPolicy = UNSTATED
    delay: Delay | None = None
    """The operator's or a measurement's word; None takes the prior."""
    delay_basis: Basis = "prior"
    in_default_pool: bool = True
    """Whether plain `auto` may choose it."""
    cache_window_s: float = DEFAULT_CACHE_WINDOW_S
    """How long this endpoint keeps an idle prompt prefix."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a token costs at each arm, in USD; unknown prices stand at the dearest known one of their kind.

    Shapes: (n_arms,).
    """

    input_usd: Floats
    output_usd: Floats
    cached_saving_usd: Floats
    """What a token costs less when it is read from the provider's cache; 0 where that price is not stated."""


@dataclass(frozen=True)
class Pool:
    """Shapes: every array is (n_arms,). Units: prices in USD per token; limits in tokens, inf where unknown."""

    specs: tuple[ArmSpec, ...]
    arms: tuple[Arm, ...]
    """Those of the specs."""
    forecaster: Forecaster
    card_of: NDArray[np.intp]
    """Arm -> index of its card in the forecaster."""
    rates: Rates
    """Of requests that no provider calls long."""
    is_priced: Bools
    above_tokens: Floats
    """Requests with more input tokens are billed at `rates_above`; inf where all are billed alike."""
    smallest_above_tokens: float
    rates_above: Rates
    """Where nobody bills by length, as `rates`."""
    context_tokens: Floats
    smallest_context_tokens: float
    """A request below it passes every arm's window: the common case, told by one comparison."""
    max_output_tokens: Floats
    has_ability: Mapping[Ability, Bools]
    """Stated to have it. Unknown counts as not."""
    lacks_ability: Mapping[Ability, Bools]
    """Stated not to have it. Unknown counts as not lacking."""
    ttft_s: Floats
    s_per_token: Floats
    prefill_s_per_token: Floats
    hidden_share: Floats
    is_chat: Bools
    """Not an embedding model."""
    in_default: Bools
    names: Mapping[str, tuple[int, ...]]
    """Every name that an arm answers to, lower case -> its indices."""
    upstreams: Mapping[UpstreamName, Bools]

    @property
    def n_arms(self) -> int:
        """How many arms there are."""
        return len(self.specs)

    def rates_of(self, input_tokens: float) -> Rates:
        """What a request with so much input is billed at."""
        if input_tokens <= self.smallest_above_tokens:
            return self.rates
        is_long = input_tokens > self.above_tokens
        return Rates(
            np.where(is_long, self.rates_above.input_usd, self.rates.input_usd),
            np.where(is_long, self.rates_above.output_usd, self.rates.output_usd),
            np.where(is_long, self.rates_above.cached_saving_usd, self.rates.cached_saving_usd),
        )

    def meant_by(self, name: str) -> Meant | None:
        """What a name means here; a pattern has no name."""
        wanted = name.lower()
        indices = self.names.get(wanted)
        if not indices:
            return None
        arm = self.specs[indices[0]].arm
        is_endpoint = wanted == f"{arm.upstream}/{arm.sent_model}".lower() != arm.model.lower()
        return Meant(arm.model, arm.upstream if is_endpoint else None)

    def basis_of(self, index: int) -> Basis:
        """Where this arm's quality comes from."""
        return self.forecaster.bases[int(self.card_of[index])]


def build_pool(specs: Sequence[ArmSpec], predictor: Predictor) -> Pool:
    """Compile the arms. The order of `specs` never matters."""
    ordered = tuple(sorted(specs, key=_canonical))
    cards: dict[str, ModelCard] = {}
    for spec in ordered:
        cards.setdefault(spec.arm.model, spec.card)
    position = {model: index for index, model in enumerate(cards)}
    delays = [spec.delay or delay_prior(spec.card, spec.prices, is_local=spec.arm.is_local) for spec in ordered]
    rates, is_priced = _rates(ordered, [spec.prices for spec in ordered])
    rates_above, _ = _rates(ordered, [spec.prices.of_request(float("inf")) for spec in ordered])
    above_tokens = _limits([spec.prices.above_tokens for spec in ordered])
    context_tokens = _limits([spec.context_tokens for spec in ordered])
    stated = {ability: [spec.card.abilities.get(ability) for spec in ordered] for ability in _ABILITIES}
    return Pool(
        specs=ordered,
        arms=tuple(spec.arm for spec in ordered),
        forecaster=predictor.bind(tuple(cards.values())),
        card_of=np.array([position[spec.arm.model] for spec in ordered], dtype=np.intp),
        rates=rates,
        is_priced=is_priced,
        above_tokens=above_tokens,
        smallest_above_tokens=float(above_tokens.min(initial=float("inf"))),
        rates_above=rates_above,
        context_tokens=context_tokens,
        smallest_context_tokens=float(context_tokens.min(initial=float("inf"))),
        max_output_tokens=_limits([spec.max_output_tokens for spec in ordered]),
        has_ability={a: _bools([f is not None and f.value for f in facts]) for a, facts in stated.items()},
        lacks_ability={a: _bools([f is not None and not f.value for f in facts]) for a, facts in stated.items()},
        ttft_s=_floats([delay.ttft_s for delay in delays]),
        s_per_token=_floats([delay.s_per_token for delay in delays]),
        prefill_s_per_token=_floats([delay.prefill_s_per_token for delay in delays]),
        hidden_share=_floats([delay.hidden_share for delay in delays]),
        is_chat=_bools([spec.card.purpose == "chat" for spec in ordered]),
        in_default=_bools([spec.in_default_pool and spec.card.purpose == "chat" for spec in ordered]),
        names=_names(ordered),
        upstreams={
            name: _bools([spec.arm.upstream == name for spec in ordered])
            for name in {spec.arm.upstream for spec in ordered}
        },
    )


def _canonical(spec: ArmSpec) -> tuple[float, bytes]:
    prices = (spec.prices.input_per_mtok, spec.prices.output_per_mtok)
    price = sum(price for price in prices if price is not None) if None not in prices else float("inf")
    identity = f"{spec.arm.model}\0{spec.arm.upstream}\0{spec.arm.sent_model}"
    return price, hashlib.sha256(identity.encode()).digest()


def _rates(specs: Sequence[ArmSpec], prices: Sequence[Prices]) -> tuple[Rates, Bools]:
    """The rates of these prices, and where both are known."""
    input_usd, input_known = _prices([each.input_per_mtok for each in prices])
    # An embedding has no output tokens: that it has no price for them is not a gap.
    output_usd, output_known = _prices(
        [
            0.0 if spec.card.purpose == "embedding" else each.output_per_mtok
            for spec, each in zip(specs, prices, strict=True)
        ]
    )
    saving = _floats([_cached_saving(each) for each in prices])
    return Rates(input_usd, output_usd, saving), input_known & output_known


def _prices(per_mtok: Sequence[float | None]) -> tuple[Floats, Bools]:
    known = [price for price in per_mtok if price is not None]
    dearest = max(known, default=0.0)
    filled = [dearest if price is None else price for price in per_mtok]
    return _floats(filled) * 1e-6, _bools([price is not None for price in per_mtok])


def _cached_saving(prices: Prices) -> float:
    if prices.input_per_mtok is None or prices.cached_read_per_mtok is None:
        return 0.0
    return max(prices.input_per_mtok - prices.cached_read_per_mtok, 0.0) * 1e-6


def _limits(tokens: Sequence[int | None]) -> Floats:
    return _floats([float("inf") if limit is None else float(limit) for limit in tokens])


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _bools(values: Sequence[bool]) -> Bools:
    return np.array(values, dtype=np.bool_)


def _names(specs: Sequence[ArmSpec]) -> dict[str, tuple[int, ...]]:
    """A catalogue id always means itself; a sent name wins over an alias; `upstream/sent` names one endpoint."""
    tiers: list[dict[str, list[int]]] = [{}, {}, {}, {}]
    for index, spec in enumerate(specs):
        spellings: tuple[Sequence[str], ...] = (
            [spec.arm.model],
            [f"{spec.arm.upstream}/{spec.arm.sent_model}"],
            [spec.arm.sent_model],
            spec.card.aliases,
        )
        for tier, names in zip(tiers, spellings, strict=True):
            for name in names:
                tier.setdefault(name.lower(), []).append(index)
    found: dict[str, tuple[int, ...]] = {}
    for tier in tiers:
        for name, indices in tier.items():
            found.setdefault(name, _whole_models(name, indices, specs))
    return found


def _whole_models(name: str, indices: Sequence[int], specs: Sequence[ArmSpec]) -> tuple[int, ...]:
    """A name of a model means the model: all its endpoints, not only those that spell it so."""
    if name in {f"{specs[index].arm.upstream}/{specs[index].arm.sent_model}".lower() for index in indices}:
        return tuple(indices)
    # A name that several models claim means the first in canonical order; it must never mix two models.
    model = specs[indices[0]].arm.model
    return tuple(index for index, spec in enumerate(specs) if spec.arm.model == model)
