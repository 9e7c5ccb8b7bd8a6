from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Prices
from fairlead.domain.names import AskedModel
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import NO_WISHES, Wishes
from fairlead.routing.explanation import explain
from fairlead.routing.pool import ArmSpec, build_pool
from fairlead.routing.preferences import BUILT_IN_PRESETS
from fairlead.routing.router import Choice, Router
from fairlead.routing.switching import MIN_WARM_TOKENS, Held, Warm, held_to, kept_to, savings_usd
from fairlead.wire.decision_json import decision_value
from tests.routing.small_pool import Known, TablePredictor

DEAR = Known("lab/dear", "one", quality=0.80, price_in=5.0, price_out=10.0)
CHEAP = Known("lab/cheap", "two", quality=0.78, price_in=1.0, price_out=2.0)
LONG = Outline(turn_text="go on", n_chars=76_000, n_messages=9, first_turn_text="hello")
"""About 20,000 tokens."""


def chooser(*arms: Known, cached: float | None = 0.1) -> Router:
    """A router whose arms read cached tokens at this share of their price; None states no such price."""
    specs: list[ArmSpec] = []
    for known in arms:
        spec = known.spec()
        read = None if cached is None or known.price_in is None else cached * known.price_in
        specs.append(replace(spec, prices=Prices(known.price_in, read, None, known.price_out)))
    predictor = TablePredictor({known.model: (known.quality, known.output_tokens) for known in arms})
    return Router(build_pool(specs, predictor), BUILT_IN_PRESETS, BUILT_IN_PRESETS["balanced"])


def place(router: Router, model: str) -> int:
    return next(i for i, spec in enumerate(router.pool.specs) if spec.arm.model == model)


def warm(router: Router, model: str, tokens: float = 20_000, idle_s: float = 10.0) -> Held:
    i = place(router, model)
    return Held(i, (Warm(i, tokens, idle_s),))


def choose(
    router: Router,
    held: Held | None,
    outline: Outline = LONG,
    model: str = "auto",
    wishes: Wishes = NO_WISHES,
    **more: Any,
) -> Choice:
    plain = router.decide(AskedModel(model), outline, wishes, **more)
    return held_to(router.pool, plain, held)


def first(router: Router, choice: Choice) -> str:
    return router.pool.specs[choice.order[0]].arm.model


def test_a_warm_cache_keeps_the_model_that_would_otherwise_have_been_left() -> None:
    router = chooser(DEAR, CHEAP)
    assert first(router, choose(router, None)) == "lab/cheap"
    choice = choose(router, warm(router, "lab/dear"))
    assert first(router, choice) == "lab/dear"
    assert choice.kept is not None
    assert choice.kept.code == "kept_for_cache"
    assert choice.kept.plain == place(router, "lab/cheap")
    n = choice.expected.input_tokens
    assert choice.kept.saving_usd == pytest.approx(min(20_000, n) * 4.5e-6)


def test_a_gain_above_what_the_cache_saves_switches() -> None:
    router = chooser(DEAR, CHEAP.with_(price_in=0.01, price_out=0.01, quality=0.9))
    choice = choose(router, warm(router, "lab/dear"))
    assert first(router, choice) == "lab/cheap"
    assert choice.kept is not None
    assert choice.kept.code == "switched"
    assert choice.kept.gain > 0


def test_a_gain_within_the_noise_does_not_switch_and_no_flip_is_claimed() -> None:
    router = chooser(CHEAP, CHEAP.with_(model="lab/twin", upstream="three", quality=0.80))
    choice = choose(router, warm(router, "lab/cheap", tokens=MIN_WARM_TOKENS))
    assert first(router, choice) == "lab/cheap"
    assert choice.kept is not None
    assert choice.kept.gain > 0
    decision = explain(router.pool, choice, AskedModel("auto"))
    assert (decision.reason.code, decision.flips) == ("kept_for_cache", ())


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ({"idle_s": 301.0}, "cold"),
        ({"tokens": MIN_WARM_TOKENS - 1.0}, "short"),
    ],
)
def test_a_cold_or_short_conversation_has_no_veto(held: dict[str, float], code: str) -> None:
    router = chooser(DEAR, CHEAP)
    plain, choice = choose(router, None), choose(router, warm(router, "lab/dear", **held))
    assert choice.order == plain.order
    assert (choice.utility == plain.utility).all()
    assert choice.kept is not None
    assert choice.kept.code == code


def test_an_unstated_price_of_cached_tokens_is_not_guessed() -> None:
    router = chooser(DEAR, CHEAP, cached=None)
    choice = choose(router, warm(router, "lab/dear"))
    assert choice.order == choose(router, None).order
    assert choice.kept is not None
    assert choice.kept.code == "no_pricing"


def test_a_model_that_is_still_warm_from_before_gets_its_credit_too() -> None:
    router = chooser(DEAR, CHEAP)
    d, c = place(router, "lab/dear"), place(router, "lab/cheap")
    both = Held(d, (Warm(d, 20_000, 1.0), Warm(c, 20_000, 2.0)))
    choice = choose(router, both)
    assert first(router, choice) == "lab/cheap", "both warm: the cheaper wins again"
    assert choice.kept is not None
    assert choice.kept.code == "switched"


