"""The events of the hub -> a chat stream for a client. Most chunks are a few fixed bytes around a piece of text."""

from typing import Any, Final

import msgspec

from fairlead.domain.errors import FairleadError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.usage import Usage
from fairlead.wire.openai_chat.failures import DONE_EVENT, write_failure_events
from fairlead.wire.openai_chat.reply_writing import FINISHES
from fairlead.wire.openai_chat.stream_details import StreamDetails
from fairlead.wire.openai_chat.usage import write_usage
from fairlead.wire.sse import PING_COMMENT

_ENCODE: Final = msgspec.json.Encoder().encode
_ARGUMENTS: Final = b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]'
_INPUT: Final = b'"tool_calls":[{"index":%d,"custom":{"input":%b}}]'


class ChatWriter:
    """One stream. Keeps the promises of `wire.format.ReplyWriter`."""

    __slots__ = ("_created_s", "_custom", "_head", "_reply_id", "_started", "_thoughts", "_usage", "_wants_usage")

    def __init__(self, *, reply_id: str, created_s: int, wants_usage: bool) -> None:
        self._reply_id = reply_id
        self._created_s = created_s
        self._wants_usage = wants_usage
        self._head = b""
        self._started: set[int] = set()
        self._thoughts: dict[int, StreamDetails] = {}
        """Those of each choice, if it has any."""
        self._usage: Usage | None = None
        self._custom: set[tuple[int, int]] = set()
        """The calls of custom tools: their input has another name."""

    def write(self, event: Event) -> bytes:
        """See ReplyWriter."""
        if isinstance(event, TextDelta):
            if self._thoughts and event.text:
                return self._thought(event.choice) + self._text(event)
            return self._text(event)
        if isinstance(event, ArgumentsDelta):
            return self._arguments(event)
        if isinstance(event, ReasoningDelta):
            return self._reasoning(event)
        if isinstance(event, ReplyBegan):
            self._begin(event.reply_id, event.served)
            return b""
        if isinstance(event, UsageReported):
            self._usage = event.usage
            return b""
        if isinstance(event, ToolCallBegan):
            return self._thought(event.choice, event.call_id) + self._call(event)
        if isinstance(event, ReasoningSigned):
            self._thoughts.setdefault(event.choice, StreamDetails()).sign(event)
        if isinstance(event, ChoiceFinished):
            return self._thought(event.choice) + self._finish(event)
        return b""

    def finish(self, comment: bytes) -> bytes:
        """See ReplyWriter: the usage that was asked for, our comment, the end."""
        return self._usage_chunk() + comment + DONE_EVENT

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyWriter."""
        return write_failure_events(error)

    def ping(self) -> bytes:
        """See ReplyWriter."""
        return PING_COMMENT

    def _begin(self, reply_id: str, served: str) -> None:
        named = {
            "id": self._reply_id or reply_id,
            "object": "chat.completion.chunk",
            "created": self._created_s,
            "model": served,
        }
        self._head = b"data: " + _ENCODE(named)[:-1] + b',"choices":['

    def _delta(self, choice: int, members: bytes, logprobs: bytes | None = None) -> bytes:
        if not self._head:
            self._begin("", "")
        if choice not in self._started:
            self._started.add(choice)
            members = b'"role":"assistant",' + members
        kept = b"" if logprobs is None else b'"logprobs":{"content":%b,"refusal":null},' % logprobs
        return b'%b{"index":%d,"delta":{%b},%b"finish_reason":null}]}\n\n' % (self._head, choice, members, kept)

    def _text(self, event: TextDelta) -> bytes:
        name = b'"refusal":' if event.is_refusal else b'"content":'
        return self._delta(event.choice, name + _ENCODE(event.text), event.logprobs)

    def _call(self, event: ToolCallBegan) -> bytes:
        if event.kind == "custom":
            self._custom.add((event.choice, event.call))
        inner = {"name": event.name, "input" if event.kind == "custom" else "arguments": ""}
        call = {"index": event.call, "id": event.call_id, "type": event.kind, event.kind: inner}
        return self._delta(event.choice, b'"tool_calls":' + _ENCODE([call]))

    def _arguments(self, event: ArgumentsDelta) -> bytes:
        shape = _INPUT if (event.choice, event.call) in self._custom else _ARGUMENTS
        return self._delta(event.choice, shape % (event.call, _ENCODE(event.text)))

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        thoughts = self._thoughts.setdefault(event.choice, StreamDetails())
        blobs = thoughts.blobs()
        before = self._delta(event.choice, blobs) if blobs else b""
        return before + self._delta(event.choice, thoughts.piece(event))

    def _thought(self, choice: int, call_id: str | None = None) -> bytes:
        """What is still to be said of the thoughts before something else."""
        thoughts = self._thoughts.get(choice)
        blobs = thoughts.end(call_id) if thoughts is not None else b""
        return self._delta(choice, blobs) if blobs else b""

    def _finish(self, event: ChoiceFinished) -> bytes:
        if not self._head:
            self._begin("", "")
        reason = FINISHES[event.reason].encode()
        return b'%b{"index":%d,"delta":{},"finish_reason":"%b"}]}\n\n' % (self._head, event.choice, reason)

    def _usage_chunk(self) -> bytes:
        if not self._wants_usage or self._usage is None:
            return b""
        usage: dict[str, Any] = write_usage(self._usage)
        return self._head + b'],"usage":' + _ENCODE(usage) + b"}\n\n"
