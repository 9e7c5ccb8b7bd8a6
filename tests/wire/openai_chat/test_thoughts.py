"""Signed thoughts through a chat client: whole, streamed, collected in two ways, back in their place, no further."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming._deltas import accumulate_delta

from fairlead.domain.content import FormatName, Reasoning, Text, ToolCall
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    TextDelta,
    ToolCallBegan,
)
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.wire.formats import BACKS
from fairlead.wire.openai_chat import BACK
from fairlead.wire.openai_chat.requests import AskedChat, read_request
from tests.wire.strategies import events_of, replies

CLAUDE: FormatName = "anthropic_messages"
ASK = {"role": "user", "content": "x"}
SIGNED = {"type": "reasoning.text", "text": "T", "signature": "S", "format": "anthropic_messages", "index": 0}
THEIRS = {"type": "reasoning.text", "text": "T", "signature": "S", "format": "anthropic-claude-v1", "index": 0}
UNSIGNED = {"type": "reasoning.text", "text": "T", "index": 0}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}},
    {"id": "c2", "type": "function", "function": {"name": "b", "arguments": "{}"}},
]


def asked(*messages: dict[str, Any], **members: Any) -> AskedChat:
    return read_request(json.dumps({"model": "auto", "messages": [ASK, *messages], **members}).encode())


def answer(**members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "hi", **members}


def message_of(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(asked().write_reply(reply))["choices"][0]["message"]
    return message


def deltas(events: list[Event]) -> list[dict[str, Any]]:
    """What a client hears of these events."""
    writer = asked(stream=True).writer()
    said = b"".join(map(writer.write, events)) + writer.finish(b"")
    chunks = [json.loads(line[6:]) for line in said.split(b"\n\n") if line.startswith(b"data: {")]
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def collected(events: list[Event]) -> dict[str, Any]:
    """The message of a client that joins the texts and keeps the list."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_content": "", "reasoning_details": []}
    calls: dict[str, Any] = {}
    for delta in deltas(events):
        for name in ("content", "reasoning_content"):
            message[name] += delta.get(name, "")
        message["reasoning_details"] += delta.get("reasoning_details", [])
        calls = accumulate_delta(calls, {name: delta[name] for name in ("tool_calls",) if name in delta})  # type: ignore[arg-type,assignment]
    return message | calls


def accumulated(events: list[Event]) -> dict[str, Any]:
    """The message of a client that joins everything by its index, as OpenAI's SDK does."""
    message: dict[Any, Any] = {}
    for delta in deltas(events):
        message = accumulate_delta(message, delta)  # type: ignore[arg-type]
    return message


def parts_back(message: dict[str, Any]) -> tuple[Any, ...]:
    return asked(message).chat().turns[1].parts


CALL = (ToolCallBegan(0, "c1", "a"), ArgumentsDelta(0, "{}"))
INTERLEAVED: list[Event] = [
    ReasoningDelta("I "),
    ReasoningDelta("think"),
    ReasoningSigned("S1", CLAUDE),
    ReasoningSigned("RED", CLAUDE, is_redacted=True),
    TextDelta("calling"),
    *CALL,
    ReasoningDelta("more"),
    ReasoningSigned("S2", CLAUDE),
    ToolCallBegan(1, "c2", "b"),
    ArgumentsDelta(1, "{}"),
    ChoiceFinished("tool_calls"),
]


@pytest.mark.parametrize("client", [collected, accumulated])
def test_streamed_thoughts_come_back_whole_and_before_their_calls(client: Any) -> None:
    assert parts_back(client(INTERLEAVED)) == fold(INTERLEAVED).choices[0].parts


def test_whole_thoughts_come_back_before_their_calls() -> None:
    reply = fold(INTERLEAVED)
    assert parts_back(message_of(reply)) == reply.choices[0].parts


@pytest.mark.parametrize("client", [collected, accumulated, lambda events: message_of(fold(events))])
def test_a_calls_own_signature_stays_on_the_call(client: Any) -> None:
    signed = ReasoningSigned("SIGCALL", "gemini_generate")
    events: list[Event] = [ReasoningDelta("plan"), TextDelta("I call."), signed, *CALL]
    chat = asked(client([*events, ChoiceFinished("tool_calls")])).chat()
    body = json.loads(BACKS["gemini_generate"].write_request(chat, SentModel("gemini-3-pro")).body)
    signatures = [(next(iter(part)), part.get("thoughtSignature")) for part in body["contents"][1]["parts"]]
    assert signatures == [("text", None), ("functionCall", "SIGCALL")]


def test_a_call_of_which_nothing_was_said_has_its_thoughts_in_front_of_all() -> None:
    events: list[Event] = [ReasoningDelta("T"), ReasoningSigned("S", CLAUDE), *CALL, ChoiceFinished("tool_calls")]
    parts = parts_back({"role": "assistant", "content": ""} | collected(events))
    assert parts == (Reasoning("T", "S", CLAUDE), Text(""), ToolCall("c1", "a", "{}"))


@given(st.data(), replies())
def test_what_a_stream_says_of_thoughts_is_what_the_whole_reply_says(data: st.DataObject, reply: Reply) -> None:
    events = data.draw(events_of(reply))
    told = [part for part in reply.choices[0].parts if isinstance(part, Reasoning)]
    for message in (message_of(reply), collected(events), accumulated(events)):
        assert [part for part in parts_back({"content": None} | message) if isinstance(part, Reasoning)] == told


