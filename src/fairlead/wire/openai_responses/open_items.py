"""Items of a reply stream while they are open: a message, thoughts, a call; each writes its own events."""

from typing import Final

import msgspec

from fairlead.wire.openai_responses.response_object import (
    CallName,
    Json,
    call_item,
    message_item,
    on_one_line,
    reasoning_item,
    refusal_part,
    text_part,
)
from fairlead.wire.openai_responses.tool_names import SpacedNames
from fairlead.wire.sse import write_named_event

_ENCODE: Final = msgspec.json.Encoder().encode


class Numbered:
    """Writes events, each with its number in the stream."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def event(self, kind: str, **members: object) -> bytes:
        """One event."""
        number = self.number
        self.number = number + 1
        return write_named_event(kind.encode(), _ENCODE({"type": kind, **members, "sequence_number": number}))

    def delta(self, head: bytes, text: str, tail: bytes = b"") -> bytes:
        """More of something: `head` is the event up to the value of its `delta`."""
        number = self.number
        self.number = number + 1
        return b'%b%b%b,"sequence_number":%d}\n\n' % (head, _ENCODE(text), tail, number)


def _delta_head(kind: str, item_id: str, output_index: int, index: str = "") -> bytes:
    """Ids are of letters, digits, - and _ alone: they need no escaping."""
    return (
        f'event: {kind}\ndata: {{"type":"{kind}","item_id":"{item_id}","output_index":{output_index},{index}"delta":'
    ).encode()


class OpenMessage:
    """A message that is being said: parts of words and of refusal."""

    __slots__ = ("_head", "_is_refusal", "_logprobs", "_numbered", "_texts", "content", "item_id", "place")

    def __init__(self, numbered: Numbered, item_id: str, place: int) -> None:
        self._numbered = numbered
        self.item_id = item_id
        self.place = place
        self.content: list[Json] = []
        """The parts that are closed."""
        self._is_refusal: bool | None = None
        self._texts: list[str] = []
        self._logprobs: list[bytes] = []
        self._head = b""

    def begin(self) -> bytes:
        item = message_item(self.item_id, "in_progress", [])
        return self._numbered.event("response.output_item.added", output_index=self.place, item=item)

    def say(self, text: str, *, is_refusal: bool, logprobs: bytes | None) -> bytes:
        """More words."""
        written = b""
        if is_refusal is not self._is_refusal:
            written = self._end_part() + self._begin_part(is_refusal=is_refusal)
        self._texts.append(text)
        if is_refusal:
            return written + self._numbered.delta(self._head, text)
        if logprobs:
            told = bytes(on_one_line(msgspec.Raw(logprobs)))
            self._logprobs.append(told[1:-1])
            return written + self._numbered.delta(self._head, text, b',"logprobs":' + told)
        return written + self._numbered.delta(self._head, text, b',"logprobs":[]')

    def end(self, status: str) -> tuple[bytes, Json]:
        """The events that close the item, and the item."""
        written = self._end_part()
        item = message_item(self.item_id, status, self.content)
        return written + self._numbered.event("response.output_item.done", output_index=self.place, item=item), item

    def _begin_part(self, *, is_refusal: bool) -> bytes:
        self._is_refusal = is_refusal
        index = len(self.content)
        kind = "response.refusal.delta" if is_refusal else "response.output_text.delta"
        self._head = _delta_head(kind, self.item_id, self.place, f'"content_index":{index},')
        part = refusal_part("") if is_refusal else text_part("")
        return self._of_part("response.content_part.added", index, part=part)

    def _end_part(self) -> bytes:
        if self._is_refusal is None:
            return b""
        index = len(self.content)
        text = "".join(self._texts)
        self._texts.clear()
        if self._is_refusal:
            part = refusal_part(text)
            done = self._of_part("response.refusal.done", index, refusal=text)
        else:
            told = b"[" + b",".join(self._logprobs) + b"]"
            self._logprobs.clear()
            part = text_part(text, told)
            done = self._of_part("response.output_text.done", index, text=text, logprobs=msgspec.Raw(told))
        self.content.append(part)
        self._is_refusal = None
        return done + self._of_part("response.content_part.done", index, part=part)

    def _of_part(self, kind: str, index: int, **members: object) -> bytes:
        return self._numbered.event(kind, item_id=self.item_id, output_index=self.place, content_index=index, **members)


class OpenThoughts:
    """Thoughts that are being told, as a summary or as they are."""

    __slots__ = ("_has_part", "_head", "_is_summary", "_numbered", "_texts", "item_id", "place")

    def __init__(self, numbered: Numbered, item_id: str, place: int, *, is_summary: bool) -> None:
        self._numbered = numbered
        self.item_id = item_id
        self.place = place
        self._is_summary = is_summary
        self._texts: list[str] = []
        self._has_part = False
        kind = "response.reasoning_summary_text.delta" if is_summary else "response.reasoning_text.delta"
        self._head = _delta_head(kind, item_id, place, f'"{self._index}":0,')

    @property
    def _index(self) -> str:
        return "summary_index" if self._is_summary else "content_index"

    def begin(self) -> bytes:
        item = reasoning_item(self.item_id, "", is_summary=True, encrypted=None)
        return self._numbered.event("response.output_item.added", output_index=self.place, item=item)

    def think(self, text: str) -> bytes:
        """More thoughts."""
        written = b""
        if not self._has_part:
            self._has_part = True
            kind = "response.reasoning_summary_part.added" if self._is_summary else "response.content_part.added"
            written = self._of_part(kind, part=self._part(""))
        self._texts.append(text)
        return written + self._numbered.delta(self._head, text)

    def end(self, encrypted: str | None = None) -> tuple[bytes, Json]:
        """The events that close the item, and the item."""
        text = "".join(self._texts)
        written = b""
        if self._has_part:
            kinds = (
                ("response.reasoning_summary_text.done", "response.reasoning_summary_part.done")
                if self._is_summary
                else ("response.reasoning_text.done", "response.content_part.done")
            )
            written = self._of_part(kinds[0], text=text) + self._of_part(kinds[1], part=self._part(text))
        item = reasoning_item(self.item_id, text, is_summary=self._is_summary, encrypted=encrypted)
        return written + self._numbered.event("response.output_item.done", output_index=self.place, item=item), item

    def _part(self, text: str) -> Json:
        return {"type": "summary_text" if self._is_summary else "reasoning_text", "text": text}

    def _of_part(self, kind: str, **members: object) -> bytes:
        return self._numbered.event(kind, item_id=self.item_id, output_index=self.place, **{self._index: 0}, **members)


class OpenCall:
    """A call whose arguments are being written."""

    __slots__ = ("_call", "_head", "_kind", "_numbered", "_spaced", "_texts", "item_id", "place")

    def __init__(self, numbered: Numbered, item_id: str, place: int, call: CallName, spaced: SpacedNames) -> None:
        self._numbered = numbered
        self.item_id = item_id
        self.place = place
        self._call = call
        self._spaced = spaced
        self._texts: list[str] = []
        is_custom = call.kind == "custom"
        self._kind = "response.custom_tool_call_input" if is_custom else "response.function_call_arguments"
        self._head = _delta_head(f"{self._kind}.delta", item_id, place)

    def begin(self) -> bytes:
        item = call_item(self.item_id, "in_progress", self._call, "", self._spaced)
        return self._numbered.event("response.output_item.added", output_index=self.place, item=item)

    def say(self, text: str) -> bytes:
        """More of the arguments."""
        self._texts.append(text)
        return self._numbered.delta(self._head, text)

    def end(self, status: str) -> tuple[bytes, Json]:
        """The events that close the item, and the item."""
        text = "".join(self._texts)
        item = call_item(self.item_id, status, self._call, text, self._spaced)
        said = {"input": text} if self._call.kind == "custom" else {"arguments": text, "name": item["name"]}
        done = self._numbered.event(f"{self._kind}.done", item_id=self.item_id, output_index=self.place, **said)
        return done + self._numbered.event("response.output_item.done", output_index=self.place, item=item), item
