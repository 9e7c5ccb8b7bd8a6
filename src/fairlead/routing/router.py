"""Router: outline and wishes in, an order of arms out. Same arguments, same answer.

The hot path keeps arrays (`Choice`); `explain` turns one into a `Decision` for people when somebody asks.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from fairlead.domain.decision import Resting
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import NO_WISHES, Weights, Wishes
from fairlead.routing.arm_kernel import ArmKernel, ArmLibrary
from fairlead.routing.asking import Asked, Names
from fairlead.routing.conduct import Conduct, unmeasured
from fairlead.routing.eligibility import Check, down_check, need_checks, wish_checks
from fairlead.routing.expected import Expected
from fairlead.routing.pool import Bools, Floats, Pool
from fairlead.routing.preferences import Preset, sure_quality, utility

CHARS_PER_TOKEN: Final = 3.8
"""English prose and code lie between 3.5 and 4.5 in the tokenisers in use; without one, this is within about 15 %."""
TOKENS_PER_MESSAGE: Final = 4
TOKENS_PER_IMAGE: Final = 1_000
TOKENS_PER_AUDIO: Final = 1_500
TOKENS_PER_FILE: Final = 3_000
"""Rough by nature: what an attachment costs depends on its size, which is not read."""

_NOBODY_DOWN: Final[frozenset[Resting]] = frozenset()
_SURE: Final = (1.0,)


KeptCode = Literal[
    "same_anchor",
    "kept_for_cache",
    "kept_in_tool_loop",
    "kept_for_signature",
    "switched",
    "cold",
    "short",
    "no_pricing",
    "anchor_unfit",
]
"""What a running conversation did to a choice; the meaning of each is in docs/reference/decision.md."""


class Kept(NamedTuple):
    """How a running conversation bore on a choice, and the counterfactual: what would have been chosen without it."""

    code: KeptCode
    anchor: int
    """The arm that served the conversation last."""
    plain: int
    """The arm that would have been chosen without the conversation."""
    saving_usd: float = 0.0
    """What the anchor's warm cache saves on this turn."""
    plain_usd: float | None = None
    """What the other would be expected to cost; None where its price is unknown or was not asked."""
    gain: float = 0.0
    """Utility that the best other arm has above the anchor, the warm cache reckoned in."""


class Drawn(NamedTuple):
    """What exploration did to a choice that it might have changed."""

    chances: tuple[float, ...]
    """Of each arm of the choice's order to be first; they sum to 1."""
    plain: int
    """The arm that is best, and first without exploration."""


class Choice(NamedTuple):
    """One decision in arrays."""

    asked: Asked
    wishes: Wishes
    outline: Outline
    weights: Weights
    order: tuple[int, ...]
    """Eligible arms, best first."""
    resting: tuple[int, ...]
    """Arms that only fail for being down, best first: the least bad when nobody else is left."""
    expected: Expected
    checks: tuple[Check, ...]
    conduct: Conduct | None = None
    """What was measured, where anything was."""
    kept: Kept | None = None
    """What a running conversation did to the choice; None without one."""
    drawn: Drawn | None = None
    """None where the first was sure to be first."""

    @property
    def utility(self) -> Floats:
        """Of each arm, (n_arms,)."""
        return self.expected.utility

    @property
    def chances(self) -> tuple[float, ...]:
        """The chance of each arm of the order to be first; of those that are not listed, none."""
        return self.drawn.chances if self.drawn is not None else _SURE

    @property
    def is_explored(self) -> bool:
        """Whether chance has put another than the best first."""
        return self.drawn is not None and self.order[0] != self.drawn.plain


