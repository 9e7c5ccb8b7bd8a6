"""Hypothesis strategies of the hub: requests, replies, the events that tell a reply, and bytes cut anywhere.

What they make is sane: what a client or a model would say, in any letters. Hostile input is each format's own test.
"""

from itertools import pairwise
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from fairlead.domain.content import (
    FormatName,
    Media,
    OutputShape,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.domain.usage import Usage

PNG: Final = "iVBORw0KGgo="
"""Base64 of a PNG's first bytes: nothing in between looks further."""
PDF: Final = "JVBERi0xLjQ="

_PLAIN_NAMES: Final = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,20}", fullmatch=True)


def words(*, max_size: int = 40) -> st.SearchStrategy[str]:
    """Text with something in it that can be seen."""
    return st.text(min_size=1, max_size=max_size).filter(lambda text: bool(text.strip()) and not text.isspace())


def json_values() -> st.SearchStrategy[Any]:
    """Small JSON values, floats left out: their spelling is nobody's promise."""
    leaves = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=12)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    )


def json_objects() -> st.SearchStrategy[bytes]:
    """JSON objects as bytes."""
    return st.dictionaries(st.text(max_size=8), json_values(), max_size=3).map(msgspec.json.encode)


def schemas() -> st.SearchStrategy[bytes]:
    """JSON Schemas of an object."""
    properties = st.dictionaries(_PLAIN_NAMES, st.sampled_from([{"type": "string"}, {"type": "integer"}]), max_size=3)
    return properties.map(lambda made: msgspec.json.encode({"type": "object", "properties": made}))


def call_ids() -> st.SearchStrategy[str]:
    """Names of tool calls: mostly plain ones, some with letters that other formats refuse."""
    return st.from_regex(r"(call_|toolu_)[a-zA-Z0-9]{6,12}", fullmatch=True) | st.text(min_size=1, max_size=12)


def tools() -> st.SearchStrategy[tuple[Tool, ...]]:
    """Function tools, each name once."""
    members = st.tuples(_PLAIN_NAMES, st.none() | words(), schemas(), st.none() | st.just(True))
    made = members.map(lambda each: Tool(*each))
    return st.lists(made, max_size=3, unique_by=lambda tool: tool.name).map(tuple)


def media() -> st.SearchStrategy[Media]:
    """Images and PDF files that every format with eyes can take."""
    return st.sampled_from(
        [
            Media("image", "image/png", PNG),
            Media("image", "image/jpeg", PNG),
            Media("image", url="https://example.com/a.png"),
            Media("file", "application/pdf", PDF, name="a.pdf"),
        ]
    )


def reasonings(origin: FormatName) -> st.SearchStrategy[Reasoning]:
    """Thoughts that `origin` has signed, or redacted."""
    blobs = st.from_regex(r"[A-Za-z0-9+/]{8,40}", fullmatch=True)
    signed = st.tuples(words(), blobs).map(lambda each: Reasoning(each[0], each[1], origin))
    return signed | blobs.map(lambda blob: Reasoning("", blob, origin, is_redacted=True))


def tool_calls() -> st.SearchStrategy[tuple[ToolCall, ...]]:
    """Parallel calls of functions, each id once."""
    members = st.tuples(call_ids(), _PLAIN_NAMES, json_objects().map(bytes.decode))
    made = members.map(lambda each: ToolCall(*each))
    return st.lists(made, min_size=1, max_size=3, unique_by=lambda call: call.call_id).map(tuple)


@st.composite
def conversations(draw: st.DrawFn, origin: FormatName) -> tuple[Turn, ...]:
    """A system turn or none, then user and assistant by turns; each tool call has its result in the next user turn."""
    turns: list[Turn] = []
    if draw(st.booleans()):
        turns.append(Turn("system", (Text(draw(words()), draw(st.sampled_from([None, "5m", "1h"]))),)))
    waiting: tuple[ToolCall, ...] = ()
    used: set[str] = set()
    for _ in range(draw(st.integers(1, 3))):
        parts: list[Part] = [_result(draw, call) for call in waiting]
        waiting = ()
        if not parts or draw(st.booleans()):
            parts.append(Text(draw(words())))
            parts += draw(st.lists(media(), max_size=2))
        turns.append(Turn("user", tuple(parts)))
        if draw(st.booleans()):
            thoughts: list[Part] = draw(st.lists(reasonings(origin), max_size=1))
            waiting = tuple(call for call in draw(st.just(()) | tool_calls()) if call.call_id not in used)
            used |= {call.call_id for call in waiting}
            turns.append(Turn("assistant", (*thoughts, Text(draw(words())), *waiting)))
        else:
            turns.append(Turn("assistant", (Text(draw(words())),)))
    turns.append(Turn("user", tuple(_result(draw, call) for call in waiting) or (Text(draw(words())),)))
    return tuple(turns)


def _result(draw: st.DrawFn, call: ToolCall) -> ToolResult:
    said: list[Text | Media] = [Text(draw(words()))]
    said += draw(st.lists(media().filter(lambda part: part.kind == "image"), max_size=1))
    return ToolResult(call.call_id, tuple(said), draw(st.booleans()), call.name)


