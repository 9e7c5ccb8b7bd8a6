"""Bedrock's replies, whole and streamed: what was said, how it ended, what it cost; and nothing that was not said."""

import json
from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import ChoiceFinished, UsageReported
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.domain.usage import Usage
from fairlead.wire.bedrock_converse import BACK
from fairlead.wire.bedrock_converse.failures import read_bedrock_failure
from fairlead.wire.bedrock_converse.replies import FINISHES
from tests.wire.bedrock_converse.event_streams import event, exception, message, stream, string_header
from tests.wire.reading import cut, failure, places, shown, told, words

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
USAGE = {
    "inputTokens": 6,
    "outputTokens": 12,
    "totalTokens": 25,
    "cacheReadInputTokens": 4,
    "cacheWriteInputTokens": 3,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 1}],
}
READ_USAGE = Usage(
    input_tokens=6, cached_read_tokens=4, cache_write_tokens=3, output_tokens=12, cache_write_1h_tokens=2
)


def delta(index: int, value: object) -> tuple[str, object]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": value, "p": "abcdef"}


def stop(index: int) -> tuple[str, object]:
    return "contentBlockStop", {"contentBlockIndex": index, "p": "ab"}


def tool(index: int, call_id: str, name: str) -> tuple[str, object]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": call_id, "name": name}}}


BEGIN: tuple[str, object] = ("messageStart", {"role": "assistant", "p": "abc"})
SAID = [
    BEGIN,
    delta(0, {"reasoningContent": {"text": "I "}}),
    delta(0, {"reasoningContent": {"text": "think."}}),
    delta(0, {"reasoningContent": {"signature": "sig"}}),
    stop(0),
    delta(1, {"reasoningContent": {"redactedContent": "AA=="}}),
    stop(1),
    delta(2, {"text": "Hel"}),
    delta(2, {"text": "lo é"}),
    stop(2),
    tool(3, "tooluse_1", "weather"),
    delta(3, {"toolUse": {"input": '{"city": '}}),
    delta(3, {"toolUse": {"input": '"Köln"}'}}),
    stop(3),
    tool(4, "tooluse_2", "time"),
    stop(4),
]
FINISH = ("messageStop", {"stopReason": "tool_use"})
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 551}})
STREAM = stream([*SAID, FINISH, METADATA])


def whole(*blocks: dict[str, Any], reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": list(blocks)}},
        "stopReason": reason,
        "usage": USAGE,
        "metrics": {"latencyMs": 1},
        **more,
    }


WHOLE = whole(
    {"reasoningContent": {"reasoningText": {"text": "I think.", "signature": "sig"}}},
    {"reasoningContent": {"redactedContent": "AA=="}},
    {"text": "Hello é"},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Köln"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "time", "input": {}}},
    reason="tool_use",
)


def read(value: object) -> Reply:
    return BACK.read_reply(json.dumps(value, ensure_ascii=False).encode())


def test_the_recorded_style_replies_are_the_service_models() -> None:
    output = SERVICE.operation_model("Converse").output_shape
    assert set(WHOLE) <= set(output.members)
    kinds = SERVICE.operation_model("ConverseStream").output_shape.members["stream"].members
    for kind, value in [*SAID, FINISH, METADATA]:
        assert isinstance(value, dict) and set(value) - {"p"} <= set(kinds[kind].members)


def test_a_whole_reply_is_read() -> None:
    parts = (
        Reasoning("I think.", "sig", "bedrock_converse"),
        Reasoning("", "AA==", "bedrock_converse", is_redacted=True),
        Text("Hello é"),
        ToolCall("tooluse_1", "weather", '{"city": "Köln"}'),
        ToolCall("tooluse_2", "time", "{}"),
    )
    assert read(WHOLE) == Reply("", "", (ReplyChoice(parts, "tool_calls"),), READ_USAGE)


def test_a_stream_tells_what_the_whole_reply_tells() -> None:
    assert fold(told(BACK.reader, [STREAM])) == read(WHOLE)


@given(places)
def test_any_cut_tells_the_same(at: list[int]) -> None:
    assert shown(told(BACK.reader, cut(STREAM, at))) == shown(told(BACK.reader, [STREAM]))


def test_byte_by_byte_tells_the_same() -> None:
    assert told(BACK.reader, [bytes([each]) for each in STREAM]) == told(BACK.reader, [STREAM])


def test_a_stream_cut_anywhere_before_its_finish_is_truncated() -> None:
    finished_at = len(stream([*SAID, FINISH]))
    for place in range(0, finished_at, 11):
        events = told(BACK.reader, [STREAM[:place]])
        assert isinstance(failure(events), TruncatedError)
        assert not any(isinstance(each, ChoiceFinished) for each in events)
    assert failure(told(BACK.reader, [STREAM[:finished_at]])) is None


def test_the_last_event_is_known_and_nothing_comes_after_it() -> None:
    reader = BACK.reader()
    events = reader.feed(STREAM + event(*FINISH))
    assert events[-2:] == [ChoiceFinished("tool_calls"), UsageReported(READ_USAGE)]
    assert reader.is_done and reader.feed(b"x") == [] and reader.end() == []


def test_usage_before_a_finish_is_a_truncated_reply() -> None:
    assert isinstance(failure(told(BACK.reader, [stream([*SAID, METADATA])])), TruncatedError)


