"""The router: what may never decide, what must, and that the same question has one answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Ability
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import NO_WISHES, Weights, Wishes
from fairlead.routing.router import (
    CHARS_PER_TOKEN,
    TOKENS_PER_AUDIO,
    TOKENS_PER_FILE,
    TOKENS_PER_IMAGE,
    TOKENS_PER_MESSAGE,
    input_tokens,
)
from tests.routing.small_pool import ASK, Known, decided, order, places, router

steps = st.integers(0, 8)
ABILITIES: list[dict[Ability, bool] | None] = [None, {"tools": True}, {"tools": False, "vision": True}]


@st.composite
def pools(draw: st.DrawFn, least: int = 2, most: int = 7, are_priced: bool = False) -> list[Known]:
    """Arms on a coarse grid, so that ties and near ties are common; some models at two upstreams."""
    arms = []
    for index in range(draw(st.integers(least, most))):
        known = st.tuples(steps, steps)
        prices = draw(known if are_priced else known | st.none())
        arm = Known(
            model=f"lab{index % 3}/m{index}",
            upstream=f"up{index % 4}",
            provider=f"who{index % 4}",
            quality=0.1 + draw(steps) / 10,
            output_tokens=100.0 * (1 + draw(st.integers(0, 3))),
            price_in=None if prices is None else prices[0] / 2,
            price_out=None if prices is None else prices[1] / 2,
            ttft_s=0.2 + draw(steps) / 4,
            s_per_token=0.002 * (1 + draw(st.integers(0, 4))),
            context_tokens=draw(st.sampled_from([None, 500, 8_000])),
            abilities=draw(st.sampled_from(ABILITIES)),
        )
        arms.append(arm)
        if draw(st.booleans()):
            arms.append(arm.with_(upstream=f"second{index}", provider="other", price_in=draw(steps) / 2))
    return arms


positive = st.floats(0.05, 1.0)
weights = st.builds(Weights, quality=positive, cost=positive, speed=positive)
caps = st.builds(
    Wishes,
    max_cost_usd=st.none() | st.floats(1e-5, 5e-3),
    max_latency_s=st.none() | st.floats(0.5, 5.0),
    min_quality=st.none() | st.floats(0.0, 1.0),
    max_price_input_per_mtok=st.none() | st.floats(0.0, 4.0),
    max_price_output_per_mtok=st.none() | st.floats(0.0, 4.0),
    excluded_models=st.sampled_from([(), ("lab0/*",), ("lab1/m1", "lab2/m2")]),
    allowed_models=st.sampled_from([(), ("lab0/*", "lab1/*")]),
    provider_only=st.sampled_from([(), ("who0", "who1", "other")]),
    provider_ignore=st.sampled_from([(), ("who2",)]),
)


@given(pools(), weights, st.randoms(use_true_random=False))
def test_the_order_of_the_configuration_never_matters(arms: list[Known], wish: Weights, chance: object) -> None:
    shuffled = list(arms)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    wishes = Wishes(weights=wish)
    assert decided(router(*shuffled), wishes) == decided(router(*arms), wishes)


@given(pools(), weights)
def test_names_of_vendors_models_and_upstreams_never_matter(arms: list[Known], wish: Weights) -> None:
    wishes = Wishes(weights=wish)
    renamed = [
        arm.with_(
            model=f"zz-{arm.model[::-1]}",
            upstream=f"q{arm.upstream[::-1]}",
            provider=f"p{arm.provider[::-1]}",
            sent="s",
        )
        for arm in arms
    ]
    before = decided(router(*arms), wishes)
    after = decided(router(*renamed), wishes)
    # Arms that are alike in every number may swap places: something must order them, and it is a hash.
    assert [each.utility for each in after.candidates] == [each.utility for each in before.candidates]
    assert [each.estimate for each in after.candidates] == pytest.approx([each.estimate for each in before.candidates])
    utilities = [each.utility for each in before.candidates]
    if len(utilities) < 2 or utilities[0] > utilities[1]:
        assert order(after)[:1] == [f"zz-{name[::-1]}" for name in order(before)[:1]]


@given(pools(), caps, weights)
def test_a_wish_never_adds_a_candidate_and_never_reorders_the_others(
    arms: list[Known], wishes: Wishes, wish: Weights
) -> None:
    chooser = router(*arms)
    free = places(decided(chooser, Wishes(weights=wish)))
    bound = places(decided(chooser, replace(wishes, weights=wish)))
    assert bound == [place for place in free if place in bound]


@given(pools(), caps, st.floats(0.3, 1.0))
def test_a_stricter_wish_never_adds_a_candidate(arms: list[Known], wishes: Wishes, share: float) -> None:
    def tighter(value: float | None) -> float | None:
        return None if value is None else value * share

    stricter = replace(
        wishes,
        max_cost_usd=tighter(wishes.max_cost_usd),
        max_latency_s=tighter(wishes.max_latency_s),
        max_price_input_per_mtok=tighter(wishes.max_price_input_per_mtok),
        max_price_output_per_mtok=tighter(wishes.max_price_output_per_mtok),
        min_quality=None if wishes.min_quality is None else min(1.0, wishes.min_quality / share),
        excluded_models=(*wishes.excluded_models, "lab0/m0"),
        provider_ignore=(*wishes.provider_ignore, "who3"),
    )
    chooser = router(*arms)
    assert set(places(decided(chooser, stricter))) <= set(places(decided(chooser, wishes)))


@given(pools(), weights)
def test_a_candidate_that_another_beats_in_everything_is_never_chosen(arms: list[Known], wish: Weights) -> None:
    candidates = decided(router(*arms), Wishes(weights=wish)).candidates
    assume(len(candidates) > 1)
    best = candidates[0].estimate
    costs = {place: each.estimate.cost_usd for place, each in enumerate(candidates)}
    for place, each in enumerate(candidates[1:], 1):
        other, cost, other_cost = each.estimate, costs[0], costs[place]
        if cost is None or other_cost is None:
            continue
        better = (other.quality >= best.quality, other_cost <= cost, other.total_s <= best.total_s)
        strictly = (other.quality > best.quality, other_cost < cost and cost > 1e-7, other.total_s < best.total_s)
        assert not (all(better) and any(strictly))


@given(pools(), weights)
def test_candidates_stand_by_utility(arms: list[Known], wish: Weights) -> None:
    utilities = [each.utility for each in decided(router(*arms), Wishes(weights=wish)).candidates]
    assert utilities == sorted(utilities, reverse=True)


@given(pools(least=3, are_priced=True), weights)
def test_taking_a_loser_away_changes_nothing_for_the_winner(arms: list[Known], wish: Weights) -> None:
    # All priced: the dearest known price stands in for unknown ones, so taking it away would change those.
    wishes = Wishes(weights=wish)
    first = places(decided(router(*arms), wishes))
    assume(len(first) > 1)
    loser = first[-1]
    rest = [arm for arm in arms if (arm.model, arm.upstream) != loser]
    assert places(decided(router(*rest), wishes))[0] == first[0]


@given(pools(), caps)
def test_the_same_arguments_give_the_same_decision(arms: list[Known], wishes: Wishes) -> None:
    chooser = router(*arms)
    first = decided(chooser, wishes)
    decided(chooser, Wishes(weights=Weights(1, 0, 0)))  # whatever was asked in between
    assert decided(chooser, wishes) == first == decided(router(*arms), wishes)


def test_a_tie_goes_to_the_cheaper() -> None:
    dear = Known("lab/dear", price_in=2.0, price_out=2.0)
    cheap = Known("lab/cheap", price_in=1.0, price_out=1.0)
    only_quality = Wishes(weights=Weights(1, 0, 0))
    assert order(decided(router(dear, cheap), only_quality)) == ["lab/cheap", "lab/dear"]


def test_presets_pull_where_their_names_say() -> None:
    arms = (
        Known("lab/best", quality=0.9, price_in=10.0, price_out=10.0, s_per_token=0.03),
        Known("lab/cheap", quality=0.6, price_in=0.05, price_out=0.05, s_per_token=0.03),
        Known("lab/fast", quality=0.7, price_in=5.0, price_out=5.0, ttft_s=0.1, s_per_token=0.0005),
    )
    chooser = router(*arms)
    chosen = {name: order(decided(chooser, model=f"auto:{name}"))[0] for name in ("quality", "cost", "speed")}
    assert chosen == {"quality": "lab/best", "cost": "lab/cheap", "speed": "lab/fast"}


def test_a_longer_request_alone_does_not_change_the_choice() -> None:
    arms = (
        Known("lab/a", quality=0.8, price_in=4.0, price_out=4.0),
        Known("lab/b", quality=0.6, price_in=1.0, price_out=1.0),
    )
    only_cost = Wishes(weights=Weights(0.6, 0.4, 0.0))
    short = decided(router(*arms), only_cost, outline=ASK)
    long = decided(
        router(*[arm.with_(output_tokens=1_000.0) for arm in arms]), only_cost, outline=ASK._replace(n_chars=38_000)
    )
    lead = short.candidates[0].utility - short.candidates[1].utility
    assert long.candidates[0].utility - long.candidates[1].utility == pytest.approx(lead, abs=2e-3)


def test_an_upstream_that_is_down_is_left_out_and_kept_as_the_last_resort() -> None:
    chooser = router(Known("lab/a", "one", quality=0.9), Known("lab/b", "two", quality=0.5))
    decision = decided(chooser, down=["one"])
    assert order(decision) == ["lab/b"]
    assert [(each.arm.model, each.code) for each in decision.ineligible] == [("lab/a", "down")]
    everything = chooser.decide(AskedModel("auto"), ASK, NO_WISHES, [spec.arm.upstream for spec in chooser.pool.specs])
    assert everything.order == ()
    assert [chooser.pool.specs[i].arm.model for i in everything.resting] == ["lab/a", "lab/b"]


def test_an_upstream_that_nobody_knows_may_be_down() -> None:
    assert order(decided(router(Known("lab/a")), down=["elsewhere"])) == ["lab/a"]


def test_input_tokens_come_from_sizes_alone() -> None:
    outline = Outline(n_chars=380, tool_chars=38, n_messages=2, n_images=1, n_audio=1, n_files=1)
    expected = 418 / CHARS_PER_TOKEN + 2 * TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE + TOKENS_PER_AUDIO + TOKENS_PER_FILE
    assert input_tokens(outline) == pytest.approx(expected)


def test_cost_and_time_follow_from_tokens_prices_and_speeds() -> None:
    arm = Known(price_in=2.0, price_out=10.0, output_tokens=300.0, ttft_s=0.5, s_per_token=0.01)
    estimate = decided(router(arm)).candidates[0].estimate
    n_input = input_tokens(ASK)
    assert estimate.cost_usd == pytest.approx((n_input * 2.0 + 300 * 10.0) / 1e6)
    assert (estimate.ttft_s, estimate.total_s) == pytest.approx((0.5, 0.5 + 3.0))
    assert (estimate.input_tokens, estimate.output_tokens) == (round(n_input), 300)


def test_a_models_output_limit_bounds_what_is_expected_of_it() -> None:
    arm = Known(output_tokens=5_000.0, max_output_tokens=400)
    assert decided(router(arm)).candidates[0].estimate.output_tokens == 400
    assert decided(router(arm), outline=ASK._replace(n_choices=2)).candidates[0].estimate.output_tokens == 800


def test_a_request_of_absurd_size_still_gets_an_answer() -> None:
    outline = ASK._replace(n_chars=10**9, n_choices=10**9, max_output_tokens=10**9)
    decision = decided(router(Known()), outline=outline)
    assert decision.candidates
    assert np.isfinite(decision.candidates[0].utility)
