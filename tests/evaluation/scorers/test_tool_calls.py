"""Tool calls: right ones in any order, nothing missing, nothing more."""

import pytest

from fairlead.evaluation.scorers.score import Given, ToolCall
from fairlead.evaluation.scorers.tool_calls import calls

WANTED = [
    {"name": "area", "arguments": {"r": [2], "unit": ["cm", ""]}},
    {"name": "say", "arguments": {"text": ["Hello, world"]}},
]


@pytest.mark.parametrize(
    ("made", "value"),
    [
        ([("say", '{"text": "hello world"}'), ("area", '{"r": 2.0}')], 1.0),
        ([("area", '{"r": 2, "unit": "CM"}'), ("say", '{"text": "Hello, world"}')], 1.0),
        ([("area", '{"r": 3}'), ("say", '{"text": "hello world"}')], 0.0),
        ([("area", '{"r": 2, "colour": 1}'), ("say", '{"text": "hello world"}')], 0.0),
        ([("area", '{"r": 2}')], 0.0),
        ([("area", '{"r": 2}'), ("say", "{broken")], 0.0),
        ([("area", "[2]"), ("say", '{"text": "hello world"}')], 0.0),
        ([], 0.0),
    ],
)
def test_calls_are_right_or_wrong(made: list[tuple[str, str]], value: float) -> None:
    given = Given("", tuple(ToolCall(*call) for call in made))
    assert calls(given, WANTED, {}).value == value
