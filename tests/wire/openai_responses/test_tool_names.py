"""Names of tools in a namespace, made flat."""

import pytest
from hypothesis import given

from fairlead.wire.openai_responses.tool_names import flat_name
from tests.wire.openai_responses.strategies import NAMES


@pytest.mark.parametrize(
    ("namespace", "name", "flat"),
    [(None, "f", "f"), ("", "f", "f"), ("hub", "find", "hub__find"), ("mcp__hub__", "find", "mcp__hub__find")],
)
def test_a_name_is_joined_to_its_namespace(namespace: str | None, name: str, flat: str) -> None:
    assert flat_name(namespace, name) == flat


@given(NAMES, NAMES)
def test_a_flat_name_is_never_too_long_and_always_the_same(namespace: str, name: str) -> None:
    flat = flat_name(namespace * 3, name * 3)
    assert len(flat) <= 64
    assert flat == flat_name(namespace * 3, name * 3)


def test_long_names_that_differ_at_their_end_stay_two() -> None:
    assert flat_name("n" * 60, "read_file") != flat_name("n" * 60, "read_files")
