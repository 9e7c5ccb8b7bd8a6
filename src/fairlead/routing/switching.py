"""Switching: may a running conversation go to another model? The lost prompt cache is part of the price.

A provider that has just read a conversation bills reading it again at a fraction. So for an arm that still holds the
conversation warm, the expected cost is reckoned with its price of cached reads, and the others pay full input:

    cost_i = (input - warm_i) x input_price_i + warm_i x cached_price_i + output x output_price_i

The utilities then decide as always, with one addition: the model that serves stays unless another gains more than
MARGIN, since a difference below it is noise (see policies/steady) and a switch is dear to take back. A cold
conversation (idle for longer than the cache lasts) and one without stated cached prices are decided as if they had just
begun: nothing is lost by switching, and an unknown price is never guessed. In the middle of a tool loop the model
stays, and a conversation that holds signed reasoning stays with those who can read the signatures. Explicit wishes of
the request (one model by name, a list, an order of providers) are never overridden.
"""

from typing import Final, Literal, NamedTuple

import numpy as np

from fairlead.routing.eligibility import Check
from fairlead.routing.policies.steady import MARGIN
from fairlead.routing.pool import Bools, Floats, Pool
from fairlead.routing.preferences import utility
from fairlead.routing.router import Choice, Kept, KeptCode

MIN_WARM_TOKENS: Final = 1_024
"""Below it OpenAI and most Anthropic models cache nothing (both vendors' prompt caching pages, read 2026-11-23)."""


class Warm(NamedTuple):
    """An arm that has read the conversation: how many tokens of it, and how long ago it last did."""

    arm: int
    tokens: float
    idle_s: float


class Held(NamedTuple):
    """A running conversation, as far as the router may know it."""

    anchor: int | None
    """The arm that served last; None when that is not known any more."""
    warm: tuple[Warm, ...] = ()


Pin = Literal["kept_in_tool_loop", "kept_for_signature"]


def held_to(pool: Pool, choice: Choice, held: Held | None, readers: Bools | None = None) -> Choice:
    """The choice with what the conversation asks for.

    `readers` masks the arms that can read the signatures in it; None when there are none.
    """
    if readers is not None:
        if any(readers[i] for i in (*choice.order, *choice.resting)):
            choice = _readable(choice, readers)
        else:
            readers = None  # nobody who may serve can read them: a declared loss is better than no answer
    if held is None or held.anchor is None or not choice.order or not _is_free(choice):
        return choice
    if held.anchor not in choice.order:
        return choice._replace(kept=Kept("anchor_unfit", held.anchor, choice.order[0]))
    if choice.outline.in_tool_loop:
        return _pinned(pool, choice, held.anchor, "kept_in_tool_loop")
    if readers is not None:
        return _pinned(pool, choice, held.anchor, "kept_for_signature")
    return _priced(pool, choice, held.anchor, held)


def kept_to(choice: Choice, keepers: Bools) -> Choice:
    """The choice among the arms at whoever keeps what the request refers to, or speaks its format at all."""
    check = Check("state_elsewhere", ~keepers, lambda _i: "the request refers to what another provider keeps")
    return choice._replace(
        order=tuple(i for i in choice.order if keepers[i]),
        resting=tuple(i for i in choice.resting if keepers[i]),
        checks=(*choice.checks, check),
    )


def _is_free(choice: Choice) -> bool:
    """Whether the order is ours to change: no sort, no order of providers, no list of models was asked for."""
    wishes = choice.wishes
    return wishes.sort is None and not wishes.provider_order and len(choice.asked.ranks) <= 1


def _readable(choice: Choice, readers: Bools) -> Choice:
    check = Check(
        "foreign_signature",
        ~readers,
        lambda _i: "the conversation holds signed reasoning that it cannot read",
    )
    return choice._replace(
        order=tuple(i for i in choice.order if readers[i]),
        resting=tuple(i for i in choice.resting if readers[i]),
        checks=(*choice.checks, check),
    )


def _pinned(pool: Pool, choice: Choice, anchor: int, code: Pin) -> Choice:
    """The anchor, then the same model elsewhere, then the others: better another model than no answer."""
    model = pool.specs[anchor].arm.model
    order = sorted(choice.order, key=lambda i: (i != anchor, pool.specs[i].arm.model != model))
    kept = Kept(code if choice.order[0] != anchor else "same_anchor", anchor, choice.order[0])
    return choice._replace(order=tuple(order), kept=kept)


def _priced(pool: Pool, choice: Choice, anchor: int, held: Held) -> Choice:
    plain = choice.order[0]
    saving = savings_usd(pool, held, choice.expected.input_tokens)
    if not saving.any():
        return choice._replace(kept=Kept(_why_not_priced(pool, held), anchor, plain))
    expected = choice.expected
    cost = expected.cost_usd - saving
    worth = utility(expected.sure_quality, cost, expected.total_s, choice.weights)
    order = list(choice.order)
    order.sort(key=lambda i: -worth[i])
    weights = choice.weights
    margin = MARGIN * weights.quality / (weights.quality + weights.cost + weights.speed)
    best = order[0]
    gain = float(worth[best] - worth[anchor])
    if gain <= margin:
        order.remove(anchor)
        order.insert(0, anchor)
        code: KeptCode = "same_anchor" if plain == anchor else "kept_for_cache"
    else:
        code = "switched"
    kept = Kept(
        code,
        anchor,
        plain,
        saving_usd=float(saving[anchor]),
        plain_usd=float(cost[plain]) if pool.is_priced[plain] else None,
        gain=gain,
    )
    return choice._replace(order=tuple(order), expected=expected.priced(cost, worth), kept=kept)


def savings_usd(pool: Pool, held: Held, input_tokens: float) -> Floats:
    """What each arm saves on this turn by what it still holds warm. Shape (n_arms,); 0 where cold or unknown."""
    saving, rates = np.zeros(pool.n_arms), pool.rates_of(input_tokens)
    for warm in held.warm:
        tokens = min(warm.tokens, input_tokens)
        if tokens >= MIN_WARM_TOKENS and warm.idle_s < pool.specs[warm.arm].cache_window_s:
            saving[warm.arm] = tokens * rates.cached_saving_usd[warm.arm]
    return saving


def _why_not_priced(pool: Pool, held: Held) -> KeptCode:
    warm = next((each for each in held.warm if each.arm == held.anchor), None)
    if warm is None or warm.idle_s >= pool.specs[warm.arm].cache_window_s:
        return "cold"
    return "no_pricing" if not pool.rates.cached_saving_usd[warm.arm] else "short"