def test_every_entry_says_its_type_and_its_place() -> None:
    whole = message_of(fold(INTERLEAVED))["reasoning_details"]
    kinds = ["reasoning.text", "reasoning.encrypted", "reasoning.text"]
    assert [(entry["type"], entry["index"]) for entry in whole] == [*zip(kinds, range(3), strict=True)]
    assert all("type" in entry and "index" in entry for entry in collected(INTERLEAVED)["reasoning_details"])


def test_thoughts_without_a_blob_between_signed_ones_stay_their_own() -> None:
    events: list[Event] = [
        ReasoningDelta("a"),
        TextDelta("b"),
        ReasoningSigned("S", "gemini_generate"),
        TextDelta("c"),
        ChoiceFinished("stop"),
    ]
    assert parts_back(collected(events))[:2] == (Reasoning("a"), Reasoning("", "S", "gemini_generate"))


def test_a_blob_that_a_client_kept_alone_has_the_thoughts_that_it_joined() -> None:
    entry = {"type": "reasoning.text", "signature": "S", "format": "anthropic_messages", "index": 0}
    message = answer(reasoning_content="I think", reasoning_details=[entry])
    assert parts_back(message)[0] == Reasoning("I think", "S", CLAUDE)


def test_signed_thoughts_of_a_responses_model_come_back_as_the_summary_that_they_are() -> None:
    thoughts = Reasoning("I think", "S", "openai_responses", is_summary=True, item_id="rs_1")
    reply = Reply("r", "m", (ReplyChoice((thoughts, Text("hi")), "stop"),))
    assert parts_back(message_of(reply)) == (thoughts, Text("hi"))


def test_a_list_of_very_many_pieces_is_one_thought() -> None:
    pieces = [{"type": "reasoning.text", "text": "ab", "index": 0} for _ in range(20_000)]
    (thought, _) = parts_back(answer(reasoning_details=[*pieces, SIGNED | {"text": None}]))
    assert thought == Reasoning("ab" * 20_000, "S", CLAUDE)


def sent(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    body = json.loads(asked(*messages).body_for(SentModel("m")))
    return body["messages"][1:]  # type: ignore[no-any-return]


@pytest.mark.parametrize("details", [[SIGNED], [UNSIGNED, SIGNED], [SIGNED | {"data": "R", "signature": None}]])
def test_thoughts_of_other_formats_stay_off_the_lane(details: list[dict[str, Any]]) -> None:
    message = answer(reasoning_content="T", reasoning="T", reasoning_details=details, refusal=None)
    assert sent(message, ASK) == [answer(refusal=None), ASK]


@pytest.mark.parametrize(
    "members",
    [
        {"reasoning_content": "T"},
        {"reasoning": "T", "reasoning_details": [THEIRS]},
        {"reasoning_content": "T", "reasoning_details": [UNSIGNED]},
        {"reasoning_details": [SIGNED | {"format": "unknown"}]},
        {"reasoning_details": None},
        {"reasoning_details": "odd"},
        {"reasoning_details": [7]},
    ],
)
def test_thoughts_of_the_upstreams_own_go_on_byte_for_byte(members: dict[str, Any]) -> None:
    body = json.dumps({"model": "auto", "messages": [ASK, answer(**members), ASK]}).encode()
    read = read_request(body)
    assert read.outline.signed_by is None
    assert read.body_for(SentModel("auto")) == body.replace(
        b'{"model": "auto", "messages": ', b'{"model":"auto","messages":'
    )


def test_of_a_list_of_two_makers_one_stays() -> None:
    (message,) = sent(answer(reasoning_content="T", reasoning_details=[SIGNED, THEIRS]))
    assert message == answer(reasoning_details=[THEIRS])


def test_the_lane_leaves_the_request_whole_for_whoever_comes_after() -> None:
    read = asked(answer(reasoning_details=[SIGNED]))
    read.body_for(SentModel("m"))
    assert read.chat().turns[1].parts[0] == Reasoning("T", "S", CLAUDE)


@pytest.mark.parametrize(
    ("details", "signed_by"),
    [
        ([SIGNED], CLAUDE),
        ([SIGNED | {"format": "gemini_generate"}], "gemini_generate"),
        ([SIGNED | {"signature": None, "data": "R"}], CLAUDE),
        ([SIGNED | {"signature": None}], None),
        ([SIGNED | {"format": "openai_chat"}], None),
        ([], None),
        ([THEIRS], None),
    ],
)
def test_whose_signed_thoughts_a_conversation_holds_is_seen(details: Any, signed_by: str | None) -> None:
    message = answer(tool_calls=CALLS, reasoning_details=details)
    assert asked(message, {"role": "tool", "tool_call_id": "c1", "content": "r"}).outline.signed_by == signed_by


def test_the_back_reads_our_own_stream_as_it_was_told() -> None:
    writer = asked(stream=True).writer()
    reader = BACK.reader()
    heard = reader.feed(b"".join(map(writer.write, INTERLEAVED)) + writer.finish(b""))
    texts = [part.text for part in fold(heard).choices[0].parts if isinstance(part, Reasoning)]
    assert texts == ["I think", "", "more"]
