"""Finding the card that a name means: by a normal form for the spellings of local servers, and by likeness for 404s.

The rules of the normal form, in order. They only ever remove what does not change the weights or what every host adds:

1. lower case; a path keeps its last part (`meta-llama/Llama-3.1-8B` -> `llama-3.1-8b`), `.gguf` goes;
2. `:latest` goes, any other tag joins with a dash (`llama3.1:8b` -> `llama3.1-8b`);
3. `_`, spaces and the dots of versions become dashes (`qwen2.5` -> `qwen2-5`), `+` becomes `plus`;
4. a family's name is parted from its number (`llama3-1` -> `llama-3-1`);
5. the words `instruct`, `it`, `hf`, a leading `meta`, and words that name a number format or a packing
   (`q4-k-m`, `fp8`, `awq`, `mlx`, `4bit` ...) go.

Dates, sizes, `chat`, `base`, `thinking`, `mini`, `turbo` stay: they can be other weights. Two cards with one normal
form match nobody. Names come from strangers: everything is capped at MAX_NAME_CHARS, and no pattern backtracks.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final, TypeVar

T = TypeVar("T")

MAX_NAME_CHARS: Final = 200
"""Longer than any model's name; a 10 kB name costs no more than this."""

FAMILIES: Final = (
    "codellama", "codegemma", "codestral", "command", "deepseek", "devstral", "gemma", "glm", "granite", "hermes",
    "kimi", "llama", "ministral", "mistral", "mixtral", "nemotron", "olmo", "phi", "qwen", "qwq", "yi",
)  # fmt: skip
_FAMILY_NUMBER: Final = re.compile(rf"(^|-)({'|'.join(FAMILIES)})-?v?(\d)")
_PARTS: Final = re.compile(r"[^a-z0-9]+")
_PACKING: Final = frozenset((
    "instruct", "it", "hf", "gguf", "ggml", "mlx", "awq", "gptq", "exl2", "exl3", "bnb", "fp8", "fp16", "fp4", "bf16",
    "f16", "f32", "int4", "int8", "nvfp4", "mxfp4", "w4a16", "w8a8", "4bit", "8bit", "6bit", "5bit", "3bit", "dynamic",
    "quantized", "q2", "q3", "q4", "q5", "q6", "q8", "iq1", "iq2", "iq3", "iq4", "ud", "qat",
))  # fmt: skip
_AFTER_QUANT: Final = frozenset(("k", "m", "s", "l", "xl", "xs", "xxs", "nl", "0", "1"))
_NO_INSTRUCT_RULE: Final = "gpt"
"""OpenAI's `gpt-3.5-turbo-instruct` is not `gpt-3.5-turbo`: nothing is taken off the names of this family."""


def normalised(name: str) -> str:
    """The normal form of a model's name; the empty string when nothing is left of it."""
    text = name[:MAX_NAME_CHARS].strip().lower().rstrip("/")
    text = text.rpartition("/")[2].removesuffix(".gguf").removesuffix(":latest").replace("+", "-plus-")
    words = [word for word in _PARTS.split(text) if word]
    if not words or words[0].startswith(_NO_INSTRUCT_RULE):
        return "-".join(words)
    kept: list[str] = []
    after_quant = False
    for word in words:
        if word in _PACKING:
            after_quant = len(word) <= 3 and "q" in word
        elif not (after_quant and word in _AFTER_QUANT):
            kept.append(word)
            after_quant = False
    while len(kept) > 1 and kept[0] == "meta":
        del kept[0]
    return _FAMILY_NUMBER.sub(r"\1\2-\3", "-".join(kept))


def index_of(names: Iterable[tuple[str, T]]) -> Mapping[str, T]:
    """Normal form -> what it means; forms that mean two different things are left out."""
    index: dict[str, T] = {}
    ambiguous: set[str] = set()
    for name, meaning in names:
        form = normalised(name)
        if not form:
            continue
        if index.setdefault(form, meaning) != meaning:
            ambiguous.add(form)
    for form in ambiguous:
        del index[form]
    return index


def nearest(name: str, known: Iterable[str], n: int = 3, cutoff: float = 0.5) -> tuple[str, ...]:
    """The `n` known names most like this one, best first; names that share nothing are not offered.

    Likeness is difflib's ratio on the last part of each name; ties go to the alphabet. Cheap bounds are tried before
    the full comparison, and only the first MAX_NAME_CHARS characters count.
    """
    wanted = name[:MAX_NAME_CHARS].strip().lower().rpartition("/")[2]
    if not wanted:
        return ()
    matcher: SequenceMatcher[str] = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    scored: list[tuple[float, str]] = []
    for candidate in known:
        matcher.set_seq1(candidate.lower().rpartition("/")[2])
        if matcher.real_quick_ratio() >= cutoff and matcher.quick_ratio() >= cutoff:
            ratio = matcher.ratio()
            if ratio >= cutoff:
                scored.append((-ratio, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[: max(n, 0)])
