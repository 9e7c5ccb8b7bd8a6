"""Tool calls against the accepted ones: right names, every needed argument, no other argument, accepted values.

The rules follow BFCL's AST checker in short: names equal, values among the accepted, strings compared without case,
spaces and punctuation, "" among the accepted values for an argument that may be left out; calls in any order.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.evaluation.scorers.score import WRONG, Given, Score, SpecError, right_if


def calls(given: Given, reference: Any, _options: Mapping[str, Any]) -> Score:
    """Each accepted call is met by a call of its own, and no call is left over."""
    made: list[tuple[str, Mapping[str, Any]]] = []
    for call in given.tool_calls:
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            return WRONG
        if not isinstance(arguments, dict):
            return WRONG
        made.append((call.name, arguments))
    return right_if(len(made) == len(reference) and _all_met(list(reference), made))


def check_calls(reference: Any, _options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    if not isinstance(reference, list) or not reference or not all(_is_call(each) for each in reference):
        raise SpecError(
            "reference is not a list of calls",
            'write reference as [{"name": "tool", "arguments": {"key": ["accepted value"]}}]',
        )


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("arguments"), dict)
        and all(isinstance(each, list) for each in value["arguments"].values())
    )


def _all_met(wanted: Sequence[Any], made: list[tuple[str, Mapping[str, Any]]]) -> bool:
    """Greedy: an ambiguous pair of equal calls meets either way."""
    left = list(made)
    for call in wanted:
        met = next((one for one in left if one[0] == call["name"] and _fits(one[1], call["arguments"])), None)
        if met is None:
            return False
        left.remove(met)
    return not left


def _fits(arguments: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]]) -> bool:
    if not set(arguments) <= set(accepted):
        return False
    for name, values in accepted.items():
        if name not in arguments:
            if "" not in values:
                return False
        elif not any(_normal(arguments[name]) == _normal(value) for value in values):
            return False
    return True


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"[\s,./\-_*^'\"()]", "", value).lower()
    if isinstance(value, bool) or value is None:
        return ("", value)
    if isinstance(value, int | float):
        return ("number", float(value)) if abs(value) < 1e300 else ("number", str(value))
    if isinstance(value, list):
        return [_normal(each) for each in value]
    if isinstance(value, dict):
        return {name: _normal(each) for name, each in value.items()}
    return value
