"""JSON Schema: what fits, what does not, and what is refused by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.evaluation.scorers.json_schema import check_json_schema, json_schema
from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.score import RIGHT, WRONG, Given, SpecError, Unscored


@pytest.fixture(scope="module")
def matcher() -> Iterator[Matcher]:
    found = Matcher()
    yield found
    found.close()


PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "tags": {"type": "array", "items": {"enum": ["x", "y"]}, "uniqueItems": True},
        "friend": {"$ref": "#"},
    },
}


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"name": "Ann"}, True),
        ({"name": "Ann", "age": 3.0, "tags": ["x", "y"], "friend": {"name": "Bob"}}, True),
        ({"name": "ann"}, False),
        ({"age": 3}, False),
        ({"name": "Ann", "age": True}, False),
        ({"name": "Ann", "age": 150}, False),
        ({"name": "Ann", "tags": ["x", "x"]}, False),
        ({"name": "Ann", "friend": {"name": ""}}, False),
        ({"name": "Ann", "more": 1}, False),
        (["Ann"], False),
    ],
)
def test_a_value_fits_a_schema_or_not(matcher: Matcher, value: Any, fits: bool) -> None:
    check_json_schema(PERSON, {})
    assert json_schema(Given(f"```json\n{json.dumps(value)}\n```"), PERSON, {}, matcher) == (RIGHT if fits else WRONG)


def test_what_is_not_json_does_not_fit(matcher: Matcher) -> None:
    for text in ("hello", "{", "NaN", "[" * 100_000):
        assert json_schema(Given(text), {}, {}, matcher) == WRONG


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"if": {}}, "'if' is not known"),
        ({"type": "strin"}, "type has a value"),
        ({"$ref": "https://example.com/x"}, "points outside"),
        ({"$ref": "#/$defs/x"}, "points nowhere"),
        ({"properties": {"a": {"minLength": -1}}}, "minLength has a value"),
        ({"pattern": "("}, "pattern has a value"),
        ("text", "not a JSON Schema"),
    ],
)
def test_a_schema_that_means_nothing_is_refused_by_name(schema: Any, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_json_schema(schema, {})
    assert said in caught.value.what


def test_a_schema_that_refers_to_itself_for_ever_is_unscored_and_not_a_hang(matcher: Matcher) -> None:
    endless = {"$ref": "#"}
    doubling = {"allOf": [{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, {"$ref": "#"}]}
    for schema in (endless, doubling):
        check_json_schema(schema, {})
        assert isinstance(json_schema(Given("1"), schema, {}, matcher), Unscored)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), nested))
def test_a_value_fits_itself_as_a_constant_and_nothing_else(value: Any) -> None:
    matcher = Matcher()  # no pattern, so no process
    assert json_schema(Given(json.dumps(value)), {"const": value}, {}, matcher) == RIGHT
    assert json_schema(Given(json.dumps([value])), {"const": value}, {}, matcher) == WRONG
