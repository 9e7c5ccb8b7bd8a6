"""Content: what a turn of a conversation holds, in no vendor's words.

Named tuples, since a request makes dozens of them. JSON that nobody in between needs to read (tool schemas, arguments)
stays the text or the bytes that it came as, so that a translation neither reorders nor respells it.
"""

from typing import Literal, NamedTuple

FormatName = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini_generate", "bedrock_converse"]
"""The wire formats that conversations are held in."""

CacheTtl = Literal["5m", "1h"]
"""How long a marked prompt prefix may be kept, in the words of those who offer a choice."""

MediaKind = Literal["image", "audio", "file"]
ToolKind = Literal["function", "custom"]
"""`custom` tools take free text instead of JSON arguments."""


class Text(NamedTuple):
    """Words."""

    text: str
    cache: CacheTtl | None = None
    """A prompt cache may end after this part."""
    is_refusal: bool = False


class Media(NamedTuple):
    """An image, a sound or a document: exactly one of data, url, file_id and text is there."""

    kind: MediaKind
    media_type: str | None = None
    """`image/png`, `audio/wav`, `application/pdf` …; None when only a URL or an id was given."""
    data: str | None = None
    """Base64, as it came."""
    url: str | None = None
    """Never fetched by us: it goes to an upstream or becomes a loss."""
    file_id: str | None = None
    """An upload at one provider, which no other provider can read."""
    text: str | None = None
    """A document given as plain text."""
    name: str | None = None
    detail: str | None = None
    """How closely an image is to be read: OpenAI's low, high, auto."""
    cache: CacheTtl | None = None
    origin: FormatName | None = None
    """Whose file_id it is."""


class ToolCall(NamedTuple):
    """A model's wish to have a tool run."""

    call_id: str
    """Empty in a reply whose upstream gave none, until it is written (`wire.call_ids`)."""
    name: str
    arguments: str
    """JSON text as the model wrote it, whole or not; free text for a custom tool."""
    kind: ToolKind = "function"
    cache: CacheTtl | None = None


class ToolResult(NamedTuple):
    """What a tool gave back."""

    call_id: str
    parts: tuple[Text | Media, ...]
    is_error: bool = False
    name: str | None = None
    """The tool's name where the format states it; readers fill it in from the call when they can."""
    kind: ToolKind = "function"
    cache: CacheTtl | None = None


class Reasoning(NamedTuple):
    """A model's thoughts, with the blob by which its maker knows them again."""

    text: str = ""
    blob: str | None = None
    """Signature, encrypted content or redacted data: opaque, and of use to `origin` alone."""
    origin: FormatName | None = None
    """Who made the blob, in terms of formats; the blob goes nowhere else but in an envelope (`domain.envelope`)."""
    is_redacted: bool = False
    """The thoughts are in the blob alone."""
    is_summary: bool = False
    item_id: str | None = None
    """The maker's name of this item, where it has one."""


class Opaque(NamedTuple):
    """An item that only its own format can carry: a hosted tool's call or result, a compaction, a citation block."""

    origin: FormatName
    kind: str
    """Its type in its own words, to be named in a loss."""
    raw: bytes
    """Its JSON."""


Part = Text | Media | ToolCall | ToolResult | Reasoning | Opaque
Role = Literal["system", "user", "assistant"]


class Turn(NamedTuple):
    """One turn. Tool results stand in user turns; `system` includes OpenAI's `developer`."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    """The speaker's name, where a format has one."""


class Tool(NamedTuple):
    """A tool that the model may call."""

    name: str
    description: str | None = None
    schema: bytes | None = None
    """JSON Schema of its arguments, as it came; None when it takes none, or takes free text."""
    is_strict: bool | None = None
    kind: ToolKind = "function"
    grammar: bytes | None = None
    """A custom tool's format as JSON: `{"type": "text"}`, or `{"type": "grammar", "syntax": …, "definition": …}`."""
    cache: CacheTtl | None = None


class ToolChoice(NamedTuple):
    """Whether and what the model must call; `one` names the tool."""

    mode: Literal["auto", "none", "required", "one"]
    name: str | None = None


class OutputShape(NamedTuple):
    """What the reply must look like."""

    kind: Literal["json", "schema"]
    schema: bytes | None = None
    name: str | None = None
    description: str | None = None
    is_strict: bool | None = None
