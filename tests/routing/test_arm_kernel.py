"""The native arithmetic of a decision beside numpy's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Weights, Wishes
from fairlead.evaluation.native_code import Library
from fairlead.routing.conduct import Conduct, unmeasured
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.router import Choice, Router
from tests.routing.small_pool import Known, router

AUTO = AskedModel("auto")
SHARES = st.floats(0, 1)
KNOWN = st.builds(
    Known,
    quality=SHARES,
    output_tokens=st.floats(1, 5_000),
    price_in=st.none() | st.floats(0, 90),
    price_out=st.none() | st.floats(0, 90),
    above=st.none() | st.tuples(st.integers(1, 300_000), st.floats(0, 90), st.floats(0, 90)),
    ttft_s=st.floats(0.01, 20),
    s_per_token=st.floats(0, 0.5),
    max_output_tokens=st.none() | st.integers(1, 9_000),
)
WEIGHTS = st.builds(Weights, quality=st.floats(0.01, 1), cost=st.just(0.0) | SHARES, speed=st.just(0.0) | SHARES)


def native(plain: Router, library: Library) -> Router:
    return Router(plain.pool, BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"], library)


def arrays(choice: Choice) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    e = choice.expected
    return [e.quality, e.sure_quality, e.output_tokens, e.cost_usd, e.ttft_s, e.total_s, e.s_per_token, choice.utility]


@given(
    arms=st.lists(KNOWN, min_size=1, max_size=8),
    weights=WEIGHTS,
    n_chars=st.integers(0, 10**6),
    n_choices=st.integers(1, 4),
    failing=st.none() | SHARES,
)
def test_native_and_numpy_expect_the_same(
    library: Library, arms: list[Known], weights: Weights, n_chars: int, n_choices: int, failing: float | None
) -> None:
    named = [replace(arm, model=f"lab/m{place}") for place, arm in enumerate(arms)]
    plain, wishes = router(*named), Wishes(weights=weights)
    outline = Outline(turn_text="hello", n_chars=n_chars, turn_chars=5, n_messages=1, n_choices=n_choices)
    conduct = unmeasured(plain.pool)
    if failing is not None:
        conduct = conduct._replace(failure_share=np.linspace(0, failing, len(arms)))

    one = plain.decide(AUTO, outline, wishes, conduct=conduct)
    other = native(plain, library).decide(AUTO, outline, wishes, conduct=conduct)

    unasked = native(plain, library).decide(AUTO, outline, wishes, conduct=conduct).expected
    assert unasked.cost_of(0) == other.expected.cost_usd[0], "before anybody has asked for a view"
    for ours, theirs in zip(arrays(other), arrays(one), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)
    assert [other.expected.cost_of(arm) for arm in range(len(arms))] == other.expected.cost_usd.tolist()
    assert [one.expected.cost_of(arm) for arm in range(len(arms))] == one.expected.cost_usd.tolist()
    assert sorted(other.order) == sorted(one.order)
    assert other.utility[list(other.order)] == pytest.approx(one.utility[list(one.order)], abs=1e-12)


@given(
    qualities=st.lists(st.sampled_from((0.2, 0.5, 0.8)), max_size=70),
    prices=st.lists(st.sampled_from((None, 0.0, 1.0, 7.0)), min_size=70, max_size=70),
)
def test_ties_go_to_the_cheaper_then_to_the_first_of_the_pool(
    library: Library, qualities: list[float], prices: list[float | None]
) -> None:
    arms = [
        Known(model=f"lab/m{place:02d}", quality=quality, price_in=price, price_out=price)
        for place, (quality, price) in enumerate(zip(qualities, prices, strict=False))
    ]
    plain, wishes = router(*arms), Wishes(weights=Weights(quality=1.0, cost=0.0, speed=0.0))
    outline = Outline(turn_text="hello", n_chars=400, turn_chars=5)

    found = native(plain, library).decide(AUTO, outline, wishes)

    assert found.order == plain.decide(AUTO, outline, wishes).order
    expected = found.expected
    assert list(found.order) == sorted(found.order, key=lambda i: (-expected.utility[i], expected.cost_usd[i], i))


def test_at_other_costs_nothing_native_is_kept_of_the_former(library: Library) -> None:
    chooser = native(router(Known(model="lab/a"), Known(model="lab/b")), library)
    found = chooser.decide(AUTO, Outline(turn_text="hello", turn_chars=5)).expected
    assert chooser.kernel is not None and chooser.kernel.pack(found, (0, 1)) is not None

    cheaper = found.priced(found.cost_usd / 2, found.utility + 1)

    assert cheaper.cost_usd.tolist() == (found.cost_usd / 2).tolist()
    assert cheaper.utility.tolist() == (found.utility + 1).tolist()
    assert cheaper.total_s.tolist() == found.total_s.tolist()
    assert chooser.kernel.pack(cheaper, (0, 1)) is None


def test_what_is_measured_between_two_decisions_counts_in_the_next(library: Library) -> None:
    quick, slow = Known(model="lab/quick", ttft_s=0.5), Known(model="lab/slow", ttft_s=3.0)
    chooser = native(router(quick, slow), library)
    conduct: Conduct = unmeasured(chooser.pool)
    outline = Outline(turn_text="hello", turn_chars=5)
    first = chooser.decide(AUTO, outline, conduct=conduct)

    conduct.ttft_s[first.order[0]] = 60.0

    second = chooser.decide(AUTO, outline, conduct=conduct)
    assert second.order == first.order[::-1]
    failed = conduct._replace(ttft_s=chooser.pool.ttft_s, failure_share=np.array([0.9, 0.9]))
    assert (chooser.decide(AUTO, outline, conduct=failed).expected.sure_quality < 0.1).all()
