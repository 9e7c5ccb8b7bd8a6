"""Eligibility: every ground of exclusion can be reached, says why, and touches nobody else."""

from typing import Any, get_args

import pytest

from fairlead.domain.data_policy import DataPolicy
from fairlead.domain.decision import IneligibleCode
from fairlead.domain.outline import Outline
from fairlead.domain.wishes import Weights, Wishes
from fairlead.routing.preferences import Preset
from tests.routing.small_pool import ASK, Known, decided, order, places, refused, router

FINE = Known(
    "lab/fine",
    "fine",
    "nice",
    quality=0.6,
    price_in=0.5,
    price_out=0.5,
    ttft_s=0.1,
    s_per_token=0.001,
    abilities=dict.fromkeys(("tools", "vision", "audio", "files", "structured_output", "reasoning"), True),
    context_tokens=100_000,
    max_output_tokens=10_000,
    policy=DataPolicy(collects_data=False, zero_retention=True, region="eu"),
)
ODD = FINE.with_(model="lab/odd", upstream="odd", provider="other", quality=0.9)

REACHED: dict[str, tuple[Known, Any, Wishes, str]] = {
    "context_window": (ODD.with_(context_tokens=900), ASK, Wishes(), "it takes 900"),
    "output_limit": (
        ODD.with_(max_output_tokens=50),
        ASK._replace(max_output_tokens=80),
        Wishes(),
        "80 output tokens asked",
    ),
    "no_tools": (ODD.with_(abilities=None), ASK._replace(n_tools=1), Wishes(), "call tools"),
    "no_vision": (ODD.with_(abilities={"vision": False}), ASK._replace(n_images=1), Wishes(), "read images"),
    "no_audio": (ODD.with_(abilities=None), ASK._replace(n_audio=1), Wishes(), "hear audio"),
    "no_files": (ODD.with_(abilities=None), ASK._replace(n_files=1), Wishes(), "read files"),
    "no_structured_output": (
        ODD.with_(abilities={"structured_output": False}),
        ASK._replace(wants_structured=True),
        Wishes(),
        "JSON schema",
    ),
    "missing_parameter": (
        ODD.with_(abilities={"reasoning": False}),
        ASK._replace(parameters=frozenset({"reasoning_effort", "temperature"})),
        Wishes(require_parameters=True),
        "reasoning",
    ),
    "price_cap": (ODD.with_(price_out=3.0), ASK, Wishes(max_price_output_per_mtok=2.0), "above the cap of $2"),
    "price_unknown": (ODD.with_(price_in=None), ASK, Wishes(max_cost_usd=1.0), "price is unknown"),
    "cost_cap": (ODD.with_(price_in=50.0), ASK, Wishes(max_cost_usd=0.01), "the cap is $0.010000"),
    "latency_cap": (ODD.with_(ttft_s=9.0), ASK, Wishes(max_latency_s=5), "cap 5 s"),
    "quality_floor": (ODD.with_(quality=0.2), ASK, Wishes(min_quality=0.5), "the floor is 0.50"),
    "excluded": (ODD, ASK, Wishes(excluded_models=("lab/odd",)), "excluded"),
    "not_allowed": (ODD, ASK, Wishes(allowed_models=("lab/fi*",)), "not among the allowed"),
    "provider_excluded": (ODD, ASK, Wishes(provider_only=("nice",)), "provider.only"),
    "data_policy": (
        ODD.with_(policy=DataPolicy(collects_data=True)),
        ASK,
        Wishes(data_collection="deny"),
        "out of training",
    ),
    "down": (ODD, ASK, Wishes(), "is failing and rests"),
}


BY_CONVERSATION = {"foreign_signature", "state_elsewhere"}
"""What a running conversation excludes; see test_switching."""


def test_every_code_is_reached_below() -> None:
    assert set(REACHED) | BY_CONVERSATION == set(get_args(IneligibleCode))


@pytest.mark.parametrize("code", REACHED)
def test_each_ground_excludes_who_it_should_and_says_why(code: str) -> None:
    odd, outline, wishes, says = REACHED[code]
    down = ["odd"] if code == "down" else []
    decision = decided(router(FINE, odd), wishes, outline=outline, down=down)
    assert [(each.arm.model, each.code) for each in decision.ineligible] == [("lab/odd", code)]
    assert says in decision.ineligible[0].why
    assert order(decision) == ["lab/fine"]


