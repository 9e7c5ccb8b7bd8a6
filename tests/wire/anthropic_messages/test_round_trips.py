"""Anthropic's format to the hub and back: nothing changes but for declared losses; any cut tells the same events."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.content import Part, Reasoning, Text, ToolCall, ToolResult, Turn
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
)
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, fold
from fairlead.domain.request import ChatRequest, ReasoningWish
from fairlead.wire.anthropic_messages import BACK, DOOR
from fairlead.wire.anthropic_messages.reply_writing import write_reply
from fairlead.wire.anthropic_messages.stream_writing import MessageWriter
from tests.wire.strategies import chat_requests, cut, cuts, events_of, replies

SENT = SentModel("claude-sonnet-4-6")
OTHERS = SentModel("other-model")


def merged(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Neighbours of one role as one turn, as the format has it."""
    together: list[Turn] = []
    for turn in turns:
        if together and together[-1].role == turn.role:
            together[-1] = Turn(turn.role, together[-1].parts + turn.parts)
        else:
            together.append(turn)
    return tuple(together)


def read_back(chat: ChatRequest, sent: SentModel) -> tuple[ChatRequest, set[str]]:
    carried = BACK.write_request(chat, sent)
    return DOOR.read_request(carried.body).chat(), {loss.what for loss in carried.losses}


@given(chat_requests())
def test_a_request_comes_back_as_it_was_but_for_its_losses(chat: ChatRequest) -> None:
    read, lost = read_back(chat, SENT)
    assert read.turns == merged(chat.turns)
    assert read.tools == chat.tools
    assert read.tool_choice == chat.tool_choice or not chat.tools
    assert read.parallel_tool_calls == chat.parallel_tool_calls
    assert read.output == chat.output
    assert read.stop == chat.stop
    assert read.user == chat.user
    assert read.is_streaming == chat.is_streaming
    assert read.max_output_tokens == (chat.max_output_tokens or 32_000)
    assert read.sampling == chat.sampling or "temperature" in lost
    assert read.reasoning == chat.reasoning or "reasoning" in lost
    assert read.losses == ()
    assert lost <= {"temperature", "reasoning"}


@given(chat_requests("openai_responses"))
def test_thoughts_of_another_maker_stay_behind_and_everything_else_goes_on(chat: ChatRequest) -> None:
    read, lost = read_back(chat, SENT)
    thoughts = [part for turn in chat.turns for part in turn.parts if isinstance(part, Reasoning)]
    assert ("reasoning signature" in lost) == bool(thoughts)
    without = tuple(
        turn._replace(parts=tuple(part for part in turn.parts if not isinstance(part, Reasoning)))
        for turn in chat.turns
    )
    assert read.turns == merged(without)


@given(replies())
def test_a_reply_comes_back_as_it_was(reply: Reply) -> None:
    read = BACK.read_reply(write_reply(reply, reply_id="", wants_thinking=True))
    assert read._replace(usage=None) == reply._replace(usage=None)
    assert reply.usage is None or read.usage == reply.usage


def streamed(events: list[Event], *, wants_thinking: bool = True) -> bytes:
    writer = MessageWriter(reply_id="", wants_thinking=wants_thinking)
    return b"".join(writer.write(event) for event in events) + writer.finish(b": a comment\n\n")


