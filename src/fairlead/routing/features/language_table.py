"""LanguageTable: the common words by which native code tells a language, laid out as native/language.h says."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.routing.features.language import common_words

SLOTS: Final = 512
CODES: Final = (None, "en", "other")
"""What the native code answers: unknown (the text is not ASCII), English, another."""
_FACTOR: Final = 0x9E3779B97F4A7C15
_FLAG: Final = 1 << 63
_MOST_BYTES: Final = 7


@cache
def language_table() -> NDArray[np.uint64]:
    """Shape (SLOTS,): each word that is ASCII at the slot of its hash or the next free one, 0 where there is none.

    Raises: ValueError for a word that is too long for a slot.
    """
    table = [0] * SLOTS
    for flag, words in zip((_FLAG, 0), common_words(), strict=True):
        for word in sorted(filter(str.isascii, words)):
            data = word.encode()
            if len(data) > _MOST_BYTES:
                raise ValueError(f"{word!r} is longer than the native code's common words")
            key = int.from_bytes(data, "little")
            at = (key * _FACTOR & (1 << 64) - 1) >> 55
            while table[at]:
                at = (at + 1) % SLOTS
            table[at] = key | flag
    return np.array(table, dtype=np.uint64)