def needing(field: str) -> Outline:
    """The request with one of something."""
    return Outline(**{**ASK._asdict(), field: 1})


@pytest.mark.parametrize("field", ["n_tools", "n_images", "n_audio", "n_files"])
def test_an_ability_that_nobody_states_is_not_counted_on(field: str) -> None:
    assert order(decided(router(FINE, ODD.with_(abilities=None)), outline=needing(field))) == ["lab/fine"]


def test_a_schema_is_refused_only_to_those_known_not_to_keep_it() -> None:
    outline = ASK._replace(wants_structured=True)
    assert set(order(decided(router(FINE, ODD.with_(abilities=None)), outline=outline))) == {"lab/fine", "lab/odd"}


def test_unknown_limits_exclude_nobody() -> None:
    unknown = ODD.with_(context_tokens=None, max_output_tokens=None)
    outline = ASK._replace(n_chars=50_000_000, max_output_tokens=10**9)
    assert order(decided(router(unknown), outline=outline)) == ["lab/odd"]


def test_the_window_must_hold_the_output_that_was_asked_for() -> None:
    chooser = router(ODD.with_(context_tokens=2_000))
    assert order(decided(chooser, outline=ASK._replace(max_output_tokens=900))) == ["lab/odd"]
    assert refused(decided(chooser, outline=ASK._replace(max_output_tokens=1_100))) == {"lab/odd": "context_window"}


def test_a_model_asked_for_by_name_is_not_refused_for_what_the_request_needs() -> None:
    chooser = router(ODD.with_(abilities=None, context_tokens=10))
    assert order(decided(chooser, model="lab/odd", outline=ASK._replace(n_tools=1, n_images=1))) == ["lab/odd"]


def test_a_model_asked_for_by_name_keeps_to_the_requests_own_wishes() -> None:
    chooser = router(ODD.with_(price_in=50.0))
    assert refused(decided(chooser, Wishes(max_cost_usd=0.01), model="lab/odd")) == {"lab/odd": "cost_cap"}


def test_a_price_equal_to_the_cap_is_allowed() -> None:
    arm = ODD.with_(price_in=0.1, price_out=0.3)
    wishes = Wishes(max_price_input_per_mtok=0.1, max_price_output_per_mtok=0.3)
    assert order(decided(router(arm), wishes)) == ["lab/odd"]


def test_a_cap_on_prices_meets_those_that_the_request_is_billed_at() -> None:
    chooser = router(ODD.with_(price_in=1.0, price_out=4.0, above=(1_100, 2.0, 6.0)))
    wishes, long = Wishes(max_price_input_per_mtok=1.5), ASK._replace(n_chars=10_000)
    assert order(decided(chooser, wishes)) == ["lab/odd"]
    assert refused(decided(chooser, wishes, outline=long)) == {"lab/odd": "price_cap"}
    short, dear = (decided(chooser, outline=outline).candidates[0].estimate for outline in (ASK, long))
    assert short.cost_usd == pytest.approx((short.input_tokens + 400) * 1e-6, rel=1e-3)
    assert dear.cost_usd == pytest.approx((dear.input_tokens + 300) * 2e-6, rel=1e-3)


@pytest.mark.parametrize(
    "wishes", [Wishes(max_cost_usd=1.0), Wishes(max_price_input_per_mtok=99.0), Wishes(max_price_output_per_mtok=99.0)]
)
@pytest.mark.parametrize("unknown", [{"price_in": None}, {"price_out": None}])
def test_an_unknown_price_is_not_eligible_under_any_cap(wishes: Wishes, unknown: dict[str, None]) -> None:
    assert refused(decided(router(FINE, ODD.with_(**unknown)), wishes)) == {"lab/odd": "price_unknown"}


def test_a_free_model_passes_a_cap_of_nothing() -> None:
    wishes = Wishes(max_price_input_per_mtok=0.0, max_price_output_per_mtok=0.0)
    assert order(decided(router(FINE, ODD.with_(price_in=0.0, price_out=0.0)), wishes)) == ["lab/odd"]


@pytest.mark.parametrize("region", ["eu", "EU"])
def test_regions_are_a_choice_of_places_and_capitals_do_not_matter(region: str) -> None:
    arms = (
        FINE,
        ODD.with_(policy=DataPolicy(region="us")),
        ODD.with_(model="lab/silent", upstream="x", policy=DataPolicy()),
    )
    decision = decided(router(*arms), Wishes(regions=(region,)))
    assert order(decision) == ["lab/fine"]
    assert refused(decision) == {"lab/odd": "data_policy", "lab/silent": "data_policy"}
    assert len(order(decided(router(*arms), Wishes(regions=("us", region))))) == 2