@given(st.data(), replies(max_choices=2), st.booleans(), cuts(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_a_stream_tells_the_reply_however_it_is_cut(
    data: st.DataObject, reply: Reply, mixes: bool, places: list[int], line_end: bytes
) -> None:
    events = data.draw(events_of(reply, mixes_calls=mixes))
    sent = b"\xef\xbb\xbf" + streamed(events).replace(b"\n", line_end)
    readers = [BACK.reader(), BACK.reader()]
    whole = readers[0].feed(sent)
    in_pieces = [event for piece in cut(sent, places) for event in readers[1].feed(piece)]
    assert whole == in_pieces
    assert all(reader.end() == [] for reader in readers)
    assert all(reader.is_done for reader in readers)
    told = fold(whole)
    assert told.choices == reply.choices[:1]
    assert reply.usage is None or told.usage == reply.usage


@given(replies())
def test_a_stream_byte_by_byte_tells_what_it_tells_at_once(reply: Reply) -> None:
    sent = streamed([*parts_as_events(reply)])
    reader = BACK.reader()
    one_by_one = [event for place in range(len(sent)) for event in reader.feed(sent[place : place + 1])]
    assert one_by_one == BACK.reader().feed(sent)


def parts_as_events(reply: Reply) -> list[Event]:
    """The events that tell the reply in as few pieces as can be."""
    events: list[Event] = [ReplyBegan(reply.reply_id, reply.served)]
    n_calls = 0
    for part in reply.choices[0].parts:
        if isinstance(part, Text):
            events.append(TextDelta(part.text))
        elif isinstance(part, ToolCall):
            events += [ToolCallBegan(n_calls, part.call_id, part.name), ArgumentsDelta(n_calls, part.arguments)]
            n_calls += 1
        elif isinstance(part, Reasoning) and part.blob and part.origin:
            events.append(ReasoningDelta(part.text))
            events.append(ReasoningSigned(part.blob, part.origin, 0, part.is_redacted))
    return [*events, ChoiceFinished(reply.choices[0].finish)]


@given(st.data(), replies("openai_responses"))
def test_anothers_blobs_come_back_to_their_maker_through_the_client(data: st.DataObject, reply: Reply) -> None:
    blocks: list[Any] = json.loads(write_reply(reply, reply_id="", wants_thinking=True))["content"]
    streamed_blocks = blocks_of_stream(streamed(data.draw(events_of(reply))))
    for sent_back in (blocks, streamed_blocks):
        body = {"model": "m", "messages": [{"role": "assistant", "content": sent_back}]}
        read = DOOR.read_request(msgspec.json.encode(body)).chat()
        assert read.turns[0].parts == reply.choices[0].parts


def blocks_of_stream(stream: bytes) -> list[Any]:
    """The content as the official SDKs put it together."""
    blocks: list[Any] = []
    inputs: dict[int, str] = {}
    for line in stream.split(b"\n"):
        if not line.startswith(b"data: "):
            continue
        event = json.loads(line[6:])
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append(event["content_block"])
        elif event["type"] == "content_block_delta":
            assert event["index"] == len(blocks) - 1, "one block is open at a time"
            delta = event["delta"]
            kind = delta.pop("type")
            for name, words in delta.items():
                if kind == "input_json_delta":
                    inputs[event["index"]] = inputs.get(event["index"], "") + words
                else:
                    blocks[-1][name] += words
    for index, words in inputs.items():
        blocks[index]["input"] = json.loads(words)
    return blocks


@given(chat_requests())
def test_the_lane_keeps_every_member(chat: ChatRequest) -> None:
    body = BACK.write_request(chat, OTHERS).body
    relabelled = json.loads(DOOR.read_request(body).body_for(SENT))
    assert relabelled == {**json.loads(body), "model": SENT}


@given(st.data(), replies())
def test_no_cut_of_a_stream_shows_a_finish_that_was_not_there(data: st.DataObject, reply: Reply) -> None:
    sent = streamed(data.draw(events_of(reply)))
    place = data.draw(st.integers(0, len(sent) - 1))
    reader = BACK.reader()
    events = reader.feed(sent[:place]) + reader.end()
    is_finished = any(isinstance(event, ChoiceFinished) for event in events)
    assert is_finished == (b'"stop_reason":"' in sent[:place] and not isinstance(events[-1], ReplyFailed))
    assert is_finished != any(isinstance(event, ReplyFailed) for event in events)


def unsigned(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(part for part in parts if not isinstance(part, Reasoning))


@given(st.data(), replies("gemini_generate"))
def test_a_client_that_did_not_ask_for_thoughts_gets_only_the_blobs_before_a_call(
    data: st.DataObject, reply: Reply
) -> None:
    whole: list[Any] = json.loads(write_reply(reply, reply_id="", wants_thinking=False))["content"]
    stream = blocks_of_stream(streamed(data.draw(events_of(reply)), wants_thinking=False))
    for blocks in (whole, stream):
        kinds = [block["type"] for block in blocks]
        assert "thinking" not in kinds
        has_call = "tool_use" in kinds
        thoughts = [part for part in reply.choices[0].parts if isinstance(part, Reasoning)]
        assert kinds.count("redacted_thinking") == (len(thoughts) if has_call else 0)
        body = {"model": "m", "messages": [{"role": "assistant", "content": blocks}]}
        read = DOOR.read_request(msgspec.json.encode(body)).chat()
        assert unsigned(read.turns[0].parts) == unsigned(reply.choices[0].parts)
        blobs = {part.blob for part in read.turns[0].parts if isinstance(part, Reasoning)}
        assert blobs == ({part.blob for part in thoughts} if has_call else set())


def test_a_tool_loop_without_anthropics_own_thoughts_is_not_made_to_think() -> None:
    turns = (
        Turn("user", (Text("go"),)),
        Turn("assistant", (ToolCall("a", "f", "{}"),)),
        Turn("user", (ToolResult("a", (Text("42"),)),)),
    )
    chat = ChatRequest(turns, reasoning=ReasoningWish("high"), max_output_tokens=10_000)
    carried = BACK.write_request(chat, SentModel("claude-sonnet-4-5"))
    assert "thinking" not in json.loads(carried.body)
    assert [loss.what for loss in carried.losses] == ["reasoning"]
    signed = Turn("assistant", (Reasoning("hm", "sig", "anthropic_messages"), *turns[1].parts))
    carried = BACK.write_request(chat._replace(turns=(turns[0], signed, turns[2])), SentModel("claude-sonnet-4-5"))
    assert json.loads(carried.body)["thinking"] == {"type": "enabled", "budget_tokens": 8_000}
    assert carried.losses == ()
