"""A Messages request at the door: what the router may see of it, what goes on unchanged, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, RequestError, UnknownOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.outline import SYSTEM_SAMPLE_CHARS
from fairlead.wire.anthropic_messages.requests import AskedMessages, read_request
from fairlead.wire.anthropic_messages.signatures import UNSIGNED

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
FILE = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"q": 1}}


def encoded(*messages: Any, **members: Any) -> bytes:
    said = list(messages) or [user("hello")]
    return json.dumps({"model": "auto", "max_tokens": 64, "messages": said, **members}, ensure_ascii=False).encode()


def request(*messages: Any, **members: Any) -> AskedMessages:
    return read_request(encoded(*messages, **members))


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def result(content: Any, **members: Any) -> dict[str, Any]:
    return user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **members}])


def text(words: str, **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **members}


@pytest.mark.parametrize("system", ["You are terse.", [text("You are terse.")]])
def test_the_outline_holds_the_system_text_and_the_last_user_turn(system: Any) -> None:
    long_turn = "Explain the second law of thermodynamics to a patient child, with an example from the kitchen, please."
    outline = request(
        user("First question, which was long enough to stand on its own, or so one would think of it."),
        assistant(text("An answer.")),
        user([text(long_turn)]),
        system=system,
    ).outline
    assert outline.system_text == "You are terse."
    assert outline.turn_text == long_turn
    assert outline.turn_chars == len(long_turn)
    assert outline.n_messages == 3
    assert outline.n_chars == 14 + 87 + 10 + len(long_turn)
    assert outline.max_output_tokens == 64


def test_a_long_system_text_is_sampled() -> None:
    assert request(system="s" * 9_000).outline.system_text == "s" * SYSTEM_SAMPLE_CHARS


def test_a_turn_of_nothing_but_tool_results_is_no_turn_of_the_users() -> None:
    outline = request(user("Find it."), assistant(CALL), result("found " * 50)).outline
    assert outline.turn_text == "Find it."
    assert outline.in_tool_loop
    assert outline.n_chars == 8 + len(json.dumps(CALL["input"])) + 300


def test_a_short_last_turn_is_read_with_the_one_before() -> None:
    outline = request(user("Write a haiku about rain."), assistant(text("…")), user("again")).outline
    assert outline.turn_text == "Write a haiku about rain.\nagain"


def test_the_first_turn_stays_as_a_conversation_grows() -> None:
    outline = request(user("build it"), assistant(text("done")), user("and test it")).outline
    assert outline.first_turn_text == "build it"


@pytest.mark.parametrize(
    ("block", "signed_by"),
    [
        ({"type": "thinking", "thinking": "hm", "signature": "EqQB"}, "anthropic_messages"),
        ({"type": "redacted_thinking", "data": "EmwK"}, "anthropic_messages"),
        ({"type": "thinking", "thinking": "", "signature": "fl1~openai_responses~~rs_1~gAAA"}, "openai_responses"),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, None),
        ({"type": "text", "text": "hm"}, None),
    ],
)
def test_whose_signed_thoughts_a_conversation_holds_is_seen(block: Any, signed_by: str | None) -> None:
    assert request(user("a"), assistant(block), user("b")).outline.signed_by == signed_by


def test_attachments_are_counted_inside_tool_results_too() -> None:
    outline = request(user([text("a"), IMAGE, FILE]), assistant(CALL), result([text("b"), IMAGE])).outline
    assert (outline.n_images, outline.n_files, outline.n_audio) == (2, 1, 0)


def test_tools_are_counted_with_their_size() -> None:
    tools = [{"name": "find", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "w"}]
    outline = request(tools=tools).outline
    assert outline.n_tools == 2
    assert outline.tool_chars == sum(len(json.dumps(tool)) for tool in tools)


@pytest.mark.parametrize(
    ("members", "reasoning", "structured"),
    [
        ({}, False, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, True, False),
        ({"thinking": {"type": "adaptive"}}, True, False),
        ({"thinking": {"type": "disabled"}}, False, False),
        ({"output_config": {"effort": "high"}}, True, False),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, False, False),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, False, True),
        ({"output_format": {"type": "json_schema", "schema": {}}}, False, True),
    ],
)
def test_reasoning_and_structured_output_are_seen(members: Any, reasoning: bool, structured: bool) -> None:
    outline = request(**members).outline
    assert outline.wants_reasoning is reasoning
    assert outline.wants_structured is structured


@pytest.mark.parametrize(
    ("user_id", "session"),
    [
        (
            "user_ab12_account_6a1f0c6e-5c4c-4f3a-9b57-0e1f7b3c2d1a_session_0b9c2f64-8d7e-4a55-9d1c-3f2a1b4c5d6e",
            "0b9c2f64-8d7e-4a55-9d1c-3f2a1b4c5d6e",
        ),
        ("user_ab12_account__session_0b9c2f64-8d7e-4a55-9d1c-3f2a1b4c5d6e", "0b9c2f64-8d7e-4a55-9d1c-3f2a1b4c5d6e"),
        ('{"device_id":"d","account_uuid":"","session_id":"0b9c2f64"}', "0b9c2f64"),
        ('{"session_id":""}', None),
        ('{"session_id":1}', None),
        ('{"session_id":', None),
        ("somebody", None),
        ("my_session_notes", None),
        (None, None),
    ],
)
def test_claude_codes_session_is_known(user_id: str | None, session: str | None) -> None:
    assert request(metadata={"user_id": user_id}).session == session


def test_without_metadata_there_is_no_session() -> None:
    assert request().session is None
    assert request(metadata=["_session_1"]).session is None


def test_every_member_goes_on_as_it_came_but_ours_and_the_model() -> None:
    body = (
        b'{"model":"auto", "x_new": {"a" : 1.50},"models":["a"],"max_tokens":1e2,'
        b'"messages":[{"role":"user","content":"\\u00e9"}],"fairlead":{"zdr":true},"stream":true}'
    )
    with pytest.raises(InvalidOptionError):
        read_request(body)  # 1e2 is no whole number to most servers, nor to us
    read = read_request(body.replace(b"1e2", b"100"))
    assert read.body_for(SentModel("claude")) == (
        b'{"model":"claude","x_new":{"a" : 1.50},"max_tokens":100,'
        b'"messages":[{"role":"user","content":"\\u00e9"}],"stream":true}'
    )
    assert read.is_streaming
    assert read.wishes.zdr
    assert read.wishes.models == ("a",)


def test_thoughts_that_anthropic_has_not_signed_do_not_go_to_it() -> None:
    own = {"type": "thinking", "thinking": "a", "signature": "EqQB"}
    foreign = {"type": "thinking", "thinking": "b", "signature": "fl1~openai_responses~~rs_1~blob"}
    unsigned = {"type": "thinking", "thinking": "c", "signature": UNSIGNED}
    redacted = {"type": "redacted_thinking", "data": "fl1~gemini_generate~r~~blob"}
    words = text("about fl1~openai_responses~~~x in a text")
    read = request(user("x"), assistant(own, foreign, unsigned, redacted, words), assistant(foreign), user("y"))
    sent = json.loads(read.body_for(SentModel("claude")))["messages"]
    assert sent == [user("x"), assistant(own, words), user("y")]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[]}', "messages"),
        (b'{"messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":1,"messages":[{"role":"user","content":"x"}]}', "model"),
        (b'{"model":"m","messages":{}}', "messages"),
        (b'{"model":"m","messages":[{"role":"user"}]}', "messages[0]"),
        (b'{"model":"m","messages":[{"role":"user","content":5}]}', "messages[0].content"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":"many"}', "max_tokens"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"Messages":[]}', "Messages"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"fairlead":{"cheap":true}}', "fairlead.cheap"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(body: bytes, param: str) -> None:
    with pytest.raises((InvalidOptionError, UnknownOptionError)) as caught:
        read_request(body)
    assert caught.value.param == param
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b'{"model":"\xff","messages":[]}',
        b'{"messages":' + b"[" * 100_000,
        b'{"model":"m","messages":[{"role":"user","content":' + b'[{"type":"x","a":' * 5_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read_request(body)


@pytest.mark.parametrize(
    "members",
    [
        {"max_tokens": 0},
        {"max_tokens": -1},
        {"tool_choice": {"type": "some"}},
        {"tool_choice": {"type": "tool"}},
        {"tools": [{"description": "no name"}]},
        {"tools": [1]},
        {"output_config": {"effort": "huge"}},
        {"output_config": {"format": {"type": "xml"}}},
        {"output_config": {"format": {"type": "json_schema"}}},
        {"thinking": {"type": "enabled", "budget_tokens": 0}},
        {"thinking": {"type": "enabled", "budget_tokens": "x"}},
        {"stop_sequences": "END"},
        {"temperature": "warm"},
        {"metadata": 1},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [assistant({**CALL, "id": 5})]},
        {"messages": [result({"type": "text"})]},
        {"messages": [user([{**IMAGE, "source": 1}])]},
        {"system": [{"type": "text", "text": 1}]},
    ],
    ids=str,
)
def test_what_means_nothing_is_refused_when_it_is_translated(members: Any) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        request(**members).chat()
    assert caught.value.status == 400


@given(st.binary(max_size=200))
def test_no_bytes_at_all_give_another_error_than_a_requests(data: bytes) -> None:
    with pytest.raises(RequestError):
        read_request(data).chat()


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "source", "content", "id", "name", "input", "role", "data", "signature"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_MEMBERS = ["messages", "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "cache_control"]


@given(st.dictionaries(st.sampled_from([*_MEMBERS, "max_tokens", "stop_sequences", "stream"]), _ANY_JSON, max_size=4))
def test_any_json_is_read_or_refused_as_a_mistake_of_the_client(members: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "messages": [user("x")], **members}).encode()
    try:
        read = read_request(body)
        read.body_for(SentModel("m"))
        read.chat()
    except RequestError:
        return


@given(st.lists(_ANY_JSON, max_size=3))
def test_any_block_is_read_or_refused_as_a_mistake_of_the_client(blocks: list[Any]) -> None:
    kinds = ["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result"]
    said = [{**block, "type": kind} for block in blocks if isinstance(block, dict) for kind in kinds]
    try:
        request(user(said)).chat()
    except RequestError:
        return
