"""Scorers of texts: exact, numeric, choice. Each takes the answer out of the reply's prose by stated rules."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fairlead.evaluation.scorers.score import WRONG, Given, Score, SpecError, right_if

TOLERANCE: Final = 1e-6
"""Relative: what printing a float to six digits loses."""
MAX_ANSWER_CHARS: Final = 200_000
"""Longer replies are searched in their end only: the answer stands there."""

_NUMBER: Final = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d{1,3})?"
_FINDERS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"####\s*\$?\s*({_NUMBER})",
        rf"\\boxed\{{\s*\\?\$?\s*({_NUMBER})",
        rf"answer(?:\s+is|\s*[:=])?\s*[:=]?\s*\**\s*\\?\$?\s*({_NUMBER})",
    )
)
"""Where a final number is announced: the first kind that occurs, and there the last one."""
_ANY_NUMBER: Final = re.compile(rf"(?<![\w.])\$?({_NUMBER})")
_LETTERS: Final = (
    re.compile(r"answer(?:\s+is|\s*[:=])?\s*[:=]?\s*\**\s*\(?([A-Z])\b(?!['’])", re.IGNORECASE),
    re.compile(r"\\boxed\{\s*(?:\\text\{)?\(?([A-Z])\b"),
    re.compile(r"^\W*\(?([A-Z])(?:[).:]|\W*$)", re.MULTILINE),
)


def exact(given: Given, reference: Any, options: Mapping[str, Any]) -> Score:
    """The whole reply equals the reference, or one of several, but for spacing (and for case, where asked)."""
    accepted = reference if isinstance(reference, list) else [reference]
    folds = bool(options.get("ignore_case"))
    said = _normal(given.answer, folds)
    return right_if(any(said == _normal(str(each), folds) for each in accepted))


def check_exact(reference: Any, _options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    accepted = reference if isinstance(reference, list) else [reference]
    if not accepted or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in accepted):
        raise SpecError("reference is not a text", "write the right answer as `reference`, or a list of right answers")


def numeric(given: Given, reference: Any, options: Mapping[str, Any]) -> Score:
    """The number that the reply ends in is the reference, to a relative tolerance."""
    wanted, said = number_of(reference), last_number(given.answer)
    if wanted is None or said is None:
        return WRONG
    tolerance = Decimal(str(options.get("tolerance", TOLERANCE)))
    return right_if(abs(said - wanted) <= tolerance * max(abs(wanted), Decimal(1)))


def check_numeric(reference: Any, options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    if number_of(reference) is None:
        raise SpecError("reference is not a number", "write the right number as `reference`")
    tolerance = options.get("tolerance", 0)
    if not isinstance(tolerance, int | float) or isinstance(tolerance, bool) or not 0 <= tolerance <= 1:
        raise SpecError("tolerance is not a number from 0 to 1", "write a relative tolerance such as 0.01")


def number_of(value: Any) -> Decimal | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value).replace(",", "").replace("$", "").strip().rstrip("."))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 400 else None


def last_number(text: str) -> Decimal | None:
    """The number that a reply announces as its answer; without an announcement the last number in it."""
    tail = text[-MAX_ANSWER_CHARS:]
    for finder in (*_FINDERS, _ANY_NUMBER):
        found = [number for number in (number_of(each) for each in finder.findall(tail) if each) if number is not None]
        if found:
            return found[-1]
    return None


def choice(given: Given, reference: Any, options: Mapping[str, Any]) -> Score:
    """The letter that the reply settles on is the reference's."""
    listed = options.get("options")
    texts = [str(each) for each in listed] if isinstance(listed, list) else []
    return right_if(letter_of(given.answer, texts) == str(reference).strip().upper())


def check_choice(reference: Any, options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    if not isinstance(reference, str) or not re.fullmatch(r"\s*[A-Za-z]\s*", reference):
        raise SpecError("reference is not a letter", "write the right option's letter as `reference`")
    listed = options.get("options")
    if listed is not None and not (isinstance(listed, list) and len(listed) >= 2):
        raise SpecError("options are not a list", "leave options out, or list the options' texts in order")


def letter_of(text: str, options: Sequence[str] = ()) -> str | None:
    """The letter that a reply settles on; a reply that is an option's text word for word counts as its letter."""
    tail = text[-MAX_ANSWER_CHARS:].strip()
    if re.fullmatch(r"\W*[A-Za-z]\W*", tail):
        return re.sub(r"\W", "", tail).upper()
    for finder in _LETTERS:
        found = finder.findall(tail)
        if found:
            return str(found[-1]).upper()
    for place, option in enumerate(options):
        if _normal(tail, True) == _normal(option, True):
            return chr(ord("A") + place)
    return None


def _normal(text: str, folds: bool) -> str:
    flat = " ".join(text.split())
    return flat.casefold() if folds else flat
