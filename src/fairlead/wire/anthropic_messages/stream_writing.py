"""The events of the hub -> a Messages stream for a client: one block open at a time, each begun, filled and ended.

Other formats may mix the deltas of several tool calls. What belongs to a later call waits until the earlier one is
whole: its arguments read as one JSON object, or the choice has finished.
"""

from typing import Final

import msgspec

from fairlead.domain.content import Reasoning
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
from fairlead.wire.anthropic_messages.content_writing import input_of
from fairlead.wire.anthropic_messages.failures import write_failure_event
from fairlead.wire.anthropic_messages.ids import spelled
from fairlead.wire.anthropic_messages.open_call import OpenCall
from fairlead.wire.anthropic_messages.reply_writing import blob_block, stop_reason
from fairlead.wire.anthropic_messages.signatures import UNSIGNED, wrapped
from fairlead.wire.anthropic_messages.stream import PING_EVENT, STOP_EVENT
from fairlead.wire.anthropic_messages.usage import write_usage
from fairlead.wire.sse import write_named_event

_ENCODE: Final = msgspec.json.Encoder().encode
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
_START: Final = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
_STOP: Final = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_TEXT_BLOCK: Final = b'{"type":"text","text":""}'
_THINKING_BLOCK: Final = b'{"type":"thinking","thinking":"","signature":""}'


