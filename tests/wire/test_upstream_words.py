"""Upstreams' words: read from every format's errors, fit to be shown."""

import json
from collections.abc import Callable

import pytest

from fairlead.domain.errors import UpstreamError
from fairlead.wire.anthropic_messages.replies import check_reply
from fairlead.wire.anthropic_messages.stream_reading import MessageReader
from fairlead.wire.bedrock_converse.stream_reading import StreamReader as BedrockReader
from fairlead.wire.failures import message_of, read_failure
from fairlead.wire.format import ReplyReader
from fairlead.wire.gemini_generate.stream_reading import StreamReader as GeminiReader
from fairlead.wire.openai_chat.stream_reading import ChatReader
from fairlead.wire.openai_responses.replies import lane_reply
from fairlead.wire.openai_responses.stream_reading import ResponseReader
from fairlead.wire.upstream_words import error_in_reply, said_in
from tests.wire.bedrock_converse.event_streams import exception
from tests.wire.reading import failure, told


def sse(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


FAILED = {"type": "response.failed", "response": {"status": "failed", "error": {"code": "x", "message": "words"}}}


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (ChatReader, sse({"error": {"message": "words"}})),
        (ChatReader, sse({"choices": [{"index": 0, "finish_reason": "error", "error": {"message": "words"}}]})),
        (ResponseReader, sse(FAILED)),
        (ResponseReader, sse({"type": "error", "message": "words"})),
        (ResponseReader, sse({"error": {"message": "words"}})),
        (MessageReader, sse({"type": "error", "error": {"type": "overloaded_error", "message": "words"}})),
        (GeminiReader, sse({"error": {"code": 503, "message": "words", "status": "UNAVAILABLE"}})),
        (GeminiReader, sse([{"error": {"message": "words"}}])),
        (BedrockReader, exception("throttlingException", {"message": "words"})),
    ],
)
def test_the_words_of_an_error_in_a_stream_are_kept(reader: Callable[[], ReplyReader], data: bytes) -> None:
    error = failure(told(reader, [data]))
    assert error is not None and error.said is not None
    assert (error.code, error.said.message) == ("upstream_error_in_stream", "words")
    assert "words" not in error.message


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (lambda body: check_reply(body, "m"), {"type": "error", "error": {"type": "api_error", "message": "words"}}),
        (lambda body: lane_reply(body, "m"), {"status": "failed", "error": {"code": "x", "message": "words"}}),
    ],
)
def test_the_words_of_an_error_in_a_200_are_kept(read: Callable[[bytes], object], body: object) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(json.dumps(body).encode())
    assert caught.value.said is not None
    assert (caught.value.code, caught.value.said.message) == ("upstream_error_in_reply", "words")


@pytest.mark.parametrize("inner", [{"code": 401}, {"code": "invalid_api_key"}, {"type": "authentication_error"}])
def test_what_a_200_says_of_our_credentials_is_not_told(inner: dict[str, object]) -> None:
    error = error_in_reply(json.dumps({"error": {"message": "account 7 is out of credit", **inner}}).encode())
    assert "account" not in message_of(error)


def test_words_are_short_and_free_of_control_characters() -> None:
    long = read_failure(400, [], json.dumps({"error": {"message": "\x1b[31m\x00red\u202e\n" * 5_000}}).encode(), "up")
    assert message_of(long).startswith("[31mred\n[31mred\n")
    assert len(message_of(long)) == 4_000
    said = said_in(json.dumps({"error": {"message": "m", "code": "c" * 201, "param": "p\x1b"}}).encode())
    assert said == ("m", None, "p", None)


def test_the_names_of_members_and_codes_do_not_look_like_credentials() -> None:
    words = "Use 'max_completion_tokens' instead, not context_length_exceeded"
    body = {"error": {"message": words, "type": "invalid_request_error", "code": "unsupported_parameter"}}
    assert said_in(json.dumps(body).encode()) == (words, "invalid_request_error", None, "unsupported_parameter")
    leak = {"error": {"message": "m", "type": "bad:sk-abcdefghijklmnop", "param": "AKIAABCDEFGHIJKLMNOP"}}
    assert said_in(json.dumps(leak).encode()) == ("m", "bad:***", "***", None)
