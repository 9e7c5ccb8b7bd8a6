"""Our own members of a body: every option is read, every unknown one is refused by name."""

import json
from typing import Any

import pytest

from fairlead.domain.errors import InvalidOptionError, UnknownOptionError
from fairlead.domain.wishes import NO_WISHES, Weights, Wishes
from fairlead.wire.lane import take_apart
from fairlead.wire.routing_options import MAX_NAMES, take_wishes


def wishes(**members: Any) -> Wishes:
    return take_wishes(take_apart(json.dumps(members).encode()))


def test_no_member_of_ours_is_no_wish() -> None:
    assert wishes(model="auto", messages=[]) is NO_WISHES


def test_every_option_is_read() -> None:
    read = wishes(
        fairlead={
            "weights": {"quality": 1, "cost": 2, "speed": 0.5},
            "max_cost_usd": 0.01,
            "max_latency_s": 20,
            "min_quality": 0.7,
            "allowed_models": ["openai/*"],
            "excluded_models": ["x"],
            "data_collection": "deny",
            "zdr": True,
            "region": "eu",
        },
        provider={
            "order": ["a"],
            "only": ["a", "b"],
            "ignore": ["c"],
            "allow_fallbacks": False,
            "max_price": {"prompt": 1, "completion": 0},
            "sort": "price",
            "require_parameters": True,
        },
        models=["m1", "m2"],
    )
    assert read == Wishes(
        weights=Weights(1.0, 2.0, 0.5),
        max_cost_usd=0.01,
        max_latency_s=20.0,
        min_quality=0.7,
        models=("m1", "m2"),
        allowed_models=("openai/*",),
        excluded_models=("x",),
        provider_order=("a",),
        provider_only=("a", "b"),
        provider_ignore=("c",),
        allow_fallbacks=False,
        max_price_input_per_mtok=1.0,
        max_price_output_per_mtok=0.0,
        sort="price",
        require_parameters=True,
        data_collection="deny",
        zdr=True,
        regions=("eu",),
    )


def test_our_members_are_removed_and_no_other() -> None:
    members = take_apart(b'{"model":"a","fairlead":{},"provider":{},"models":[],"x":1}')
    take_wishes(members)
    assert list(members) == ["model", "x"]


@pytest.mark.parametrize("name", ["fairlead", "provider", "models"])
def test_null_is_no_wish(name: str) -> None:
    assert wishes(**{name: None}) == NO_WISHES


def test_nulls_inside_provider_are_no_wish() -> None:
    names = ("order", "only", "ignore", "allow_fallbacks", "max_price", "sort", "require_parameters", "zdr")
    assert wishes(provider=dict.fromkeys((*names, "data_collection"))) == NO_WISHES


@pytest.mark.parametrize("region", ["eu", ["eu"]])
def test_a_region_may_stand_alone_or_in_a_list(region: Any) -> None:
    assert wishes(fairlead={"region": region}).regions == ("eu",)


@pytest.mark.parametrize("ours", ["allow", "deny", None])
@pytest.mark.parametrize("theirs", ["allow", "deny", None])
def test_of_two_words_on_data_collection_the_stricter_counts(ours: str | None, theirs: str | None) -> None:
    said = {ours, theirs}
    expected = "deny" if "deny" in said else "allow" if "allow" in said else None
    assert wishes(fairlead={"data_collection": ours}, provider={"data_collection": theirs}).data_collection == expected


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("theirs", [True, False])
def test_of_two_words_on_zero_retention_the_stricter_counts(ours: bool, theirs: bool) -> None:
    assert wishes(fairlead={"zdr": ours}, provider={"zdr": theirs}).zdr is (ours or theirs)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"fairlead": {"speed": 1}}, "fairlead.speed"),
        ({"fairlead": {"weights": {"latency": 1}}}, "fairlead.weights.latency"),
        ({"provider": {"quantizations": ["fp8"]}}, "provider.quantizations"),
        ({"provider": {"max_price": {"image": 1}}}, "provider.max_price.image"),
    ],
    ids=str,
)
def test_an_unknown_option_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(UnknownOptionError, match=param) as caught:
        wishes(**members)
    assert (caught.value.param, caught.value.status) == (param, 400)


def test_an_unknown_option_is_told_which_are_known() -> None:
    with pytest.raises(UnknownOptionError, match="max_cost_usd"):
        wishes(fairlead={"max_cost": 1})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"fairlead": []}, "fairlead"),
        ({"fairlead": "quality"}, "fairlead"),
        ({"fairlead": {"weights": {"quality": "high"}}}, "fairlead.weights.quality"),
        ({"fairlead": {"weights": {}}}, "fairlead.weights"),
        ({"fairlead": {"weights": {"quality": 0, "cost": 0}}}, "fairlead.weights"),
        ({"fairlead": {"weights": {"quality": -1, "cost": 2}}}, "fairlead.weights"),
        ({"fairlead": {"max_cost_usd": 0}}, "fairlead.max_cost_usd"),
        ({"fairlead": {"max_cost_usd": -1}}, "fairlead.max_cost_usd"),
        ({"fairlead": {"max_cost_usd": "1"}}, "fairlead.max_cost_usd"),
        ({"fairlead": {"max_latency_s": 0}}, "fairlead.max_latency_s"),
        ({"fairlead": {"min_quality": 1.1}}, "fairlead.min_quality"),
        ({"fairlead": {"min_quality": -0.1}}, "fairlead.min_quality"),
        ({"fairlead": {"allowed_models": [1]}}, "fairlead.allowed_models[0]"),
        ({"fairlead": {"allowed_models": [""]}}, "fairlead.allowed_models"),
        ({"fairlead": {"excluded_models": ["x" * 257]}}, "fairlead.excluded_models"),
        ({"fairlead": {"data_collection": "maybe"}}, "fairlead.data_collection"),
        ({"fairlead": {"region": 1}}, "fairlead.region"),
        ({"provider": {"order": "a"}}, "provider.order"),
        ({"provider": {"sort": "quality"}}, "provider.sort"),
        ({"provider": {"allow_fallbacks": "no"}}, "provider.allow_fallbacks"),
        ({"provider": {"max_price": {"prompt": -1}}}, "provider.max_price.prompt"),
        ({"models": "a"}, "models"),
        ({"models": [""]}, "models"),
        ({"models": ["m"] * (MAX_NAMES + 1)}, "models"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_means_nothing_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        wishes(**members)
    assert (caught.value.param, caught.value.status) == (param, 400)


def test_a_number_too_large_for_a_float_is_refused_by_name() -> None:
    with pytest.raises(InvalidOptionError) as caught:
        take_wishes(take_apart(b'{"fairlead":{"max_cost_usd":1e999}}'))
    assert caught.value.param == "fairlead.max_cost_usd"
