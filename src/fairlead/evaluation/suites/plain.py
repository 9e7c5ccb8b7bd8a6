"""Plain suites: a prompt, what is right, and who scores it; and chats that are given as messages."""

import json
from collections.abc import Mapping
from typing import Any, Final

from fairlead.evaluation.row_faults import nearest, shown
from fairlead.evaluation.scorers.registry import SCORERS, check_spec
from fairlead.evaluation.suite_items import Item, ScorerSpec
from fairlead.evaluation.suites.fields import FieldError, objects_of, text_of

ROLES: Final = ("system", "developer", "user", "assistant")
_MEND_SCORER: Final = (
    "name one of " + ", ".join(SCORERS) + ', or an object such as {"name": "numeric", "tolerance": 0.01}'
)


def plain_item(row: Mapping[str, Any], ident: str, default: ScorerSpec | None) -> Item:
    """`prompt`, and as wanted `reference`, `scorer`, `system`, `group`. Raises: FieldError."""
    messages: list[Mapping[str, Any]] = []
    if row.get("system") is not None:
        messages.append({"role": "system", "content": text_of(row, "system")})
    messages.append({"role": "user", "content": text_of(row, "prompt")})
    return _item(row, ident, default, messages)


def chat_item(row: Mapping[str, Any], ident: str, default: ScorerSpec | None) -> Item:
    """`messages` in OpenAI's format, the last of them the user's; the rest as in a plain row. Raises: FieldError."""
    messages: list[Mapping[str, Any]] = []
    for message in objects_of(row, "messages"):
        role, content = message.get("role"), message.get("content")
        if role not in ROLES or not isinstance(content, str):
            raise FieldError(
                f"a message with role {shown(role)}, or content that is not text",
                "give each message a role (" + ", ".join(ROLES) + ") and a text as content",
            )
        messages.append({"role": role, "content": content})
    if messages[-1]["role"] != "user":
        raise FieldError("the last message is not the user's", "end each chat with what the model is to answer")
    return _item(row, ident, default, messages)


def _item(row: Mapping[str, Any], ident: str, default: ScorerSpec | None, messages: list[Mapping[str, Any]]) -> Item:
    spec = scorer_of(row.get("scorer"), default)
    reference = row.get("reference")
    what = check_spec(spec, reference)
    if what is not None:
        raise FieldError(what.what, what.mend)
    group = row.get("group")
    return Item(ident, tuple(messages), reference, spec, "" if group is None else text_of(row, "group"))


def scorer_of(value: Any, default: ScorerSpec | None) -> ScorerSpec:
    """The scorer that a row names, by word, object or JSON text. Raises: FieldError."""
    if value is None:
        if default is None:
            raise FieldError("scorer is missing", _MEND_SCORER + "; or name one for all rows by --scorer")
        return default
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise FieldError(f"scorer {shown(value)} is not JSON", _MEND_SCORER) from None
    name = value.get("name") if isinstance(value, dict) else value
    if not isinstance(name, str) or name not in SCORERS:
        near = nearest(name, SCORERS) if isinstance(name, str) else []
        hint = f" (near: {', '.join(near)})" if near else ""
        raise FieldError(f"scorer {shown(name)} is unknown{hint}", _MEND_SCORER)
    options = {key: each for key, each in value.items() if key != "name"} if isinstance(value, dict) else {}
    return ScorerSpec(name, options)