class MessageWriter:
    """One stream. Keeps the promises of `wire.format.ReplyWriter`."""

    __slots__ = (
        "_call",
        "_delta",
        "_finish",
        "_has_begun",
        "_has_calls",
        "_has_refusal",
        "_hidden",
        "_index",
        "_kind",
        "_reply_id",
        "_thoughts",
        "_usage",
        "_waiting",
        "_wants_thinking",
    )

    def __init__(self, *, reply_id: str, wants_thinking: bool) -> None:
        self._reply_id = reply_id
        self._wants_thinking = wants_thinking
        self._has_begun = False
        self._index = -1
        self._kind = ""
        """The kind of the open block: text, thinking, tool or none."""
        self._delta = b""
        """How a delta of the open block begins."""
        self._call: OpenCall | None = None
        self._waiting: list[Event] = []
        """What may only be written when the open call is whole."""
        self._hidden: list[Reasoning] = []
        """Blobs for a client that has not asked for thoughts, until a call needs them."""
        self._thoughts: list[str] = []
        self._has_calls = self._has_refusal = False
        self._finish: ChoiceFinished | None = None
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """See ReplyWriter. The format has one choice: of others only the first is written."""
        if isinstance(event, UsageReported):
            self._usage = event.usage
            return b""
        if isinstance(event, ReplyBegan):
            return b"" if self._has_begun else self._begin(event.reply_id, event.served)
        if getattr(event, "choice", 0):
            return b""
        head = b"" if self._has_begun else self._begin("", "")
        if self._call is None or isinstance(event, ChoiceFinished):
            return head + self._say(event)
        return head + self._say_after_call(event, self._call)

    def finish(self, comment: bytes) -> bytes:
        """See ReplyWriter: the stop reason with what was used, our comment, the end."""
        head = b"" if self._has_begun else self._begin("", "")
        return head + self._end_block() + self._message_delta() + comment + STOP_EVENT

    def fail(self, error: FairleadError) -> bytes:
        """See ReplyWriter."""
        return write_failure_event(error)

    def ping(self) -> bytes:
        """See ReplyWriter."""
        return PING_EVENT

    def _begin(self, reply_id: str, served: str) -> bytes:
        self._has_begun = True
        message: dict[str, object] = {
            "id": self._reply_id or reply_id,
            "type": "message",
            "role": "assistant",
            "model": served,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(None),
        }
        return write_named_event(b"message_start", _ENCODE({"type": "message_start", "message": message}))

    def _say(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, ArgumentsDelta):
            return b""  # of a call that is whole: blanks behind its arguments
        if isinstance(event, ReasoningDelta):
            return self._thought(event)
        if isinstance(event, ToolCallBegan):
            return self._begin_call(event)
        if isinstance(event, ReasoningSigned):
            return self._sign(event)
        if isinstance(event, ChoiceFinished):
            return self._finished(event)
        return b""

    def _say_after_call(self, event: Event, call: OpenCall) -> bytes:
        """While a call is open only its own arguments go on; the rest waits until it is known to be whole."""
        if isinstance(event, ArgumentsDelta) and event.call == call.number:
            written = self._arguments(event, call)
            return written + self._release() if self._waiting and call.is_whole() else written
        self._waiting.append(event)
        return self._release() if len(self._waiting) == 1 and call.is_whole() else b""

    def _arguments(self, event: ArgumentsDelta, call: OpenCall) -> bytes:
        call.pieces.append(event.text)
        if call.kind == "custom" or not event.text:
            return b""
        return self._delta + _ENCODE(event.text) + b"}}\n\n"

    def _release(self) -> bytes:
        """End the open call and say what has waited for it; a call among it may stay open and let the rest wait."""
        waiting, self._waiting = self._waiting, []
        written = [self._end_block()]
        for event in _in_order(waiting):
            written.append(self._say(event) if self._call is None else self._say_after_call(event, self._call))
        return b"".join(written)

    def _finished(self, event: ChoiceFinished) -> bytes:
        """Nothing more comes: whatever has waited is said in order, and ends what was open."""
        self._finish = event
        written: list[bytes] = []
        for waiting in _in_order(self._waiting):
            if isinstance(waiting, ArgumentsDelta) and self._call is not None:
                written.append(self._arguments(waiting, self._call))
            else:
                written.append(self._say(waiting))
        self._waiting.clear()
        return b"".join(written) + self._end_block()

    def _text(self, event: TextDelta) -> bytes:
        if not event.text:
            return b""
        self._has_refusal = self._has_refusal or event.is_refusal
        if self._kind == "text":
            return self._delta + _ENCODE(event.text) + b"}}\n\n"
        opened = self._open("text", _TEXT_BLOCK, (b"text_delta", b"text"))
        return opened + self._delta + _ENCODE(event.text) + b"}}\n\n"

    def _thought(self, event: ReasoningDelta) -> bytes:
        if not self._wants_thinking:
            self._thoughts.append(event.text)
            return b""
        if not event.text:
            return b""
        opened = b""
        if self._kind != "thinking":
            opened = self._open("thinking", _THINKING_BLOCK, (b"thinking_delta", b"thinking"))
        return opened + self._delta + _ENCODE(event.text) + b"}}\n\n"

    def _sign(self, event: ReasoningSigned) -> bytes:
        part = Reasoning("", event.blob, event.origin, event.is_redacted, item_id=event.item_id)
        if not self._wants_thinking:
            if event.blob is not None:
                self._hidden.append(part._replace(text="".join(self._thoughts)))
            self._thoughts.clear()
            return b""
        if event.is_redacted and event.blob is not None:
            return self._whole_block({"type": "redacted_thinking", "data": wrapped(part)})
        opened = b""
        if self._kind != "thinking":
            opened = self._open("thinking", _THINKING_BLOCK, (b"thinking_delta", b"thinking"))
        self._kind = "signed"
        signature = _DELTA % (self._index, b"signature_delta", b"signature")
        return opened + signature + _ENCODE(wrapped(part)) + b"}}\n\n" + self._end_block()

    def _begin_call(self, event: ToolCallBegan) -> bytes:
        hidden = b"".join([self._whole_block(blob_block(part)) for part in self._hidden])
        self._hidden.clear()
        self._thoughts.clear()
        block = {"type": "tool_use", "id": spelled(event.call_id), "name": event.name, "input": {}}
        opened = self._open("tool", _ENCODE(block), (b"input_json_delta", b"partial_json"))
        self._call = OpenCall(event)
        self._has_calls = True
        return hidden + opened

    def _open(self, kind: str, block: bytes, delta: tuple[bytes, bytes]) -> bytes:
        ended = self._end_block()
        self._index += 1
        self._kind = kind
        self._delta = _DELTA % (self._index, *delta)
        return ended + _START % (self._index, block)

    def _whole_block(self, block: dict[str, str]) -> bytes:
        """A block that comes in one piece; thoughts among them too, whose text the SDKs take from the beginning."""
        ended = self._end_block()
        self._index += 1
        return ended + _START % (self._index, _ENCODE(block)) + _STOP % self._index

    def _end_block(self) -> bytes:
        kind, self._kind = self._kind, ""
        call, self._call = self._call, None
        if not kind:
            return b""
        last = b""
        if kind == "thinking":
            last = _DELTA % (self._index, b"signature_delta", b"signature") + _ENCODE(UNSIGNED) + b"}}\n\n"
        elif call is not None and call.kind == "custom":
            arguments, _ = input_of("".join(call.pieces), call.kind)
            last = self._delta + _ENCODE(bytes(arguments).decode()) + b"}}\n\n"
        return last + _STOP % self._index

    def _message_delta(self) -> bytes:
        finish = self._finish
        if finish is None:
            return b""
        reason = stop_reason(
            finish.reason,
            stop_sequence=finish.stop_sequence,
            has_calls=self._has_calls,
            has_refusal=self._has_refusal,
        )
        # A usage that is unknown leaves out what may be left out.
        usage = {"output_tokens": 0} if self._usage is None else write_usage(self._usage)
        delta = {"stop_reason": reason, "stop_sequence": finish.stop_sequence}
        written = {"type": "message_delta", "delta": delta, "usage": usage}
        return write_named_event(b"message_delta", _ENCODE(written))


def _in_order(waiting: list[Event]) -> list[Event]:
    """What has waited, each call's arguments behind its beginning; the order of everything else as it came."""
    arguments: dict[int, list[Event]] = {}
    for event in waiting:
        if isinstance(event, ArgumentsDelta):
            arguments.setdefault(event.call, []).append(event)
    ordered: list[Event] = []
    for event in waiting:
        if not isinstance(event, ArgumentsDelta):
            ordered.append(event)
            if isinstance(event, ToolCallBegan):
                ordered += arguments.pop(event.call, ())
    return ordered
