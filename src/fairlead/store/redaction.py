"""Redaction: what looks like a credential, an address or a number of a person is replaced before it is kept.

Patterns find what has a form; a name or a secret told in plain words has none. Nobody should take a redacted text for
an anonymous one.
"""

import re
from collections.abc import Iterable
from typing import Final

PATTERNS: Final = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    "key": (
        r"\b(?:sk|pk|rk|fl|gsk|xai|key|ghp|gho|ghs|github_pat|glpat|hf|AKIA|ASIA|AIza|xox[abps])[-_]?[A-Za-z0-9_\-]{16,}"
        r"|\bBearer\s+[A-Za-z0-9._~+/\-]{16,}=*"
        r"|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"
        r"|(?i:\b(?:api[_-]?key|secret|token|password|passwd)\b\s*[:=]\s*)[\"']?[^\s\"',;]{6,}"
    ),
    "email": r"\b[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}\b",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "card": r"\b(?:\d[ -]?){12,18}\d\b",
    "phone": r"(?<![\w.])(?!\d{4}-\d\d-\d\d)\+?\(?\d{1,4}\)?(?:[ .\-/]?\(?\d{2,5}\)?){2,5}(?!\w)",
}
"""Name -> pattern, tried in this order. None of them backtracks without bound: every repeat is capped or single."""

_LEAST_PHONE_DIGITS: Final = 8
_CARD_DIGITS: Final = range(13, 20)


class Redactor:
    """The patterns of one configuration."""

    def __init__(self, names: Iterable[str] = tuple(PATTERNS), extra: Iterable[str] = ()) -> None:
        """`extra` are the operator's own patterns. Raises: re.error for one that is no regular expression."""
        found = [(name, re.compile(PATTERNS[name], re.DOTALL)) for name in PATTERNS if name in set(names)]
        self._patterns = [("private", re.compile(pattern)) for pattern in extra] + found

    def __call__(self, text: str) -> str:
        """The text with `[name]` in place of whatever was found."""
        for name, pattern in self._patterns:
            text = pattern.sub(lambda match, name=name: _mark(name, match[0]), text)  # type: ignore[misc]
        return text


def _mark(name: str, found: str) -> str:
    digits = [int(letter) for letter in found if letter.isdigit() and letter.isascii()]
    if name == "card" and not (len(digits) in _CARD_DIGITS and _passes_luhn(digits)):
        return found
    if name == "phone" and len(digits) < _LEAST_PHONE_DIGITS:
        return found
    return f"[{name}]"


def _passes_luhn(digits: list[int]) -> bool:
    """Whether the last digit checks the others, as on every payment card (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
