"""Decision: what the router chose, in what order the rest stands, and why.

Frozen values for people and logs. The hot path keeps arrays and builds these only when somebody asks.
"""

from dataclasses import dataclass
from typing import Literal

from fairlead.domain.names import AskedModel, ModelId, ProviderName, SentModel, UpstreamName

IneligibleCode = Literal[
    "context_window",
    "output_limit",
    "no_tools",
    "no_vision",
    "no_audio",
    "no_files",
    "no_structured_output",
    "missing_parameter",
    "price_cap",
    "price_unknown",
    "cost_cap",
    "latency_cap",
    "quality_floor",
    "excluded",
    "not_allowed",
    "provider_excluded",
    "data_policy",
    "foreign_signature",
    "state_elsewhere",
    "down",
]

Basis = Literal["measured", "published", "prior"]
"""Where a figure comes from: own outcomes, published benchmark figures, or family, size and price alone."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What can be chosen: one model at one upstream."""

    model: ModelId
    upstream: UpstreamName
    provider: ProviderName
    sent_model: SentModel
    is_local: bool = False
    is_simulated: bool = False


Resting = UpstreamName | Arm
"""What is kept away from for a while: a whole upstream, or one model there (providers limit rates by model)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What we expect of one candidate on this request. Intervals are 90 %."""

    quality: float
    quality_low: float
    quality_high: float
    quality_basis: Basis
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None when a price is unknown."""
    ttft_s: float
    total_s: float
    delay_basis: Basis


@dataclass(frozen=True, slots=True)
class Candidate:
    """An eligible arm with its estimate and its utility; the decision lists them best first."""

    arm: Arm
    estimate: Estimate
    utility: float
    chance: float | None = None
    """With which it is the first to be tried; below 1 where exploration may draw another."""


@dataclass(frozen=True, slots=True)
class Ineligible:
    """An arm that may not serve this request, and why."""

    arm: Arm
    code: IneligibleCode
    why: str


@dataclass(frozen=True, slots=True)
class Flip:
    """One change that alone would have changed the choice."""

    to: ModelId
    upstream: UpstreamName
    change: str


@dataclass(frozen=True, slots=True)
class Reason:
    """What decided, as a code for machines and a sentence for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class PromptTraits:
    """What the router read off the prompt's text."""

    kinds: tuple[tuple[str, float], ...]
    """Kinds of task with their shares, largest first; the shares sum to 1."""
    difficulty: float
    """Logits: 0 is a prompt that half of the reference models get right; higher is harder."""
    output_tokens: int
    """Expected visible output tokens of a model of ordinary verbosity."""
    language: str
    """`en`, another ISO 639-1 code when the script tells, else `other`."""


@dataclass(frozen=True, slots=True)
class SessionEffect:
    """What a running conversation did to the choice, and what would have been chosen without it."""

    code: str
    anchor: Arm
    """Who served the conversation last."""
    without: Arm
    """Who would have been chosen without it."""
    saving_usd: float
    without_usd: float | None
    """Expected cost of the choice without it; None when that is unknown or was not reckoned."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole of one decision."""

    asked: AskedModel
    policy: str
    """The preset or `concrete`."""
    traits: PromptTraits
    candidates: tuple[Candidate, ...]
    ineligible: tuple[Ineligible, ...]
    reason: Reason
    flips: tuple[Flip, ...]
    session: SessionEffect | None = None
    """None for a request that continues no conversation that we know."""

    @property
    def chosen(self) -> Candidate | None:
        """The first candidate, or None when nobody may serve."""
        return self.candidates[0] if self.candidates else None
