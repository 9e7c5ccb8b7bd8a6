"""Turns -> `system` and `messages`: each part as one of Converse's blocks, cache points behind what they close."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any, Final

from fairlead.domain.content import CacheTtl, Media, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from fairlead.domain.request import Loss
from fairlead.wire.tool_arguments import arguments_object

Block = dict[str, Any]

_CALL_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_IMAGES: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_SOUNDS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/webm": "webm",
    "audio/mp4": "mp4",
}
_DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_FORMATS: Final = {"image": _IMAGES, "audio": _SOUNDS, "file": _DOCUMENTS}
_MEMBERS: Final = {"image": "image", "audio": "audio", "file": "document"}
_NAME_CHARS: Final = re.compile(r"[^a-zA-Z0-9()\[\]-]+")
"""What a document's name may not hold; a single blank is allowed."""


def call_id(given: str) -> str:
    """The id for Converse: as it is where its pattern allows it, else a name made of its digest: the same each time.

    It need not be turned back: a client never sees it, and a call and its result are mapped alike.
    """
    return given if _CALL_ID.fullmatch(given) else f"call_{sha256(given.encode(errors='replace')).hexdigest()[:40]}"


def cache_point(ttl: CacheTtl) -> Block:
    """The end of a prefix that may be cached; five minutes is what is meant by default."""
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl != "5m" else {})}}


