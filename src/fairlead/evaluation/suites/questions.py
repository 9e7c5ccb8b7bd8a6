"""Benchmarks of questions: GSM8K's sums, MMLU's and MMLU-Pro's choices, in the layouts in which they are given out.

The framing around a question is ours and stands here; it is part of every record's prompt hash.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fairlead.evaluation.suite_items import Item, ScorerSpec
from fairlead.evaluation.suites.fields import FieldError, index_of, text_of, texts_of

SUM_FRAME: Final = "{question}\n\nThink step by step. End with one line: `#### ` and the number alone."
CHOICE_FRAME: Final = "{question}\n\n{options}\n\nEnd with one line: `Answer: ` and the letter alone."
MAX_OPTIONS: Final = 26


def gsm8k_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`question`, `answer` that ends in `#### 42` (openai/grade-school-math). Raises: FieldError."""
    solution = text_of(row, "answer")
    found = re.search(r"####\s*([-+]?[$]?[\d,]*\.?\d+)\s*$", solution.strip())
    if found is None:
        raise FieldError("answer does not end in `####` and a number", "end each answer with `#### ` and the number")
    number = found.group(1).replace(",", "").replace("$", "")
    return _asked(ident, SUM_FRAME.format(question=text_of(row, "question")), number, ScorerSpec("numeric"))


def mmlu_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`question`, `choices`, `answer` as a place or letter, perhaps `subject` (cais/mmlu). Raises: FieldError."""
    return _choice(row, ident, texts_of(row, "choices", least=2), "answer")


def mmlu_columns_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`question`, `A`, `B`, `C`, `D`, `answer` as a letter: the CSV form of MMLU. Raises: FieldError."""
    return _choice(row, ident, [text_of(row, letter) for letter in "ABCD"], "answer")


def mmlu_pro_item(row: Mapping[str, Any], ident: str, _default: ScorerSpec | None) -> Item:
    """`question`, `options`, `answer_index` (TIGER-Lab/MMLU-Pro); N/A options are left out. Raises: FieldError."""
    every = texts_of(row, "options", least=2)
    options = [option for option in every if option.strip() != "N/A"]
    place = index_of(row, "answer_index", len(every))
    if every[place].strip() == "N/A" or len(options) < 2:
        raise FieldError("the right option is N/A", "point answer_index at an option with a text")
    return _choice({**row, "place": options.index(every[place])}, ident, options, "place")


def _choice(row: Mapping[str, Any], ident: str, options: list[str], key: str) -> Item:
    if len(options) > MAX_OPTIONS:
        raise FieldError(f"{len(options)} options", f"give at most {MAX_OPTIONS} options, one a letter")
    place = index_of(row, key, len(options))
    letters = [chr(ord("A") + n) for n in range(len(options))]
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    prompt = CHOICE_FRAME.format(question=text_of(row, "question"), options=listed)
    spec = ScorerSpec("choice", {"options": options})
    return _asked(ident, prompt, letters[place], spec)


def _asked(ident: str, prompt: str, reference: str, spec: ScorerSpec) -> Item:
    return Item(ident, ({"role": "user", "content": prompt},), reference, spec)
