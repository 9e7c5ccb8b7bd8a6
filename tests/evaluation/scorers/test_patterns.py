"""Regular expressions: matched aside, ended when they run away."""

from collections.abc import Iterator

import pytest

from fairlead.evaluation.scorers.patterns import Matcher, check_regex, regex
from fairlead.evaluation.scorers.score import RIGHT, WRONG, Given, SpecError, Unscored


@pytest.fixture(scope="module")
def matcher() -> Iterator[Matcher]:
    found = Matcher(limit_s=1.0)
    yield found
    found.close()


def test_a_pattern_is_found_in_the_reply_or_is_the_whole(matcher: Matcher) -> None:
    assert regex(Given("order 66 now"), r"\d+", {}, matcher) == RIGHT
    assert regex(Given("order 66 now"), r"\d+", {"full": True}, matcher) == WRONG
    assert regex(Given("YES"), "yes", {"ignore_case": True}, matcher) == RIGHT


def test_a_runaway_pattern_is_ended_and_named_and_the_next_one_works(matcher: Matcher) -> None:
    verdict = regex(Given("a" * 40 + "b"), r"(a+)+$", {}, matcher)
    assert verdict == Unscored("regex: the pattern did not come to an end within 1 s")
    assert regex(Given("fine"), "fine", {}, matcher) == RIGHT


def test_a_pattern_that_cannot_be_read_is_refused_with_its_fault() -> None:
    with pytest.raises(SpecError, match="missing \\)"):
        check_regex("(", {})
    with pytest.raises(SpecError, match="20,000 characters"):
        check_regex("a" * 20_000, {})
