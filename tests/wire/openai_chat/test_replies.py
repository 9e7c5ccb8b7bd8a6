"""Whole replies: finished ones go on as they came, all else is the upstream's failure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError, TruncatedError, UpstreamError
from fairlead.domain.usage import Usage
from fairlead.wire.openai_chat.replies import read_embeddings, read_reply


def reply(**members: Any) -> bytes:
    value = {"model": "served-2026", "choices": [{"index": 0, "message": {"content": "é"}, "finish_reason": "stop"}]}
    return json.dumps(value | members, indent=1).encode()


def test_a_finished_reply_goes_on_byte_for_byte() -> None:
    body = reply(usage={"prompt_tokens": 3, "completion_tokens": 4}, vendor={"x": [1.50]})
    read = read_reply(body, "sent")
    assert (read.body, read.served, read.usage) == (body, "served-2026", Usage(input_tokens=3, output_tokens=4))


def test_a_reply_that_does_not_say_who_served_gets_the_name_that_was_sent() -> None:
    for model in (None, ""):
        read = read_reply(reply(model=model), "sent")
        assert read.served == "sent"
        assert json.loads(read.body) == json.loads(reply(model="sent"))


@pytest.mark.parametrize("usage", [None, {}])
def test_usage_that_is_not_reported_is_unknown(usage: Any) -> None:
    assert read_reply(reply(usage=usage), "sent").usage is None


def test_every_choice_must_have_finished() -> None:
    choices = [{"finish_reason": "stop"}, {"finish_reason": None}]
    with pytest.raises(TruncatedError):
        read_reply(reply(choices=choices), "sent")


@pytest.mark.parametrize("finish", [None, ""])
def test_a_reply_without_a_finish_reason_is_truncated(finish: str | None) -> None:
    with pytest.raises(TruncatedError):
        read_reply(reply(choices=[{"finish_reason": finish}]), "sent")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"choices":[{"finish_reason":"error"}]}',
        b"<html>busy</html>",
        b"[]",
        b"{}",
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"error":{"message":"no"}}',
        b'{"error":"no","choices":[{"finish_reason":"stop"}]}',
        b'{"choices":[{"finish_reason":"stop"}],"x":"\xff"}',
        b'{"choices":' + b"[" * 100_000,
    ],
    ids=lambda value: repr(value[:40]),
)
def test_what_is_no_reply_is_the_upstreams_failure(body: bytes) -> None:
    with pytest.raises(GarbledError) as caught:
        read_reply(body, "sent")
    assert caught.value.status == 502


@given(st.integers(0, 400))
def test_a_cut_reply_is_never_taken_for_a_whole_one(place: int) -> None:
    body = reply(usage={"prompt_tokens": 3, "completion_tokens": 4})
    with pytest.raises(UpstreamError):
        read_reply(body[: place % len(body)], "sent")


def test_embeddings_go_on_byte_for_byte() -> None:
    for vector in ([0.1, -2e-3], "AAAA"):
        data = {"object": "list", "data": [{"embedding": vector}], "model": "e", "usage": {"prompt_tokens": 2}}
        body = json.dumps(data).encode()
        assert read_embeddings(body, "sent") == (body, "e", Usage(input_tokens=2))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data":{}}', b'{"data":null}', b'{"error":{"message":"no"}}', b"nope"])
def test_what_are_no_embeddings_is_the_upstreams_failure(body: bytes) -> None:
    with pytest.raises(GarbledError):
        read_embeddings(body, "sent")
