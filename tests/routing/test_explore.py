"""Exploration is small, bounded in cost, stated chance by chance, and never disturbs a conversation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Wishes
from fairlead.routing.explanation import explain
from fairlead.routing.explore import MAX_OTHERS, MAX_SHARE, NEAR, Exploration, explore, may_explore
from fairlead.routing.pool import build_pool
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.router import Choice, Drawn, Kept, Router
from tests.routing.small_pool import ASK, Known, TablePredictor

BEST = Known("lab/best", "one", quality=0.80, price_in=1.0, price_out=1.0)
NEXT = Known("lab/next", "two", quality=0.79, price_in=1.0, price_out=1.0)
DEAR = Known("lab/dear", "three", quality=0.81, price_in=3.0, price_out=3.0)
POOR = Known("lab/poor", "four", quality=0.30, price_in=1.0, price_out=1.0)
SOME = Exploration(share=0.06, max_cost_ratio=2.0)


def router(*arms: Known) -> Router:
    predictor = TablePredictor({known.model: (known.quality, known.output_tokens) for known in arms})
    return Router(build_pool([known.spec() for known in arms], predictor), BUILT_IN_PRESETS,
                  BUILT_IN_PRESETS["balanced"])  # fmt: skip


def decide(of: Router, asked: str = "auto", outline: Outline = ASK, wishes: Wishes | None = None) -> Choice:
    return of.decide(AskedModel(asked), outline, wishes or Wishes())


def models(of: Router, order: tuple[int, ...]) -> list[str]:
    return [of.pool.specs[arm].arm.model for arm in order]


def test_only_near_and_affordable_arms_are_drawn_and_each_chance_is_stated() -> None:
    of = router(BEST, NEXT, DEAR, POOR)
    choice = decide(of)
    plain = explore(SOME, choice, 0.0, of.pool.is_priced)
    assert models(of, plain.order)[0] == "lab/best" and plain.order == choice.order
    assert dict(zip(models(of, plain.order), plain.chances, strict=True)) == pytest.approx(
        {"lab/best": 0.94, "lab/next": 0.06, "lab/dear": 0.0, "lab/poor": 0.0}
    )
    drawn = explore(SOME, choice, 0.95, of.pool.is_priced)
    assert models(of, drawn.order)[:2] == ["lab/next", "lab/best"]
    assert drawn.chances[:2] == pytest.approx((0.06, 0.94))
    told = explain(
        of.pool, choice._replace(order=drawn.order, drawn=Drawn(drawn.chances, choice.order[0])), AskedModel("auto")
    )
    assert told.reason.code == "explored"
    assert "lab/best has the highest utility" in told.reason.text and "6.00%" in told.reason.text
    assert told.flips == ()
    assert [each.chance for each in told.candidates] == pytest.approx([0.06, 0.94, 0.0, 0.0])


@pytest.mark.parametrize(
    ("asked", "outline", "wishes"),
    [
        ("lab/best", ASK, Wishes()),
        ("auto", ASK._replace(in_tool_loop=True), Wishes()),
        ("auto", ASK._replace(signed_by="anthropic_messages"), Wishes()),
        ("auto", ASK, Wishes(sort="price")),
        ("auto", ASK, Wishes(provider_order=("who",))),
    ],
)
def test_nothing_is_explored_where_the_choice_is_not_ours(asked: str, outline: Outline, wishes: Wishes) -> None:
    of = router(BEST, NEXT)
    choice = decide(of, asked, outline, wishes)
    assert not may_explore(choice)
    explored = explore(SOME, choice, 0.999, of.pool.is_priced)
    assert explored.order == choice.order
    assert sum(explored.chances) == 1.0 and explored.chances[0] == 1.0


def test_a_running_conversation_is_left_alone() -> None:
    of = router(BEST, NEXT)
    choice = decide(of)
    assert may_explore(choice)
    held = choice._replace(kept=Kept("same_anchor", choice.order[0], choice.order[0]))
    assert explore(SOME, held, 0.999, of.pool.is_priced).order == choice.order


def test_an_unknown_price_is_neither_explored_nor_explored_from() -> None:
    of = router(BEST, replace(NEXT, price_in=None, price_out=None))
    choice = decide(of)
    assert explore(SOME, choice, 0.999, of.pool.is_priced).order == choice.order


def test_no_exploration_without_a_share() -> None:
    of = router(BEST, NEXT)
    choice = decide(of)
    assert explore(Exploration(0.0, 2.0), choice, 0.999, of.pool.is_priced).order == choice.order


def test_nobody_eligible_is_nobody_explored() -> None:
    of = router(BEST, NEXT)
    choice = decide(of)._replace(order=())
    assert explore(SOME, choice, 0.5, of.pool.is_priced) == ((), ())


@pytest.mark.parametrize(("share", "ratio"), [(-0.1, 2.0), (MAX_SHARE * 1.01, 2.0), (0.05, 0.0), (0.05, float("inf"))])
def test_more_than_the_cap_is_refused(share: float, ratio: float) -> None:
    with pytest.raises(ValueError, match="exploration"):
        Exploration(share, ratio)


@st.composite
def pools(draw: st.DrawFn) -> Router:
    n = draw(st.integers(1, 9))
    arms = [
        Known(
            f"lab/m{place}", f"up{place}", quality=draw(st.floats(0.0, 1.0)),
            price_in=draw(st.one_of(st.none(), st.floats(0.0, 20.0))), price_out=draw(st.floats(0.0, 20.0)),
        )
        for place in range(n)
    ]  # fmt: skip
    return router(*arms)


@settings(max_examples=200, deadline=None)
@given(pools(), st.floats(0.0, MAX_SHARE), st.floats(0.1, 5.0), st.floats(0.0, 1.0, exclude_max=True))
def test_chances_sum_to_one_are_capped_and_bound_the_cost(of: Router, share: float, ratio: float, draw: float) -> None:
    exploration = Exploration(share, ratio)
    choice = decide(of)
    explored = explore(exploration, choice, draw, of.pool.is_priced)
    assert sorted(explored.order) == sorted(choice.order)
    assert sum(explored.chances) == pytest.approx(1.0)
    chance = dict(zip(explored.order, explored.chances, strict=True))
    best = choice.order[0]
    assert chance[explored.order[0]] > 0.0
    assert chance[best] >= 1.0 - share - 1e-12
    drawable = [arm for arm in choice.order if arm != best and chance[arm] > 0]
    assert len(drawable) <= MAX_OTHERS
    cost, worth = choice.expected.cost_usd, choice.utility
    assert all(cost[arm] <= ratio * cost[best] and worth[arm] >= worth[best] - NEAR for arm in drawable)
    if drawable:
        expected = sum(chance[arm] * float(cost[arm]) for arm in explored.order if chance[arm] > 0)
        assert expected <= float(cost[best]) * (1.0 + share * (ratio - 1.0)) * (1 + 1e-9) + 1e-15


@settings(max_examples=50, deadline=None)
@given(pools(), st.floats(0.01, MAX_SHARE))
def test_even_draws_choose_each_arm_as_often_as_its_chance_says(of: Router, share: float) -> None:
    exploration = Exploration(share, 5.0)
    choice = decide(of)
    n = 2_000
    firsts = [explore(exploration, choice, (i + 0.5) / n, of.pool.is_priced).order[0] for i in range(n)]
    explored = explore(exploration, choice, 0.0, of.pool.is_priced)
    for arm, chance in zip(explored.order, explored.chances, strict=True):
        assert firsts.count(arm) / n == pytest.approx(chance, abs=2 / n)
    assert np.isclose(sum(explored.chances), 1.0)
