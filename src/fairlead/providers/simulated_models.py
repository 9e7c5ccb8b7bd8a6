"""The simulated models of the demo: how fast, how wordy and how reliable each is, and the endpoint that serves them.

Their cards (prices, limits, abilities, made-up figures) stand in `data/demo_models.toml`, in the catalogue's format.
Everything here is invented, and says so wherever it is shown.
"""

from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

from fairlead.domain.data_policy import DataPolicy
from fairlead.domain.names import ModelId, SentModel, UpstreamName
from fairlead.providers.endpoints import SIMULATED, Endpoint, ServedModel

DEMO_FILE: Final = "demo_models.toml"


@dataclass(frozen=True, slots=True)
class Conduct:
    """How one simulated model behaves."""

    name: SentModel
    ttft_s: float
    """Median time to the first token."""
    tokens_per_s: float
    verbosity: float
    """Length of its replies, relative to an ordinary model."""
    reasoning_tokens: int = 0
    """Median of hidden tokens before the reply."""
    has_vision: bool = False
    has_tools: bool = True
    rate_limit_share: float = 0.01
    """Requests answered with 429."""
    fault_share: float = 0.01
    """Requests answered with 500."""
    cut_share: float = 0.005
    """Streams that break before their end."""


CONDUCTS: Final = MappingProxyType(
    {
        conduct.name: conduct
        for conduct in (
            Conduct(SentModel("atlas-large"), 0.90, 65, 1.15, rate_limit_share=0.02),
            Conduct(SentModel("atlas-medium"), 0.55, 95, 1.0),
            Conduct(SentModel("wren-mini"), 0.30, 140, 0.85),
            Conduct(SentModel("wren-nano"), 0.18, 220, 0.7, has_tools=False),
            Conduct(SentModel("sage-reason"), 1.20, 90, 1.0, reasoning_tokens=700, fault_share=0.02),
            Conduct(SentModel("iris-vision"), 0.70, 80, 0.9, has_vision=True),
            Conduct(SentModel("forge-code"), 0.45, 110, 1.25),
            Conduct(SentModel("swift-turbo"), 0.15, 600, 0.95, rate_limit_share=0.03, cut_share=0.01),
        )
    }
)

EMBEDDING_MODEL: Final = SentModel("lark-embed")
EMBEDDING_DIMENSIONS: Final = 256


def demo_endpoint() -> Endpoint:
    """The endpoint behind which all simulated models live. Nothing is ever connected to its address."""
    served = [ServedModel(name, ModelId(f"simulated/{name}")) for name in CONDUCTS]
    served.append(ServedModel(EMBEDDING_MODEL, ModelId(f"simulated/{EMBEDDING_MODEL}"), is_chat=False))
    return Endpoint(
        name=UpstreamName("demo"),
        provider=SIMULATED,
        base_url="http://simulated.invalid/v1",
        auth="none",
        is_simulated=True,
        data_policy=DataPolicy(collects_data=False, zero_retention=True, region="here"),
        models=tuple(served),
    )


def demo_catalogue_text() -> str:
    """The simulated models' cards, as text for the catalogue's parser (a lab's file)."""
    return (resources.files("fairlead.providers") / "data" / DEMO_FILE).read_text(encoding="utf-8")
