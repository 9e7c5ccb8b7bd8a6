"""Chat completions through the hub: what comes in goes out again, nothing is invented, and what is lost is named."""

import json
from hashlib import sha256
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from fairlead.domain.content import Media, Reasoning, Text, ToolCall, ToolChoice, ToolResult, Turn
from fairlead.domain.errors import GarbledError, InvalidOptionError, TruncatedError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.domain.request import ChatRequest, Effort, ReasoningWish
from fairlead.domain.usage import Usage
from fairlead.wire.openai_chat import BACK
from fairlead.wire.openai_chat.requests import AskedChat, read_request
from fairlead.wire.openai_chat.stream_reading import ChatReader

FUNCTION = {"name": "look", "description": "d", "parameters": {"type": "object", "properties": {"b": {}, "a": {}}}}
FULL: dict[str, Any] = {
    "model": "auto",
    "messages": [
        {"role": "developer", "content": "Be short."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://pictures.example/x.png"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"b": 1, "a":2}'}},
                {"id": "t2", "type": "custom", "custom": {"name": "run", "input": "ls -l"}},
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "a cat"},
        {"role": "tool", "tool_call_id": "t2", "content": [{"type": "text", "text": "done"}]},
    ],
    "tools": [
        {"type": "function", "function": FUNCTION | {"strict": True}},
        {"type": "custom", "custom": {"name": "run", "format": {"type": "text"}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": {"type": "object"}}},
    "max_tokens": 50,
    "temperature": 0.5,
    "top_p": 0.9,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.2,
    "seed": 7,
    "stop": ["a", "b"],
    "logit_bias": {"5": 1},
    "logprobs": True,
    "top_logprobs": 2,
    "n": 2,
    "reasoning_effort": "low",
    "user": "u",
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "verbosity": "low",
}


def asked(**members: Any) -> AskedChat:
    return read_request(json.dumps(FULL | members).encode())


def test_a_request_goes_through_the_hub_without_loss() -> None:
    chat = asked().chat()
    carried = BACK.write_request(chat, SentModel("sent"))
    written = json.loads(carried.body)
    expected = json.loads(json.dumps(FULL)) | {"model": "sent"}
    expected["messages"][0]["role"] = "system"
    expected["messages"][4]["content"] = "done"
    assert written == expected
    assert (chat.losses, carried.losses) == ((), ())


def test_arguments_and_schemas_keep_their_spelling() -> None:
    chat = asked().chat()
    assert chat.turns[2].parts[1] == ToolCall("t1", "look", '{"b": 1, "a":2}')
    assert chat.tools[0].schema == json.dumps(FUNCTION["parameters"]).encode()
    assert chat.turns[3].parts[0] == ToolResult("t1", (Text("a cat"),), name="look")
    assert chat.tool_choice == ToolChoice("one", "look")


def test_what_the_hub_has_no_word_for_is_a_loss_by_name() -> None:
    chat = asked(prediction={"type": "content"}, web_search_options={}, nothing=None).chat()
    assert [loss.what for loss in chat.losses] == ["prediction", "web_search_options"]
    lost = BACK.write_request(asked(top_k=5, min_p=0.1, metadata={"a": "b"}).chat(), SentModel("m")).losses
    assert {loss.what for loss in lost} == {"top_k", "min_p", "metadata"}


def test_an_end_users_long_name_is_told_by_its_digest() -> None:
    for user in ("u" * 64, "u" * 65, "\ud83d" * 300):
        carried = BACK.write_request(asked().chat()._replace(user=user), SentModel("m"))
        digest = sha256(user.encode(errors="replace")).hexdigest()
        assert json.loads(carried.body)["user"] == (user if len(user) <= 64 else digest)
        assert carried.losses == ()


@pytest.mark.parametrize("effort", get_args(Effort))
def test_every_effort_has_its_word(effort: Effort) -> None:
    carried = BACK.write_request(asked().chat()._replace(reasoning=ReasoningWish(effort)), SentModel("m"))
    assert json.loads(carried.body)["reasoning_effort"] == effort
    assert carried.losses == ()


def test_the_title_of_a_document_of_plain_text_is_a_loss() -> None:
    document = Media("file", "text/plain", text="words", name="Title")
    for parts in ((document,), (document, Text("sum up")), (ToolResult("t1", (document,)),)):
        carried = BACK.write_request(ChatRequest((Turn("user", parts),)), SentModel("m"))
        assert [loss.what for loss in carried.losses] == ["document name"]
        assert b'"text":"words"' in carried.body


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"reasoning_effort": "a lot"}, "reasoning_effort"),
        ({"stop": 5}, "stop"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function"),
    ],
)
def test_a_member_of_a_wrong_shape_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        asked(**members).chat()
    assert caught.value.param == param