@st.composite
def chat_requests(draw: st.DrawFn, origin: FormatName = "anthropic_messages") -> ChatRequest:
    """Requests as a client of any format would make them; blobs are those of `origin`."""
    made = draw(tools())
    choices = [None, ToolChoice("auto"), ToolChoice("required"), ToolChoice("none")]
    choice = draw(st.sampled_from([*choices, ToolChoice("one", made[0].name)])) if made else None
    return ChatRequest(
        turns=draw(conversations(origin)),
        tools=made,
        tool_choice=choice,
        parallel_tool_calls=draw(st.sampled_from([None, False])) if choice and choice.mode != "none" else None,
        output=draw(st.none() | schemas().map(lambda schema: OutputShape("schema", schema))),
        max_output_tokens=draw(st.none() | st.integers(1, 64_000)),
        stop=tuple(draw(st.lists(words(max_size=8), max_size=2))),
        sampling=Sampling(draw(st.sampled_from([None, 0.0, 0.5, 1.0]))),
        reasoning=draw(st.sampled_from([None, ReasoningWish("none"), ReasoningWish("low"), ReasoningWish("high")])),
        is_streaming=draw(st.booleans()),
        user=draw(st.none() | words()),
    )


@st.composite
def replies(draw: st.DrawFn, origin: FormatName = "anthropic_messages", *, max_choices: int = 1) -> Reply:
    """Replies as a model would give them: thoughts, words, calls; blobs are those of `origin`."""
    choices = [_choice(draw, origin, number) for number in range(draw(st.integers(1, max_choices)))]
    return Reply("id-1", draw(_PLAIN_NAMES), tuple(choices), draw(st.none() | usages()))


def _choice(draw: st.DrawFn, origin: FormatName, number: int) -> ReplyChoice:
    calls = draw(st.just(()) | tool_calls())
    parts: list[Part] = list(draw(st.lists(reasonings(origin), max_size=2)))
    if not calls or draw(st.booleans()):
        parts.append(Text(draw(words())))
    parts += calls
    others: list[FinishReason] = ["stop", "length", "content_filter"]
    finish: FinishReason = "tool_calls" if calls else draw(st.sampled_from(others))
    return ReplyChoice(tuple(parts), finish, number)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts whose classes do not overlap."""
    count = st.integers(0, 10**6)
    output = draw(count)
    return Usage(draw(count), draw(count), draw(count), output, draw(st.integers(0, output)))


@st.composite
def events_of(draw: st.DrawFn, reply: Reply, *, mixes_calls: bool = False) -> list[Event]:
    """The events that tell this reply, its words cut anywhere; the deltas of parallel calls mixed if wished."""
    events: list[Event] = [ReplyBegan(reply.reply_id, reply.served)]
    for choice in reply.choices:
        calls: list[list[Event]] = []
        for part in choice.parts:
            if isinstance(part, ToolCall):
                calls.append(_call_events(draw, part, len(calls), choice.number))
            else:
                events += _part_events(draw, part, choice.number)
        events += _mixed(draw, calls) if mixes_calls else [event for call in calls for event in call]
        events.append(ChoiceFinished(choice.finish, choice.number, choice.stop_sequence))
    if reply.usage is not None:
        events.append(UsageReported(reply.usage))
    return events


def _part_events(draw: st.DrawFn, part: Part, choice: int) -> list[Event]:
    if isinstance(part, Text):
        return [TextDelta(piece, choice, part.is_refusal) for piece in draw(pieces(part.text))]
    assert isinstance(part, Reasoning)
    said: list[Event] = [ReasoningDelta(piece, choice) for piece in draw(pieces(part.text))]
    if part.blob is not None and part.origin is not None:
        said.append(ReasoningSigned(part.blob, part.origin, choice, part.is_redacted, part.item_id))
    return said


def _call_events(draw: st.DrawFn, part: ToolCall, number: int, choice: int) -> list[Event]:
    began = ToolCallBegan(number, part.call_id, part.name, choice, part.kind)
    return [began, *(ArgumentsDelta(number, piece, choice) for piece in draw(pieces(part.arguments)))]


def _mixed(draw: st.DrawFn, calls: list[list[Event]]) -> list[Event]:
    """The calls begin in their order; what follows comes in any."""
    mixed: list[Event] = []
    left = [list(call) for call in calls]
    n_begun = 0
    while any(left):
        open_calls = [place for place, events in enumerate(left) if events and place <= n_begun]
        place = draw(st.sampled_from(open_calls))
        n_begun += place == n_begun
        mixed.append(left[place].pop(0))
    return mixed


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text in one or more pieces, none of them empty."""
    if not text:
        return []
    places = sorted(draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=3)))
    ends = [0, *(place for place in places if place < len(text)), len(text)]
    return [text[a:b] for a, b in pairwise(ends)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes cut at these places, wherever they fall: `cut(data, draw(cuts()))`."""
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


def cuts() -> st.SearchStrategy[list[int]]:
    """Places to cut at."""
    return st.lists(st.integers(0, 1 << 20), max_size=20)
