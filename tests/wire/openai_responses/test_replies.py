"""Whole replies: checked on the lane, read into the hub, written from it."""

import json
from typing import Any

import pytest

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.usage import Usage
from fairlead.wire.openai_responses.replies import lane_reply, read_reply, write_reply
from fairlead.wire.openai_responses.requests import read_request
from fairlead.wire.openai_responses.response_object import ReplyShape

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 17,
}


def response(*output: Any, **members: Any) -> bytes:
    body = {"id": "resp_1", "object": "response", "model": "served", "status": "completed", "output": list(output)}
    return json.dumps({**body, **members}).encode()


def test_the_lane_reads_who_served_and_what_it_cost_and_keeps_the_bytes() -> None:
    body = response(MESSAGE, usage=USAGE)
    read = lane_reply(body, "sent")
    assert read.body is body
    assert (read.served, read.usage) == ("served", Usage(5, 3, 2, 7, 4))


def test_the_lane_names_the_sent_model_where_the_upstream_names_none() -> None:
    read = lane_reply(response(MESSAGE, model=None), "sent")
    assert json.loads(read.body)["model"] == read.served == "sent"
    assert read.usage is None


def test_a_reply_that_is_made_in_the_background_is_no_finished_one() -> None:
    with pytest.raises(TruncatedError):
        lane_reply(response(status="queued"), "sent")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", GarbledError),
        (b"", GarbledError),
        (b"[]", GarbledError),
        (b'{"output":[],"status":"completed","x":"\xff"}', GarbledError),
        (b'{"output":' + b"[" * 100_000, GarbledError),
        (response(status="failed", error={"code": "server_error", "message": "m"}), GarbledError),
        (response(error={"message": "m"}), GarbledError),
        (response(output=None), GarbledError),
        (response(MESSAGE, status=None), TruncatedError),
        (response(MESSAGE, status="in_progress"), TruncatedError),
        (response(MESSAGE, status="cancelled"), TruncatedError),
        (b'{"object":"chat.completion","choices":[]}', TruncatedError),
    ],
)
def test_what_is_no_finished_reply_is_refused_on_both_ways(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        lane_reply(body, "sent")
    with pytest.raises((GarbledError, TruncatedError)):
        read_reply(body)


def test_every_item_of_output_is_read() -> None:
    hosted = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    thoughts = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "E"}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls"}
    reply = read_reply(response(thoughts, hosted, MESSAGE, CALL, custom, usage=USAGE))
    assert reply == Reply(
        "resp_1",
        "served",
        (
            ReplyChoice(
                (
                    Reasoning("a\n\nb", "E", "openai_responses", is_summary=True, item_id="rs_1"),
                    Text("Hi."),
                    ToolCall("c1", "f", "{}"),
                    ToolCall("c2", "sh", "ls", "custom"),
                ),
                "tool_calls",
            ),
        ),
        Usage(5, 3, 2, 7, 4),
    )


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        ({}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
    ],
)
def test_the_finish_is_what_the_upstream_said(members: dict[str, Any], finish: str) -> None:
    assert read_reply(response(MESSAGE, **members)).choices[0].finish == finish


@pytest.mark.parametrize("details", [None, {}, {"reason": "steered"}])
def test_an_incomplete_reply_without_a_known_reason_is_cut(details: Any) -> None:
    with pytest.raises(TruncatedError):
        read_reply(response(MESSAGE, status="incomplete", incomplete_details=details))


def test_logprobs_of_a_message_are_the_choices() -> None:
    part = {"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi", "logprob": -1}]}
    choice = read_reply(response({"type": "message", "content": [part]})).choices[0]
    assert json.loads(choice.logprobs or b"") == [{"token": "Hi", "logprob": -1}]
    written = json.loads(write_reply(Reply("r", "m", (choice,)), ReplyShape({}, "auto")))
    assert written["output"][0]["content"][0]["logprobs"] == [{"token": "Hi", "logprob": -1}]


def test_somebody_elses_signature_goes_out_sealed_and_comes_back_to_its_maker() -> None:
    part = Reasoning("t", "S~G", "anthropic_messages", item_id="i")
    written = json.loads(write_reply(Reply("r", "m", (ReplyChoice((part,), "stop"),)), ReplyShape({}, "auto")))
    again = {"model": "m", "input": [{"role": "user", "content": "x"}, *written["output"]]}
    assert read_request(json.dumps(again).encode()).chat().turns[1].parts == (part,)


def test_what_was_asked_is_echoed_on_one_line() -> None:
    asked = read_request(
        b'{"model":"auto",\n"input":"x",\n"tools":[\n{"type":"function",\r\n"name":"f"}],"temperature":0.5}'
    )
    written = asked.write_reply(Reply("r", "m", (ReplyChoice((), "stop"),)))
    assert b"\n" not in written
    assert b"\r" not in written
    body = json.loads(written)
    assert (body["tools"], body["temperature"]) == ([{"type": "function", "name": "f"}], 0.5)
    assert (body["tool_choice"], body["parallel_tool_calls"], body["metadata"]) == ("auto", True, {})
    assert "usage" not in body
