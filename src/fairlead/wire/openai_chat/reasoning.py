"""Reasoning with its blob in a chat message: `reasoning_details`, the list by which OpenRouter's clients carry it back.

OpenAI's own format has no member for it. Convention: https://openrouter.ai/docs, "Preserving reasoning blocks", read
2026-11-30. Clients send the list back untouched; a blob goes to nobody but its maker.
"""

from collections.abc import Iterable
from typing import Any, Final, cast, get_args

import msgspec

from fairlead.domain.content import FormatName, Part, Reasoning, ToolCall

OURS: Final = frozenset(get_args(FormatName)) - {"openai_chat"}
"""Formats by the names that we write: thoughts that we have translated. Other routers have other names for them."""
_THEIR_NAMES: Final[dict[str, FormatName]] = {
    "anthropic-claude-v1": "anthropic_messages",
    "openai-responses-v1": "openai_responses",
    "google-gemini-v1": "gemini_generate",
}


class Detail(msgspec.Struct, omit_defaults=True):
    """One entry of the list."""

    type: str = ""
    """Always written: clients tell entries apart by it."""
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    id: str | None = None
    """The maker's name of the item; without one, the call that follows: there its maker wants the entry back."""
    format: str | None = None
    index: int | None = None


def parts_of(details: Iterable[Detail]) -> list[Reasoning]:
    """The list as parts of a turn. Pieces of one stream's thoughts that share an index are one part."""
    parts: list[Reasoning] = []
    texts: list[list[str]] = []
    place: int | None = None
    for detail in details:
        part = _part_of(detail)
        last = parts[-1] if parts else None
        is_more = last is not None and last.blob is None and detail.index is not None and place == detail.index
        if is_more and last is not None and not part.is_redacted:
            parts[-1] = part._replace(is_summary=last.is_summary or part.is_summary)
        else:
            parts.append(part)
            texts.append([])
            place = detail.index
        texts[-1].append(part.text)
    return [part._replace(text="".join(said)) for part, said in zip(parts, texts, strict=True)]


def _part_of(detail: Detail) -> Reasoning:
    origin = detail.format if detail.format in OURS else _THEIR_NAMES.get(detail.format or "")
    is_redacted = detail.type == "reasoning.encrypted"
    blob = (detail.data if is_redacted else detail.signature) if origin is not None else None
    text = detail.text or detail.summary or ""
    # OpenAI's models show a summary and nothing else, and thoughts that are sent back as none are refused.
    is_summary = detail.summary is not None or (origin == "openai_responses" and bool(blob) and not is_redacted)
    return Reasoning(
        text,
        blob,
        cast("Any", origin if blob else None),
        is_redacted=is_redacted,
        is_summary=is_summary,
        item_id=detail.id,
    )


def detail_of(part: Reasoning, index: int, call_id: str | None = None) -> Detail:
    """A part as an entry of the list; `call_id`: the call that it stands before, if it stands before one."""
    item_id = part.item_id or (call_id if part.blob else None)
    if part.is_redacted:
        return Detail("reasoning.encrypted", data=part.blob, id=item_id, format=part.origin, index=index)
    kind = "reasoning.summary" if part.is_summary and not part.blob else "reasoning.text"
    text, summary = (None, part.text) if kind == "reasoning.summary" else (part.text or None, None)
    return Detail(kind, text, summary, None, part.blob, item_id, part.origin, index)


def details_of(parts: Iterable[Part]) -> list[Detail]:
    """The thoughts among a turn's parts as the list, each that stands before a call with the call's id."""
    found: list[tuple[Reasoning, str | None]] = []
    call_id: str | None = None
    for part in reversed(tuple(parts)):
        if isinstance(part, Reasoning):
            found.append((part, call_id))
        else:
            call_id = part.call_id if isinstance(part, ToolCall) else None
    return [detail_of(part, index, before) for index, (part, before) in enumerate(reversed(found))]
