"""Figures say in few bytes what the explanation says in many."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Ability
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Wishes
from fairlead.evaluation.native_code import native_code
from fairlead.routing.explanation import explain
from fairlead.routing.features.language import language_of, quick_language_of
from fairlead.routing.figures import figures_of
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.router import Router
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
    told, short = explain(chooser.pool, choice, AskedModel(asked)), figures_of(chooser, choice, choice.order)
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


@pytest.mark.skipif(native_code().library is None, reason=native_code().reason)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=9), st.integers(0, 80), st.data())
def test_native_code_keeps_the_same_figures(qualities: list[float], n_chars: int, data: st.DataObject) -> None:
    known = [
        Known(
            f"lab/{at}", quality=quality, price_in=0.1 * at + 0.1 if at % 3 else None, price_out=1.0 if at % 3 else None
        )
        for at, quality in enumerate(qualities)
    ]
    slow = router(*known)
    fast = Router(slow.pool, BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"], native_code().library)
    outline = Outline(turn_text="Hi", n_chars=n_chars, n_messages=1)
    plain, quick = (one.decide(AskedModel("auto"), outline) for one in (slow, fast))
    order = data.draw(st.just(quick.order) | st.permutations(range(slow.pool.n_arms)).map(tuple))
    found, wanted = (figures_of(one, choice, order) for one, choice in ((fast, quick), (slow, plain)))
    assert found._replace(columns=b"", expected_usd=None) == wanted._replace(columns=b"", expected_usd=None)
    columns, plainly = (np.frombuffer(each.columns, dtype="<f4") for each in (found, wanted))
    np.testing.assert_allclose(columns, plainly, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(native_code().library is None, reason=native_code().reason)
@pytest.mark.parametrize("n_arms", [1, 2, 63, 64, 65, 90])
def test_native_code_keeps_the_first_candidates_of_any_number(n_arms: int) -> None:
    slow = router(*(Known(f"lab/{at:02d}", quality=0.1 + 0.007 * at) for at in range(n_arms)))
    fast = Router(slow.pool, BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"], native_code().library)
    outline = Outline(turn_text="Hi", n_chars=9, n_messages=1)
    plain, quick = (one.decide(AskedModel("auto"), outline) for one in (slow, fast))
    for order in (quick.order, quick.order[1:] or quick.order, quick.order[::-1]):
        found, wanted = (figures_of(one, choice, order) for one, choice in ((fast, quick), (slow, plain)))
        assert found.places == wanted.places
        columns, plainly = (np.frombuffer(each.columns, dtype="<f4") for each in (found, wanted))
        np.testing.assert_allclose(columns, plainly, rtol=1e-4, atol=1e-6)


def test_figures_do_not_show_the_prompt() -> None:
    chooser = router(*ARMS)
    choice = chooser.decide(AskedModel("auto"), Outline(turn_text="a secret", n_chars=8, n_messages=1))
    assert "secret" in repr(choice)
    assert "secret" not in repr(figures_of(chooser, choice, choice.order))


@pytest.mark.parametrize(
    "text",
    ["How do I sort a list of words?", "der Hund und die Katze ist nicht da", "日本語です", "", "12 + 5", "Привет"],
)
def test_the_quick_look_at_a_language_sees_what_the_slow_one_sees(text: str) -> None:
    assert quick_language_of(text) == language_of(text)
