"""Reasoning with its blob in a chat message: `reasoning_details`, the list by which OpenRouter's clients carry it back.

OpenAI's own format has no member for it. Convention: https://openrouter.ai/docs, "Preserving reasoning blocks", read
2026-11-30. Clients send the list back untouched; a blob goes to nobody but its maker.
"""

from collections.abc import Iterable
from typing import Any, Final, cast, get_args

import msgspec

from fairlead.domain.content import FormatName, Reasoning

_FORMATS: Final = frozenset(get_args(FormatName))
_THEIR_NAMES: Final[dict[str, FormatName]] = {
    "anthropic-claude-v1": "anthropic_messages",
    "openai-responses-v1": "openai_responses",
    "google-gemini-v1": "gemini_generate",
}


class Detail(msgspec.Struct, omit_defaults=True):
    """One entry of the list."""

    type: str = "reasoning.text"
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    id: str | None = None
    format: str | None = None
    index: int | None = None


def parts_of(details: Iterable[Detail]) -> list[Reasoning]:
    """The list as parts of a turn. Pieces of one stream's thoughts that share an index are one part."""
    parts: list[Reasoning] = []
    places: list[int | None] = []
    for detail in details:
        part = _part_of(detail)
        last = parts[-1] if parts else None
        is_more = last is not None and last.blob is None and detail.index is not None and places[-1] == detail.index
        if is_more and last is not None and not part.is_redacted:
            parts[-1] = part._replace(text=last.text + part.text, is_summary=last.is_summary)
        else:
            parts.append(part)
            places.append(detail.index)
    return parts


def _part_of(detail: Detail) -> Reasoning:
    origin = detail.format if detail.format in _FORMATS else _THEIR_NAMES.get(detail.format or "")
    is_redacted = detail.type == "reasoning.encrypted"
    blob = detail.data if is_redacted else detail.signature
    text = detail.text or detail.summary or ""
    return Reasoning(
        text,
        blob if origin is not None else None,
        cast("Any", origin if blob else None),
        is_redacted=is_redacted,
        is_summary=detail.summary is not None,
        item_id=detail.id,
    )


def detail_of(part: Reasoning, index: int) -> Detail:
    """A part as an entry of the list."""
    if part.is_redacted:
        return Detail("reasoning.encrypted", data=part.blob, id=part.item_id, format=part.origin, index=index)
    kind = "reasoning.summary" if part.is_summary and not part.blob else "reasoning.text"
    text, summary = (None, part.text) if kind == "reasoning.summary" else (part.text or None, None)
    return Detail(kind, text, summary, None, part.blob, part.item_id, part.origin, index)
