"""The sections of experiments: off unless given, bounded, and what they do not know is refused by name."""

import pytest

from fairlead.assembly.services import assemble
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


def test_nobody_is_shadowed_unless_the_operator_names_a_model() -> None:
    assert parse("", {}).shadow is None
    section = parse("shadow: {model: lab/other}", {}).shadow
    assert section is not None
    assert (section.model, section.share, section.max_usd_per_day) == ("lab/other", 0.01, 1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shadow: {}", "shadow.model: this key is missing"),
        ("shadow: {model: a, share: 1.1}", "shadow.share: must be at most 1"),
        ("shadow: {model: a, rate: 1}", "shadow.rate: unknown key"),
        ("shadow: {model: a, max_concurrency: 0}", "shadow.max_concurrency: must be at least 1"),
    ],
)
def test_a_shadow_out_of_bounds_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, {})
    assert said in refused.value.message


async def test_a_model_that_nobody_serves_is_warned_of_and_not_shadowed() -> None:
    for text, is_on in (("shadow: {model: nobody/x}", False), ("shadow: {model: simulated/atlas-medium}", True)):
        assembly = await assemble(parse(text, {}), {}, is_demo=True)
        shadowing = assembly.services.shadowing
        assert (shadowing is not None) == is_on
        assert any("nobody/x" in warning for warning in assembly.warnings) != is_on
        assert shadowing is None or shadowing.arms == tuple(assembly.pool.names["simulated/atlas-medium"])


async def test_exploration_is_handed_to_the_gateway() -> None:
    assembly = await assemble(parse("explore: {share: 0.02}", {}), {}, is_demo=True)
    exploring = assembly.services.exploring
    assert exploring is not None
    assert (exploring.exploration.share, exploring.max_usd_per_day) == (0.02, 1.0)
