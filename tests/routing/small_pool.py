"""Arms and a predictor whose every forecast is written down in the test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from fairlead.catalogue.cards import Ability, Fact, ModelCard, Prices
from fairlead.domain.data_policy import UNSTATED, DataPolicy
from fairlead.domain.decision import Arm, Basis, Decision, PromptTraits
from fairlead.domain.names import AskedModel, ModelId, ProviderName, SentModel, UpstreamName
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import NO_WISHES, Wishes
from fairlead.routing.delay_prior import Delay
from fairlead.routing.explanation import explain
from fairlead.routing.pool import ArmSpec, build_pool
from fairlead.routing.predictors.predictor import Forecast
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset
from fairlead.routing.router import Router

DAY = date(2026, 1, 1)
ASK = Outline(turn_text="hello", n_chars=3_800, turn_chars=5, n_messages=1)
"""About 1,000 input tokens."""


@dataclass(frozen=True)
class Known:
    """One arm and all that is foretold of it."""

    model: str = "lab/a"
    upstream: str = "up"
    provider: str = "who"
    sent: str = ""
    quality: float = 0.5
    output_tokens: float = 100.0
    price_in: float | None = 1.0
    price_out: float | None = 1.0
    cached_in: float | None = None
    above: tuple[int, float, float] | None = None
    """From how many input tokens, and the prices of input and output there."""
    ttft_s: float = 1.0
    s_per_token: float = 0.01
    abilities: Mapping[Ability, bool] | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    policy: DataPolicy = UNSTATED
    in_auto: bool = True
    purpose: str = "chat"
    aliases: tuple[str, ...] = ()

    def prices(self) -> Prices:
        """As a list would state them."""
        bound, fresh, output = self.above or (None, None, None)
        return Prices(
            self.price_in, self.cached_in, None, self.price_out,
            above_tokens=bound, input_above_per_mtok=fresh, output_above_per_mtok=output,
            cached_read_above_per_mtok=None if fresh is None or self.cached_in is None else 2 * self.cached_in,
        )  # fmt: skip

    def spec(self) -> ArmSpec:
        """As the configuration would describe it."""
        card = ModelCard(
            model=ModelId(self.model),
            title=self.model,
            lab=self.model.partition("/")[0],
            family=None,
            release=None,
            open_weights=None,
            context_tokens=None,
            max_output_tokens=None,
            abilities={name: Fact(value, "test", DAY) for name, value in (self.abilities or {}).items()},
            aliases=self.aliases,
            purpose="embedding" if self.purpose == "embedding" else "chat",
        )
        return ArmSpec(
            arm=Arm(
                ModelId(self.model),
                UpstreamName(self.upstream),
                ProviderName(self.provider),
                SentModel(self.sent or self.model),
            ),
            card=card,
            prices=self.prices(),
            context_tokens=self.context_tokens,
            max_output_tokens=self.max_output_tokens,
            data_policy=self.policy,
            delay=Delay(self.ttft_s, self.s_per_token, 0.0, 0.0),
            delay_basis="measured",
            in_default_pool=self.in_auto,
        )

    def with_(self, **changes: object) -> "Known":
        """The same but for these."""
        return replace(self, **changes)  # type: ignore[arg-type]


class TablePredictor:
    """Says what the table says, whatever the prompt."""

    def __init__(self, table: Mapping[str, tuple[float, float]]) -> None:
        self._table = table

    def bind(self, cards: Sequence[ModelCard]) -> "TableForecaster":
        return TableForecaster([self._table[card.model] for card in cards])


class TableForecaster:
    """The bound table."""

    def __init__(self, rows: Sequence[tuple[float, float]]) -> None:
        self.bases: Sequence[Basis] = ["published"] * len(rows)
        self._quality = np.array([quality for quality, _ in rows])
        self._tokens = np.array([tokens for _, tokens in rows])

    def forecast(self, outline: Outline) -> Forecast:
        low, high = np.maximum(self._quality - 0.1, 0), np.minimum(self._quality + 0.1, 1)
        return Forecast(np.stack((self._quality, low, high, self._tokens * outline.n_choices)))

    def traits(self, outline: Outline) -> PromptTraits:
        return PromptTraits((("writing", 1.0),), 0.0, 100, "en")


def router(*arms: Known, presets: Mapping[str, Preset] = BUILT_IN_PRESETS, default: str = "balanced") -> Router:
    """A router over these arms; two arms of one model share the forecast of the last."""
    predictor = TablePredictor({arm.model: (arm.quality, arm.output_tokens) for arm in arms})
    return Router(build_pool([arm.spec() for arm in arms], predictor), presets, presets[default])


def decided(
    chooser: Router,
    wishes: Wishes = NO_WISHES,
    *,
    model: str = "auto",
    outline: Outline = ASK,
    down: Sequence[str] = (),
) -> Decision:
    """The whole decision."""
    asked = AskedModel(model)
    choice = chooser.decide(asked, outline, wishes, [UpstreamName(name) for name in down])
    return explain(chooser.pool, choice, asked)


def order(decision: Decision) -> list[str]:
    """The models of the candidates, best first."""
    return [candidate.arm.model for candidate in decision.candidates]


def places(decision: Decision) -> list[tuple[str, str]]:
    """Models with their upstreams, best first."""
    return [(candidate.arm.model, candidate.arm.upstream) for candidate in decision.candidates]


def refused(decision: Decision) -> dict[str, str]:
    """Model -> code of the excluded."""
    return {each.arm.model: each.code for each in decision.ineligible}
