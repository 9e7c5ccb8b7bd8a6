"""Figures say in few bytes what the explanation says in many."""

from collections.abc import Mapping

import pytest

from fairlead.catalogue.cards import Ability
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Wishes
from fairlead.routing.explanation import explain
from fairlead.routing.features.language import language_of, quick_language_of
from fairlead.routing.figures import Weighed, figures_of, figures_together
from fairlead.store.candidates import pack_arms, pack_candidates, pack_ineligible, unpack_candidates
from tests.routing.small_pool import Known, router

TOOLS: Mapping[Ability, bool] = {"tools": True}
ARMS = (
    Known("lab/strong", "one", "alpha", quality=0.9, price_in=5.0, price_out=20.0, abilities=TOOLS),
    Known("lab/cheap", "two", "beta", quality=0.5, price_in=0.1, price_out=0.2, abilities=TOOLS),
    Known("other/unpriced", "three", "gamma", quality=0.7, price_in=None, price_out=None, abilities=TOOLS),
)


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(excluded_models=("other/*",)), Wishes(sort="price")])
@pytest.mark.parametrize("asked", ["auto", "auto:cost", "lab/strong"])
def test_figures_agree_with_the_explanation(asked: str, wishes: Wishes) -> None:
    chooser = router(*ARMS)
    outline = Outline(turn_text="Hi", n_chars=2, n_messages=1, n_tools=2, in_tool_loop=True)
    choice = chooser.decide(AskedModel(asked), outline, wishes)
    assert choice.order
    told, short = explain(chooser.pool, choice, AskedModel(asked)), figures_of(chooser.pool, choice, choice.order)
    rows = unpack_candidates(pack_candidates(short), pack_ineligible(short), pack_arms(short.arms))
    kept = [row for row in rows if row.place is not None]
    assert [(row.model, row.upstream) for row in kept] == [(c.arm.model, c.arm.upstream) for c in told.candidates]
    for row, candidate in zip(kept, told.candidates, strict=True):
        estimate = candidate.estimate
        assert row.quality == pytest.approx(estimate.quality)
        assert row.quality_low == pytest.approx(estimate.quality_low)
        assert row.quality_high == pytest.approx(estimate.quality_high)
        assert (row.cost_usd is None) == (estimate.cost_usd is None)
        assert row.cost_usd is None or row.cost_usd == pytest.approx(estimate.cost_usd)
        assert row.total_s == pytest.approx(estimate.total_s)
        assert row.utility == pytest.approx(candidate.utility, rel=1e-6)
    assert [row.propensity for row in kept] == [1.0] + [0.0] * (len(kept) - 1)
    excluded = {(row.model, row.excluded_for) for row in rows if row.place is None}
    assert excluded == {(each.arm.model, each.code) for each in told.ineligible}
    assert short.reason == told.reason.code
    assert (short.n_messages, short.n_tools, short.flags & 1, short.flags >> 6) == (1, 2, 1, 1)


def test_figures_of_many_choices_are_those_of_each() -> None:
    chooser, smaller = router(*ARMS), router(*ARMS[:2])
    asked = []
    for at in range(12):
        outline = Outline(turn_text="Hello there" * at, n_chars=11 * at, n_messages=at, n_tools=at % 2)
        wishes = Wishes(excluded_models=("other/*",)) if at % 3 else Wishes()
        one = smaller if at % 4 == 0 else chooser
        choice = one.decide(AskedModel("auto"), outline, wishes)
        asked.append(Weighed(one.pool, choice, choice.order))
    assert figures_together(asked) == [one() for one in asked]
    alone = asked[3]()
    assert figures_together([*asked[:2], lambda: alone, asked[2]]) == [asked[0](), asked[1](), alone, asked[2]()]
    assert figures_together([]) == []


def test_what_waits_for_its_figures_does_not_show_the_prompt() -> None:
    chooser = router(*ARMS)
    choice = chooser.decide(AskedModel("auto"), Outline(turn_text="a secret", n_chars=8, n_messages=1))
    assert "secret" in repr(choice)
    assert "secret" not in repr(Weighed(chooser.pool, choice, choice.order))


@pytest.mark.parametrize(
    "text",
    ["How do I sort a list of words?", "der Hund und die Katze ist nicht da", "日本語です", "", "12 + 5", "Привет"],
)
def test_the_quick_look_at_a_language_sees_what_the_slow_one_sees(text: str) -> None:
    assert quick_language_of(text) == language_of(text)
