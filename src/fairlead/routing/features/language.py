"""The language of a text, as far as its script and a few very common words tell. For people, not on the hot path."""

import re
from typing import Final

_SCRIPTS: Final = (
    ("ja", re.compile(r"[぀-ヿ]")),
    ("ko", re.compile(r"[가-힯]")),
    ("zh", re.compile(r"[一-鿿]")),
    ("th", re.compile(r"[฀-๿]")),
    ("el", re.compile(r"[Ͱ-Ͽ]")),
    ("he", re.compile(r"[֐-׿]")),
    ("ka", re.compile(r"[Ⴀ-ჿ]")),
    ("hy", re.compile(r"[԰-֏]")),
)
"""Scripts that one living language uses above all others; Cyrillic, Arabic and Devanagari have many."""

_SCRIPT_SHARE: Final = 0.1
"""A script counts from a tenth of the letters: single Greek letters are mathematics."""

_ENGLISH: Final = frozenset(
    re.findall(
        r"\w+",
        "the of and to in is are was a an that it for on with as how what who why when which you i my me this write "
        "do does did can could should please give make tell explain find if not have has be by at or hi hello thanks",
    )
)
_OTHER_LATIN: Final = frozenset(
    re.findall(
        r"\w+",
        "der die das und ist nicht ein eine ich wie für mit den dem le la les des est une et pour dans que qui el los "
        "de una por con del es il che di per sono um uma não os para och att det som en het van een niet jest nie się",
    )
)
_COMMON: Final = _ENGLISH | _OTHER_LATIN
LANGUAGE_SAMPLE_CHARS: Final = 160
"""Two or three lines tell a language as well as two pages, at a tenth of the time."""
FIRST_WORDS: Final = 12
"""Of running text in these languages, a third and more of the words are common ones."""


def common_words() -> tuple[frozenset[str], frozenset[str]]:
    """The English ones, and those of other languages that are no English ones."""
    return _ENGLISH, _OTHER_LATIN - _ENGLISH


def quick_language_of(text: str) -> str:
    """As language_of, a twentieth of its time on plain ASCII: a word is what stands between blanks, and counts once.

    The first dozen words tell, where one of them is a common one. native/language.c does the same on ASCII.
    """
    if not text.isascii():
        return language_of(text)
    lower = text.lower()
    words = lower.split(None, FIRST_WORDS)[:FIRST_WORDS]
    found = _COMMON.intersection(words) or _COMMON.intersection(lower.split())
    if not found:
        return "en" if lower != text.upper() else "other"
    return "en" if 2 * len(found & _ENGLISH) >= len(found) else "other"


def language_of(text: str) -> str:
    """`en`, another ISO 639-1 code when the script tells, else `other`."""
    letters = sum(map(str.isalpha, text))
    if not letters:
        return "other"
    for code, pattern in _SCRIPTS if not text.isascii() else ():
        if len(pattern.findall(text)) >= _SCRIPT_SHARE * letters:
            return code
    words = re.findall(r"[^\W\d_]+", text.lower())
    if sum(character.isalpha() and character.isascii() for character in text) < 0.9 * letters:
        return "other"
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER_LATIN for word in words)
    return "en" if english >= other and (english or not other) else "other"
