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
    """USD per million tokens by class; None is unknown, never free.

    Some providers bill a long request dearer: the whole of it, once its input, cached or not, is above so many tokens.
    Raises: ValueError if one is stated without the others of: above_tokens, the input's rate, the output's.
    """

    input_per_mtok: float | None = None
    cached_read_per_mtok: float | None = None
    cache_write_per_mtok: float | None = None
    output_per_mtok: float | None = None
    cache_write_1h_per_mtok: float | None = None
    """Of what is to be kept for an hour; only asked for where a reply tells such writes apart."""
    above_tokens: int | None = None
    input_above_per_mtok: float | None = None
    cached_read_above_per_mtok: float | None = None
    cache_write_above_per_mtok: float | None = None
    output_above_per_mtok: float | None = None
    cache_write_1h_above_per_mtok: float | None = None

    def __post_init__(self) -> None:
        needed = (self.above_tokens, self.input_above_per_mtok, self.output_above_per_mtok)
        others = (
            self.cached_read_above_per_mtok, self.cache_write_above_per_mtok, self.cache_write_1h_above_per_mtok,
        )  # fmt: skip
        if None in needed and any(part is not None for part in (*needed, *others)):
            raise ValueError("prices of long requests need above_tokens, input_above and output_above together")

    def of_request(self, n_input_tokens: float) -> "Prices":
        """Those that a request with so much input, cached tokens among it, is billed at."""
        if self.above_tokens is None or n_input_tokens <= self.above_tokens:
            return self
        return Prices(
            self.input_above_per_mtok,
            self.cached_read_above_per_mtok,
            self.cache_write_above_per_mtok,
            self.output_above_per_mtok,
            self.cache_write_1h_above_per_mtok,
        )


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
