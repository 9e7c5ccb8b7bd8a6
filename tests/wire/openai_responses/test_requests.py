"""A Responses request: what the router may see of it, and what goes on unchanged."""

import json
from typing import Any

import pytest

from fairlead.domain.content import Text
from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, UnknownOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.openai_responses.requests import ResponsesRequest, read_request

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def request(*items: Any, **members: Any) -> ResponsesRequest:
    return read_request(encoded(*items, **members))


def encoded(*items: Any, **members: Any) -> bytes:
    said = list(items) or "hello"
    return json.dumps({"model": "auto", "input": said, **members}, ensure_ascii=False).encode()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_the_outline_of_a_plain_text() -> None:
    read = request(instructions="Be terse.", model="auto:cost")
    assert read.asked == "auto:cost"
    assert not read.is_streaming
    outline = read.outline
    assert (outline.system_text, outline.turn_text) == ("Be terse.", "hello")
    assert (outline.n_chars, outline.turn_chars, outline.n_messages) == (14, 5, 2)


def test_the_first_turn_stays_as_a_conversation_grows() -> None:
    assert request(user("build it"), user("and test it")).outline.first_turn_text == "build it"


@pytest.mark.parametrize(
    ("encrypted", "signed_by"),
    [
        ("gAAAAB", "openai_responses"),
        ("fl1~anthropic_messages~~~EqQB", "anthropic_messages"),
        ("", None),
        (None, None),
    ],
)
def test_whose_reasoning_a_conversation_holds_is_seen(encrypted: str | None, signed_by: str | None) -> None:
    thought: dict[str, object] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted}
    assert request(user("a"), thought, user("b")).outline.signed_by == signed_by


def test_the_outline_counts_texts_media_tools_and_results() -> None:
    parts = [{"type": "input_text", "text": "look"}, IMAGE, {"type": "input_file", "file_id": "f"}]
    sound = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": [IMAGE]}
    tools = [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]
    outline = request(
        {"role": "developer", "content": "Rules."}, user([*parts, sound]), call, result, tools=tools
    ).outline
    assert (outline.system_text, outline.turn_text) == ("Rules.", "look")
    assert (outline.n_images, outline.n_files, outline.n_audio) == (2, 1, 1)
    assert (outline.n_tools, outline.tool_chars) == (2, sum(len(json.dumps(tool)) for tool in tools))
    assert outline.n_chars == len("Rules.") + len("look") + len('"{}"') + len(json.dumps([IMAGE]))
    assert outline.in_tool_loop


@pytest.mark.parametrize(
    ("last", "is_loop"),
    [
        ({"type": "function_call_output", "call_id": "c", "output": "x"}, True),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": "x"}, True),
        ({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}, True),
        ({"type": "mcp_approval_response", "approve": True}, True),
        (user("thanks"), False),
    ],
)
def test_a_request_that_ends_with_a_result_is_in_a_tool_loop(last: Any, is_loop: bool) -> None:
    assert request(user("go"), last).outline.in_tool_loop is is_loop


