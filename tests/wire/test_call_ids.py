"""Calls that came without an id get one that no other reply's call has."""

from fairlead.domain.content import Text, ToolCall
from fairlead.domain.events import ArgumentsDelta, ChoiceFinished, ReplyBegan, ToolCallBegan
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.wire.call_ids import identified
from fairlead.wire.openai_chat import BACK
from fairlead.wire.openai_chat.requests import read_request
from fairlead.wire.openai_chat.stream_reading import ChatReader
from fairlead.wire.translation import TranslatedStream

CALLS = (ToolCall("", "f", "{}"), ToolCall("own", "g", "{}"), ToolCall("", "f", "{}"))


def reply(*parts: Text | ToolCall, number: int = 0) -> Reply:
    return Reply("up", "m", (ReplyChoice(parts, "tool_calls", number),))


def ids(found: Reply) -> list[str]:
    return [part.call_id for choice in found.choices for part in choice.parts if isinstance(part, ToolCall)]


def test_ids_are_made_of_our_own_name_of_the_reply_and_given_ones_stay() -> None:
    assert ids(identified(reply(Text("a"), *CALLS), "fl-1")) == ["call_fl-1_0_0", "own", "call_fl-1_0_2"]
    assert set(ids(identified(reply(*CALLS), "fl-2"))) & set(ids(identified(reply(*CALLS), "fl-1"))) == {"own"}
    complete = reply(CALLS[1])
    assert identified(complete, "fl-1") is complete


def test_choices_do_not_share_ids() -> None:
    one, two = (reply(*CALLS, number=number).choices[0] for number in (0, 1))
    found = ids(identified(Reply("up", "m", (one, two)), "fl-1"))
    assert len(set(found)) == 5


def test_a_stream_and_a_whole_reply_get_the_same_ids() -> None:
    request = read_request(b'{"model":"auto","stream":true,"messages":[{"role":"user","content":"x"}]}')
    request.reply_id = "fl-1"
    told = [ReplyBegan("up", "m")]
    upstream = request.writer()
    written = b"".join(upstream.write(event) for event in told)
    for number, call in enumerate(CALLS):
        written += upstream.write(ToolCallBegan(number, call.call_id, call.name))
        written += upstream.write(ArgumentsDelta(number, "{}"))
    written += upstream.write(ChoiceFinished("tool_calls"))
    stream = TranslatedStream(BACK.reader(), request.writer(), "m", "fl-1")
    sent = stream.feed(written + b"data: [DONE]\n\n") + stream.finish(b"")
    assert ids(fold(ChatReader().feed(sent))) == ids(identified(reply(*CALLS), "fl-1"))
