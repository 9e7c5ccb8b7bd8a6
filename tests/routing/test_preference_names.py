import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import InvalidOptionError, UnknownOptionError
from fairlead.domain.wishes import Weights, Wishes
from fairlead.routing.policies.objective import Objective, objective_of_preset
from fairlead.routing.policies.preference_names import KEYS, objective_of
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset


def test_nothing_means_quality_alone() -> None:
    assert objective_of(None) == objective_of("") == objective_of("  ") == Objective()


@pytest.mark.parametrize("name", BUILT_IN_PRESETS)
def test_a_preset_has_its_weights(name: str) -> None:
    assert objective_of(f" {name} ") == Objective(weights=BUILT_IN_PRESETS[name].weights)


def test_a_preset_has_its_limits_too() -> None:
    limits = Wishes(max_cost_usd=0.5, max_latency_s=9.0, min_quality=0.25, excluded_models=("lab/a",))
    found = objective_of_preset(Preset("mine", Weights(0.5, 0.25, 0.25), limits))
    assert found == Objective(Weights(0.5, 0.25, 0.25), None, max_cost_usd=0.5, max_latency_s=9.0, min_quality=0.25)


def test_pairs_are_weights_a_cost_weight_and_limits() -> None:
    assert objective_of("quality=0.6, cost = 0.4") == Objective(weights=Weights(0.6, 0.4, 0.0))
    assert objective_of("cost_weight=0.3,max_cost_usd=0.01") == Objective(cost_weight=0.3, max_cost_usd=0.01)
    assert objective_of("max_latency_s=2,min_quality=.5") == Objective(max_latency_s=2.0, min_quality=0.5)
    assert objective_of("speed=1e0") == Objective(weights=Weights(0.0, 0.0, 1.0))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("balanecd", r"'balanecd' \(did you mean 'balanced'\?\)"),
        ("qualty=1", r"'qualty' \(did you mean 'quality'\?\)"),
        ("zzzzzz", "no preset is called 'zzzzzz': write a preset"),
        ("quality=1,,cost=1", "no preference is called ''"),
        ("=1", "no preference is called ''"),
        ("balanced,max_cost_usd=1", "no preference is called 'balanced'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(text: str, named: str) -> None:
    with pytest.raises(UnknownOptionError, match=named) as caught:
        objective_of(text)
    assert caught.value.param == "preference"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("quality=high", "quality is a number, not 'high'"),
        ("quality=", "quality is a number, not ''"),
        ("quality=-1", "quality is a number of 0 or more, not '-1'"),
        ("cost=nan", "cost is a number of 0 or more, not 'nan'"),
        ("cost_weight=inf", "cost_weight is a number of 0 or more, not 'inf'"),
        ("quality=1,quality=2", "'quality' is stated twice"),
        ("quality=0,cost=0", "one of them is above 0"),
        ("quality=1,cost_weight=1", "exclude each other"),
        ("max_cost_usd=0", "max_cost_usd is above 0, not 0"),
        ("max_latency_s=0", "max_latency_s is above 0, not 0"),
        ("min_quality=1.5", "min_quality is between 0 and 1, not 1.5"),
        ("quality=1=2", "quality is a number, not '1=2'"),
    ],
)
def test_a_value_that_means_nothing_is_refused_and_says_how(text: str, named: str) -> None:
    with pytest.raises(InvalidOptionError, match=named) as caught:
        objective_of(text)
    assert caught.value.param == "preference"
    assert "write a preset" in str(caught.value)


@given(st.text(max_size=40) | st.lists(st.sampled_from([*KEYS, "=", ",", "1", "-1", "1e999", " "])).map("".join))
def test_any_text_is_an_objective_or_refused(text: str) -> None:
    try:
        assert isinstance(objective_of(text), Objective)
    except (InvalidOptionError, UnknownOptionError) as error:
        assert str(error)
