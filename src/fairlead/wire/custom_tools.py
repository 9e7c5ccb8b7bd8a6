"""Custom tools, which take free text, for upstreams whose tools take JSON: a function with one text, and back.

A model that is given such a function calls it with `{"input": "…"}`. The client declared a custom tool and runs no
other (Codex's apply_patch is one), so on the way back the text is taken out again, in streams too: a call's arguments
are held until they are whole, since the end of a JSON text cannot be told from its middle.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from fairlead.domain.content import Part, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.events import ArgumentsDelta, ChoiceFinished, Event, ToolCallBegan
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.request import ChatRequest, Loss
from fairlead.wire.format import ReplyReader

_SCHEMA: Final = (
    b'{"type":"object","properties":{"input":{"type":"string","description":"The tool\'s whole input, plain text."}},'
    b'"required":["input"],"additionalProperties":false}'
)
_WHY: Final = "a custom tool: sent as a function with one text, `input`"
_ENCODE: Final = msgspec.json.Encoder().encode


class _Grammar(msgspec.Struct):
    definition: str | None = None
    syntax: str | None = None


class _Wrapped(msgspec.Struct):
    input: str


_GRAMMAR: Final = msgspec.json.Decoder(_Grammar)
_WRAPPED: Final = msgspec.json.Decoder(_Wrapped)


def custom_names(chat: ChatRequest) -> frozenset[str]:
    """The custom tools that the request declares."""
    return frozenset([tool.name for tool in chat.tools if tool.kind == "custom"])


def with_functions(chat: ChatRequest) -> ChatRequest:
    """The request with functions in the place of its custom tools, their calls and their results."""
    losses = [Loss(f"tools[{tool.name}]"[:80], _WHY) for tool in chat.tools if tool.kind == "custom"]
    return chat._replace(
        tools=tuple([_function(tool) if tool.kind == "custom" else tool for tool in chat.tools]),
        turns=tuple([_turn(turn) for turn in chat.turns]),
        losses=(*chat.losses, *losses),
    )


def _function(tool: Tool) -> Tool:
    said = [tool.description] if tool.description else []
    if tool.grammar is not None:
        grammar = _grammar(tool.grammar)
        if grammar is not None:
            said.append(grammar)
    return Tool(tool.name, "\n\n".join(said) or None, _SCHEMA, cache=tool.cache)


def _grammar(raw: bytes) -> str | None:
    """A grammar in words: nobody else enforces it, but a model can read it."""
    try:
        read = _GRAMMAR.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return f"`input` follows this {read.syntax or 'formal'} grammar:\n{read.definition}" if read.definition else None


def _turn(turn: Turn) -> Turn:
    parts = [_part(part) for part in turn.parts]
    return turn._replace(parts=tuple(parts))


def _part(part: Part) -> Part:
    if isinstance(part, ToolCall) and part.kind == "custom":
        return part._replace(kind="function", arguments=_ENCODE({"input": part.arguments}).decode())
    if isinstance(part, ToolResult) and part.kind == "custom":
        return part._replace(kind="function")
    return part


def text_of(arguments: str) -> str:
    """The text in a call's arguments; arguments of another shape are the text themselves: nothing is lost."""
    try:
        return _WRAPPED.decode(arguments.encode()).input
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return arguments


def customised(reply: Reply, names: frozenset[str]) -> Reply:
    """A whole reply with calls of these tools as the custom calls that they are meant as."""
    return reply._replace(choices=tuple([_choice(choice, names) for choice in reply.choices]))


def _choice(choice: ReplyChoice, names: frozenset[str]) -> ReplyChoice:
    parts = [
        part._replace(kind="custom", arguments=text_of(part.arguments))
        if isinstance(part, ToolCall) and part.name in names and part.kind == "function"
        else part
        for part in choice.parts
    ]
    return choice._replace(parts=tuple(parts))


class CustomisedReader:
    """The same for a stream. Keeps the promises of `wire.format.ReplyReader`."""

    __slots__ = ("_held", "_names", "_reader")

    def __init__(self, reader: ReplyReader, names: frozenset[str]) -> None:
        self._reader = reader
        self._names = names
        self._held: dict[tuple[int, int], list[str]] = {}
        """Choice and call -> the arguments so far."""

    @property
    def is_done(self) -> bool:
        """See ReplyReader."""
        return self._reader.is_done

    def feed(self, data: bytes) -> list[Event]:
        """See ReplyReader."""
        return self._events(self._reader.feed(data))

    def end(self) -> list[Event]:
        """See ReplyReader."""
        return self._events(self._reader.end())

    def _events(self, events: Iterable[Event]) -> list[Event]:
        told: list[Event] = []
        for event in events:
            if isinstance(event, ToolCallBegan) and event.name in self._names and event.kind == "function":
                self._held[event.choice, event.call] = []
                told.append(event._replace(kind="custom"))
            elif isinstance(event, ArgumentsDelta) and (event.choice, event.call) in self._held:
                self._held[event.choice, event.call].append(event.text)
            elif isinstance(event, ChoiceFinished):
                told += self._released(event.choice)
                told.append(event)
            else:
                told.append(event)
        return told

    def _released(self, choice: int) -> list[Event]:
        calls = [key for key in self._held if key[0] == choice]
        return [ArgumentsDelta(call, text_of("".join(self._held.pop((choice, call)))), choice) for _, call in calls]
