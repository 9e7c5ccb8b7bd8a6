"""Turns -> `systemInstruction` and `contents`: each part in Gemini's words, signatures on the parts that they sign."""

from typing import Any, Final

from fairlead.domain.content import Media, Opaque, Part, Reasoning, Text, ToolCall, ToolResult, Turn
from fairlead.domain.request import Loss
from fairlead.wire.lost_turns import media_kinds, refuse_lost
from fairlead.wire.tool_arguments import arguments_object

WirePart = dict[str, Any]

SKIP_SIGNATURE: Final = "skip_thought_signature_validator"
"""What Google's page on thought signatures names for calls that another model made: without any it answers 400."""
_SIGNATURE_LOSS: Final = Loss("reasoning signature", "It is of use to the format that made it alone.")
_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
}
"""The media type that a URL's ending tells."""
_ROLES: Final = {"user": "user", "assistant": "model", "system": "user"}


class ContentsWriter:
    """Writes the turns of one request."""

    def __init__(self, *, needs_signatures: bool) -> None:
        self._needs_signatures = needs_signatures
        self._names: dict[str, str] = {}
        """Call ids -> names of the functions: a result must name its function."""
        self._signature: str | None = None
        self.losses: dict[Loss, None] = {}

    def write(self, turns: tuple[Turn, ...]) -> tuple[list[WirePart], list[dict[str, Any]]]:
        """The parts of the system instruction, and the contents; roles take turns, so that results stand together."""
        system: list[WirePart] = []
        contents: list[dict[str, Any]] = []
        lost: dict[int, list[str]] = {}
        for place, turn in enumerate(turns):
            if turn.name:
                self._lose("messages[].name", "Gemini's turns have no names.")
            if turn.role == "system":
                if contents:
                    self._lose("messages[system]", "Gemini has one system instruction: it stands before all turns.")
                system += self._parts(turn.parts)
                continue
            parts = self._parts(turn.parts)
            if not parts:
                lost[place] = media_kinds(turn)
            if turn.role == "assistant" and self._needs_signatures:
                _sign_first_call(parts)
            role = _ROLES[turn.role]
            if contents and contents[-1]["role"] == role:
                contents[-1]["parts"] += parts
            elif parts:
                contents.append({"role": role, "parts": parts})
        refuse_lost(turns, lost)
        if not contents:  # a request of instructions alone; the API wants one content at least
            return [], [{"role": "user", "parts": system or [{"text": ""}]}]
        return system, contents

    def _parts(self, parts: tuple[Part, ...]) -> list[WirePart]:
        written: list[WirePart] = []
        for part in parts:
            if isinstance(part, Reasoning):
                self._reasoning(part, written)
                continue
            found = self._part(part)
            if found is not None:
                if self._signature is not None:
                    found["thoughtSignature"], self._signature = self._signature, None
                written.append(found)
        if self._signature is not None:
            # Signed at its very end: the API itself sends such an empty part.
            written.append({"text": "", "thoughtSignature": self._signature})
            self._signature = None
        return written

    def _reasoning(self, part: Reasoning, written: list[WirePart]) -> None:
        if part.origin != "gemini_generate" or part.blob is None:
            if part.blob is not None:
                self.losses[_SIGNATURE_LOSS] = None
            if part.text:
                self._lose("reasoning", "Another model's thoughts are not sent to Gemini.")
            return
        if self._signature is not None:
            written.append({"text": "", "thoughtSignature": self._signature})
        if part.text:
            written.append({"text": part.text, "thought": True})
        self._signature = part.blob

    def _part(self, part: Text | Media | ToolCall | ToolResult | Opaque) -> WirePart | None:
        if not isinstance(part, Opaque) and part.cache is not None:
            self._lose("cache_control", "Gemini caches repeated beginnings by itself.")
        if isinstance(part, Text):
            return {"text": part.text} if part.text else None
        if isinstance(part, Media):
            return self._media(part)
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        self._lose(part.kind, "Only its own format can carry it.")
        return None

    def _media(self, media: Media) -> WirePart | None:
        if media.detail in ("low", "high"):
            self._lose("image_url.detail", "Gemini has no such choice for every model.")
        if media.text is not None:
            self._name(media)
            return {"text": media.text}
        kind = media.media_type
        if media.data is not None:
            if kind is None:
                self._lose(media.kind, "Gemini wants to know its media type.")
                return None
            return {"inlineData": {"mimeType": kind, "data": media.data}}
        uri = media.url
        if media.file_id is not None:
            if media.origin not in (None, "gemini_generate"):
                self._lose(f"{media.kind} file_id", "It is an upload at another provider.")
                return None
            uri = media.file_id
        # Better refused by the upstream than answered without: a URL without a known type goes as it is.
        kind = kind or _TYPES.get((uri or "").partition("?")[0].rpartition(".")[2].lower())
        return {"fileData": {"fileUri": uri, **({"mimeType": kind} if kind else {})}}

    def _call(self, call: ToolCall) -> WirePart:
        self._names[call.call_id] = call.name
        arguments: Any = arguments_object(call.arguments) if call.kind == "function" else {"input": call.arguments}
        if arguments is None:
            self._lose("tool_calls[].function.arguments", "They are not a JSON object: sent as one text.")
            arguments = {"arguments": call.arguments}
        return {"functionCall": {"id": call.call_id, "name": call.name, "args": arguments}}

    def _result(self, result: ToolResult) -> WirePart:
        texts = [part.text for part in result.parts if part.text is not None]
        media = [part for part in result.parts if isinstance(part, Media) and part.text is None]
        for part in result.parts:
            if isinstance(part, Media) and part.text is not None:
                self._name(part)
        response: dict[str, Any] = {
            "id": result.call_id,
            "name": result.name or self._names.get(result.call_id) or result.call_id,
            "response": {"error" if result.is_error else "output": "\n".join(texts)},
        }
        parts = [written for part in media if (written := self._media(part)) is not None]
        if parts:
            response["parts"] = parts
        return {"functionResponse": response}

    def _name(self, document: Media) -> None:
        if document.name is not None:
            self._lose("document name", "A document of plain text is told as text.")

    def _lose(self, what: str, why: str) -> None:
        self.losses[Loss(what, why)] = None


def _sign_first_call(parts: list[WirePart]) -> None:
    """Gemini 3 wants a signature on the first call of a turn, and on no other of the same turn."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", SKIP_SIGNATURE)
