"""Benchmarks of tool calls in the layout of the Berkeley Function-Calling Leaderboard (BFCL), one file, single turn."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fairlead.evaluation.suite_items import Item, ScorerSpec
from fairlead.evaluation.suites.fields import FieldError, objects_of

_TYPES: Final = {"dict": "object", "float": "number", "double": "number", "tuple": "array", "any": "string"}
"""BFCL's words for types that JSON Schema calls otherwise."""
_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


def bfcl_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`question` (messages, perhaps in turns), `function`, `ground_truth`. Raises: FieldError.

    Ground truth as BFCL writes it: `[{"name": {"argument": [accepted, …]}}]`, where "" among the accepted values means
    that the argument may be left out.
    """
    tools = [_tool(each) for each in objects_of(row, "function")]
    names = {str(tool["function"]["name"]) for tool in tools}
    truth = []
    for call in objects_of(row, "ground_truth"):
        if len(call) != 1 or not all(isinstance(each, dict) for each in call.values()):
            raise FieldError("ground_truth holds a call that is not one name with arguments", _MEND)
        name, arguments = next(iter(call.items()))
        if sent_name(name) not in names:
            raise FieldError(f"ground_truth calls {name[:60]!r}, which is not among the functions", _MEND)
        accepted = {key: each if isinstance(each, list) else [each] for key, each in arguments.items()}
        truth.append({"name": sent_name(name), "arguments": accepted})
    return Item(ident, tuple(_messages(row)), truth, ScorerSpec("calls"), tools=tuple(tools))


_MEND: Final = 'write ground_truth as [{"name": {"argument": [accepted values]}}]'


def sent_name(name: str) -> str:
    """A function's name as chat completions take it: dots and the like become underscores."""
    return _NAME.sub("_", name)[:64]


def _messages(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    value = row.get("question")
    if isinstance(value, str) and value.strip():
        return [{"role": "user", "content": value}]
    turns = value if isinstance(value, list) else []
    if turns and isinstance(turns[0], list):
        if len(turns) > 1:
            raise FieldError("question has several turns", "keep single-turn rows: later turns need the tools' answers")
        turns = turns[0]
    messages = [each for each in turns if isinstance(each, dict) and isinstance(each.get("content"), str)]
    if (
        not messages
        or len(messages) != len(turns)
        or any(each.get("role") not in ("system", "user") for each in messages)
    ):
        raise FieldError(
            "question is not a text or a list of messages", "write question as messages of system and user"
        )
    return [{"role": each["role"], "content": each["content"]} for each in messages]


def _tool(function: Mapping[str, Any]) -> Mapping[str, Any]:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise FieldError("a function has no name", "give each function name, description and parameters")
    described = {"name": sent_name(name), "parameters": _schema(function.get("parameters") or {"type": "object"})}
    if isinstance(function.get("description"), str):
        described["description"] = function["description"]
    return {"type": "function", "function": described}


def _schema(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _TYPES.get(each, each) if key == "type" and isinstance(each, str) else _schema(each)
            for key, each in value.items()
        }
    return [_schema(each) for each in value] if isinstance(value, list) else value
