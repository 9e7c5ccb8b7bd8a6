"""Tools of a request: functions, custom tools, namespaces of both, and those that a provider runs itself."""

from typing import Final

import msgspec

from fairlead.domain.content import Opaque, Tool, ToolChoice
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.request import Loss
from fairlead.wire.openai_responses.member_reading import NOTHING, has, read_member
from fairlead.wire.openai_responses.tool_names import Spaced, flat_name


class _Head(msgspec.Struct):
    type: str = ""


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = NOTHING
    strict: bool | None = None
    format: msgspec.Raw = NOTHING
    defer_loading: bool | None = None
    output_schema: msgspec.Raw = NOTHING
    allowed_callers: msgspec.Raw = NOTHING


class _Namespace(msgspec.Struct):
    name: str
    tools: list[msgspec.Raw]


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list[dict[str, msgspec.Raw]] | None = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_FUNCTION: Final = msgspec.json.Decoder(_Function)
_NAMESPACE: Final = msgspec.json.Decoder(_Namespace)
_CHOICE: Final = msgspec.json.Decoder(str | _Choice)
_NAME: Final = msgspec.json.Decoder(str)
_ONLY_HERE: Final = "only this format knows it"


class ToolsRead:
    """The tools of one request, as they are read."""

    __slots__ = ("hosted", "losses", "spaced", "tools")

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.hosted: list[Opaque] = []
        self.spaced: dict[str, Spaced] = {}
        self.losses: dict[str, Loss] = {}

    def read(self, raws: list[msgspec.Raw], where: str, namespace: str | None = None) -> None:
        """Take these tools. Raises: InvalidOptionError."""
        for index, raw in enumerate(raws):
            place = f"{where}[{index}]"
            kind = read_member(raw, _HEAD, place).type
            if kind in ("function", "custom"):
                self._add(read_member(raw, _FUNCTION, place), kind, namespace)
            elif kind == "namespace" and namespace is None:
                group = read_member(raw, _NAMESPACE, place)
                self.read(group.tools, f"{place}.tools", group.name)
            else:
                self.hosted.append(Opaque("openai_responses", kind, bytes(raw)))

    def choice(self, raw: msgspec.Raw) -> ToolChoice | None:
        """The `tool_choice` member; a list of allowed tools is kept by leaving the others out."""
        choice = read_member(raw, _CHOICE, "tool_choice")
        if isinstance(choice, str):
            return _mode(choice)
        if choice.type in ("function", "custom") and choice.name:
            return ToolChoice("one", flat_name(choice.namespace, choice.name))
        if choice.type == "allowed_tools":
            names = {
                read_member(tool["name"], _NAME, "tool_choice.tools") for tool in choice.tools or () if "name" in tool
            }
            self.tools = {name: tool for name, tool in self.tools.items() if name in names}
            return _mode(choice.mode or "auto")
        self.lose(f"tool_choice[{choice.type}]", "no other format has this tool")
        return None

    def lose(self, what: str, why: str = _ONLY_HERE) -> None:
        """Note a loss, once."""
        self.losses[what] = Loss(what, why)

    def _add(self, read: _Function, kind: str, namespace: str | None) -> None:
        name = flat_name(namespace, read.name)
        if namespace is not None:
            if name in self.tools:
                self.lose(f"tools[{namespace}.{read.name}]", f"its flat name {name} is taken")
                return
            self.spaced[name] = Spaced(namespace, read.name)
        if read.defer_loading:
            self.lose("tools[].defer_loading")
        if has(read.output_schema):
            self.lose("tools[].output_schema")
        if has(read.allowed_callers):
            self.lose("tools[].allowed_callers")
        if kind == "custom":
            grammar = bytes(read.format) if has(read.format) else None
            self.tools[name] = Tool(name, read.description, kind="custom", grammar=grammar)
        else:
            schema = bytes(read.parameters) if has(read.parameters) else None
            self.tools[name] = Tool(name, read.description, schema, read.strict)


def _mode(mode: str) -> ToolChoice:
    if mode == "auto":
        return ToolChoice("auto")
    if mode == "none":
        return ToolChoice("none")
    if mode == "required":
        return ToolChoice("required")
    raise InvalidOptionError("'tool_choice' is auto, none, required or an object.", param="tool_choice")
