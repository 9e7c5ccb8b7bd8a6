"""What simulated models say: made-up text of a plausible length, tool calls and JSON that fit a schema. Always marked.

Randomness comes in as a generator. One word counts as one token.
"""

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fairlead.providers.simulated_models import Conduct

CHARS_PER_TOKEN: Final = 4
MAX_TOKENS: Final = 16_000
MAX_SCHEMA_DEPTH: Final = 8

_SENTENCES: Final = (
    "No model has read this prompt, so nothing in this reply is true or false.",
    "Its length, its delay and its price are drawn to look like those of a real model of this kind.",
    "Point Fairlead at a real provider or at a local server to get real answers.",
    "The router chose this model as it would choose a real one, from predicted quality, cost and speed.",
    "The headers of this response say which model served, and what it would have cost.",
    "Ask the decision endpoint why this model was chosen and what would have changed the choice.",
    "Another prompt, of another kind or difficulty, may well be sent to another simulated model.",
    "A small share of simulated requests fails on purpose, so that you can watch the next model step in.",
)
_CODE: Final = "\n```python\ndef simulated(argument):\n    return argument  # made up: no model wrote this\n```\n"


class Talk(NamedTuple):
    """One finished choice of a reply."""

    text: str
    """Empty when the reply is a tool call."""
    tool_call: tuple[str, str] | None
    """Name and arguments as JSON text."""
    finish_reason: str
    visible_tokens: int
    reasoning_tokens: int


class Ask(NamedTuple):
    """What a request wants of a model's text, read from its body."""

    prompt: str
    max_tokens: int | None
    stops: tuple[str, ...]
    wants_json: bool
    schema: Mapping[str, Any] | None
    tool: Mapping[str, Any] | None
    """The function to call, when one should be called."""


def talk(ask: Ask, conduct: Conduct, draw: random.Random, encode: Any) -> Talk:
    """One choice of a reply. `encode` turns a JSON value into text."""
    reasoning = round(_log_normal(conduct.reasoning_tokens, 0.6, draw)) if conduct.reasoning_tokens else 0
    limit = MAX_TOKENS if ask.max_tokens is None else ask.max_tokens
    if reasoning >= limit:
        return Talk("", None, "length", 0, limit)  # all was spent on thinking, as it happens with real ones
    if ask.tool is not None:
        made_up = instance_of(ask.tool.get("parameters"), draw)
        arguments = encode(made_up if isinstance(made_up, dict) else {})  # arguments are an object, whatever the schema
        n_tokens = max(1, len(arguments) // CHARS_PER_TOKEN)
        return Talk("", (str(ask.tool.get("name", "")), arguments), "tool_calls", n_tokens, reasoning)
    if ask.schema is not None or ask.wants_json:
        plain = {"simulated": True, "by": str(conduct.name), "answer": "made up"}
        text = encode(plain if ask.schema is None else instance_of(ask.schema, draw))
    else:
        text = _prose(ask.prompt, conduct, draw)
    return _limited(text, ask, limit - reasoning, reasoning)


def words_of(text: str) -> list[str]:
    """The text cut into its tokens; joined they are the text again."""
    return re.findall(r"\s*\S+|\s+$", text)


def ordinary_tokens(prompt: str) -> float:
    """Median length of an ordinary model's reply to this prompt; a rule of thumb for the demo."""
    lowered = prompt[-4_000:].lower()
    if re.search(r"\b(one word|yes or no|only the (letter|number|answer)|answer with)\b", lowered):
        return 12
    if re.search(r"\b(essay|story|report|article|in detail|step by step)\b", lowered):
        return 420
    if re.search(r"\b(code|function|program|class|script|implement|refactor|bug)\b", lowered):
        return 260
    return 60 + 12 * math.log1p(len(prompt) / 40)


def _prose(prompt: str, conduct: Conduct, draw: random.Random) -> str:
    n_words = max(1, round(_log_normal(ordinary_tokens(prompt) * conduct.verbosity, 0.45, draw)))
    words = f"[simulated by {conduct.name}]".split()
    if re.search(r"\b(code|function|program|class|script|implement)\b", prompt[-4_000:].lower()):
        words.append(_CODE)
    while len(words) < n_words:
        words += draw.choice(_SENTENCES).split()
    # The mark stays whole even where the drawn length is shorter.
    return " ".join(words[: max(n_words, 3)]).replace(" \n", "\n").replace("\n ", "\n")


def _limited(text: str, ask: Ask, limit: int, reasoning: int) -> Talk:
    cuts = [at for at in (text.find(stop) for stop in ask.stops if stop) if at >= 0]
    if cuts:
        text = text[: min(cuts)]
    words = words_of(text)
    if len(words) > limit:
        return Talk("".join(words[:limit]), None, "length", limit, reasoning)
    return Talk(text, None, "stop", len(words), reasoning)


def _log_normal(median: float, spread: float, draw: random.Random) -> float:
    return min(median * math.exp(draw.gauss(0.0, spread)), float(MAX_TOKENS))


def instance_of(schema: Any, draw: random.Random) -> Any:
    """A value that fits a simple JSON Schema; what it does not understand becomes a text."""
    root = schema if isinstance(schema, Mapping) else {}
    return _instance(root, root, draw, 0)


def _instance(schema: Any, root: Mapping[str, Any], draw: random.Random, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > MAX_SCHEMA_DEPTH:
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return _instance(_referenced(reference, root), root, draw, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(choices := schema.get("enum"), Sequence) and choices:
        return choices[0]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(parts := schema.get(key), Sequence) and parts:
            return _instance(parts[0], root, draw, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, draw, depth)
    if kind == "array":
        n_items = min(max(int(_bound(schema, "minItems", 1)), 0), 20)
        return [_instance(schema.get("items", {"type": "string"}), root, draw, depth + 1) for _ in range(n_items)]
    return _scalar(kind, schema, draw)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], draw: random.Random, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    # Deep in, only what must be there: a schema may refer to itself.
    required = schema.get("required")
    wanted = required if depth > 2 and isinstance(required, list) else list(properties)
    return {str(name): _instance(properties.get(name), root, draw, depth + 1) for name in wanted}


def _scalar(kind: Any, schema: Mapping[str, Any], draw: random.Random) -> Any:
    if kind in ("integer", "number"):
        low = _bound(schema, "minimum", _bound(schema, "exclusiveMinimum", -1) + 1)
        high = max(low, min(_bound(schema, "maximum", _bound(schema, "exclusiveMaximum", low + 11) - 1), low + 10))
        return draw.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
    if kind == "boolean":
        return draw.random() < 0.5
    if kind == "null":
        return None
    least = min(int(_bound(schema, "minLength", 0)), 1_000)
    return "simulated".ljust(least, ".")[: max(least, int(min(_bound(schema, "maxLength", 9), 1_000)))]


def _bound(schema: Mapping[str, Any], key: str, default: float) -> float:
    value = schema.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if is_number and value is not None else default


def _referenced(reference: str, root: Mapping[str, Any]) -> Any:
    node: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        node = node.get(part) if isinstance(node, Mapping) and part else node
    return node
