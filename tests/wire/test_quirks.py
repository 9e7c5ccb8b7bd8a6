"""A provider's deviations are applied to the body that goes out, and what that costs is said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.request import Loss
from fairlead.wire import quirks
from fairlead.wire.lane import put_together, take_apart
from fairlead.wire.quirks import Quirks

ALL = Quirks(
    rename=(("seed", "random_seed"), ("max_completion_tokens", "max_tokens")),
    drop=(("logprobs", "not taken"),),
    omit=("stream_options",),
    most=(("n", 1),),
    max_stop=2,
)


def applied(body: dict[str, Any], found: Quirks = ALL) -> tuple[Any, tuple[Loss, ...]]:
    members = take_apart(json.dumps(body).encode())
    losses = quirks.apply(members, found)
    return json.loads(put_together(members)), losses


def test_a_renamed_member_goes_out_under_the_providers_name_and_is_no_loss() -> None:
    assert applied({"seed": 7, "a": 1}) == ({"a": 1, "random_seed": 7}, ())


def test_a_member_that_stands_there_under_the_providers_name_already_is_kept() -> None:
    assert applied({"seed": 7, "random_seed": 8}) == ({"random_seed": 8}, ())


def test_a_dropped_member_is_a_loss_with_its_reason() -> None:
    assert applied({"logprobs": True}) == ({}, (Loss("logprobs", "not taken"),))


def test_a_member_that_says_nothing_new_is_left_out_without_a_loss() -> None:
    assert applied({"stream_options": {"include_usage": True}, "a": 1}) == ({"a": 1}, ())


@pytest.mark.parametrize("name", ["logprobs", "seed"])
def test_a_null_was_not_meant_and_is_no_loss(name: str) -> None:
    assert applied({name: None}) == ({}, ())


def test_a_number_above_what_the_provider_takes_is_capped() -> None:
    assert applied({"n": 3}) == ({"n": 1}, (Loss("n", "The provider takes at most 1."),))
    assert applied({"n": 1}) == ({"n": 1}, ())


def test_stop_sequences_beyond_the_providers_number_are_left_out() -> None:
    body, losses = applied({"stop": ["a", "b", "c"]})
    assert body == {"stop": ["a", "b"]} and [loss.what for loss in losses] == ["stop"]
    assert applied({"stop": "a"}) == ({"stop": "a"}, ())


def test_a_provider_without_quirks_changes_nothing() -> None:
    assert not quirks.NONE and ALL
    assert applied({"seed": 7, "n": 3}, quirks.NONE) == ({"seed": 7, "n": 3}, ())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3), lambda inner: st.lists(inner, max_size=4)
)


@given(st.dictionaries(st.sampled_from(["seed", "logprobs", "n", "stop", "random_seed", "other"]), json_values))
def test_applying_twice_is_applying_once_and_foreign_members_stay(body: dict[str, Any]) -> None:
    once, _ = applied(body)
    assert applied(once) == (once, ())
    assert once.get("other") == body.get("other")
