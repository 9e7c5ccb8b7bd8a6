"""Validation: the sheet's plain values -> a Config, and every fault of the schema in words of ours.

What is wrong is left out, so that the rest can be looked at too: all that can be told at once is told at once.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from fairlead.settings.schema import Config
from fairlead.settings.sheet import Path, Sheet, nearest


def validated(sheet: Sheet) -> tuple[Config, frozenset[str]]:
    """The configuration without what is wrong in it, and the sections in which something is; the sheet has the faults.

    Raises: ConfigError when nothing can be made of it.
    """
    values = _without_nothing(sheet.values)
    try:
        return Config.model_validate(values), frozenset()
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True, include_input=False)
    paths = [_loc(fault["loc"]) for fault in found]
    for path, fault in zip(paths, found, strict=True):
        sheet.note(sheet.place_of(path), _complaint(sheet, path, fault))
    flawed = frozenset(str(path[0]) for path in paths)
    try:
        return _with_the_rest(_without(values, paths)), flawed
    except ValidationError:
        sheet.tell()
        raise


def _with_the_rest(values: dict[str, Any]) -> Config:
    """The configuration of what is left; a section that cannot do without what it lost is left out whole."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        sections = [fault["loc"][:1] for fault in error.errors(include_url=False, include_input=False)]
        return Config.model_validate(_without(values, sections))


def _without(values: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Each section without its member on the way to a path; one without members is left out whole."""
    kept = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for path in paths:
        section = kept.get(str(path[0]))
        if len(path) > 1 and isinstance(section, dict):
            section.pop(path[1], None)
        else:
            kept.pop(str(path[0]), None)
    return kept


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    """A key with nothing behind it means its default: `keys:` above lines that are commented out."""
    found: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    for key in ("upstreams", "presets", "models"):
        if isinstance(found.get(key), dict):
            found[key] = {name: {} if value is None else value for name, value in found[key].items()}
    for key in ("upstreams", "presets"):
        if isinstance(found.get(key), dict):
            found[key] = {name: _without_nulls(value) for name, value in found[key].items()}
    return {key: value if key == "models" else _without_nulls(value) for key, value in found.items()}


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: member for key, member in value.items() if member is not None}


def _loc(loc: tuple[int | str, ...]) -> Path:
    return tuple(part for part in loc if part != "[key]")


def _complaint(sheet: Sheet, path: Path, fault: Any) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1])
        return sheet.complaint(
            path, f"unknown key{nearest(str(path[-1]), known) or ';'} known are {', '.join(known)}", at_key=True
        )
    if kind == "missing":
        return sheet.complaint(path, "this key is missing")
    for beginning, text in _WORDS.items():
        if kind.startswith(beginning):
            return sheet.complaint(path, text.format(**context))
    return sheet.complaint(path, str(fault["msg"]))


_WORDS: Final = {
    "literal_error": "must be {expected}",
    "int_": "must be a whole number",
    "float_": "must be a number",
    "finite_number": "must be a finite number",
    "bool_": "must be true or false",
    "string_type": "must be a text: put it in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "model_type": "must hold keys of its own, indented below it",
    "model_attributes_type": "must hold keys of its own, indented below it",
    "dict_type": "must hold keys of its own, indented below it",
    "tuple_type": "must be a list: [a, b], or lines that begin with `- `",
}
"""pydantic's error types, by how they begin, in our words; none of them quotes the value."""


def _known_keys(path: Path) -> list[str]:
    kind: Any = Config
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = _without_none(field.annotation) if field else None
        else:
            arguments = get_args(kind)
            kind = _without_none(arguments[-1 if isinstance(part, str) else 0]) if arguments else None
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return []


def _without_none(kind: Any) -> Any:
    sections = [part for part in get_args(kind) if isinstance(part, type) and issubclass(part, BaseModel)]
    return sections[0] if len(sections) == 1 and type(None) in get_args(kind) else kind
