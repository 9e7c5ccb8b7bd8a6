"""Explanations: what is said of a decision is true of its numbers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.decision import Flip
from fairlead.domain.names import AskedModel
from fairlead.domain.wishes import NO_WISHES, Weights, Wishes
from fairlead.routing.explanation import explain, nobody
from fairlead.routing.preferences import utility
from fairlead.routing.router import Choice, Router
from tests.routing.small_pool import ASK, Known, decided, order, refused, router

FLIP_KINDS = re.compile(
    r"if its expected quality were (?P<quality>[\d.]+) higher"
    r"|if its cost were (?P<cost>[\d.]+) times what it is"
    r"|if it took (?P<delay>[\d.]+) times as long"
    r"|if the weight of (?P<weight>\w+) were (?P<value>[\d.]+) instead of (?P<share>[\d.]+)"
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Router, Wishes]:
    arms = []
    for index in range(draw(st.integers(2, 6))):
        arm = Known(
            model=f"lab/m{index}",
            upstream=f"up{index}",
            quality=draw(st.floats(0.2, 0.95)),
            output_tokens=draw(st.floats(50, 2_000)),
            price_in=draw(st.floats(0.05, 10.0)),
            price_out=draw(st.floats(0.05, 30.0)),
            ttft_s=draw(st.floats(0.1, 2.0)),
            s_per_token=draw(st.floats(0.001, 0.05)),
        )
        arms.append(arm)
        if draw(st.booleans()):
            arms.append(arm.with_(upstream=f"second{index}", price_in=draw(st.floats(0.05, 10.0))))
    weight = st.floats(0.05, 1.0)
    other = st.just(0.0) | weight
    return router(*arms), Wishes(weights=Weights(draw(weight), draw(other), draw(other)))


def choice_of(chooser: Router, wishes: Wishes) -> Choice:
    return chooser.decide(AskedModel("auto"), ASK, wishes)


def utilities_after(choice: Choice, chooser: Router, flip: Flip) -> Any:
    """Every arm's utility once the change is made, to the digits in which it is stated."""
    stated = FLIP_KINDS.fullmatch(flip.change)
    assert stated, flip.change
    quality, cost = choice.expected.sure_quality.copy(), choice.expected.cost_usd.copy()
    total = choice.expected.total_s.copy()
    places = [(spec.arm.model, spec.arm.upstream) for spec in chooser.pool.specs]
    arm = places.index((flip.to, flip.upstream))
    scale = 1 / (choice.weights.quality + choice.weights.cost + choice.weights.speed)
    shares = {name: getattr(choice.weights, name) * scale for name in ("quality", "cost", "speed")}
    if stated["quality"]:
        quality[arm] += float(stated["quality"])
    elif stated["cost"]:
        cost[arm] *= float(stated["cost"])
    elif stated["delay"]:
        total[arm] *= float(stated["delay"])
    else:
        assert float(stated["share"]) == pytest.approx(shares[stated["weight"]], abs=0.0051)
        shares[stated["weight"]] = float(stated["value"])
    return utility(quality, cost, total, Weights(**shares))


@given(scenes())
def test_every_stated_flip_lets_its_model_win(scene: tuple[Router, Wishes]) -> None:
    chooser, wishes = scene
    choice = choice_of(chooser, wishes)
    decision = explain(chooser.pool, choice, AskedModel("auto"))
    for flip in decision.flips:
        assert flip.to != decision.candidates[0].arm.model
        winner = chooser.pool.specs[int(np.argmax(utilities_after(choice, chooser, flip)))].arm
        assert (winner.model, winner.upstream) == (flip.to, flip.upstream), flip


@given(scenes())
def test_the_parts_of_a_reason_sum_to_the_lead(scene: tuple[Router, Wishes]) -> None:
    chooser, wishes = scene
    decision = decided(chooser, wishes)
    if decision.reason.code != "highest_utility":
        return
    numbers = [float(number) for number in re.findall(r"(?<= )[+-]?\d+\.\d{3}", decision.reason.text)]
    lead, parts = numbers[0], numbers[1:]
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(lead, abs=0.0025)
    first = decision.candidates[0]
    rival = next(each for each in decision.candidates if each.arm.model != first.arm.model)
    assert first.utility - rival.utility == pytest.approx(lead, abs=0.00051)
    assert rival.arm.model in decision.reason.text


def by_code(*arms: Known, wishes: Wishes = NO_WISHES, model: str = "auto") -> str:
    return decided(router(*arms), wishes, model=model).reason.code


