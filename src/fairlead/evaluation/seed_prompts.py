"""Seed prompts and everyday prompts: our own short requests with hand-set labels, from the TOML files beside this."""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from math import gcd, prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.evaluation.task_kinds import as_shares

SEED_FILE: Final = "seed_prompts.toml"
EVERYDAY_FILE: Final = "everyday_prompts.toml"
MAX_WORDINGS: Final = 12
TEMPLATE_WEIGHT: Final = 3.0
"""A template speaks for more of chat than one prompt, but its wordings share most of their words."""


@dataclass(frozen=True, slots=True)
class SeedPrompt:
    """A request of everyday life. Units: difficulty in logits; output_tokens visible tokens."""

    text: str
    kind_shares: NDArray[np.float64]
    difficulty: float
    output_tokens: float
    weight: float = 1.0
    family: str = ""
    """Shared by the wordings of one template, which never part in cross-validation; empty for a single prompt."""


@dataclass(frozen=True, slots=True)
class EverydayPrompt:
    """A request that no fit sees, and the kinds that count as right."""

    text: str
    kinds: tuple[str, ...]
    is_untouched: bool = False
    """Nothing was changed after a look at how this one fares."""


def seed_bytes() -> bytes:
    """The seed file as it stands, for its hash."""
    return resources.files("fairlead.evaluation").joinpath(SEED_FILE).read_bytes()


def read_seed_prompts() -> tuple[SeedPrompt, ...]:
    """All seed prompts, templates written out, in the order of the file."""
    found: list[SeedPrompt] = []
    for group in tomllib.loads(seed_bytes().decode("utf-8"))["group"]:
        shares, difficulty, tokens = (
            as_shares(group["kinds"]),
            float(group["difficulty"]),
            float(group["output_tokens"]),
        )
        found.extend(SeedPrompt(text, shares, difficulty, tokens) for text in group.get("prompts", ()))
        for template in group.get("templates", ()):
            texts = write_out(template)
            weight = TEMPLATE_WEIGHT / len(texts)
            found.extend(SeedPrompt(text, shares, difficulty, tokens, weight, template) for text in texts)
    return tuple(found)


def write_out(template: str) -> tuple[str, ...]:
    """At most MAX_WORDINGS wordings of a template, spread evenly over all combinations of its alternatives."""
    parts = re.split(r"\{([^{}]*\|[^{}]*)\}", template)
    slots = [part.split("|") for part in parts[1::2]]
    total = prod(map(len, slots))
    # Steps of the golden section, prime to the number of combinations: they visit each once, and never in blocks.
    step = next(step for step in range(max(1, round(total * 0.618)), 2 * total + 2) if gcd(step, total) == 1)
    texts = []
    for turn in range(min(MAX_WORDINGS, total)):
        place = turn * step % total
        chosen = []
        for slot in slots:
            place, index = divmod(place, len(slot))
            chosen.append(slot[index])
        texts.append("".join(text for pair in zip(parts[0::2], [*chosen, ""], strict=True) for text in pair))
    return tuple(dict.fromkeys(texts))


def read_everyday_prompts() -> tuple[EverydayPrompt, ...]:
    """The held-out list."""
    text = resources.files("fairlead.evaluation").joinpath(EVERYDAY_FILE).read_text("utf-8")
    return tuple(
        EverydayPrompt(prompt["text"], tuple(prompt["kinds"]), prompt.get("untouched", False))
        for prompt in tomllib.loads(text)["prompt"]
    )
