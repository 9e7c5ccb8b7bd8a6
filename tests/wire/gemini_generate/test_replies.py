"""Gemini's replies, whole and streamed: what was said, how it ended, what it cost; and nothing that was not said."""

import json
from contextlib import suppress
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.events import ChoiceFinished, TextDelta, UsageReported
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.domain.usage import Usage
from fairlead.wire.gemini_generate import BACK
from fairlead.wire.gemini_generate.failures import read_gemini_failure
from fairlead.wire.gemini_generate.replies import FILTERED
from tests.wire.reading import cut, failure, places, shown, told, words

USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 7,
    "totalTokenCount": 22,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
}
READ_USAGE = Usage(input_tokens=6, cached_read_tokens=4, output_tokens=12, reasoning_tokens=7)


def response(*parts: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3-pro", "responseId": "r1", **more}


def sse(*responses: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\r\n\r\n" for each in responses)


CALL = {"functionCall": {"name": "weather", "args": {"city": "Köln"}, "id": "f1"}, "thoughtSignature": "c2ln"}
STREAM = sse(
    response({"text": "I ", "thought": True}, usageMetadata={"promptTokenCount": 10}),
    response({"text": "think.", "thought": True}),
    response({"text": "Hel"}),
    response({"text": "lo é"}),
    response(CALL),
    response({"functionCall": {"name": "time"}}),
    response({"text": ""}, finish="STOP", usageMetadata=USAGE),
)
TWO_BEGUN = {
    "candidates": [{"content": {"parts": [{"text": "a"}]}}, {"index": 1, "content": {"parts": [{"text": "b"}]}}]
}
WHOLE = response(
    {"text": "I think.", "thought": True},
    {"text": "Hello é"},
    CALL,
    {"functionCall": {"name": "time"}},
    finish="STOP",
    usageMetadata=USAGE,
)


def read(value: object) -> Reply:
    return BACK.read_reply(json.dumps(value, ensure_ascii=False).encode())


def test_the_recorded_style_replies_are_the_vendors() -> None:
    for each in (WHOLE, response(CALL, finish="STOP", usageMetadata=USAGE)):
        types.GenerateContentResponse.model_validate_json(json.dumps(each))


def test_a_whole_reply_is_read() -> None:
    assert read(WHOLE) == Reply(
        "r1",
        "gemini-3-pro",
        (
            ReplyChoice(
                (
                    Reasoning("I think."),
                    Text("Hello é"),
                    Reasoning("", "c2ln", "gemini_generate"),
                    ToolCall("f1", "weather", '{"city": "Köln"}'),
                    ToolCall("", "time", "{}"),
                ),
                "tool_calls",
            ),
        ),
        READ_USAGE,
    )


def test_a_stream_tells_what_the_whole_reply_tells() -> None:
    assert fold(told(BACK.reader, [STREAM])) == read(WHOLE)


@given(places, st.sampled_from([b"\r\n", b"\n", b"\r"]), st.booleans(), st.booleans())
def test_any_cut_tells_the_same(at: list[int], line_end: bytes, has_bom: bool, has_end: bool) -> None:
    data = (b"\xef\xbb\xbf" if has_bom else b"") + b": hi\n\n" + STREAM.replace(b"\r\n", line_end)
    data = data if has_end else data.rstrip()
    assert shown(told(BACK.reader, cut(data, at))) == shown(told(BACK.reader, [STREAM]))


def test_byte_by_byte_tells_the_same() -> None:
    assert told(BACK.reader, [bytes([each]) for each in STREAM]) == told(BACK.reader, [STREAM])


def test_a_stream_cut_anywhere_before_its_finish_is_truncated() -> None:
    finish_at = STREAM.index(b'"STOP"')
    for place in range(0, finish_at, 7):
        events = told(BACK.reader, [STREAM[:place]])
        assert isinstance(failure(events), TruncatedError)
        assert not any(isinstance(event, ChoiceFinished) for event in events)


def test_usage_comes_once_after_the_finish() -> None:
    events = told(BACK.reader, [STREAM])
    assert events[-2:] == [ChoiceFinished("tool_calls"), UsageReported(READ_USAGE)]
    assert sum(isinstance(event, UsageReported) for event in events) == 1


def test_usage_that_comes_after_the_finish_counts() -> None:
    events = told(BACK.reader, [sse(response({"text": "x"}, finish="STOP"), {"usageMetadata": USAGE})])
    assert events[-1] == UsageReported(READ_USAGE) and failure(events) is None


def test_a_signature_on_words_stands_in_front_of_them_and_an_empty_signed_part_at_their_end() -> None:
    parts = read(response({"text": "a"}, {"text": "b", "thoughtSignature": "eA=="}, finish="STOP")).choices[0].parts
    assert parts == (Text("a"), Reasoning("", "eA==", "gemini_generate"), Text("b"))
    parts = read(response({"text": "a"}, {"text": "", "thoughtSignature": "eA=="}, finish="STOP")).choices[0].parts
    assert parts == (Text("a"), Reasoning("", "eA==", "gemini_generate"))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), *((reason, "content_filter") for reason in sorted(FILTERED))],
)
def test_every_finish_has_its_meaning(reason: str, finish: str) -> None:
    assert reason in {each.value for each in types.FinishReason}
    assert read(response({"text": "x"}, finish=reason)).choices[0].finish == finish


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL", "a\r\nnew <one>"])
def test_a_reason_that_is_no_finish_is_a_failure_of_the_upstream(reason: str) -> None:
    with pytest.raises(UpstreamError, match="did not finish") as caught:
        read(response({"text": "x"}, finish=reason))
    assert "\r" not in caught.value.message and "<" not in caught.value.message
    assert isinstance(failure(told(BACK.reader, [sse(response({"text": "x"}, finish=reason))])), UpstreamError)


