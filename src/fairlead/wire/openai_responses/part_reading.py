"""The parts of a message or of a tool's output: texts, refusals, images, files and sounds."""

from typing import Final

import msgspec

from fairlead.domain.content import CacheTtl, Media, Opaque, Part, Text
from fairlead.domain.errors import InvalidOptionError
from fairlead.wire.openai_responses.member_reading import read_member

_TTLS: Final[dict[str | None, CacheTtl]] = {None: "5m", "30m": "5m", "12h": "1h"}
"""This format's breakpoints live 30 minutes or 12 hours; the shorter is the default of both sides."""


class Words(msgspec.Struct):
    """A part of which only the text counts."""

    text: str = ""


class _Breakpoint(msgspec.Struct):
    ttl: str | None = None


class _Audio(msgspec.Struct):
    data: str
    format: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: _Audio | None = None
    prompt_cache_breakpoint: _Breakpoint | None = None


_PARTS: Final = msgspec.json.Decoder(str | list[_Part] | None)
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OF_TEXT: Final = frozenset(("input_text", "output_text", "text", "summary_text", "reasoning_text"))
OF_TEXT_AND_MEDIA: Final = frozenset(("input_text", "output_text", "text", "input_image", "input_file", "input_audio"))
"""What a tool's output may hold."""


def joined(words: list[Words] | None, between: str) -> str:
    """The texts of these parts as one; a single one keeps every character."""
    return between.join([word.text for word in words]) if words else ""


def read_parts(raw: msgspec.Raw, where: str, allowed: frozenset[str] | None = None) -> tuple[Part, ...]:
    """The parts of this member, in order; a string is one text, null is none. Raises: InvalidOptionError."""
    read = read_member(raw, _PARTS, where)
    if isinstance(read, str):
        return (Text(read),)
    parts: list[Part] = []
    for index, part in enumerate(read or ()):
        if allowed is not None and part.type not in allowed:
            raise InvalidOptionError(f"'{where}[{index}].type' means nothing here.", param=f"{where}[{index}].type")
        cache = _TTLS.get(part.prompt_cache_breakpoint.ttl, "5m") if part.prompt_cache_breakpoint else None
        if part.type in _OF_TEXT:
            parts.append(Text(part.text or "", cache))
        elif part.type == "refusal":
            parts.append(Text(part.refusal or "", is_refusal=True))
        elif part.type == "input_image":
            parts.append(_image(part, cache, f"{where}[{index}]"))
        elif part.type == "input_file":
            parts.append(_file(part, cache, f"{where}[{index}]"))
        elif part.type == "input_audio" and part.input_audio is not None:
            audio = part.input_audio
            parts.append(Media("audio", f"audio/{audio.format or 'wav'}", audio.data, cache=cache))
        else:
            parts.append(Opaque("openai_responses", part.type, bytes(read_member(raw, _RAWS, where)[index])))
    return tuple(parts)


def _image(part: _Part, cache: CacheTtl | None, where: str) -> Media:
    url = part.image_url
    if url is not None:
        media_type, data = _taken_apart(url)
        if data is not None:
            return Media("image", media_type, data, detail=part.detail, cache=cache)
        return Media("image", url=url, detail=part.detail, cache=cache)
    if part.file_id is not None:
        return Media("image", file_id=part.file_id, detail=part.detail, cache=cache, origin="openai_responses")
    raise InvalidOptionError(f"'{where}' needs an image_url or a file_id.", param=where)


def _file(part: _Part, cache: CacheTtl | None, where: str) -> Media:
    name, detail = part.filename, part.detail
    if part.file_data is not None:
        media_type, data = _taken_apart(part.file_data)
        data = part.file_data if data is None else data
        return Media("file", media_type, data, name=name, detail=detail, cache=cache)
    if part.file_url is not None:
        return Media("file", url=part.file_url, name=name, detail=detail, cache=cache)
    if part.file_id is not None:
        return Media("file", file_id=part.file_id, name=name, detail=detail, cache=cache, origin="openai_responses")
    raise InvalidOptionError(f"'{where}' needs file_data, file_url or a file_id.", param=where)


def _taken_apart(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 of a data URL; (None, None) for any other."""
    if not url.startswith("data:"):
        return None, None
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        return None, None
    return head[5:-7].partition(";")[0] or None, data
