"""Content that is a list of chunks instead of a text: Mistral's reasoning models answer so, whole and in streams.

`{"type": "thinking", "thinking": [{"type": "text", "text": "…"}]}` are thoughts, `{"type": "text", "text": "…"}` words
(docs.mistral.ai, Reasoning, read 2026-11-30). OpenAI's own parts of an assistant's message are `text` and `refusal`.
"""

from typing import Any

from fairlead.domain.content import Reasoning, Text


def parts_in(chunks: list[Any]) -> list[Text | Reasoning]:
    """The chunks in their order; those of a type that is not known here (references, images) are passed over."""
    parts: list[Text | Reasoning] = []
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        kind = chunk.get("type")
        if kind == "text" and (words := _text(chunk.get("text"))):
            parts.append(Text(words))
        elif kind == "refusal" and (words := _text(chunk.get("refusal"))):
            parts.append(Text(words, is_refusal=True))
        elif kind == "thinking" and (thoughts := _thoughts(chunk.get("thinking"))):
            parts.append(Reasoning(thoughts))
    return parts


def _thoughts(inner: Any) -> str:
    if not isinstance(inner, list):
        return _text(inner)
    return "".join([_text(each.get("text")) for each in inner if isinstance(each, dict)])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
