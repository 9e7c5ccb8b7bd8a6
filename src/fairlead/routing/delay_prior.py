"""What to expect of a model's speed before anybody has measured it: a stated prior from size, price and place.

Orders of magnitude, not promises. Source: the shape (speed falls with about the cube root of the active size) agrees
with the Llama-2 rows of ray-project/llmperf-leaderboard (Apache-2.0, 2023-12); the level was raised for today's
hardware by judgement. Every estimate made from it is marked `prior`.
"""

from typing import Final, NamedTuple

from fairlead.catalogue.cards import ModelCard, Prices

_TOKENS_PER_S_AT_8B: Final = 150.0
_SIZE_POWER: Final = -0.35
_TOKENS_PER_S_AT_1_USD: Final = 110.0
_PRICE_POWER: Final = -0.25
_SLOWEST_TOKENS_PER_S: Final = 20.0
_FASTEST_TOKENS_PER_S: Final = 260.0
_HOSTED_TTFT_S: Final = 0.6
_LOCAL_TTFT_S: Final = 0.3
_PREFILL_S_PER_TOKEN: Final = 2.5e-5
HIDDEN_SHARE: Final = 0.6
"""Of a reasoning model's output tokens, how many come before the first visible one."""


class Delay(NamedTuple):
    """Units: seconds; `s_per_token` per output token, `prefill_s_per_token` per input token."""

    ttft_s: float
    s_per_token: float
    prefill_s_per_token: float
    hidden_share: float


def delay_prior(card: ModelCard, prices: Prices, *, is_local: bool) -> Delay:
    """The delay to expect of this model at this offer."""
    size = card.parameters_active or card.parameters_total
    if size is not None:
        tokens_per_s = _TOKENS_PER_S_AT_8B * (size.value / 8e9) ** _SIZE_POWER
    elif prices.output_per_mtok:
        tokens_per_s = _TOKENS_PER_S_AT_1_USD * prices.output_per_mtok**_PRICE_POWER
    else:
        tokens_per_s = _TOKENS_PER_S_AT_1_USD / 2
    reasoning = card.abilities.get("reasoning")
    return Delay(
        ttft_s=_LOCAL_TTFT_S if is_local else _HOSTED_TTFT_S,
        s_per_token=1.0 / min(max(tokens_per_s, _SLOWEST_TOKENS_PER_S), _FASTEST_TOKENS_PER_S),
        prefill_s_per_token=_PREFILL_S_PER_TOKEN,
        hidden_share=HIDDEN_SHARE if reasoning is not None and reasoning.value else 0.0,
    )
