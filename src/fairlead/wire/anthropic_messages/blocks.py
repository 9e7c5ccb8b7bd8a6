"""Content blocks of Anthropic's messages -> parts of a turn."""

from typing import Final

import msgspec

from fairlead.domain.content import CacheTtl, Media, Opaque, Part, Text, ToolCall, ToolResult
from fairlead.domain.request import Loss
from fairlead.wire.anthropic_messages.ids import unspelled
from fairlead.wire.anthropic_messages.signatures import ORIGIN, unwrapped

NOTHING: Final = msgspec.Raw(b"")
EMPTY: Final = frozenset((b"", b"null", b"[]", b"{}"))
_QUOTED_CHARS: Final = 60


class WireCache(msgspec.Struct):
    """`cache_control`."""

    type: str = "ephemeral"
    ttl: str | None = None


class WireSource(msgspec.Struct):
    """Where an image or a document comes from."""

    type: str = ""
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: "str | list[WireInner] | None" = None


class WireInner(msgspec.Struct):
    """A block inside a tool's result or a document."""

    type: str = ""
    text: str | None = None
    source: msgspec.Raw = NOTHING
    title: str | None = None
    context: str | None = None
    citations: msgspec.Raw = NOTHING
    transformations: msgspec.Raw = NOTHING
    content: msgspec.Raw = NOTHING
    cache_control: WireCache | None = None


class WireBlock(WireInner):
    """A block of a message."""

    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = NOTHING
    tool_use_id: str | None = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    toolset_name: str | None = None


_CONTENT: Final = msgspec.json.Decoder(str | list[WireBlock])
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SOURCE: Final = msgspec.json.Decoder(WireSource)
_RESULT: Final = msgspec.json.Decoder(str | list[WireInner] | None)
_INNERS: Final = msgspec.json.Decoder(list[WireInner])
_TEXT: Final = msgspec.json.Decoder(str)


def cache_of(control: WireCache | None) -> CacheTtl | None:
    """The breakpoint; Anthropic's default is five minutes."""
    if control is None:
        return None
    return "1h" if control.ttl == "1h" else "5m"


class BlockReader:
    """Reads the blocks of one conversation: notes the losses, and the tools' names for their results.

    Its methods raise msgspec's errors for a block of another shape; the caller says where.
    """

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self._names: dict[str, str] = {}

    def parts(self, content: msgspec.Raw) -> tuple[Part, ...]:
        """A message's content."""
        read = _CONTENT.decode(content)
        if isinstance(read, str):
            return (Text(read),)
        parts: list[Part] = []
        raws: list[msgspec.Raw] | None = None
        for place, block in enumerate(read):
            part = self._part(block)
            if part is None:
                raws = raws or _RAWS.decode(content)
                part = Opaque(ORIGIN, block.type[:_QUOTED_CHARS], bytes(raws[place]))
            parts.append(part)
        return tuple(parts)

    def _part(self, block: WireBlock) -> Part | None:
        kind = block.type
        if kind == "tool_use" and block.id is not None and block.name is not None:
            return self._call(block)
        if kind == "tool_result" and block.tool_use_id is not None:
            return self._result(block)
        if kind == "thinking" and block.thinking is not None:
            return unwrapped(block.thinking, block.signature, is_redacted=False)
        if kind == "redacted_thinking" and block.data is not None:
            return unwrapped("", block.data, is_redacted=True)
        return self._inner(block)

    def _call(self, block: WireBlock) -> ToolCall:
        call_id, name = unspelled(block.id or ""), block.name or ""
        self._names[call_id] = name
        if block.toolset_name is not None:
            self._lose("tool_use.toolset_name")
        arguments = bytes(block.input).decode() if bytes(block.input) else "{}"
        return ToolCall(call_id, name, arguments, cache=cache_of(block.cache_control))

    def _result(self, block: WireBlock) -> ToolResult:
        content = _RESULT.decode(block.content) if bytes(block.content) else None
        parts: list[Text | Media] = []
        if isinstance(content, str):
            parts.append(Text(content))
        else:
            for inner in content or ():
                part = self._inner(inner)
                if part is None:
                    self._lose(f"tool_result[{inner.type[:_QUOTED_CHARS]}]")
                else:
                    parts.append(part)
        call_id = unspelled(block.tool_use_id or "")
        cache = cache_of(block.cache_control)
        return ToolResult(call_id, tuple(parts), bool(block.is_error), self._names.get(call_id), cache=cache)

    def _inner(self, block: WireInner) -> Text | Media | None:
        """What may stand in a message or in a tool's result; None for anything else."""
        if block.citations is not NOTHING and bytes(block.citations) not in EMPTY:
            self._lose(f"{block.type[:_QUOTED_CHARS]}.citations")
        if block.type == "text" and block.text is not None:
            return Text(block.text, cache_of(block.cache_control))
        if block.type == "image" and bytes(block.source):
            return self._media(block, _SOURCE.decode(block.source))
        if block.type == "document" and bytes(block.source):
            return self._media(block, _SOURCE.decode(block.source))
        if block.type == "search_result" and bytes(block.source) and bytes(block.content):
            return self._search_result(block)
        return None

    def _media(self, block: WireInner, source: WireSource) -> Media | None:
        if bytes(block.transformations) not in EMPTY:
            self._lose("image.transformations")
        if block.context:
            self._lose("document.context")
        media = Media(
            "image" if block.type == "image" else "file",
            source.media_type,
            name=block.title,
            cache=cache_of(block.cache_control),
        )
        if source.type == "base64" and source.data is not None:
            return media._replace(data=source.data)
        if source.type == "url" and source.url is not None:
            return media._replace(url=source.url)
        if source.type == "file" and source.file_id is not None:
            return media._replace(file_id=source.file_id, origin=ORIGIN)
        if source.type == "text" and source.data is not None:
            return media._replace(media_type="text/plain", text=source.data)
        return self._content_source(media, source)

    def _content_source(self, media: Media, source: WireSource) -> Media | None:
        """A document in pieces is one text to others: the pieces only say what citations may point at."""
        content = source.content
        if source.type != "content" or content is None:
            return None
        if isinstance(content, str):
            return media._replace(media_type="text/plain", text=content)
        if any(inner.text is None for inner in content):
            return None
        self._lose("document.source.content", "sent as one text")
        return media._replace(media_type="text/plain", text="\n".join(inner.text or "" for inner in content))

    def _search_result(self, block: WireInner) -> Text:
        self._lose("search_result", "sent as plain text")
        words = [inner.text for inner in _INNERS.decode(block.content) if inner.text]
        return Text("\n".join((block.title or "", _TEXT.decode(block.source), *words)), cache_of(block.cache_control))

    def _lose(self, what: str, why: str = "no other format has a word for it") -> None:
        loss = Loss(what, why)
        if loss not in self.losses:
            self.losses.append(loss)
