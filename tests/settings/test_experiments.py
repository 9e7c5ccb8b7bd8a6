"""The sections of experiments: off unless given, bounded, and what they do not know is refused by name."""

import pytest

from fairlead.domain.errors import ConfigError
from fairlead.settings.settings import parse


def test_nothing_is_explored_unless_the_operator_says_so() -> None:
    assert parse("", {}).explore is None
    assert parse("explore:\n", {}).explore is None
    section = parse("explore: {}", {}).explore
    assert section is not None
    assert (section.share, section.max_cost_ratio, section.max_usd_per_day) == (0.05, 2.0, 1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explore: {share: 0.2}", "explore.share: must be at most 0.1"),
        ("explore: {share: 0}", "explore.share: must be above 0"),
        ("explore: {shares: 0.1}", "explore.shares: unknown key; did you mean 'share'?"),
        ("explore: {max_usd_per_day: 0}", "explore.max_usd_per_day: must be above 0"),
        ("explore: {max_cost_ratio: .inf}", "explore.max_cost_ratio"),
    ],
)
def test_what_is_out_of_bounds_or_unknown_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, {})
    assert said in refused.value.message


def test_exploring_without_a_store_is_warned_of() -> None:
    assert any("explore" in warning for warning in parse("explore: {}\nstore: {enabled: false}", {}).warnings)
