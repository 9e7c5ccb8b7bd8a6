"""Input items -> turns: messages, calls and their results, reasoning; what only this format knows stays opaque.

Items of the model that follow each other are one turn, and so are results that follow each other.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from fairlead.domain.content import Media, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolKind, ToolResult, Turn
from fairlead.domain.envelope import unseal
from fairlead.domain.errors import InvalidOptionError
from fairlead.wire.openai_responses.member_reading import NOTHING, has, read_member
from fairlead.wire.openai_responses.part_reading import OF_TEXT_AND_MEDIA, Words, joined, read_parts
from fairlead.wire.openai_responses.tool_names import flat_name
from fairlead.wire.openai_responses.tool_reading import ToolsRead


class _Head(msgspec.Struct):
    """What tells an item's kind; of a message, which is the commonest, all that there is."""

    type: str | None = None
    role: str | None = None
    content: msgspec.Raw = NOTHING
    phase: msgspec.Raw = NOTHING


class _Call(msgspec.Struct):
    call_id: str
    name: str
    arguments: str = ""
    input: str = ""
    namespace: str | None = None


class _Result(msgspec.Struct):
    call_id: str
    output: msgspec.Raw


class _Thoughts(msgspec.Struct):
    id: str | None = None
    summary: list[Words] | None = None
    content: list[Words] | None = None
    encrypted_content: str | None = None


class _MoreTools(msgspec.Struct):
    tools: list[msgspec.Raw]


_HEAD: Final = msgspec.json.Decoder(_Head)
_CALL: Final = msgspec.json.Decoder(_Call)
_RESULT: Final = msgspec.json.Decoder(_Result)
_THOUGHTS: Final = msgspec.json.Decoder(_Thoughts)
_MORE_TOOLS: Final = msgspec.json.Decoder(_MoreTools)

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_ANSWERS: Final = ("_output", "_response")
"""How the types of items end that answer a hosted tool's call."""


class ItemsRead:
    """The turns of one request, as its items are read."""

    __slots__ = ("_names", "_parts", "_role", "_tools", "_turns")

    def __init__(self, tools: ToolsRead) -> None:
        self._turns: list[Turn] = []
        self._parts: list[Part] = []
        self._role: Role | None = None
        """Of the turn whose parts are being gathered."""
        self._names: dict[str, str] = {}
        self._tools = tools

    def read(self, raws: list[msgspec.Raw]) -> None:
        """Take these items. Raises: InvalidOptionError."""
        for index, raw in enumerate(raws):
            place = f"input[{index}]"
            head = read_member(raw, _HEAD, place)
            kind = head.type or ("item_reference" if head.role is None else "message")
            reading = _READINGS.get(kind)
            if reading is not None:
                reading(self, raw, place)
            elif kind == "message":
                self._message(head, place)
            else:
                self._opaque(raw, kind)

    def say(self, role: Role, text: str) -> None:
        """Take a turn of plain text."""
        self._close()
        self._turns.append(Turn(role, (Text(text),)))

    def turns(self) -> tuple[Turn, ...]:
        """All of them."""
        self._close()
        return tuple(self._turns)

    def _message(self, message: _Head, place: str) -> None:
        role = _ROLES.get(message.role or "")
        if role is None:
            raise InvalidOptionError(f"'{place}.role' is user, assistant, system or developer.", param=f"{place}.role")
        if message.content is NOTHING:
            raise InvalidOptionError(f"'{place}.content' is missing: send a text or parts.", param=f"{place}.content")
        if message.phase is not NOTHING and has(message.phase):
            self._tools.lose("input[].phase")
        parts = read_parts(message.content, f"{place}.content")
        if role == "assistant":
            self._add("assistant", *parts)
            return
        self._close()
        self._turns.append(Turn(role, parts))

    def _call(self, raw: msgspec.Raw, place: str, kind: ToolKind) -> None:
        call = read_member(raw, _CALL, place)
        name = flat_name(call.namespace, call.name)
        self._names[call.call_id] = name
        self._add("assistant", ToolCall(call.call_id, name, call.arguments or call.input, kind))

    def _function_call(self, raw: msgspec.Raw, place: str) -> None:
        self._call(raw, place, "function")

    def _custom_call(self, raw: msgspec.Raw, place: str) -> None:
        self._call(raw, place, "custom")

    def _result(self, raw: msgspec.Raw, place: str, kind: ToolKind) -> None:
        result = read_member(raw, _RESULT, place)
        parts = read_parts(result.output, f"{place}.output", OF_TEXT_AND_MEDIA)
        kept = tuple(part for part in parts if isinstance(part, Text | Media))
        self._add("user", ToolResult(result.call_id, kept, name=self._names.get(result.call_id), kind=kind))

    def _function_result(self, raw: msgspec.Raw, place: str) -> None:
        self._result(raw, place, "function")

    def _custom_result(self, raw: msgspec.Raw, place: str) -> None:
        self._result(raw, place, "custom")

    def _thoughts(self, raw: msgspec.Raw, place: str) -> None:
        read = read_member(raw, _THOUGHTS, place)
        text = joined(read.content, "") or joined(read.summary, "\n\n")
        is_summary = bool(read.summary) and not read.content
        blob = read.encrypted_content
        envelope = unseal(blob) if blob else None
        if envelope is not None:
            # Somebody else's thoughts in a field of ours: they are what their maker sent, not a summary of it.
            self._add(
                "assistant",
                Reasoning(text, envelope.blob, envelope.origin, envelope.is_redacted, item_id=envelope.item_id),
            )
        elif blob or text:
            thoughts = Reasoning(text, is_summary=is_summary)
            if blob:
                thoughts = Reasoning(text, blob, "openai_responses", not text, is_summary, read.id)
            self._add("assistant", thoughts)

    def _reference(self, raw: msgspec.Raw, place: str) -> None:
        raise InvalidOptionError(
            f"'{place}' refers to an item that another provider holds: send the items themselves, with store=false.",
            param=place,
        )

    def _more_tools(self, raw: msgspec.Raw, place: str) -> None:
        self._tools.read(read_member(raw, _MORE_TOOLS, place).tools, f"{place}.tools")

    def _opaque(self, raw: msgspec.Raw, kind: str) -> None:
        self._add("user" if kind.endswith(_ANSWERS) else "assistant", Opaque("openai_responses", kind, bytes(raw)))

    def _add(self, role: Role, *parts: Part) -> None:
        if role != self._role:
            self._close()
            self._role = role
        self._parts.extend(parts)

    def _close(self) -> None:
        if self._role is not None:
            self._turns.append(Turn(self._role, tuple(self._parts)))
            self._parts = []
            self._role = None


_READINGS: Final[dict[str, Callable[[ItemsRead, msgspec.Raw, str], None]]] = {
    "function_call": ItemsRead._function_call,
    "custom_tool_call": ItemsRead._custom_call,
    "function_call_output": ItemsRead._function_result,
    "custom_tool_call_output": ItemsRead._custom_result,
    "reasoning": ItemsRead._thoughts,
    "item_reference": ItemsRead._reference,
    "additional_tools": ItemsRead._more_tools,
}