def test_old_functions_are_tools() -> None:
    request = asked(
        tools=None,
        functions=[FUNCTION],
        function_call={"name": "look"},
        tool_choice=None,
        messages=[
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
            {"role": "function", "name": "look", "content": "y"},
        ],
    )
    chat = request.chat()
    assert chat.turns[1].parts == (ToolCall("call_look", "look", "{}"),)
    assert chat.turns[2].parts == (ToolResult("call_look", (Text("y"),), name="look"),)
    assert chat.tool_choice == ToolChoice("one", "look")


def test_reasoning_with_its_blob_comes_back_from_the_client_as_it_went_out() -> None:
    thoughts = Reasoning("I think.", "SIGN", "anthropic_messages")
    hidden = Reasoning("", "ZZZ", "anthropic_messages", is_redacted=True)
    reply = Reply("r", "m", (ReplyChoice((thoughts, hidden, Text("hi")), "stop"),))
    message = json.loads(asked().write_reply(reply))["choices"][0]["message"]
    assert message["reasoning_content"] == "I think."
    again = asked(messages=[{"role": "user", "content": "x"}, message]).chat()
    assert again.turns[1].parts == (thoughts, hidden, Text("hi"))


def test_media_of_a_tools_result_follow_in_the_users_name() -> None:
    chat = asked().chat()
    result = ToolResult("t1", (Text("see"), Media("image", "image/png", "AAAA")))
    turns = (*chat.turns[:3], chat.turns[3]._replace(parts=(result,)))
    written = json.loads(BACK.write_request(chat._replace(turns=turns), SentModel("m")).body)["messages"]
    assert written[3] == {"role": "tool", "tool_call_id": "t1", "content": "see"}
    assert written[4]["content"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"


def whole(**choice: Any) -> bytes:
    message = {"role": "assistant", "content": "hi"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"} | choice]
    return json.dumps({"id": "c", "model": "m", "choices": choices, "usage": {"prompt_tokens": 3}}).encode()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", GarbledError),
        (b"{}", GarbledError),
        (b'{"choices":[]}', GarbledError),
        (b'{"choices":7}', GarbledError),
        (b'{"error":{"message":"x"}}', GarbledError),
        (whole(finish_reason=None), TruncatedError),
        (whole(finish_reason="error"), GarbledError),
        (b"[" * 100_000, GarbledError),
    ],
)
def test_what_is_no_reply_is_the_upstreams_failure(body: bytes, error: type[UpstreamError]) -> None:
    with pytest.raises(error):
        BACK.read_reply(body)


def test_a_reply_that_calls_tools_says_so_whatever_the_upstream_called_its_finish() -> None:
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]
    reply = BACK.read_reply(whole(message={"content": None, "tool_calls": calls}))
    assert reply.choices[0] == ReplyChoice((ToolCall("t", "f", '{"a":1}'),), "tool_calls")


def test_the_sdk_reads_what_is_written() -> None:
    call = ToolCall("t", "f", "{}")
    usage = Usage(input_tokens=5, cached_read_tokens=2, output_tokens=4, reasoning_tokens=1)
    reply = Reply("r", "m", (ReplyChoice((Text("a"), call), "tool_calls"),), usage)
    read = ChatCompletion.model_validate_json(asked().write_reply(reply), strict=False)
    assert read.choices[0].message.content == "a"
    assert read.usage is not None
    assert (read.usage.prompt_tokens, read.usage.completion_tokens, read.usage.total_tokens) == (7, 4, 11)


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    value = {"id": "c", "model": "m", "choices": [choice]} | more
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def read(*pieces: bytes) -> list[Event]:
    reader = ChatReader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def calls(*given: dict[str, Any]) -> bytes:
    return chunk({"tool_calls": list(given)})


