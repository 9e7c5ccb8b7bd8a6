"""Messages -> turns: what was said, thought and called, each part where its maker wants it back."""

from collections.abc import Sequence
from typing import Any, Final, cast

from fairlead.domain.content import CacheTtl, Media, Part, Reasoning, Text, ToolCall, ToolResult, Turn
from fairlead.domain.request import Loss
from fairlead.wire.lost_turns import refuse_lost
from fairlead.wire.openai_chat.reasoning import parts_of
from fairlead.wire.openai_chat.request_shapes import CacheShape, MessageShape, PartShape, UrlShape

_SPOKEN: Final = Loss("messages[audio]", "a spoken answer is kept by whoever gave it, and by nobody else")
_UNHEARD: Final = Text("[a spoken answer]")
"""Stands where nothing is known of one but that there was one: without a turn its neighbours would be one."""


def cache_of(mark: CacheShape | None) -> CacheTtl | None:
    """How long a mark wishes a prompt to be kept; five minutes if it does not say."""
    return (mark.ttl or "5m") if mark else None


class TurnsReader:
    """Reads the messages of one request, in their order."""

    __slots__ = ("_calls", "_losses", "_n_old", "_waiting")

    def __init__(self, losses: list[Loss]) -> None:
        self._losses = losses
        self._calls: dict[str, ToolCall] = {}
        self._n_old: dict[str, int] = {}
        """How often each function was called by a `function_call`, which has no id."""
        self._waiting: dict[str, list[str]] = {}
        """The ids that we gave to such calls, until a `function` message answers them."""

    def turns(self, messages: Sequence[MessageShape]) -> tuple[Turn, ...]:
        """All of them. Raises: InvalidOptionError for a user's of which nothing would be left."""
        turns = tuple([self._turn(message) for message in messages])
        lost = {
            place: [part.type for part in messages[place].content or () if isinstance(part, PartShape)]
            for place, turn in enumerate(turns)
            if not turn.parts
        }
        refuse_lost(turns, lost)
        return turns

    def _turn(self, message: MessageShape) -> Turn:
        content = self._content(message)
        if message.role in ("tool", "function"):
            return Turn("user", (self._result(message, content),))
        if message.role == "assistant":
            return Turn("assistant", self._answer(message, content), message.name)
        return Turn("user" if message.role == "user" else "system", content, message.name)

    def _result(self, message: MessageShape, content: tuple[Text | Media, ...]) -> ToolResult:
        waiting = self._waiting.get(message.name or "")
        call_id = message.tool_call_id or (waiting.pop(0) if waiting else f"call_{message.name}")
        call = self._calls.get(call_id)
        if call is None:
            return ToolResult(call_id, content, name=message.name)
        return ToolResult(call_id, content, name=call.name, kind=call.kind)

    def _answer(self, message: MessageShape, content: tuple[Text | Media, ...]) -> tuple[Part, ...]:
        said: list[Part] = list(content)
        if message.refusal:
            said.append(Text(message.refusal, is_refusal=True))
        calls = self._called(message) if message.tool_calls or message.function_call is not None else []
        if message.audio is not None:
            self._losses.append(_SPOKEN)
            if message.audio.transcript:
                said.append(Text(message.audio.transcript))
            elif not said and not calls:
                said.append(_UNHEARD)
        thoughts = _thoughts(message)
        return _in_place(thoughts, said, calls) if thoughts else (*said, *calls)

    def _called(self, message: MessageShape) -> list[ToolCall]:
        calls = []
        for call in message.tool_calls or ():
            if call.custom is not None:
                calls.append(ToolCall(call.id, call.custom.name, call.custom.input, "custom"))
            elif call.function is not None:
                calls.append(ToolCall(call.id, call.function.name, call.function.arguments))
        self._calls.update((call.call_id, call) for call in calls)
        if message.function_call is not None:
            name = message.function_call.name
            call_id = self._id_of(name)
            self._waiting.setdefault(name, []).append(call_id)
            self._calls[call_id] = ToolCall(call_id, name, message.function_call.arguments)
            calls.append(self._calls[call_id])
        return calls

    def _id_of(self, name: str) -> str:
        """An id for a call without one, unlike every other so far."""
        while True:
            number = self._n_old[name] = self._n_old.get(name, 0) + 1
            call_id = f"call_{name}" if number == 1 else f"call_{name}_{number}"
            if call_id not in self._calls:
                return call_id

    def _content(self, message: MessageShape) -> tuple[Text | Media, ...]:
        content = message.content
        if isinstance(content, str):
            return (Text(content, cache_of(message.cache_control)),)
        parts = []
        for part in content or ():
            read = _part(part)
            if read is None:
                self._losses.append(Loss(f"messages[{part.type}]"[:80], "no other format has a word for it"))
            else:
                parts.append(read)
        return tuple(parts)


def _thoughts(message: MessageShape) -> list[Reasoning]:
    beside = message.reasoning_content or message.reasoning
    if not message.reasoning_details:
        return [Reasoning(beside)] if beside else []
    thoughts = parts_of(message.reasoning_details)
    only = thoughts[0] if len(thoughts) == 1 else None
    if beside and only is not None and not only.text and not only.is_redacted and only.item_id is None:
        # Of a stream's list such a client kept the end alone: the blob, whose thoughts are those that it joined.
        return [only._replace(text=beside)]
    return thoughts


def _in_place(thoughts: list[Reasoning], said: list[Part], calls: list[ToolCall]) -> tuple[Part, ...]:
    """Thoughts before what was said, but those that bear a call's id: before the call, as their maker gave them."""
    ids = {call.call_id for call in calls}
    before: dict[str, list[Part]] = {}
    first: list[Part] = []
    for thought in thoughts:
        if thought.item_id is not None and thought.item_id in ids:
            before.setdefault(thought.item_id, []).append(thought._replace(item_id=None))
        else:
            first.append(thought)
    if not any(isinstance(part, Text) and part.text for part in said) and calls:
        first += before.pop(calls[0].call_id, [])  # nothing was said in between: an empty text is no reason to
    parts = first + said
    for call in calls:
        parts += before.pop(call.call_id, [])
        parts.append(call)
    return tuple(parts)


def _part(part: PartShape) -> Text | Media | None:
    cache = cache_of(part.cache_control)
    if part.text is not None:
        return Text(part.text, cache)
    if part.refusal is not None:
        return Text(part.refusal, is_refusal=True)
    if part.image_url is not None:
        address = part.image_url if isinstance(part.image_url, UrlShape) else UrlShape(part.image_url)
        kind, data = _data_url(address.url)
        url = None if data is not None else address.url
        return Media("image", kind, data, url, detail=address.detail, cache=cache)
    if part.input_audio is not None:
        kind = "audio/mpeg" if part.input_audio.format == "mp3" else f"audio/{part.input_audio.format}"
        return Media("audio", kind, part.input_audio.data, cache=cache)
    if part.file is not None:
        file = part.file
        kind, data = _data_url(file.file_data or "")
        if data is None and file.file_data:
            kind, data = "application/pdf", file.file_data
        origin = "openai_chat" if file.file_id else None
        return Media(
            "file", kind, data, file_id=file.file_id, name=file.filename, cache=cache, origin=cast("Any", origin)
        )
    return None


def _data_url(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 of a data URL; None, None for any other."""
    if not url.startswith("data:"):
        return None, None
    head, _, data = url.partition(",")
    if not head.endswith(";base64"):
        return None, None
    return head[5:-7].partition(";")[0] or None, data
