"""Rewrites: the same request in other words, made by rule, to see whether a router stays with its model.

Each rule leaves what is asked as it was. Equal text, kind and seed give equal rewrites; a text to which a rule does not
apply (no options to reorder, no words to misspell) comes back unchanged.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

import numpy as np

Rewrite = Callable[[str, np.random.Generator], str]

TYPO_SHARE: Final = 0.04
"""Share of the words that are misspelt, at least one: what people write in a hurry."""
WRAP_CHARS: Final = 76
"""Where a mail program breaks lines."""

FRAMES: Final = (
    ("Could you please help me with this? ", ""),
    ("Hi! I would be grateful for your help with the following.\n\n", "\n\nThank you in advance!"),
    ("Please answer this for me: ", " Thanks!"),
    ("Hello, I have a question for you.\n", ""),
    ("", "\n\nThanks a lot for your help."),
)
"""What a polite person writes before and after."""

_SENTENCE_START: Final = re.compile(r"(?:^|[.!?]\s+)([a-z])")
_WORD: Final = re.compile(r"[A-Za-z]{4,}")
_OPTION_LETTERS: Final = "ABCDEFGHIJ"
_LINE_OPTION: Final = re.compile(r"^([ \t]*\(?)([A-Ja-j])([).:] ?)(.*)$")
_INLINE_OPTION: Final = re.compile(r"(?<=\s)(\(?)([A-Ja-j])([).:]\s)")


def rewrite(text: str, kind: str, seed: int) -> str:
    """The text rewritten by the rule of that name; what it leaves to chance is drawn from text and seed.

    Raises: KeyError for a kind that is not in REWRITES.
    """
    rule = REWRITES[kind]
    return rule(text, np.random.default_rng([seed, crc32(text.encode("utf-8", "surrogatepass"))]))


def change_case(text: str, drawer: np.random.Generator) -> str:
    """All small letters, all capitals, or capitals only where a sentence begins."""
    variant = int(drawer.integers(3))
    if variant == 0:
        return text.lower()
    if variant == 1:
        return text.upper()
    return _SENTENCE_START.sub(lambda match: match.group(0).upper(), text.lower())


def change_spacing(text: str, drawer: np.random.Generator) -> str:
    """Other line breaks and blanks between the same words."""
    variant = int(drawer.integers(5))
    if variant == 0:
        return re.sub(r"\n{2,}", "\n", text).strip()
    if variant == 1:
        return re.sub(r"\n+", "\n\n", text)
    if variant == 2:
        return re.sub(r"([.!?,;:]) (?=\S)", r"\1  ", text)
    if variant == 3:
        return "\n".join(_wrapped(line) for line in text.split("\n"))
    return "\n" + "\n".join(f"{line} " for line in text.split("\n")) + "\n\n"


def frame_politely(text: str, drawer: np.random.Generator) -> str:
    """With a plea before it, thanks behind it, or both."""
    before, after = FRAMES[int(drawer.integers(len(FRAMES)))]
    return f"{before}{text}{after}"


def misspell(text: str, drawer: np.random.Generator) -> str:
    """Letters swapped, dropped or doubled inside some words."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    n_typos = max(1, round(TYPO_SHARE * len(words)))
    pieces, done = [], 0
    for place in sorted(drawer.choice(len(words), n_typos, replace=False).tolist()):
        start, end = words[place].span()
        pieces += [text[done:start], _misspelt(text[start:end], drawer)]
        done = end
    return "".join([*pieces, text[done:]])


def reorder_options(text: str, drawer: np.random.Generator) -> str:
    """The last block of answer options in another order, under the same letters.

    A letter opens an option at the start of a line or, where no line does, within the text: `A)`, `(A)`, `A.`, `A:`.
    Only the last block, since worked examples before it name their answer by its letter.
    """
    lines = text.split("\n")
    marks = [_LINE_OPTION.match(line) for line in lines]
    run = _last_run([(place, mark.group(2)) for place, mark in enumerate(marks) if mark is not None])
    if run:
        order = _other_order(len(run), drawer)
        contents = [lines[place][_head_length(marks[place]) :] for place in run]
        for place, source in zip(run, order, strict=True):
            lines[place] = lines[place][: _head_length(marks[place])] + contents[source]
        return "\n".join(lines)
    return _reorder_inline(text, drawer)


REWRITES: Final[Mapping[str, Rewrite]] = {
    "case": change_case,
    "spacing": change_spacing,
    "polite_frame": frame_politely,
    "typos": misspell,
    "options": reorder_options,
}
"""Name -> rule."""


def _reorder_inline(text: str, drawer: np.random.Generator) -> str:
    marks = list(_INLINE_OPTION.finditer(text))
    run = _last_run([(place, mark.group(2)) for place, mark in enumerate(marks)])
    if not run:
        return text
    # The last option ends with its line: what follows is another matter.
    line_end = text.find("\n", marks[run[-1]].end())
    stops = [*(marks[place].start() for place in run[1:]), len(text) if line_end < 0 else line_end]
    spans = [text[marks[place].end() : stop] for place, stop in zip(run, stops, strict=True)]
    contents = [span.rstrip() for span in spans]
    pieces = [text[: marks[run[0]].start()]]
    for place, span, source in zip(run, spans, _other_order(len(run), drawer), strict=True):
        pieces += [marks[place].group(0), contents[source], span[len(span.rstrip()) :]]
    return "".join([*pieces, text[stops[-1] :]])


def _last_run(letters: list[tuple[int, str]]) -> list[int]:
    """The places of the last run A, B, C, ... of at least two letters."""
    best: list[int] = []
    run: list[int] = []
    for place, letter in letters:
        number = _OPTION_LETTERS.index(letter.upper())
        if number == 0:
            run = [place]
        elif run and number == len(run):
            run.append(place)
        else:
            run = []
        if len(run) >= 2:
            best = list(run)
    return best


def _other_order(n: int, drawer: np.random.Generator) -> list[int]:
    """An order of n that is not the present one."""
    order: list[int] = drawer.permutation(n).tolist()
    return order if order != sorted(order) else [*order[1:], order[0]]


def _head_length(mark: re.Match[str] | None) -> int:
    return mark.start(4) if mark is not None else 0


def _wrapped(line: str) -> str:
    """The line broken between words; code keeps its indentation, since only later blanks are touched."""
    if len(line) <= WRAP_CHARS:
        return line
    pieces, width = [], 0
    for word in line.split(" "):
        if width and width + 1 + len(word) > WRAP_CHARS:
            pieces.append("\n")
            width = 0
        elif pieces:
            pieces.append(" ")
            width += 1
        pieces.append(word)
        width += len(word)
    return "".join(pieces)


def _misspelt(word: str, drawer: np.random.Generator) -> str:
    at = int(drawer.integers(1, len(word) - 1))
    variant = int(drawer.integers(3))
    if variant == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if variant == 1:
        return word[:at] + word[at + 1 :]
    return word[: at + 1] + word[at:]