def test_parallel_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    events = read(
        calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
        calls({"index": 0, "id": "b", "function": {"name": "g", "arguments": '{"x"'}}),
        calls({"index": 0, "function": {"arguments": ":1}"}}),
        chunk({}, "stop"),
        DONE,
    )
    reply = fold(events)
    assert reply.choices[0].parts == (ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}'))
    assert reply.choices[0].finish == "tool_calls"


STREAM = b"".join(
    (
        b"\xef\xbb\xbf: hello\n\n",
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm "}),
        chunk({"content": "Grüße "}),
        chunk({"content": "🙂"}),
        calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}),
        calls({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}),
        calls({"index": 0, "function": {"arguments": '{"é":1}'}}),
        chunk({}, "tool_calls"),
        b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
        DONE,
    )
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_the_events_are_the_same_however_the_bytes_are_cut(cuts: list[int], end_of_line: bytes) -> None:
    expected = read(STREAM)
    data = STREAM.replace(b"\n", end_of_line)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert read(*(data[a:b] for a, b in pairwise(places))) == expected
    reply = fold(expected)
    assert reply.usage == Usage(input_tokens=3, output_tokens=2)
    assert reply.choices[0].parts[0] == Reasoning("hm ")


@given(st.integers(0, len(STREAM) - 1))
def test_a_stream_that_is_cut_has_failed_unless_it_had_finished(cut: int) -> None:
    events = read(STREAM[:cut])
    has_finished = any(isinstance(event, ChoiceFinished) for event in events)
    assert has_finished or isinstance(events[-1], ReplyFailed)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    read(data)
    read(b"data: " + data + b"\n\n")


@pytest.mark.parametrize(
    "data", [b"data: {}x\n\n", b'data: {"choices":[{"delta":7}]}\n\n', b"data: " + b"[" * 99_999 + b"\n\n"]
)
def test_garbage_in_a_stream_is_said_after_what_came_before_it(data: bytes) -> None:
    *before, last = read(chunk({"content": "a"}) + data + chunk({"content": "b"}))
    assert before == [ReplyBegan("c", "m"), TextDelta("a")]
    assert isinstance(last, ReplyFailed)
    assert isinstance(last.error, GarbledError)


def test_an_error_in_the_stream_is_known_as_one() -> None:
    for event in (b'data: {"error":{"message":"x"}}\n\n', chunk({}, "error")):
        (*_, last) = read(chunk({"content": "a"}), event)
        assert isinstance(last, ReplyFailed)
        assert last.error.code == "upstream_error_in_stream"


def test_a_written_stream_reads_back_as_it_was_told() -> None:
    request = asked(stream=True, stream_options={"include_usage": True})
    request.reply_id, request.created_s = "r1", 9
    told: list[Event] = [
        ReplyBegan("r1", "served"),
        TextDelta("a\n“b”", logprobs=b'[{"token":"a","logprob":-1.0,"bytes":null,"top_logprobs":[]}]'),
        ReasoningSigned("S", "gemini_generate"),
        ToolCallBegan(0, "t", "f"),
        ArgumentsDelta(0, '{"q": "\\"'),
        ArgumentsDelta(0, '"}'),
        ChoiceFinished("tool_calls"),
    ]
    writer = request.writer()
    pieces = [writer.write(event) for event in told]
    writer.write(UsageReported(Usage(input_tokens=1, output_tokens=2)))
    data = b"".join(pieces) + writer.finish(b": c\n\n")
    told[2] = ReasoningSigned("S", "gemini_generate", item_id="t")  # it says which call it stands before
    assert read(data) == [*told, UsageReported(Usage(input_tokens=1, output_tokens=2))]
    assert data.endswith(b": c\n\n" + DONE)
    for line in data.split(b"\n\n"):
        if line.startswith(b"data: {"):
            ChatCompletionChunk.model_validate_json(line[6:], strict=False)


def test_usage_is_hidden_from_a_client_that_did_not_ask() -> None:
    writer = asked(stream=True).writer()
    writer.write(ReplyBegan("r", "m"))
    writer.write(UsageReported(Usage(1, 0, 0, 2)))
    assert writer.finish(b"") == DONE
