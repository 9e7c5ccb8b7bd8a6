"""The published OpenAPI description as a judge: whether a value is one of its schemas. Needs FAIRLEAD_DATA."""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

PLACE: Final = Path(os.environ.get("FAIRLEAD_DATA", "nowhere")) / "specs" / "openai_openapi.yaml"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class WrongError(AssertionError):
    """A value that is not what its schema says."""


@cache
def schemas() -> dict[str, Any]:
    with PLACE.open("rb") as file:
        described: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found: dict[str, Any] = described["components"]["schemas"]
    return found


def check_named(value: Any, name: str) -> None:
    """Raise WrongError unless the value is what the schema of this name says."""
    check(value, schemas()[name], "$")


def check(value: Any, schema: dict[str, Any], place: str) -> None:
    """Raise WrongError unless the value is what this schema says."""
    if "$ref" in schema:
        check(value, schemas()[schema["$ref"].rpartition("/")[2]], place)
        return
    for part in schema.get("allOf", ()):
        check(value, part, place)
    _alternatives(value, [*schema.get("anyOf", ()), *schema.get("oneOf", ())], place)
    _plain(value, schema, place)
    if isinstance(value, dict):
        _members(value, schema, place)
    if isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            check(each, schema["items"], f"{place}[{index}]")


def _alternatives(value: Any, alternatives: list[dict[str, Any]], place: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    named = [each for each in alternatives if kind is not None and kind in _types(each)]
    said = []
    for alternative in named or alternatives:
        try:
            check(value, alternative, place)
        except WrongError as error:
            said.append(str(error))
        else:
            return
    if said:
        raise WrongError(f"{place}: none of {len(said)}: {' | '.join(said)}"[:4000])


def _types(schema: dict[str, Any]) -> list[str]:
    """The values of `type` that this schema is for, if it says so."""
    if "$ref" in schema:
        schema = schemas()[schema["$ref"].rpartition("/")[2]]
    found: list[str] = [*schema.get("properties", {}).get("type", {}).get("enum", [])]
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found += _types(each)
    return found


def _plain(value: Any, schema: dict[str, Any], place: str) -> None:
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind
    if kinds and not any(isinstance(value, _TYPES[k]) and (k == "boolean" or value is not True) for k in kinds):
        raise WrongError(f"{place}: {value!r:.80} is no {kinds}")
    if "enum" in schema and value not in schema["enum"]:
        raise WrongError(f"{place}: {value!r:.80} is none of {schema['enum']}")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        raise WrongError(f"{place}: {value} is out of bounds")
    if isinstance(value, str):
        n_chars = len(value)
        if not schema.get("minLength", 0) <= n_chars <= schema.get("maxLength", n_chars):
            raise WrongError(f"{place}: a string of {n_chars} characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            raise WrongError(f"{place}: {value!r:.80} is not {schema['pattern']}")


def _members(value: dict[str, Any], schema: dict[str, Any], place: str) -> None:
    for name in schema.get("required", ()):
        if name not in value:
            raise WrongError(f"{place}.{name} is missing")
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    for name, each in value.items():
        if name in known:
            check(each, known[name], f"{place}.{name}")
        elif isinstance(rest, dict) and rest:
            check(each, rest, f"{place}.{name}")