@pytest.mark.parametrize("stated", [None, False])
def test_zero_retention_must_be_stated(stated: bool | None) -> None:
    arms = (FINE, ODD.with_(policy=DataPolicy(collects_data=False, zero_retention=stated)))
    assert refused(decided(router(*arms), Wishes(zdr=True))) == {"lab/odd": "data_policy"}


@pytest.mark.parametrize("stated", [None, True])
def test_a_policy_that_keeps_no_prompts_must_be_stated(stated: bool | None) -> None:
    arms = (FINE, ODD.with_(policy=DataPolicy(collects_data=stated)))
    assert refused(decided(router(*arms), Wishes(data_collection="deny"))) == {"lab/odd": "data_policy"}
    assert len(order(decided(router(*arms), Wishes(data_collection="allow")))) == 2


A1 = Known("lab/a", "a1", "p1", quality=0.6)
A2 = Known("lab/a", "a2", "p2", quality=0.6, price_in=2.0)
B3 = Known("lab/b", "b3", "p3", quality=0.9, price_in=0.5, s_per_token=0.02)


def test_the_order_of_providers_is_kept_and_others_follow() -> None:
    found = places(decided(router(A1, A2, B3), Wishes(provider_order=("p2", "P1"))))
    assert found == [("lab/a", "a2"), ("lab/a", "a1"), ("lab/b", "b3")]


def test_without_fallbacks_only_listed_providers_serve() -> None:
    decision = decided(router(A1, A2, B3), Wishes(provider_order=("p2",), allow_fallbacks=False))
    assert places(decision) == [("lab/a", "a2")]
    assert set(refused(decision).values()) == {"provider_excluded"}


def test_providers_may_be_named_by_their_upstream() -> None:
    assert places(decided(router(A1, A2, B3), Wishes(provider_only=("A2",)))) == [("lab/a", "a2")]


def test_ignored_providers_serve_nobody() -> None:
    assert places(decided(router(A1, A2, B3), Wishes(provider_ignore=("p1", "p3")))) == [("lab/a", "a2")]


def test_sorting_replaces_the_utility() -> None:
    chooser = router(A1, A2, B3.with_(price_in=9.0, ttft_s=0.1))
    assert places(decided(chooser, Wishes(sort="price")))[0] == ("lab/a", "a1")
    assert places(decided(chooser, Wishes(sort="latency")))[0] == ("lab/b", "b3")
    assert places(decided(chooser, Wishes(sort="throughput")))[-1] == ("lab/b", "b3")


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("lab/a", True),
        ("LAB/A", True),
        ("lab/*", True),
        ("*", True),
        ("lab/[ab]", True),
        ("lab", False),
        ("a", False),
        ("other/*", False),
    ],
)
def test_names_and_patterns_of_models(pattern: str, hits: bool) -> None:
    assert bool(order(decided(router(A1), Wishes(allowed_models=(pattern,))))) is hits
    assert bool(order(decided(router(A1), Wishes(excluded_models=(pattern,))))) is not hits


def test_an_alias_allows_its_model() -> None:
    chooser = router(A1.with_(aliases=("nick",)))
    assert order(decided(chooser, Wishes(allowed_models=("Nick",)))) == ["lab/a"]


def test_require_parameters_asks_for_nothing_that_was_not_sent() -> None:
    outline = ASK._replace(parameters=frozenset({"temperature", "model", "messages"}))
    assert order(decided(router(A1), Wishes(require_parameters=True), outline=outline)) == ["lab/a"]


def test_a_presets_limits_are_narrowed_by_the_request_and_never_widened() -> None:
    preset = Preset("support", Weights(1, 0, 0), Wishes(max_cost_usd=0.002, excluded_models=("lab/b",)))
    chooser = router(A1, A2, B3, presets={"support": preset}, default="support")
    assert refused(decided(chooser, model="auto:support")) == {"lab/a": "cost_cap", "lab/b": "excluded"}
    wider = Wishes(max_cost_usd=1.0, allowed_models=("lab/b", "lab/a"))
    assert order(decided(chooser, wider, model="auto:support")) == ["lab/a"]