@pytest.mark.parametrize("reason", [None, "", "FINISH_REASON_UNSPECIFIED"])
def test_without_a_finish_a_reply_is_truncated(reason: str | None) -> None:
    with pytest.raises(TruncatedError):
        read(response({"text": "x"}, finish=reason))


def test_a_blocked_prompt_is_filtered_content() -> None:
    reply = read({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})
    assert reply.choices == (ReplyChoice((), "content_filter"),) and reply.usage == Usage(input_tokens=3)


def test_several_candidates_keep_apart() -> None:
    events = told(
        BACK.reader,
        [sse(
            TWO_BEGUN,
            response({"text": "A"}, finish="STOP"),
            response(CALL, finish="STOP", index=1),
        )],
    )  # fmt: skip
    first, second = fold(events).choices
    assert (first.parts, first.finish) == ((Text("aA"),), "stop")
    assert second.finish == "tool_calls" and isinstance(second.parts[-1], ToolCall)


def test_one_finished_candidate_of_two_is_not_the_end() -> None:
    assert isinstance(failure(told(BACK.reader, [sse(TWO_BEGUN, response(finish="STOP"))])), TruncatedError)


def test_logprobs_are_told_in_the_hubs_words() -> None:
    value = response({"text": "Hi"}, finish="STOP")
    value["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.5, "tokenId": 3}],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -1.5}]}],
    }
    logprobs = read(value).choices[0].logprobs
    assert logprobs is not None and json.loads(logprobs) == [
        {"token": "Hi", "logprob": -0.5, "bytes": [72, 105],
         "top_logprobs": [{"token": "Ho", "logprob": -1.5, "bytes": [72, 111]}]}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data", [b'data: {"error":{"code":503,"message":"x"}}\n\n', b'data: [{"error":{"code":503}}]\n\n']
)
def test_an_error_in_the_stream_is_told_as_one(data: bytes) -> None:
    events = told(BACK.reader, [sse(response({"text": "a"})) + data + sse(response(finish="STOP"))])
    error = failure(events)
    assert error is not None and error.code == "upstream_error_in_stream" and words(events) == "a"


def test_unknown_members_events_and_parts_are_passed_over() -> None:
    part = {"executableCode": {"language": "PYTHON", "code": "1"}}
    data = b"event: odd\r\n\r\n: comment\r\n\r\n" + sse(response(part, {"text": "x"}, finish="STOP", newMember=[1]))
    assert TextDelta("x") in told(BACK.reader, [data])


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b'{"candidates":{}}', b'{"candidates":[{"index":"a"}]}', b"[" * 100_000),
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"args":"\xff"}}]}}]}',
        b'{"candidates":[{"index":' + b"9" * 5_000 + b"}]}",
    ],
)
def test_what_is_no_response_is_garbled(body: bytes) -> None:
    with pytest.raises(GarbledError):
        BACK.read_reply(body)
    assert isinstance(failure(told(BACK.reader, [b"data: " + body + b"\n\n"])), UpstreamError)


@given(st.binary(max_size=60), places, st.integers(0, len(STREAM)))
def test_no_bytes_make_a_reader_raise(noise: bytes, at: list[int], place: int) -> None:
    data = STREAM[:place] + noise + STREAM[place:]
    told(BACK.reader, cut(data, at))
    with suppress(UpstreamError):
        BACK.read_reply(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "text", "functionCall", "args", "finishReason", "index"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_makes_a_reader_raise(value: Any) -> None:
    body = json.dumps(value).encode()
    told(BACK.reader, [b"data: " + body + b"\n\n"])
    with suppress(UpstreamError):
        BACK.read_reply(body)


def test_a_wrong_key_is_a_failure_of_credentials_whatever_its_status() -> None:
    body = json.dumps({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
                                 "details": [{"reason": "API_KEY_INVALID"}]}}).encode()  # fmt: skip
    error = read_gemini_failure(400, [], body, "up")
    assert (error.upstream_status, error.is_retryable, error.status) == (401, True, 502)


def test_a_place_that_is_not_served_is_no_fault_of_the_request() -> None:
    body = b'{"error":{"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}'
    assert read_gemini_failure(400, [], body, "up").is_retryable
    assert not read_gemini_failure(400, [], b'{"error":{"message":"no"}}', "up").is_retryable


def test_the_delay_before_another_try_is_read_from_the_body() -> None:
    body = (
        b'{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}'
    )
    assert read_gemini_failure(429, [], body, "up").retry_after_s == 34.5
    assert read_gemini_failure(429, [(b"retry-after", b"2")], body, "up").retry_after_s == 2.0