class Router:
    """The decision core for one configuration."""

    def __init__(
        self, pool: Pool, presets: Mapping[str, Preset], default: Preset, library: ArmLibrary | None = None
    ) -> None:
        """`library` is native code for the same arithmetic, where it was compiled."""
        self.pool = pool
        self.kernel = None if library is None else ArmKernel(library, pool)
        self._unmeasured = unmeasured(pool)
        self.names = Names(pool, presets, default)

    def decide(
        self,
        model: AskedModel,
        outline: Outline,
        wishes: Wishes = NO_WISHES,
        down: Collection[Resting] = _NOBODY_DOWN,
        conduct: Conduct | None = None,
    ) -> Choice:
        """Order the arms that may serve; `conduct` is what was measured of them, the priors without it.

        Raises: UnknownModelError. An empty order is not an error here: `explain` says why.
        """
        asked = self.names.resolve(model, wishes.models)
        weights = wishes.weights or asked.preset.weights
        expected, ranked = self._expect(outline, conduct or self._unmeasured, weights)
        if wishes.sort is not None:
            ranked = _ranked(_sort_key(wishes, expected), expected.cost_usd)
        checks = self._checks(asked, outline, wishes, expected)
        fit = asked.members
        for check in checks:
            fit = fit & ~check.fails
        if not down:
            order = self._order(asked, wishes, fit, ranked)
            return Choice(asked, wishes, outline, weights, order, (), expected, checks, conduct)
        resting = down_check(self.pool, down)
        return Choice(
            asked=asked,
            wishes=wishes,
            outline=outline,
            weights=weights,
            order=self._order(asked, wishes, fit & ~resting.fails, ranked),
            resting=self._order(asked, wishes, fit & resting.fails, ranked),
            expected=expected,
            checks=(*checks, resting),
            conduct=conduct,
        )

    def _expect(self, outline: Outline, conduct: Conduct, weights: Weights) -> tuple[Expected, Sequence[int]]:
        """What to expect of each arm, and the arms by falling utility."""
        pool = self.pool
        forecast = pool.forecaster.forecast(outline)
        n_input = input_tokens(outline)
        if self.kernel is not None:
            return self.kernel.expect(forecast, conduct, n_input, outline.n_choices, weights)
        quality, low, _, tokens = forecast.figures[:, pool.card_of]
        output = np.minimum(tokens, pool.max_output_tokens * outline.n_choices)
        s_per_token, hidden_share = conduct.s_per_token, conduct.hidden_share
        ttft = conduct.ttft_s + n_input * pool.prefill_s_per_token + output * s_per_token * hidden_share
        total = ttft + output * s_per_token * (1.0 - hidden_share)
        rates = pool.rates_of(n_input)
        cost = n_input * rates.input_usd + output * rates.output_usd
        sure = sure_quality(quality, low)
        if conduct.failure_share is not None:
            # An arm that fails often promises its quality less often: the next candidate's may be what comes.
            sure = sure * (1.0 - conduct.failure_share)
        worth = utility(sure, cost, total, weights)
        figures = np.stack((quality, sure, output, cost, ttft, total, worth))
        return Expected(figures, pool.n_arms, n_input, s_per_token, forecast), _ranked(-worth, cost)

    def _checks(self, asked: Asked, outline: Outline, wishes: Wishes, expected: Expected) -> tuple[Check, ...]:
        checks: list[Check] = []
        if not asked.is_concrete:
            checks += need_checks(self.pool, outline, expected)
            if asked.preset.wishes is not NO_WISHES:
                checks += wish_checks(self.pool, outline, asked.preset.wishes, expected)
        if wishes is not NO_WISHES:
            checks += wish_checks(self.pool, outline, wishes, expected)
        return tuple(checks)

    def _order(self, asked: Asked, wishes: Wishes, fit: Bools, ranked: Sequence[int]) -> tuple[int, ...]:
        is_fit = fit.tolist()
        fitting = [i for i in ranked if is_fit[i]]
        if wishes.provider_order:
            places = {name.lower(): place for place, name in reversed(list(enumerate(wishes.provider_order)))}
            last = len(places)
            specs = self.pool.specs
            fitting.sort(
                key=lambda i: min(
                    places.get(specs[i].arm.provider.lower(), last), places.get(specs[i].arm.upstream.lower(), last)
                )
            )
        if len(asked.ranks) > 1:
            rank = {arm: place for place, arms in reversed(list(enumerate(asked.ranks))) for arm in arms}
            fitting.sort(key=rank.__getitem__)
        return tuple(fitting)


def _ranked(key: Floats, cost_usd: Floats) -> list[int]:
    """The arms by rising key. Ties go to the cheaper for this request, then to the pool's order; never to a name."""
    found: list[int] = np.lexsort((cost_usd, key)).tolist()
    return found


def _sort_key(wishes: Wishes, expected: Expected) -> Floats:
    if wishes.sort == "price":
        return expected.cost_usd
    return expected.ttft_s if wishes.sort == "latency" else expected.s_per_token


def input_tokens(outline: Outline) -> float:
    """Expected input tokens, from sizes alone: no tokeniser runs on the hot path."""
    return (
        (outline.n_chars + outline.tool_chars) / CHARS_PER_TOKEN
        + outline.n_messages * TOKENS_PER_MESSAGE
        + outline.n_images * TOKENS_PER_IMAGE
        + outline.n_audio * TOKENS_PER_AUDIO
        + outline.n_files * TOKENS_PER_FILE
    )