@pytest.mark.parametrize(("reason", "finish"), sorted(FINISHES.items()))
def test_every_finish_has_its_meaning(reason: str, finish: str) -> None:
    assert reason in SERVICE.shape_for("StopReason").enum
    assert read(whole({"text": "x"}, reason=reason)).choices[0].finish == finish


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use", "new\r\n<one>"])
def test_a_reason_that_is_no_finish_is_a_failure_of_the_upstream(reason: str) -> None:
    with pytest.raises(UpstreamError, match="did not finish") as caught:
        read(whole({"text": "x"}, reason=reason))
    assert "\r" not in caught.value.message and "<" not in caught.value.message
    events = told(BACK.reader, [stream([BEGIN, delta(0, {"text": "x"}), ("messageStop", {"stopReason": reason})])])
    assert failure(events) is not None and words(events) == "x"


@pytest.mark.parametrize("reason", [None, ""])
def test_without_a_finish_a_reply_is_truncated(reason: str | None) -> None:
    with pytest.raises(TruncatedError):
        read(whole({"text": "x"}, reason=reason))


def test_a_prompt_router_says_who_served() -> None:
    assert read(whole({"text": "x"}, trace={"promptRouter": {"invokedModelId": "a.b"}})).served == "a.b"


def test_cited_words_are_words_and_a_servers_own_tools_no_calls() -> None:
    parts = read(
        whole(
            {"text": "a"},
            {"citationsContent": {"content": [{"text": "b"}], "citations": []}},
            {"toolUse": {"toolUseId": "t", "name": "search", "input": {}, "type": "server_tool_use"}},
            {"image": {"format": "png", "source": {"bytes": "AA=="}}},
        )
    ).choices[0]
    assert parts.parts == (Text("ab"),)
    own_tool = {"toolUseId": "t", "name": "search", "type": "server_tool_use"}
    own = ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": own_tool}})
    events = told(BACK.reader, [stream([BEGIN, own, delta(0, {"toolUse": {"input": "{}"}}), stop(0)])])
    assert words(events) == ""


@pytest.mark.parametrize(
    "kind",
    [
        *("internalServerException", "modelStreamErrorException", "validationException"),
        *("throttlingException", "serviceUnavailableException"),
    ],
)
def test_an_exception_in_the_stream_is_told_as_one_its_words_apart(kind: str) -> None:
    assert kind in SERVICE.operation_model("ConverseStream").output_shape.members["stream"].members
    data = stream(SAID[:9]) + exception(kind, {"message": "canary"}) + stream([FINISH, METADATA])
    events = told(BACK.reader, [data])
    error = failure(events)
    assert error is not None and error.code == "upstream_error_in_stream" and "canary" not in error.message
    assert words(events) == "I think.Hello é"


def test_an_error_that_is_no_modelled_exception_is_told_too() -> None:
    headers = string_header(":message-type", "error") + string_header(":error-code", "x")
    assert failure(told(BACK.reader, [message(headers, b"")])) is not None


def test_unknown_events_and_members_are_passed_over() -> None:
    data = stream(
        [BEGIN, ("brandNew", [1]), delta(0, {"text": "x"}), delta(0, {"citation": {"title": "t"}}), delta(0, {})]
    )
    assert words(told(BACK.reader, [data])) == "x"


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"\xff", b'{"delta":1}', b'{"delta":{"text":5}}', b"[" * 100_000]
)
def test_what_is_no_event_is_garbled(payload: bytes) -> None:
    headers = string_header(":event-type", "contentBlockDelta") + string_header(":message-type", "event")
    assert isinstance(failure(told(BACK.reader, [event(*BEGIN) + message(headers, payload)])), GarbledError)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"{}", b"\xff", b'{"output":{"message":{"content":1}}}', b"[" * 100_000),
        b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"a","name":"b","input":"\xff"}}]}},"stopReason":"x"}',
    ],
)
def test_what_is_no_reply_is_garbled(body: bytes) -> None:
    with pytest.raises(GarbledError):
        BACK.read_reply(body)


@given(st.binary(max_size=60), places, st.integers(0, len(STREAM)))
def test_no_bytes_make_a_reader_raise(noise: bytes, at: list[int], place: int) -> None:
    told(BACK.reader, cut(STREAM[:place] + noise + STREAM[place:], at))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["delta", "start", "toolUse", "text", "toolUseId", "name", "input", "stopReason", "usage",
                         "contentBlockIndex", "output", "message", "content", "reasoningContent"]), inner
    ),
    max_leaves=20,
)  # fmt: skip


kinds = st.sampled_from(["contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"])


@given(json_values, kinds)
def test_no_json_makes_a_reader_raise(value: Any, kind: str) -> None:
    told(BACK.reader, [stream([BEGIN, tool(0, "a", "b"), (kind, value)])])
    with suppress(UpstreamError):
        BACK.read_reply(json.dumps(value).encode())


def test_a_400_about_the_signature_is_a_failure_of_credentials() -> None:
    error = read_bedrock_failure(400, [(b"x-amzn-errortype", b"IncompleteSignatureException")], b"{}", "up")
    assert (error.upstream_status, error.is_retryable, error.status) == (403, True, 502)


def test_a_model_that_this_region_has_not_is_no_fault_of_the_request() -> None:
    body = b'{"message":"Invocation of model ID x with on-demand throughput isn\\u2019t supported."}'
    assert read_bedrock_failure(400, [], body, "up").is_retryable
    assert not read_bedrock_failure(400, [], b'{"message":"no"}', "up").is_retryable