class MessagesWriter:
    """Writes the turns of one request. `hears`: whether the model may be sent sounds."""

    def __init__(self, *, hears: bool = True) -> None:
        self._hears = hears
        self._n_documents = 0
        self.losses: dict[Loss, None] = {}
        self.called: dict[str, None] = {}
        """Names of the tools that were called: Converse wants their declarations while their calls are told."""

    def write(self, turns: tuple[Turn, ...]) -> tuple[list[Block], list[Block]]:
        """The system blocks and the messages; roles take turns, as Converse demands."""
        system: list[Block] = []
        messages: list[Block] = []
        for turn in turns:
            if turn.name:
                self._lose("messages[].name", "Converse's turns have no names.")
            blocks = self._blocks(turn.parts, turn.role)
            if turn.role == "system":
                if messages and blocks:
                    self._lose("messages[system]", "Most models of Bedrock take instructions at the front alone.")
                system += blocks
            elif messages and messages[-1]["role"] == turn.role:
                messages[-1]["content"] += blocks
            elif blocks:
                messages.append({"role": turn.role, "content": blocks})
        for message in messages:
            if message["role"] == "user":
                message["content"] = _as_a_user_says(message["content"])
        if not messages and system:  # a request of instructions alone; Converse begins with a user's turn
            return [], [{"role": "user", "content": system}]
        return system, messages

    def _blocks(self, parts: tuple[Part, ...], role: Role) -> list[Block]:
        blocks: list[Block] = []
        for part in parts:
            block = self._block(part, role)
            if block is None:
                continue
            blocks.append(block)
            if (cache := _cache_of(part)) is not None:
                blocks.append(cache_point(cache))
        return blocks

    def _block(self, part: Part, role: Role) -> Block | None:
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, Media):
            if role != "user":
                self._lose(f"{part.kind} of the {role}", "Converse takes files in a user's turns alone.")
                return None
            return self._media(part)
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        self._lose(part.kind, "Only its own format can carry it.")
        return None

    def _text(self, part: Text) -> Block | None:
        """Words; Converse refuses a text that is empty or blank, whatever the model."""
        if not part.text or part.text.isspace():
            if part.text:
                self._lose("blank text", "Converse refuses it.")
            return None
        return {"text": part.text}

    def _media(self, media: Media) -> Block | None:
        if media.kind == "audio" and not self._hears:
            self._lose("audio", "Anthropic's models do not hear.")
            return None
        if media.detail in ("low", "high"):
            self._lose("image_url.detail", "Converse has no such choice.")
        data = media.data
        kind = media.media_type
        if media.text is not None:
            data, kind = b64encode(media.text.encode(errors="replace")).decode(), kind or "text/plain"
        wire_format = _FORMATS[media.kind].get(kind or "", "txt" if media.text is not None else None)
        source: Block | None = None
        if data:
            source = {"bytes": data}
        elif media.url is not None and media.url.startswith("s3://"):
            source = {"s3Location": {"uri": media.url}}
            wire_format = wire_format or _FORMATS[media.kind].get(_type_of(media), None)
        if source is None or wire_format is None:
            what = "a file of this kind" if source is not None else "files by URL or id"
            self._lose(media.kind, f"Converse does not take {what}.")
            return None
        block: Block = {"format": wire_format, "source": source}
        if media.kind == "file":
            block["name"] = self._document_name(media.name)
        return {_MEMBERS[media.kind]: block}

    def _document_name(self, name: str | None) -> str:
        """Numbered, since no two documents of a request may have one name."""
        self._n_documents += 1
        plain = _NAME_CHARS.sub(" ", name or "document").strip()[:100].strip() or "document"
        return plain if self._n_documents == 1 else f"{plain} {self._n_documents}"

    def _call(self, call: ToolCall) -> Block:
        self.called[call.name] = None
        arguments: Any = arguments_object(call.arguments) if call.kind == "function" else {"input": call.arguments}
        if arguments is None:
            self._lose("tool_calls[].function.arguments", "They are not a JSON object: sent as one text.")
            arguments = {"arguments": call.arguments}
        return {"toolUse": {"toolUseId": call_id(call.call_id), "name": call.name, "input": arguments}}

    def _result(self, result: ToolResult) -> Block:
        content: list[Block] = []
        for part in result.parts:
            if isinstance(part, Media) and part.kind == "audio":
                self._lose("audio", "Converse takes none in a tool's result.")
            elif (block := self._text(part) if isinstance(part, Text) else self._media(part)) is not None:
                content.append(block)
        found: Block = {"toolUseId": call_id(result.call_id), "content": content}
        if result.is_error:
            found["status"] = "error"
        return {"toolResult": found}

    def _reasoning(self, part: Reasoning) -> Block | None:
        """Signatures that Bedrock handed out, and no others: Anthropic's own do not hold there."""
        if part.origin == "bedrock_converse" and part.blob is not None:
            if part.is_redacted:
                return {"reasoningContent": {"redactedContent": part.blob}}
            return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.blob}}}
        if part.blob is not None:
            self._lose("reasoning signature", "It is of use to the format that made it alone.")
        if part.text:
            self._lose("reasoning", "Another model's thoughts are not sent to Bedrock.")
        return None

    def _lose(self, what: str, why: str) -> None:
        self.losses[Loss(what, why)] = None


def _cache_of(part: Part) -> CacheTtl | None:
    """The mark behind a part; one within a tool's result, where Converse takes none, stands behind the result."""
    if isinstance(part, Reasoning | Opaque):
        return None
    if isinstance(part, ToolResult) and part.cache is None:
        return next((each.cache for each in reversed(part.parts) if each.cache is not None), None)
    return part.cache


def _as_a_user_says(blocks: list[Block]) -> list[Block]:
    """A user's blocks with tool results in front, as Claude wants them, and words beside documents, as Converse does.

    A cache point stays behind what it closes.
    """
    results: list[Block] = []
    others: list[Block] = []
    place = others
    for block in blocks:
        if "cachePoint" not in block:
            place = results if "toolResult" in block else others
        place.append(block)
    names = [block["document"]["name"] for block in others if "document" in block]
    if names and not any("text" in block for block in others):
        others.append({"text": names[0]})
    return results + others


def _type_of(media: Media) -> str:
    """The media type that an S3 object's ending tells."""
    ending = (media.url or "").rpartition(".")[2].lower()
    ending = {"jpg": "jpeg"}.get(ending, ending)
    return next((kind for kind, name in _FORMATS[media.kind].items() if name == ending), "")
