"""Turns -> input items: messages, calls and their results, and the thoughts of this format's own models."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from fairlead.domain.content import Media, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from fairlead.domain.request import Loss
from fairlead.wire.lost_turns import media_kinds, refuse_lost

Json = dict[str, object]

MAX_CALL_ID_CHARS: Final = 64
"""What the specification allows for a call_id."""
_OPENAIS: Final = frozenset(("openai_responses", "openai_chat"))
"""The formats of the provider whose uploads a file_id may name."""


class ItemsWritten:
    """The input items of one request, and what they do not carry."""

    __slots__ = ("_n_messages", "has_thoughts", "items", "losses")

    def __init__(self) -> None:
        self.items: list[object] = []
        self.losses: dict[str, Loss] = {}
        self.has_thoughts = False
        """Whether a blob of this format's own models is among them."""
        self._n_messages = 0

    def write(self, turns: Sequence[Turn]) -> None:
        """Take these turns. Raises: InvalidOptionError for one of which nothing is left."""
        lost: dict[int, list[str]] = {}
        for place, turn in enumerate(turns):
            n_before = len(self.items)
            if turn.name is not None:
                self._lose("name", "a message has no speaker's name here")
            said: list[Text | Media] = []
            for part in turn.parts:
                if not isinstance(part, Reasoning | Opaque) and part.cache is not None:
                    self._lose("cache_control", "prefixes are cached here without being marked")
                if isinstance(part, Text | Media):
                    said.append(part)
                    continue
                self._message(turn.role, said)
                said = []
                self._item(part)
            self._message(turn.role, said)
            if len(self.items) == n_before:
                lost[place] = media_kinds(turn)
        refuse_lost(turns, lost)

    def _item(self, part: ToolCall | ToolResult | Reasoning | Opaque) -> None:
        if isinstance(part, ToolCall):
            call_id = _call_id(part.call_id)
            if part.kind == "custom":
                call: Json = {
                    "type": "custom_tool_call",
                    "call_id": call_id,
                    "name": part.name,
                    "input": part.arguments,
                }
            else:
                call = {"type": "function_call", "call_id": call_id, "name": part.name, "arguments": part.arguments}
            self.items.append(call)
        elif isinstance(part, ToolResult):
            kind = "custom_tool_call_output" if part.kind == "custom" else "function_call_output"
            if part.is_error:
                self._lose("is_error", "a tool's output has no mark of failure here")
            self.items.append({"type": kind, "call_id": _call_id(part.call_id), "output": self._output(part.parts)})
        elif isinstance(part, Reasoning):
            self._thoughts(part)
        elif part.origin == "openai_responses":
            self.items.append(msgspec.Raw(part.raw))
        else:
            self._lose(part.kind, "only its own format knows this item")

    def _thoughts(self, part: Reasoning) -> None:
        if part.blob is None:
            if part.text:
                self._lose("reasoning", "thoughts are taken back only with their maker's blob")
            return
        if part.origin != "openai_responses":
            self._lose("reasoning signature", f"it is of use to {part.origin} alone")
            return
        self.has_thoughts = True
        item: Json = {"type": "reasoning", "summary": [], "encrypted_content": part.blob}
        if part.item_id is not None:
            item["id"] = part.item_id
        if part.text and part.is_summary:
            item["summary"] = [{"type": "summary_text", "text": part.text}]
        elif part.text:
            item["content"] = [{"type": "reasoning_text", "text": part.text}]
        self.items.append(item)

    def _message(self, role: Role, parts: list[Text | Media]) -> None:
        if not parts:
            return
        first = parts[0]
        if len(parts) == 1 and isinstance(first, Text) and not first.is_refusal:
            self.items.append({"role": role, "content": first.text})
        elif role == "assistant":
            self._answer(parts)
        else:
            content = self._content(parts)
            if content:
                self.items.append({"role": role, "content": content})

    def _answer(self, parts: list[Text | Media]) -> None:
        """A message of the model with more than one plain text in it: that shape must have an id."""
        content: list[Json] = []
        for part in parts:
            if isinstance(part, Media):
                self._lose(f"assistant {part.kind}", "the model's own messages hold text alone here")
            elif part.is_refusal:
                content.append({"type": "refusal", "refusal": part.text})
            else:
                content.append({"type": "output_text", "text": part.text, "annotations": [], "logprobs": []})
        if content:
            item_id = f"msg_{self._n_messages}"
            self._n_messages += 1
            self.items.append(
                {"type": "message", "role": "assistant", "id": item_id, "status": "completed", "content": content}
            )

    def _output(self, parts: tuple[Text | Media, ...]) -> object:
        first = parts[0] if parts else Text("")
        if len(parts) < 2 and isinstance(first, Text):
            return first.text
        return self._content(parts)

    def _content(self, parts: Iterable[Part]) -> list[Json]:
        content: list[Json] = []
        for part in parts:
            if isinstance(part, Text):
                content.append({"type": "input_text", "text": part.text})
            elif isinstance(part, Media):
                written = self._media(part)
                if written is not None:
                    content.append(written)
        return content

    def _media(self, part: Media) -> Json | None:
        if part.kind == "audio":
            self._lose("audio", "this format takes no sounds")
            return None
        if part.text is not None:
            if part.name is not None:
                self._lose("document name", "a document of plain text is told as text")
            return {"type": "input_text", "text": part.text}
        if part.file_id is not None and part.origin not in _OPENAIS:
            self._lose("file_id", "the file is held by another provider")
            return None
        return _image(part) if part.kind == "image" else _file(part)

    def _lose(self, what: str, why: str) -> None:
        self.losses[what] = Loss(what, why)


def _image(part: Media) -> Json:
    written: Json = {"type": "input_image", "detail": part.detail or "auto"}
    if part.file_id is not None:
        written["file_id"] = part.file_id
    else:
        written["image_url"] = part.url or f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"
    return written


def _file(part: Media) -> Json:
    written: Json = {"type": "input_file"}
    if part.file_id is not None:
        written["file_id"] = part.file_id
    elif part.url is not None:
        written["file_url"] = part.url
    else:
        data = part.data or ""
        written["file_data"] = f"data:{part.media_type};base64,{data}" if part.media_type else data
        written["filename"] = part.name or "file"  # without a name, data are refused
    if part.name is not None:
        written["filename"] = part.name
    if part.detail is not None:
        written["detail"] = part.detail
    return written


def _call_id(call_id: str) -> str:
    """The id of a call in this format: a longer one by its checksum, alike for the call and for its result."""
    if 0 < len(call_id) <= MAX_CALL_ID_CHARS:
        return call_id
    return f"call_{blake2b(call_id.encode(), digest_size=16).hexdigest()}"
