"""PlainRequest: a text without what says nothing of the task: courtesies around it, doubled blanks, empty lines.

A courtesy is a sentence at the head or the tail of which every word is a courteous or an empty one, and one at least
is courteous: "Could you please help me with this?" A router that reads them sends the polite
elsewhere: with a frame of ten words around it, one query in ten to one in three of three public sources went to another
model.

Blanks inside a line become one, at its end none, empty lines vanish; the indentation of code stays. English words only:
courtesies of other languages are read as they stand.
"""

import re
from string import punctuation
from typing import Final

from fairlead.domain.outline import Outline

_COURTEOUS_WORDS: Final = """
    please kindly thanks thank thx hi hello hey greetings dear cheers regards appreciate appreciated appreciation
    grateful thankful help helping assist assistance hand favor favour welcome sorry morning afternoon evening advance
"""
_EMPTY_WORDS: Final = """
    a an the this that these those it its one here below above following i i'm im i'd i'll i've you you're your me my we
    us our am is are be been was would could can may might will should shall do does did have has had to for of in at
    on with and or so if then there need needs want wanted like love got get give giving take look answer answering
    respond response reply question questions problem problems query task request something some any anything much many
    lot lots very really truly most more all again now today mind wondering hoping hope know let tell ask asking solve
    solving figure out through assistant everyone team good best just quick quickly small time kind every bit work
    working sure able see find understand highly greatly deeply sincerely great nice wonderful day by beforehand
"""
_COURTEOUS: Final = frozenset(_COURTEOUS_WORDS.split())
_SAYS_NOTHING: Final = _COURTEOUS | frozenset(_EMPTY_WORDS.split())
_MAX_SENTENCE_CHARS: Final = 160
_MAX_WORD_CHARS: Final = 40
"""No courteous or empty word is nearly so long."""
_MAX_SENTENCES: Final = 3
"""At either end."""
_HEAD: Final = re.compile(rf"\s*+([^.!?:\n]{{1,{_MAX_SENTENCE_CHARS}}})(?:[.!?:]++(?=\s|$)|\n)\s*+")
_THANKS: Final = re.compile(
    r"(?i)\s(?:(?:many )?thanks|thank you|cheers|please)(?: a lot| so much| very much| in advance)?[.!]*\s*$"
)
"""Stands behind a question without a mark between."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_BLANKS: Final = re.compile(r"  +")


def plain_outline(outline: Outline) -> Outline:
    """The outline of the plain request: its turn without courtesies, and the turn's length less what went."""
    plain, n_chars = plain_turn(outline)
    return outline._replace(turn_text=plain, turn_chars=n_chars)


def plain_turn(outline: Outline) -> tuple[str, int]:
    """The same two alone: the plain text of the turn, and the length of the whole turn in characters."""
    plain = plain_request(outline.turn_text)
    n_gone = len(outline.turn_text) - len(plain)
    return plain, max(outline.turn_chars - n_gone, len(plain))


def plain_request(text: str) -> str:
    """The text without courtesies and superfluous blanks; one of nothing else keeps its words."""
    plain = _single_spaced(text)
    bare = _without_tail(_without_head(plain))
    return bare if bare.strip() else plain


def _single_spaced(text: str) -> str:
    # No pattern here: one that looks for blanks before a line's end costs four times as much as the rest of this file.
    text = "\n".join(filter(None, map(str.rstrip, text.split("\n"))))
    return _BLANKS.sub(_one_blank, text) if "  " in text else text


def _one_blank(match: re.Match[str]) -> str:
    """One blank, but an indentation as it is."""
    start = match.start()
    return match.group() if start == 0 or match.string[start - 1] == "\n" else " "


def _without_head(text: str) -> str:
    first = _WORD.search(text)
    if first is None or first.group().lower() not in _SAYS_NOTHING:
        return text  # as nearly every text: its first sentence is no courtesy
    at = 0
    for _ in range(_MAX_SENTENCES):
        match = _HEAD.match(text, at)
        if match is None or not _is_courtesy(match.group(1)):
            break
        at = match.end()
    return text[at:]


def _without_tail(text: str) -> str:
    end = text[-_MAX_WORD_CHARS:].rsplit(None, 1)
    last = end[-1].strip(punctuation) if end else ""
    if last.isalpha() and last.lower() not in _SAYS_NOTHING:
        return text  # as nearly every text: every courtesy ends in one of these words
    for _ in range(_MAX_SENTENCES):
        tail = text[-_MAX_SENTENCE_CHARS:].rstrip(" .!\n")
        start = 1 + max(tail.rfind("."), tail.rfind("!"), tail.rfind("?"), tail.rfind("\n"))
        if start == 0 or not _is_courtesy(tail[start:]):
            break
        text = text[: max(len(text) - _MAX_SENTENCE_CHARS, 0) + start].rstrip()
    match = _THANKS.search(text, max(len(text) - 40, 0))
    return text if match is None else text[: match.start()]


def _is_courtesy(sentence: str) -> bool:
    first = _WORD.search(sentence)
    if first is None or first.group().lower() not in _SAYS_NOTHING:
        return False
    words = [word.lower() for word in _WORD.findall(sentence)]
    return any(word in _COURTEOUS for word in words) and all(word in _SAYS_NOTHING for word in words)
