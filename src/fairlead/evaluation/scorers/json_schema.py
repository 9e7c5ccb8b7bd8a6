"""JSON Schema, the part that suites use: does the reply's JSON fit? A keyword that we do not know is refused by name.

Specification: https://json-schema.org/draft/2020-12 (validation and core), read 2026-11-30. `pattern` is matched with a
time limit; `format`, like the specification's default, asserts nothing. `$ref` may point inside the schema only.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fairlead.evaluation.scorers.patterns import Matcher
from fairlead.evaluation.scorers.score import WRONG, Given, SpecError, Unscored, Verdict, right_if

MAX_STEPS: Final = 200_000
"""Sub-schemas looked at for one reply: a schema that refers to itself may ask for exponentially many."""
_ANNOTATIONS: Final = frozenset(
    ("$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
     "readOnly", "writeOnly", "format")
)  # fmt: skip
_FENCE: Final = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)


class _UndecidedError(Exception):
    """It cannot be told whether a value fits."""


class _Validator:
    """One schema and the work spent on one value."""

    def __init__(self, root: Mapping[str, Any], matcher: Matcher) -> None:
        self._root = root
        self._matcher = matcher
        self._n_steps = 0

    def fits(self, value: Any, schema: Any) -> bool:
        """Whether the value fits. Raises: _UndecidedError, RecursionError."""
        self._n_steps += 1
        if self._n_steps > MAX_STEPS:
            raise _UndecidedError(f"more than {MAX_STEPS:,} sub-schemas were asked for")
        if isinstance(schema, bool):
            return schema
        return all(_KEYWORDS[name](self, value, wanted, schema) for name, wanted in schema.items() if name in _KEYWORDS)

    def referred(self, reference: str) -> Any:
        """The sub-schema that `#/…` names."""
        return _referred(self._root, reference)

    def matches(self, pattern: str, text: str) -> bool:
        """Whether the pattern is found in the text."""
        answer = self._matcher.matches(pattern, text)
        if isinstance(answer, str):
            raise _UndecidedError(answer)
        return answer


def json_schema(given: Given, reference: Any, options: Mapping[str, Any], matcher: Matcher) -> Verdict:
    """The reply, or the first code block in it, is JSON that fits the schema."""
    text = given.answer
    fenced = _FENCE.search(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return WRONG
    schema = options.get("schema", reference)
    try:
        return right_if(_Validator(schema if isinstance(schema, dict) else {}, matcher).fits(value, schema))
    except _UndecidedError as fault:
        return Unscored(f"json_schema: {fault}")
    except RecursionError:
        return Unscored("json_schema: the schema refers to itself without end")


def _no_constant(word: str) -> float:
    raise ValueError(word)


def check_json_schema(reference: Any, options: Mapping[str, Any]) -> None:
    """Raises: SpecError for what is not a schema, or holds a keyword that is not known."""
    schema = options.get("schema", reference)
    if not isinstance(schema, dict):
        raise SpecError("reference is not a JSON Schema", "write the schema as an object in `reference`")
    try:
        _check(schema, schema)
    except RecursionError:
        raise SpecError("the schema is nested too deep", "write a shallower schema") from None


def _check(schema: Any, root: Mapping[str, Any]) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise SpecError("a sub-schema is not an object", "write each sub-schema as an object, true or false")
    for name, wanted in schema.items():
        if name not in _KEYWORDS and name not in _ANNOTATIONS:
            raise SpecError(f"the schema's keyword {name[:40]!r} is not known", f"use {', '.join(_KEYWORDS)}")
        try:
            is_sound = _SHAPES.get(name, lambda _: True)(wanted)
        except (TypeError, re.error, OverflowError):
            is_sound = False
        if not is_sound:
            raise SpecError(f"the schema's keyword {name} has a value that means nothing", "mend the schema")
        if name == "$ref":
            _referred(root, wanted)
        for inner in _inner(name, wanted):
            _check(inner, root)


def _inner(name: str, wanted: Any) -> list[Any]:
    if name in ("properties", "patternProperties", "$defs", "definitions") and isinstance(wanted, dict):
        return list(wanted.values())
    if name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return list(wanted)
    return [wanted] if name in ("items", "additionalProperties", "not", "propertyNames", "contains") else []


def _referred(root: Any, reference: Any) -> Any:
    mend = "refer to a part of the same schema, such as #/$defs/name"
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise SpecError(f"$ref {str(reference)[:60]!r} points outside the schema", mend)
    node = root
    for part in reference[1:].strip("/").split("/") if reference.strip("#/") else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise SpecError(f"$ref {reference[:60]!r} points nowhere", mend)
    return node


def _is_type(value: Any, name: str) -> bool:
    if name in ("number", "integer"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (name == "number" or float(value).is_integer())
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[name])


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is 1.0, but true is not 1."""
    return json.dumps(_floats(one), sort_keys=True) == json.dumps(_floats(other), sort_keys=True)


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _floats(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_floats(each) for each in value]
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _types(_: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return any(_is_type(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _bound(holds: Callable[[Any, Any], bool], kind: type | tuple[type, ...], size: Callable[[Any], Any]) -> Any:
    """A keyword that compares a size, for values of one kind only."""

    def check(_: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
        return not isinstance(value, kind) or isinstance(value, bool) or bool(holds(size(value), wanted))

    return check


def _properties(self: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, dict) or all(
        self.fits(value[name], inner) for name, inner in wanted.items() if name in value
    )


def _pattern_properties(self: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, dict) or all(
        self.fits(each, inner) for pattern, inner in wanted.items() for name, each in value.items()
        if self.matches(pattern, name)
    )  # fmt: skip


def _additional(self: _Validator, value: Any, wanted: Any, schema: Any) -> bool:
    if not isinstance(value, dict):
        return True
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    others = [name for name in value if name not in named and not any(self.matches(each, name) for each in patterns)]
    return all(self.fits(value[name], wanted) for name in others)


def _items(self: _Validator, value: Any, wanted: Any, schema: Any) -> bool:
    n_before = len(schema.get("prefixItems", ()))
    return not isinstance(value, list) or all(self.fits(each, wanted) for each in value[n_before:])


def _prefix_items(self: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, list) or all(
        self.fits(each, inner) for each, inner in zip(value, wanted, strict=False)
    )


def _contains(self: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, list) or any(self.fits(each, wanted) for each in value)


def _unique(_: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    if not wanted or not isinstance(value, list):
        return True
    return len({json.dumps(_floats(each), sort_keys=True) for each in value}) == len(value)


def _multiple(_: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    if not _is_type(value, "number"):
        return True
    share = value / wanted
    return bool(abs(share - round(share)) < 1e-9)


def _names(self: _Validator, value: Any, wanted: Any, _schema: Any) -> bool:
    return not isinstance(value, dict) or all(self.fits(name, wanted) for name in value)


_Keyword = Callable[[_Validator, Any, Any, Any], bool]
_NUMBER: Final = (int, float)

_KEYWORDS: Final[Mapping[str, _Keyword]] = {
    "type": _types,
    "enum": lambda _, value, wanted, __: any(_same(value, each) for each in wanted),
    "const": lambda _, value, wanted, __: _same(value, wanted),
    "properties": _properties,
    "required": lambda _, value, wanted, __: not isinstance(value, dict) or all(name in value for name in wanted),
    "additionalProperties": _additional,
    "patternProperties": _pattern_properties,
    "propertyNames": _names,
    "items": _items,
    "prefixItems": _prefix_items,
    "contains": _contains,
    "uniqueItems": _unique,
    "minItems": _bound(lambda size, wanted: size >= wanted, list, len),
    "maxItems": _bound(lambda size, wanted: size <= wanted, list, len),
    "minLength": _bound(lambda size, wanted: size >= wanted, str, len),
    "maxLength": _bound(lambda size, wanted: size <= wanted, str, len),
    "minProperties": _bound(lambda size, wanted: size >= wanted, dict, len),
    "maxProperties": _bound(lambda size, wanted: size <= wanted, dict, len),
    "minimum": _bound(lambda value, wanted: value >= wanted, _NUMBER, lambda value: value),
    "maximum": _bound(lambda value, wanted: value <= wanted, _NUMBER, lambda value: value),
    "exclusiveMinimum": _bound(lambda value, wanted: value > wanted, _NUMBER, lambda value: value),
    "exclusiveMaximum": _bound(lambda value, wanted: value < wanted, _NUMBER, lambda value: value),
    "multipleOf": _multiple,
    "pattern": lambda self, value, wanted, _: not isinstance(value, str) or self.matches(wanted, value),
    "anyOf": lambda self, value, wanted, _: any(self.fits(value, each) for each in wanted),
    "oneOf": lambda self, value, wanted, _: sum(self.fits(value, each) for each in wanted) == 1,
    "allOf": lambda self, value, wanted, _: all(self.fits(value, each) for each in wanted),
    "not": lambda self, value, wanted, _: not self.fits(value, wanted),
    "$ref": lambda self, value, wanted, _: self.fits(value, self.referred(wanted)),
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPE_NAMES: Final = frozenset(("object", "array", "string", "boolean", "null", "number", "integer"))
_SHAPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "type": lambda v: v in _TYPE_NAMES if isinstance(v, str) else bool(v) and set(v) <= _TYPE_NAMES,
    "enum": lambda v: isinstance(v, list) and bool(v),
    "properties": lambda v: isinstance(v, dict),
    "required": lambda v: isinstance(v, list) and all(isinstance(each, str) for each in v),
    "patternProperties": lambda v: isinstance(v, dict) and all(re.compile(each) for each in v),
    "prefixItems": lambda v: isinstance(v, list),
    "uniqueItems": lambda v: isinstance(v, bool),
    "pattern": lambda v: isinstance(v, str) and re.compile(v) is not None,
    "multipleOf": lambda v: _is_number(v) and v > 0,
    "$ref": lambda v: isinstance(v, str),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), lambda v: isinstance(v, list) and bool(v)),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
}
