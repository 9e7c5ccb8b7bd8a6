"""The outline of a Messages request: all that the router sees of it."""

from collections.abc import Collection
from typing import Final

import msgspec

from fairlead.domain.content import FormatName
from fairlead.domain.envelope import unseal
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.outline import FIRST_TURN_SAMPLE_CHARS, SYSTEM_SAMPLE_CHARS, Outline, sample_turns

_MAX_COUNT: Final = 1_000_000_000
"""JSON's whole numbers have no end; above this a count only says "more than anybody gives"."""
_NOTHING: Final = msgspec.Raw(b"")
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_UNSIGNED: Final = (b"", b"null", b'""')


class _Inner(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING
    """Of redacted thinking: all of it."""
    input: msgspec.Raw = _NOTHING
    content: msgspec.Raw = _NOTHING


class Message(msgspec.Struct):
    """A turn, as far as routing reads it."""

    role: str
    content: str | list[_Block]


class _Kind(msgspec.Struct):
    type: str = ""


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Kind | None = None


class Envelope(msgspec.Struct):
    """The members that routing looks at; everything else stays as it came."""

    messages: list[Message]
    model: str | None = None
    system: str | list[_Inner] | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    tools: list[msgspec.Raw] | None = None
    thinking: _Kind | None = None
    output_config: _OutputConfig | None = None
    output_format: _Kind | None = None
    metadata: msgspec.Raw = _NOTHING


_RESULT: Final = msgspec.json.Decoder(str | list[_Inner] | None)


class _Tally:
    """What has been counted so far."""

    __slots__ = ("n_chars", "n_files", "n_images", "signed_by")

    def __init__(self) -> None:
        self.n_chars = self.n_images = self.n_files = 0
        self.signed_by: FormatName | None = None

    def message(self, content: str | list[_Block]) -> str:
        """Count a message's content; its own words."""
        if isinstance(content, str):
            self.n_chars += len(content)
            return content
        words: list[str] = []
        for block in content:
            if block.text:
                words.append(block.text)
                self.n_chars += len(block.text)
            elif block.type == "tool_result":
                self._result(block.content)
            elif block.type in _THOUGHTS:
                self.n_chars += len(block.thinking or "")
                self._signed(bytes(block.data if block.type == "redacted_thinking" else block.signature))
            else:
                self.n_images += block.type == "image"
                self.n_files += block.type == "document"
                self.n_chars += len(bytes(block.input))
        return "\n".join(words)

    def _signed(self, blob: bytes) -> None:
        """Thoughts that only their maker can read; those in an envelope are another format's."""
        if blob not in _UNSIGNED:
            envelope = unseal(blob.decode("utf-8", "replace").strip('"'))
            self.signed_by = "anthropic_messages" if envelope is None else envelope.origin

    def _result(self, content: msgspec.Raw) -> None:
        if not bytes(content):
            return
        read = _RESULT.decode(content)
        if isinstance(read, str):
            self.n_chars += len(read)
            return
        for inner in read or ():
            self.n_chars += len(inner.text or "")
            self.n_images += inner.type == "image"
            self.n_files += inner.type == "document"


def outline_of(envelope: Envelope, parameters: Collection[str]) -> Outline:
    """The outline. Raises: InvalidOptionError without messages; msgspec's errors for a tool result of another shape."""
    messages = envelope.messages
    if not messages:
        raise InvalidOptionError("'messages' is empty: send at least one message.", param="messages")
    tally = _Tally()
    system = _system_text(envelope.system)
    tally.n_chars = len(system)
    turn = earlier = first = ""
    for message in messages:
        words = tally.message(message.content)
        if message.role == "user" and words:  # a turn of nothing but tool results is no turn of the user's
            turn, earlier = words, turn
            first = first or words
        elif message.role == "system" and not system:
            system = words
    tools = envelope.tools or []
    limit = envelope.max_tokens
    return Outline(
        system_text=system[:SYSTEM_SAMPLE_CHARS],
        turn_text=sample_turns(turn, earlier),
        n_chars=tally.n_chars,
        turn_chars=len(turn),
        n_messages=len(messages),
        n_images=tally.n_images,
        n_files=tally.n_files,
        n_tools=len(tools),
        tool_chars=sum(map(len, map(bytes, tools))) if tools else 0,
        wants_structured=_wants_structured(envelope),
        wants_reasoning=_wants_reasoning(envelope),
        in_tool_loop=_ends_with_result(messages[-1]),
        first_turn_text=first[:FIRST_TURN_SAMPLE_CHARS],
        signed_by=tally.signed_by,
        max_output_tokens=min(limit, _MAX_COUNT) if limit is not None and limit > 0 else None,
        parameters=frozenset(parameters),
    )


def _system_text(system: str | list[_Inner] | None) -> str:
    if isinstance(system, str):
        return system
    return "\n".join([block.text for block in system if block.text]) if system else ""


def _wants_structured(envelope: Envelope) -> bool:
    config = envelope.output_config
    return envelope.output_format is not None or (config is not None and config.format is not None)


def _wants_reasoning(envelope: Envelope) -> bool:
    if envelope.thinking is not None:
        return envelope.thinking.type != "disabled"
    return envelope.output_config is not None and envelope.output_config.effort is not None


def _ends_with_result(message: Message) -> bool:
    return not isinstance(message.content, str) and any(block.type == "tool_result" for block in message.content)
