"""A policy that somebody tries: whatever the query says there is one, and its lines mean the same in the file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.policy_wish import QUERY_KEYS, PolicyWish, as_yaml, preset_name, read_wish
from fairlead.domain.wishes import Weights
from fairlead.settings.schema import Config

USUAL = Weights(0.6, 0.3, 0.1)


def test_without_a_query_it_is_what_auto_means_now() -> None:
    wish, faults = read_wish({}, USUAL)
    assert (wish.quality, wish.cost, wish.speed, wish.days, wish.scope) == (60.0, 30.0, 10.0, 7.0, "auto")
    assert faults == ()


def test_what_is_stated_is_read() -> None:
    query = {"quality": "1", "cost": "3", "speed": "0", "min_quality": "0.5", "without": "lab/a, b*\n,lab/a"}
    wish, faults = read_wish({**query, "scope": "auto:cost", "days": "2"}, USUAL)
    assert wish == PolicyWish(1.0, 3.0, 0.0, min_quality=0.5, days=2.0, scope="auto:cost", without=("lab/a", "b*"))
    assert faults == ()
    assert wish.objective.weights == Weights(1.0, 3.0, 0.0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cost": "much"}, "cost"),
        ({"quality": "nan", "cost": "1"}, "quality"),
        ({"speed": "-1"}, "speed"),
        ({"quality": "0", "cost": "0", "speed": "0"}, "quality"),
        ({"max_cost_usd": "0"}, "max_cost_usd"),
        ({"min_quality": "1.5"}, "min_quality"),
        ({"days": "1e99"}, "days"),
        ({"scope": "x" * 201}, "scope"),
        ({"without": "x" * 201}, "without"),
    ],
)
def test_what_means_nothing_is_said_by_its_field(query: dict[str, str], field: str) -> None:
    _, faults = read_wish(query, USUAL)
    assert [fault.field for fault in faults] == [field]


@given(st.dictionaries(st.sampled_from(QUERY_KEYS), st.text(max_size=30) | st.floats().map(str)))
def test_every_query_gives_a_policy_that_can_be_replayed_and_saved(query: dict[str, str]) -> None:
    wish, _ = read_wish(query, USUAL)
    assert wish.objective.weights is not None
    for name in (None, "cheap-nights"):
        Config.model_validate(yaml.safe_load(as_yaml(wish, name)))


def test_weights_alone_become_those_of_auto() -> None:
    assert as_yaml(PolicyWish(50, 40, 10), None) == "preferences:\n  weights: {quality: 0.5, cost: 0.4, speed: 0.1}\n"


def test_limits_need_a_preset_and_auto_is_told_to_use_it() -> None:
    wish = PolicyWish(1, 1, 0, max_cost_usd=0.01, without=("it's: #1\n\x1b- x",))
    found = yaml.safe_load(as_yaml(wish, None))
    assert found["presets"]["mine"] == {
        "weights": {"quality": 0.5, "cost": 0.5, "speed": 0},
        "limits": {"max_cost_usd": 0.01},
        "exclude": ["it's: #1  - x"],
    }
    assert found["preferences"] == {"default": "mine"}


def test_a_named_policy_changes_nothing_but_its_own_name() -> None:
    found = yaml.safe_load(as_yaml(PolicyWish(1, 0, 0), "best"))
    assert found == {"presets": {"best": {"weights": {"quality": 1, "cost": 0, "speed": 0}}}}


@pytest.mark.parametrize(
    ("text", "name"), [(" Nights ", "nights"), ("balanced", None), ("", None), ("a b", None), ("<b>", None)]
)
def test_a_presets_name_is_one_that_the_settings_take(text: str, name: str | None) -> None:
    assert preset_name(text) == name
