"""The tool calls of a streamed choice, told apart however the upstream numbers them.

By the specification a call's first delta has its index, its id and its name, and the others the index alone. Servers
leave ids out or empty, give every parallel call the index 0 or none, say the name again in each delta, or say it late.
"""

from fairlead.domain.content import ToolKind
from fairlead.domain.events import ArgumentsDelta, Event, ToolCallBegan
from fairlead.wire.openai_chat.reply_reading import Call
from fairlead.wire.tool_arguments import arguments_object


class _OpenCall:
    """One call, told once its name is known."""

    __slots__ = ("call_id", "kind", "name", "number", "pieces")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.name = ""
        self.kind: ToolKind = "function"
        self.number: int | None = None
        """None while it is not told."""
        self.pieces: list[str] = []


class OpenCalls:
    """The calls of one choice."""

    __slots__ = ("_by_index", "_choice", "_last", "_n_told")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._by_index: dict[int, _OpenCall] = {}
        self._last = 0
        self._n_told = 0

    def take(self, delta: Call, events: list[Event]) -> None:
        """What this delta tells goes to `events`."""
        about = delta.custom or delta.function
        name = (about.name if about is not None else None) or ""
        text = (delta.custom.input or "") if delta.custom else delta.function.text() if delta.function else ""
        self._last = index = self._last if delta.index is None else delta.index
        call = self._by_index.get(index)
        if call is None or _is_another(call, delta.id or "", name, text):
            if call is not None:
                self._tell(call, events)
            call = self._by_index[index] = _OpenCall(delta.id or "")
        if call.number is None:
            call.name, call.call_id = name, call.call_id or delta.id or ""
            if delta.custom is not None:
                call.kind = "custom"
        if text:
            call.pieces.append(text)
        if call.number is not None:
            if text:
                events.append(ArgumentsDelta(call.number, text, self._choice))
        elif name:
            self._tell(call, events)

    def tell_all(self, events: list[Event]) -> None:
        """The choice is finished: a call whose name never came is told without one."""
        for call in self._by_index.values():
            self._tell(call, events)

    def _tell(self, call: _OpenCall, events: list[Event]) -> None:
        if call.number is not None:
            return
        call.number = self._n_told
        self._n_told += 1
        events.append(ToolCallBegan(call.number, call.call_id, call.name, self._choice, call.kind))
        if call.pieces:
            events.append(ArgumentsDelta(call.number, "".join(call.pieces), self._choice))


def _is_another(call: _OpenCall, call_id: str, name: str, text: str) -> bool:
    """Whether a delta with the index of an open call begins another one."""
    if call_id:
        return call_id != call.call_id and bool(call.call_id or (name and call.name))
    if not name or not call.name:
        return False
    if name != call.name:
        # Where ids are given and no argument has come, it is the rest of a name that comes in pieces.
        return not call.call_id or bool(call.pieces)
    # Said again. Between two objects of one call's arguments there would be a comma.
    is_next = text.lstrip()[:1] == "{" and bool(call.pieces) and call.pieces[-1].rstrip()[-1:] == "}"
    return is_next and arguments_object("".join(call.pieces)) is not None
