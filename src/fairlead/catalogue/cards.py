"""ModelCard: what is known of a model; every fact has a source and a date.

A card is about weights (`lab/model`); an Offer is about who serves them, under which name and at what price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Literal, TypeVar

from fairlead.domain.names import ModelId, ProviderName, SentModel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A value with where it is from and as of when."""

    value: T
    source: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Figure:
    """One published benchmark figure, quoted.

    Units: score in [0, 1]. `uncertainty` is one standard error of the score as a measure of *this* benchmark: sampling
    error of its questions plus what differs between test set-ups.
    """

    benchmark: str
    """A key of the catalogue's table of benchmarks."""
    score: float
    uncertainty: float
    source: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens by class; None is unknown, never free."""

    input_per_mtok: float | None = None
    cached_read_per_mtok: float | None = None
    cache_write_per_mtok: float | None = None
    output_per_mtok: float | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at one provider. Limits and abilities are None where the offer does not differ from the card's."""

    provider: ProviderName
    sent_model: SentModel
    prices: Fact[Prices]
    context_tokens: Fact[int] | None = None
    max_output_tokens: Fact[int] | None = None


Ability = Literal["tools", "vision", "audio", "files", "structured_output", "reasoning"]

Purpose = Literal["chat", "embedding"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One set of weights. An ability or limit that no source states is None: unknown."""

    model: ModelId
    title: str
    lab: str
    family: str | None
    release: Fact[date] | None
    open_weights: Fact[bool] | None
    context_tokens: Fact[int] | None
    max_output_tokens: Fact[int] | None
    abilities: Mapping[Ability, Fact[bool]] = field(default_factory=dict)
    parameters_total: Fact[int] | None = None
    parameters_active: Fact[int] | None = None
    figures: tuple[Figure, ...] = ()
    offers: tuple[Offer, ...] = ()
    aliases: tuple[str, ...] = ()
    purpose: Purpose = "chat"
    is_current: bool = True
    """False for a superseded or retired model: it answers to its name but is not in the default pool."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published test: which kinds of task it speaks of, and how hard it is on the common scale."""

    key: str
    title: str
    owner: str
    kinds: Mapping[str, float]
    """Kind of task -> weight; the weights sum to 1."""
    n_questions: int | None
    guess_rate: float
    """Score of a guesser, e.g. 0.25 for four choices."""
