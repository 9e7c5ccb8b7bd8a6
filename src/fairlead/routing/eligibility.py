"""Eligibility: who may serve this request at all, and why not.

Each check is a mask of arms that fail it. A check that the request does not touch is not made: most requests make two.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

import numpy as np

from fairlead.catalogue.cards import Ability
from fairlead.domain.decision import IneligibleCode, Resting
from fairlead.domain.model_names import places_meant
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Wishes
from fairlead.routing.expected import Expected
from fairlead.routing.pool import ArmSpec, Bools, Pool


class Check(NamedTuple):
    """One ground of exclusion: which arms it hits, and what to say of arm i."""

    code: IneligibleCode
    fails: Bools
    why: Callable[[int], str]


_NEEDS: Final[tuple[tuple[str, Ability, IneligibleCode, str], ...]] = (
    ("n_tools", "tools", "no_tools", "it is not known to call tools"),
    ("n_images", "vision", "no_vision", "it is not known to read images"),
    ("n_audio", "audio", "no_audio", "it is not known to hear audio"),
    ("n_files", "files", "no_files", "it is not known to read files"),
)

_PARAMETER_ABILITY: Final[dict[str, Ability]] = {
    "tools": "tools",
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "functions": "tools",
    "response_format": "structured_output",
    "reasoning": "reasoning",
    "reasoning_effort": "reasoning",
}


def need_checks(pool: Pool, outline: Outline, expected: Expected) -> Iterator[Check]:
    """What the request itself needs; asked of models that we choose, not of one that the client named."""
    room = outline.max_output_tokens or 0
    needed = expected.input_tokens + room
    if needed > pool.smallest_context_tokens:
        yield Check(
            "context_window",
            pool.context_tokens < needed,
            lambda i: f"needs about {needed:,.0f} tokens of context, it takes {pool.context_tokens[i]:,.0f}",
        )
    if room:
        yield Check(
            "output_limit",
            pool.max_output_tokens < room,
            lambda i: f"{room:,} output tokens asked, it gives at most {pool.max_output_tokens[i]:,.0f}",
        )
    for field, ability, code, words in _NEEDS:
        if getattr(outline, field):
            yield Check(code, ~pool.has_ability[ability], _says(words))
    if outline.wants_structured:
        yield Check(
            "no_structured_output",
            pool.lacks_ability["structured_output"],
            _says("it is known not to keep to a JSON schema"),
        )


def wish_checks(pool: Pool, outline: Outline, wishes: Wishes, expected: Expected) -> Iterator[Check]:
    """What the caller or the preset demands; holds for a model asked by name too."""
    yield from name_checks(pool, wishes)
    yield from _policy_checks(pool, wishes)
    yield from _price_checks(pool, wishes, expected)
    if wishes.max_cost_usd is not None:
        cap = wishes.max_cost_usd
        yield Check("price_unknown", ~pool.is_priced, _says("its price is unknown, and a cost cap is set"))
        yield Check(
            "cost_cap",
            expected.cost_usd > cap,
            lambda i: f"about ${expected.cost_usd[i]:.6f} expected, the cap is ${cap:.6f}",
        )
    if wishes.max_latency_s is not None:
        limit = wishes.max_latency_s
        yield Check(
            "latency_cap",
            expected.total_s > limit,
            lambda i: f"about {expected.total_s[i]:.1f} s expected, cap {limit} s",
        )
    if wishes.min_quality is not None:
        floor = wishes.min_quality
        yield Check(
            "quality_floor",
            expected.quality < floor,
            lambda i: f"quality {expected.quality[i]:.2f} expected, the floor is {floor:.2f}",
        )
    if wishes.require_parameters:
        needed = sorted({_PARAMETER_ABILITY[name] for name in outline.parameters if name in _PARAMETER_ABILITY})
        for ability in needed:
            yield Check(
                "missing_parameter",
                ~pool.has_ability[ability],
                _says(f"it is not stated to support {ability}"),
            )


def down_check(pool: Pool, down: Collection[Resting]) -> Check:
    """What a breaker keeps away from: whole upstreams, and single models there."""
    fails = np.array([spec.arm.upstream in down or spec.arm in down for spec in pool.specs], dtype=np.bool_)

    def why(index: int) -> str:
        arm = pool.specs[index].arm
        if arm.upstream in down:
            return f"upstream '{arm.upstream}' is failing and rests"
        return f"it is over its rate limit at '{arm.upstream}' and rests"

    return Check("down", fails, why)


def name_checks(pool: Pool, wishes: Wishes) -> Iterator[Check]:
    """What wishes say of models and providers by their names."""
    if wishes.allowed_models:
        allowed = _matching(pool, wishes.allowed_models)
        yield Check("not_allowed", ~allowed, _says("it is not among the allowed models"))
    if wishes.excluded_models:
        yield Check("excluded", _matching(pool, wishes.excluded_models), _says("it is excluded by the request"))
    if wishes.provider_only:
        only = _provided(pool, wishes.provider_only)
        yield Check("provider_excluded", ~only, _says("its provider is not in provider.only"))
    if wishes.provider_ignore:
        ignored = _provided(pool, wishes.provider_ignore)
        yield Check("provider_excluded", ignored, _says("its provider is in provider.ignore"))
    if wishes.provider_order and not wishes.allow_fallbacks:
        listed = _provided(pool, wishes.provider_order)
        yield Check("provider_excluded", ~listed, _says("its provider is not in provider.order"))


def _policy_checks(pool: Pool, wishes: Wishes) -> Iterator[Check]:
    demands: list[tuple[str, Callable[[ArmSpec], bool]]] = []
    if wishes.data_collection == "deny":
        demands.append(("not stated to keep prompts out of training", lambda s: s.data_policy.collects_data is False))
    if wishes.zdr:
        demands.append(("not stated to retain nothing", lambda s: s.data_policy.zero_retention is True))
    if wishes.regions:
        regions = {region.lower() for region in wishes.regions}
        demands.append(
            ("not stated to process in the region", lambda s: (s.data_policy.region or "").lower() in regions)
        )
    for words, holds in demands:
        fails = np.array([not holds(spec) for spec in pool.specs], dtype=np.bool_)
        yield Check("data_policy", fails, _says(words))


def _price_checks(pool: Pool, wishes: Wishes, expected: Expected) -> Iterator[Check]:
    rates = pool.rates_of(expected.input_tokens)
    for cap, prices, kind in (
        (wishes.max_price_input_per_mtok, rates.input_usd, "prompt"),
        (wishes.max_price_output_per_mtok, rates.output_usd, "completion"),
    ):
        if cap is None:
            continue
        yield Check("price_unknown", ~pool.is_priced, _says("its price is unknown, and a price cap is set"))
        dear = prices > cap * 1e-6 * (1 + 1e-9)  # a price equal to the cap is allowed, rounding or not
        yield Check("price_cap", dear, _says(f"its {kind} price is above the cap of ${cap:g} per million tokens"))


def _says(words: str) -> Callable[[int], str]:
    return lambda _index: words


def _matching(pool: Pool, patterns: tuple[str, ...]) -> Bools:
    found = np.zeros(pool.n_arms, dtype=np.bool_)
    for pattern in patterns:
        found[list(places_meant(pattern, (spec.arm.model for spec in pool.specs), pool.names))] = True
    return found


def _provided(pool: Pool, providers: tuple[str, ...]) -> Bools:
    wanted = {name.lower() for name in providers}
    return np.array(
        [spec.arm.provider.lower() in wanted or spec.arm.upstream.lower() in wanted for spec in pool.specs],
        dtype=np.bool_,
    )