def test_in_a_tool_loop_the_model_stays_whatever_another_gains() -> None:
    router = chooser(DEAR, CHEAP.with_(price_in=0.01, price_out=0.01, quality=0.9))
    loop = LONG._replace(in_tool_loop=True)
    choice = choose(router, warm(router, "lab/dear", idle_s=3_000.0), loop)
    assert first(router, choice) == "lab/dear"
    assert len(choice.order) == 2, "if it fails, another may still answer"
    decision = explain(router.pool, choice, AskedModel("auto"))
    assert decision.reason.code == "kept_in_tool_loop"
    assert decision.session is not None
    assert (decision.session.anchor.model, decision.session.without.model) == ("lab/dear", "lab/cheap")
    assert decision_value(decision)["session"]["without"]["model"] == "lab/cheap"


def test_signed_reasoning_goes_to_nobody_who_cannot_read_it() -> None:
    router = chooser(DEAR, CHEAP, DEAR.with_(model="lab/other", upstream="three", quality=0.9))
    readers = np.array([spec.arm.upstream != "two" for spec in router.pool.specs])
    plain = router.decide(AskedModel("auto"), LONG)
    unknown = held_to(router.pool, plain, None, readers)
    assert {router.pool.specs[i].arm.model for i in unknown.order} == {"lab/dear", "lab/other"}
    held = held_to(router.pool, plain, warm(router, "lab/dear"), readers)
    assert first(router, held) == "lab/dear"
    refused = explain(router.pool, held, AskedModel("auto")).ineligible
    assert [(each.arm.model, each.code) for each in refused] == [("lab/cheap", "foreign_signature")]
    assert explain(router.pool, held, AskedModel("auto")).reason.code in ("kept_for_signature", "highest_utility")


def test_what_a_provider_keeps_is_decided_among_its_arms() -> None:
    router = chooser(DEAR, CHEAP)
    keepers = np.array([spec.arm.upstream == "one" for spec in router.pool.specs])
    kept = kept_to(router.decide(AskedModel("auto"), LONG), keepers)
    assert [router.pool.specs[i].arm.model for i in kept.order] == ["lab/dear"]
    refused = explain(router.pool, kept, AskedModel("auto")).ineligible
    assert [(each.arm.model, each.code) for each in refused] == [("lab/cheap", "state_elsewhere")]


def test_signatures_that_nobody_can_read_or_that_the_named_model_cannot_are_a_loss_and_no_refusal() -> None:
    router = chooser(DEAR, CHEAP)
    nobody = np.zeros(2, dtype=np.bool_)
    plain = router.decide(AskedModel("auto"), LONG)
    assert held_to(router.pool, plain, None, nobody).order == plain.order
    named = router.decide(AskedModel("lab/cheap"), LONG)
    readers = np.array([spec.arm.model == "lab/dear" for spec in router.pool.specs])
    assert held_to(router.pool, named, None, readers).order == named.order


@pytest.mark.parametrize(
    "wishes", [Wishes(sort="price"), Wishes(provider_order=("two",)), Wishes(models=("lab/dear",))]
)
def test_what_the_request_orders_itself_is_never_overridden(wishes: Wishes) -> None:
    router = chooser(DEAR, CHEAP)
    model = "lab/cheap" if wishes.models else "auto"
    for outline in (LONG, LONG._replace(in_tool_loop=True)):
        choice = choose(router, warm(router, "lab/dear"), outline, model, wishes)
        assert first(router, choice) == "lab/cheap"
        assert choice.kept is None


def test_a_model_asked_for_by_name_serves_and_its_warm_endpoint_goes_first() -> None:
    elsewhere = CHEAP.with_(upstream="three", price_in=1.1, price_out=2.2)
    router = chooser(CHEAP, elsewhere, DEAR)
    there = next(i for i, spec in enumerate(router.pool.specs) if spec.arm.upstream == "three")
    choice = choose(router, Held(there, (Warm(there, 20_000, 1.0),)), model="lab/cheap")
    assert [router.pool.specs[i].arm.upstream for i in choice.order] == ["three", "two"]
    assert explain(router.pool, choice, AskedModel("lab/cheap")).reason.code == "asked_by_name"
    other = choose(router, warm(router, "lab/dear"), model="lab/cheap")
    assert {router.pool.specs[i].arm.model for i in other.order} == {"lab/cheap"}
    assert other.kept is not None
    assert other.kept.code == "anchor_unfit"


def test_a_model_that_rests_does_not_hold_its_conversation() -> None:
    router = chooser(DEAR, CHEAP)
    choice = choose(router, warm(router, "lab/dear"), LONG._replace(in_tool_loop=True), down=["one"])
    assert first(router, choice) == "lab/cheap"
    assert choice.kept is not None
    assert choice.kept.code == "anchor_unfit"


HELD = st.builds(
    lambda anchor, warms: Held(anchor, tuple(Warm(i, t, s) for i, (t, s) in warms.items())),
    st.none() | st.integers(0, 2),
    st.dictionaries(st.integers(0, 2), st.tuples(st.floats(0, 1e6), st.floats(0, 1e4))),
)


@given(HELD, st.integers(0, 400_000), st.booleans())
def test_a_conversation_adds_no_candidate_and_takes_none_away(held: Held, n_chars: int, in_loop: bool) -> None:
    router = chooser(DEAR, CHEAP, CHEAP.with_(model="lab/third", upstream="three", quality=0.5))
    outline = LONG._replace(n_chars=n_chars, in_tool_loop=in_loop)
    plain, choice = choose(router, None, outline), choose(router, held, outline)
    assert sorted(choice.order) == sorted(plain.order)
    saving = savings_usd(router.pool, held, plain.expected.input_tokens)
    assert (saving >= 0).all()
    assert (choice.expected.cost_usd >= 0).all()
    if choice.kept is not None:
        assert choice.kept.plain == plain.order[0]
        if choice.kept.code != "switched":
            assert choice.order[0] in (held.anchor, plain.order[0])
