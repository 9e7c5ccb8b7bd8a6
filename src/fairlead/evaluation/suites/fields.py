"""Fields: single values of a suite's row, taken with their type checked; what is wrong raises `FieldError`."""

from collections.abc import Mapping
from typing import Any

from fairlead.evaluation.row_faults import shown


class FieldError(Exception):
    """One value of a row is missing or wrong; the reader makes a fault with file and line of it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A text that is not blank; whole numbers count as text. Raises: FieldError."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        said = "missing or blank" if value is None or isinstance(value, str) else f"{shown(value)}, not a text"
        raise FieldError(f"{name} is {said}", f"write {name} as text in every row")
    return value


def texts_of(row: Mapping[str, Any], name: str, *, least: int = 1) -> list[str]:
    """A list of texts. Raises: FieldError."""
    value = row.get(name)
    if not isinstance(value, list) or len(value) < least or not all(isinstance(each, str) for each in value):
        raise FieldError(f"{name} is not a list of {least} or more texts", f"write {name} as a list of texts")
    return [str(each) for each in value]


def objects_of(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects, at least one; a single object counts as a list of one. Raises: FieldError."""
    value = row.get(name)
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise FieldError(f"{name} is not a list of objects", f"write {name} as a list of JSON objects")
    return value


def index_of(row: Mapping[str, Any], name: str, n: int) -> int:
    """A place from 0 among n options, as a number, or as a letter from A. Raises: FieldError."""
    value = row.get(name)
    place = -1
    if isinstance(value, int) and not isinstance(value, bool):
        place = value
    elif isinstance(value, str):
        word = value.strip()
        if word.isdecimal() and len(word) <= 3:
            place = int(word)
        elif len(word) == 1 and word.isascii() and word.isalpha():
            place = ord(word.upper()) - ord("A")
    if not 0 <= place < n:
        raise FieldError(
            f"{name} is {shown(value)}, none of the {n} options",
            f"write {name} as a place from 0, or as a letter from A",
        )
    return place
