"""The same-format lane: only our members change."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import MalformedBodyError
from fairlead.wire.lane import put_together, raw, take_apart

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(text, values, max_size=6), st.booleans(), st.sampled_from([None, 1]))
def test_every_other_member_keeps_its_bytes(body: dict[str, object], escapes: bool, indent: int | None) -> None:
    members = take_apart(json.dumps(body, ensure_ascii=escapes, indent=indent).encode())
    before = {name: bytes(value) for name, value in members.items()}
    members["model"] = raw("sent/model")
    after = {name: bytes(value) for name, value in take_apart(put_together(members)).items()}
    assert after.pop("model") == b'"sent/model"'
    before.pop("model", None)
    assert after == before


@given(st.dictionaries(text, values, max_size=6))
def test_taking_apart_and_putting_together_says_the_same(body: dict[str, object]) -> None:
    assert json.loads(put_together(take_apart(json.dumps(body).encode()))) == body


def test_spellings_of_numbers_strings_and_spaces_stay() -> None:
    body = b'{ "a" : 1.50e+02 ,"b":[ 1 , 2 ],"c":"\\u00e9\\/","d":-0,"e":123456789012345678901234567890}'
    members = take_apart(body)
    assert put_together(members) == (
        b'{"a":1.50e+02,"b":[ 1 , 2 ],"c":"\\u00e9\\/","d":-0,"e":123456789012345678901234567890}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"cheap","x":1,"model":"dear"}',
        b'{"mod\\u0065l":"cheap","x":1,"model":"dear"}',
        b'{"model":"cheap","x":1,"\\u006d\\u006f\\u0064\\u0065\\u006c":"dear"}',
    ],
)
def test_duplicate_keys_collapse_to_the_last_however_they_are_spelled(body: bytes) -> None:
    written = put_together(take_apart(body))
    assert written.count(b"model") == 1
    assert json.loads(written) == {"model": "dear", "x": 1}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "too early"),
        (b'{"a":1', "too early"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"1", "not an object"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":[Infinity]}', "not valid JSON"),
        (b'{"a":-}', "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b'{"a":1}{"b":2}', "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":"\x01"}', "not valid JSON"),
        (b'{"a":"\\q"}', "not valid JSON"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":{"b":["\\udc00"]}}', "not valid JSON"),
        (b'{"a":"\\ud800\\u0041"}', "not valid JSON"),
        (b'{"\\ud800":1}', "not valid JSON"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\xc3"}', "not UTF-8"),
        (b'\xff\xfe{"a":1}', "not UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_is_not_one_json_object_is_refused_with_its_reason(body: bytes, says: str) -> None:
    with pytest.raises(MalformedBodyError, match=says) as caught:
        take_apart(body)
    assert caught.value.status == 400


@given(st.binary(max_size=60))
def test_no_bytes_at_all_give_another_error(data: bytes) -> None:
    try:
        members = take_apart(data)
    except MalformedBodyError:
        return
    json.loads(put_together(members))


def test_a_complaint_quotes_nothing_of_the_body() -> None:
    with pytest.raises(MalformedBodyError) as caught:
        take_apart(b'{"messages":"my secret",}')
    assert "secret" not in str(caught.value)


def test_the_decoders_odd_words_are_put_better() -> None:
    with pytest.raises(MalformedBodyError, match="it ends too early"):
        take_apart(b'{"a":"')
