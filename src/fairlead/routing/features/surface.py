"""The look of a text in eight numbers: how long it is, and what it is made of.

Counted over bytes by one table look-up and one `bincount`: a regular expression per feature would cost ten times that.
"""

from math import log1p
from typing import Final

import numpy as np

from fairlead.routing.features.text_hashing import Bytes

SURFACE_NAMES: Final = (
    "log_length",
    "digit_share",
    "non_ascii_share",
    "symbol_share",
    "newline_share",
    "capital_share",
    "question_mark",
    "code_fence",
)
"""Shape (n_surface,): the order of the vector; an artefact made for another list is refused."""

LENGTH_CEILING_CHARS: Final = 8_000
"""Beyond it longer prompts look alike: the outcomes that the length was fitted on hold none that are longer."""

_DIGIT, _NON_ASCII, _SYMBOL, _NEWLINE, _CAPITAL, _QUESTION, _BACKTICK, _REST = range(8)
_SYMBOLS: Final = b"{}()[]<>=+-*/\\$_^;|&%#@~"


def _byte_classes() -> Bytes:
    classes = np.full(256, _REST, dtype=np.uint8)
    classes[128:] = _NON_ASCII
    classes[48:58] = _DIGIT
    classes[65:91] = _CAPITAL
    classes[list(_SYMBOLS)] = _SYMBOL
    classes[10] = _NEWLINE
    classes[ord("?")] = _QUESTION
    classes[ord("`")] = _BACKTICK
    return classes


_CLASSES: Final = _byte_classes()


def surface_of(data: Bytes, n_chars: int) -> tuple[float, ...]:
    """The surface features of an encoded text.

    Shapes: data (n_bytes,) from encode_text -> (n_surface,).
    Units: n_chars is the length of the whole turn, sampled or not; shares are of bytes, roughly in [0, 1].
    """
    counts = np.bincount(_CLASSES.take(data), minlength=8).tolist()
    per_byte = 1.0 / len(data)
    return (
        log1p(min(n_chars, LENGTH_CEILING_CHARS)),
        counts[_DIGIT] * per_byte,
        counts[_NON_ASCII] * per_byte,
        counts[_SYMBOL] * per_byte,
        # Lines of ten bytes or fewer count full: the share of a list, a table or code.
        min(1.0, 10.0 * counts[_NEWLINE] * per_byte),
        counts[_CAPITAL] * per_byte,
        1.0 if counts[_QUESTION] else 0.0,
        1.0 if counts[_BACKTICK] >= 3 else 0.0,
    )