@pytest.mark.parametrize(
    ("members", "structured", "reasoning"),
    [
        ({}, False, False),
        ({"text": {"format": {"type": "text"}}, "reasoning": {"summary": "auto"}}, False, False),
        ({"text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "none"}}, True, False),
        ({"text": {"format": {"type": "json_schema"}}, "reasoning": {"effort": "low"}}, True, True),
        ({"text": None, "reasoning": None}, False, False),
    ],
)
def test_structured_output_and_effort_are_needs(members: dict[str, Any], structured: bool, reasoning: bool) -> None:
    outline = request(**members).outline
    assert (outline.wants_structured, outline.wants_reasoning) == (structured, reasoning)
    assert ("response_format" in outline.parameters) is structured
    assert outline.parameters >= members.keys()


def test_a_short_last_turn_is_read_with_the_one_before() -> None:
    assert request(user("Write a haiku."), user("again")).outline.turn_text == "Write a haiku.\nagain"


@pytest.mark.parametrize(
    ("members", "session"),
    [
        ({}, None),
        ({"prompt_cache_key": "key", "metadata": {"session_id": "other"}}, "key"),
        ({"metadata": {"session_id": "meta"}, "client_metadata": {"session_id": "other"}}, "meta"),
        ({"client_metadata": {"session_id": "codex", "thread_id": "t"}}, "codex"),
        ({"prompt_cache_key": "", "metadata": {"session_id": 5}, "client_metadata": []}, None),
        ({"prompt_cache_key": "k" * 1000}, "k" * 256),
    ],
)
def test_the_session_is_named_by_cache_key_or_metadata(members: dict[str, Any], session: str | None) -> None:
    assert request(**members).session == session


@pytest.mark.parametrize(
    ("members", "previous", "only"),
    [
        ({}, None, None),
        ({"previous_response_id": None, "conversation": None, "background": False}, None, None),
        ({"previous_response_id": "resp_1"}, "resp_1", "previous_response_id"),
        ({"conversation": "conv_1"}, "conv_1", "conversation"),
        ({"conversation": {"id": "conv_2"}}, "conv_2", "conversation"),
        ({"prompt": {"id": "p"}}, None, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, None, "item_reference"),
        ({"input": [{"id": "msg_1"}]}, None, "item_reference"),
    ],
)
def test_state_at_a_provider_is_told_to_the_engine_and_refused_by_the_hub(
    members: dict[str, Any], previous: str | None, only: str | None
) -> None:
    read = request(**members)
    assert (read.previous_reply, read.lane_only) == (previous, only)
    if only is not None:
        with pytest.raises(InvalidOptionError) as raised:
            read.chat()
        assert raised.value.param == ("input[0]" if only == "item_reference" else only)
        assert "send" in raised.value.message or "leave it out" in raised.value.message


def test_a_reply_in_the_background_is_refused_since_nobody_could_fetch_it() -> None:
    for stream in (False, True):
        with pytest.raises(InvalidOptionError, match="Leave it out") as raised:
            request(background=True, stream=stream)
        assert raised.value.param == "background"
    assert request(background=False).lane_only is None


def test_what_only_the_lane_can_serve_needs_no_input() -> None:
    assert read_request(b'{"model":"m","prompt":{"id":"p"}}').lane_only == "prompt"


def test_the_lane_changes_the_model_and_nothing_else() -> None:
    body = (
        b'{"model": "auto", "input" : [ {"role":"user","content":"h\\u00e9"} ], "temperature":1.0, "x_new": {"a" : 1}}'
    )
    members = json.loads(read_request(body).body_for(SentModel("sent")))
    assert members == json.loads(body) | {"model": "sent"}
    sent = read_request(body).body_for(SentModel("sent"))
    assert b'[ {"role":"user","content":"h\\u00e9"} ]' in sent
    assert b'{"a" : 1}' in sent


def test_our_own_members_are_read_and_taken_out() -> None:
    read = request(fairlead={"min_quality": 0.5}, models=["a", "b"])
    assert read.wishes.min_quality == 0.5
    assert read.wishes.models == ("a", "b")
    assert not {"fairlead", "models"} & json.loads(read.body_for(SentModel("s"))).keys()


@pytest.mark.parametrize(
    ("body", "error", "param"),
    [
        (b"", MalformedBodyError, None),
        (b"[]", MalformedBodyError, None),
        (b'{"model":"m","input":"\xff"}', MalformedBodyError, None),
        (b'{"model":"m"}', InvalidOptionError, "input"),
        (b'{"model":"m","input":null}', InvalidOptionError, "input"),
        (b'{"input":"hello"}', InvalidOptionError, "model"),
        (b'{"model":"m","input":5}', InvalidOptionError, "input"),
        (b'{"model":5,"input":"x"}', InvalidOptionError, "model"),
        (b'{"model":"m","input":[5]}', InvalidOptionError, "input[0]"),
        (b'{"model":"m","input":[{"role":"user","content":[5]}]}', InvalidOptionError, "input[0].content[0]"),
        (b'{"model":"m","Input":"x","input":"y"}', InvalidOptionError, "Input"),
        (b'{"model":"m","input":"x","max_output_tokens":"many"}', InvalidOptionError, "max_output_tokens"),
        (b'{"model":"m","input":"x","fairlead":{"nope":1}}', UnknownOptionError, "fairlead.nope"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_with_its_place(
    body: bytes, error: type[Exception], param: str | None
) -> None:
    with pytest.raises(error) as raised:
        read_request(body)
    assert getattr(raised.value, "param", None) == param


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000])
def test_nesting_without_end_is_refused(deep: bytes) -> None:
    with pytest.raises((MalformedBodyError, InvalidOptionError)):
        read_request(b'{"model":"m","input":[{"role":"user","content":' + deep + b"}]}")


def test_the_reply_bears_the_id_and_the_time_that_the_gateway_gives() -> None:
    read = request()
    read.reply_id = "resp_ours"
    read.created_s = 1_795_998_297
    written = json.loads(read.write_reply(Reply("theirs", "m", (ReplyChoice((Text("x"),), "stop"),))))
    assert (written["id"], written["created_at"]) == ("resp_ours", 1_795_998_297)
    assert written["output"][0]["id"] == "msg_ours_0"
