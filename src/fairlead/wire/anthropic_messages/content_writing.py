"""Parts of a turn -> content blocks, with what Anthropic has no block for."""

from base64 import b64decode
from binascii import Error
from typing import Any, Final

import msgspec

from fairlead.domain.content import CacheTtl, Media, Opaque, Part, Reasoning, Text, ToolCall, ToolKind, ToolResult
from fairlead.domain.request import Loss
from fairlead.wire.anthropic_messages.ids import spelled
from fairlead.wire.anthropic_messages.signatures import ORIGIN

Block = dict[str, Any] | msgspec.Raw

_IMAGES: Final = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
"""The images that Anthropic reads (base64_image_source of the SDK 2.14.0, read 2026-11-30)."""
_TEXTS: Final = frozenset(("application/json", "application/xml", "application/yaml", "application/x-yaml"))
"""Documents that are text though their type does not begin with `text/`."""
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODE: Final = msgspec.json.Encoder().encode
EMPTY_INPUT: Final = msgspec.Raw(b"{}")
"""A call without arguments."""


def input_of(arguments: str, kind: ToolKind) -> tuple[msgspec.Raw, bool]:
    """A call's arguments as the object that the format requires, and whether they were one.

    Text that is no object stands under `input`, as a custom tool's does.
    """
    if kind == "function":
        if not arguments or arguments.isspace():
            return EMPTY_INPUT, True
        text = arguments.encode()
        try:
            _OBJECT.decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
        else:
            return msgspec.Raw(text), True
    return msgspec.Raw(_ENCODE({"input": arguments})), False


def cache_control(cache: CacheTtl) -> dict[str, str]:
    """A breakpoint."""
    return {"type": "ephemeral"} if cache == "5m" else {"type": "ephemeral", "ttl": cache}


class BlockWriter:
    """Writes the blocks of one conversation, and notes the losses."""

    def __init__(self) -> None:
        self.losses: list[Loss] = []

    def blocks(self, parts: tuple[Part, ...], *, is_assistant: bool) -> list[Block]:
        """A turn's content."""
        written: list[Block] = []
        for part in parts:
            block = self._block(part, is_assistant=is_assistant)
            if block is not None:
                written.append(block)
        return written

    def _block(self, part: Part, *, is_assistant: bool) -> Block | None:
        if isinstance(part, Text):
            return self.text(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, Media):
            if is_assistant:
                self._note(f"{part.kind} of the assistant", "Anthropic takes none in its own turns")
                return None
            return self._media(part)
        if isinstance(part, Reasoning):
            return self._reasoning(part)
        return self._opaque(part)

    def text(self, part: Text) -> dict[str, Any] | None:
        """A text block; Anthropic refuses one that is empty or blank."""
        if not part.text or part.text.isspace():
            if part.text:
                self._note("blank text", "Anthropic refuses it")
            return None
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _call(self, part: ToolCall) -> Block:
        arguments, was_object = input_of(part.arguments, part.kind)
        if not was_object:
            self._note("tool call", "its arguments are no JSON object: sent as text under `input`")
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": spelled(part.call_id),
            "name": part.name,
            "input": arguments,
        }
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _result(self, part: ToolResult) -> Block:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": spelled(part.call_id)}
        only = part.parts[0] if len(part.parts) == 1 else None
        if isinstance(only, Text) and only.cache is None and only.text:
            block["content"] = only.text
        elif part.parts:
            block["content"] = self.blocks(part.parts, is_assistant=False)
        if part.is_error:
            block["is_error"] = True
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _reasoning(self, part: Reasoning) -> Block | None:
        if part.blob is None:
            self._note("reasoning", "Anthropic takes only thoughts that it has signed")
            return None
        if part.origin != ORIGIN:
            self._note("reasoning signature", f"it is of {part.origin}, which alone can read it")
            return None
        if part.is_redacted:
            return {"type": "redacted_thinking", "data": part.blob}
        return {"type": "thinking", "thinking": part.text, "signature": part.blob}

    def _opaque(self, part: Opaque) -> Block | None:
        if part.origin != ORIGIN:
            self._note(part.kind, f"an item of {part.origin}, which alone can read it")
            return None
        return msgspec.Raw(part.raw)

    def _media(self, part: Media) -> Block | None:
        source = self._source(part)
        if source is None:
            return None
        block: dict[str, Any] = {"type": "image" if part.kind == "image" else "document", "source": source}
        if part.kind == "file" and part.name is not None:
            block["title"] = part.name
        if part.detail not in (None, "auto"):
            self._note("image detail", "Anthropic reads every image alike")
        if part.cache is not None:
            block["cache_control"] = cache_control(part.cache)
        return block

    def _source(self, part: Media) -> dict[str, Any] | None:
        if part.kind == "audio":
            self._note("audio", "Anthropic's models do not hear")
            return None
        if part.file_id is not None:
            if part.origin != ORIGIN:
                self._note("file_id", "the upload is another provider's")
                return None
            return {"type": "file", "file_id": part.file_id}
        if part.kind == "image":
            return self._image(part)
        if part.url is not None:
            if part.media_type not in (None, "application/pdf"):
                self._note(f"file of {part.media_type}", "Anthropic fetches PDF only")
                return None
            return {"type": "url", "url": part.url}
        return self._document(part)

    def _image(self, part: Media) -> dict[str, Any] | None:
        if part.url is not None:
            return {"type": "url", "url": part.url}
        kind = _IMAGES.get(part.media_type or "")
        if kind is None or part.data is None:
            self._note(f"image of {part.media_type}", "Anthropic reads JPEG, PNG, GIF and WebP")
            return None
        return {"type": "base64", "media_type": kind, "data": part.data}

    def _document(self, part: Media) -> dict[str, Any] | None:
        if part.text is not None:
            return {"type": "text", "media_type": "text/plain", "data": part.text}
        kind = part.media_type or ""
        if kind == "application/pdf" and part.data is not None:
            return {"type": "base64", "media_type": kind, "data": part.data}
        if part.data is not None and (kind.startswith("text/") or kind in _TEXTS):
            try:
                text = b64decode(part.data, validate=True).decode()
            except (Error, ValueError):
                self._note(f"file of {kind}", "it is not base64 of UTF-8 text")
                return None
            return {"type": "text", "media_type": "text/plain", "data": text}
        self._note(f"file of {part.media_type}", "Anthropic reads PDF and text")
        return None

    def _note(self, what: str, why: str) -> None:
        loss = Loss(what[:80], why)
        if loss not in self.losses:
            self.losses.append(loss)