def test_each_ground_of_a_decision_has_its_code() -> None:
    a, b = Known("lab/a", "one", "p1", quality=0.9), Known("lab/b", "two", "p2", quality=0.5)
    assert by_code(a, b) == "highest_utility"
    assert by_code(a) == "only_candidate"
    assert by_code(a, b, model="lab/b") == "asked_by_name"
    assert by_code(a, b, model="lab/b", wishes=Wishes(models=("lab/a",))) == "first_in_list"
    assert by_code(a, b, wishes=Wishes(sort="price")) == "sorted"
    assert by_code(a, b, wishes=Wishes(provider_order=("p2",))) == "provider_order"
    assert by_code(a, b, wishes=Wishes(min_quality=1.0)) == "nobody_eligible"


def test_a_model_at_two_upstreams_is_no_rival_of_itself() -> None:
    assert by_code(Known("lab/a", "one"), Known("lab/a", "two", price_in=2.0)) == "only_candidate"


def test_a_wish_that_alone_kept_the_best_away_is_named() -> None:
    best = Known("lab/best", "one", quality=0.95, price_out=20.0, output_tokens=1_000.0)
    rest = Known("lab/rest", "two", quality=0.5, price_out=0.5)
    wishes = Wishes(weights=Weights(1, 0, 0), max_cost_usd=0.01)
    decision = decided(router(best, rest), wishes)
    assert refused(decision) == {"lab/best": "cost_cap"}
    flip = next(flip for flip in decision.flips if flip.to == "lab/best")
    assert flip.change.startswith("if not for cost_cap: about $0.0")
    assert order(decided(router(best, rest), replace(wishes, max_cost_usd=None)))[0] == flip.to


def test_a_model_that_two_wishes_keep_away_is_not_one_wish_from_winning() -> None:
    best = Known("lab/best", "one", "p1", quality=0.95, price_out=20.0)
    rest = Known("lab/rest", "two", "p2", quality=0.5, price_out=0.5)
    wishes = Wishes(weights=Weights(1, 0, 0), max_price_output_per_mtok=1.0, provider_ignore=("p1",))
    assert not any("if not for" in flip.change for flip in decided(router(best, rest), wishes).flips)


@pytest.mark.parametrize(
    ("model", "wishes"),
    [
        ("lab/a", Wishes()),
        ("auto", Wishes(sort="latency")),
        ("auto", Wishes(provider_order=("p1",))),
        ("auto", Wishes(min_quality=1.0)),
    ],
    ids=["by name", "sorted", "by provider", "nobody"],
)
def test_what_no_utility_decided_has_no_flips(model: str, wishes: Wishes) -> None:
    chooser = router(Known("lab/a", "one", "p1"), Known("lab/b", "two", "p2"))
    assert decided(chooser, wishes, model=model).flips == ()


def test_an_unknown_price_is_reported_as_unknown_and_counted_at_the_dearest() -> None:
    unknown = Known("lab/unknown", "one", price_in=None, price_out=None)
    dear = Known("lab/dear", "two", price_in=9.0, price_out=30.0)
    cheap = Known("lab/cheap", "three", price_in=0.1, price_out=0.1)
    candidates = {str(each.arm.model): each for each in decided(router(unknown, dear, cheap)).candidates}
    assert candidates["lab/unknown"].estimate.cost_usd is None
    assert candidates["lab/dear"].estimate.cost_usd is not None
    assert candidates["lab/unknown"].utility == candidates["lab/dear"].utility < candidates["lab/cheap"].utility


def test_a_price_known_by_half_is_unknown_and_only_its_missing_half_is_the_dearest() -> None:
    half = Known("lab/half", "one", price_in=1.0, price_out=None)
    full = Known("lab/full", "two", price_in=5.0, price_out=8.0)
    same = Known("lab/same", "three", price_in=1.0, price_out=8.0)
    candidates = {str(each.arm.model): each for each in decided(router(half, full, same)).candidates}
    assert candidates["lab/half"].estimate.cost_usd is None
    assert candidates["lab/half"].utility == candidates["lab/same"].utility


def test_when_nobody_may_serve_the_grounds_are_counted() -> None:
    chooser = router(
        Known("lab/a", "one", context_tokens=10), Known("lab/b", "two", context_tokens=10), Known("lab/c", quality=0.1)
    )
    choice = choice_of(chooser, Wishes(min_quality=0.3))
    error = nobody(chooser.pool, choice)
    assert (error.status, error.code) == (400, "no_eligible_model")
    assert "context_window (2), quality_floor (1)" in str(error)


def test_an_empty_pool_says_what_to_do() -> None:
    chooser = router(Known(in_auto=False))
    assert "fairlead doctor" in str(nobody(chooser.pool, choice_of(chooser, Wishes())))


def test_estimates_carry_their_interval_and_where_they_come_from() -> None:
    estimate = decided(router(Known(quality=0.6))).candidates[0].estimate
    assert (estimate.quality, estimate.quality_low, estimate.quality_high) == pytest.approx((0.6, 0.5, 0.7))
    assert (estimate.quality_basis, estimate.delay_basis) == ("published", "measured")
