"""A judge's biases: for the place, for length and style, for its own kin; and strengths with all of them held at 0.

Model: logit P(A preferred) = b_A - b_B + place + length * dl + style * ds + kin * (A is kin - B is kin), errors
clustered by item. Source: the style control of LMArena (github.com/lmarena/arena-hard-auto, show_result.py): length as
(l_A - l_B) / (l_A + l_B), markdown as (r_A - r_B) / (r_A + r_B + 1) with r per token. We add the place, since both
orders are there, and the kin. Kin is told apart from quality only where judges of several families, or people, have
judged the same pairs; else it is None.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fairlead.evaluation.judging.bouts import Judged
from fairlead.evaluation.statistics.bradley_terry import Game, Strengths, bradley_terry
from fairlead.learning.metrics.bootstrap import Figure

HUMAN: Final = "human"
"""The judge's name of bouts that people have judged; they have no kin here and no place."""
_MARKS: Final = {
    "headers": re.compile(r"^#{1,6}\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*"),
    "lists": re.compile(r"^\s*(?:[-*+]|\d+\.)\s", re.MULTILINE),
}
_SHARES: Final = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True, slots=True)
class Biases:
    """Units: logits, at full contrast: A first rather than second; A all the length rather than B; A kin, B not."""

    place: Figure
    length: Figure
    style: Mapping[str, Figure]
    kin: Figure
    strengths: Strengths | None
    """Of the models, with every bias held at 0."""
    n: int


def features(first: str, second: str) -> tuple[float, float, float, float]:
    """Length and markdown of two answers, first less second, each from -1 to 1."""
    lengths = [len(text.split()) for text in (first, second)]
    total = sum(lengths)
    found = [(lengths[0] - lengths[1]) / total if total else 0.0]
    for pattern in _MARKS.values():
        rates = [len(pattern.findall(text)) / (n + 1) for text, n in zip((first, second), lengths, strict=True)]
        found.append((rates[0] - rates[1]) / (rates[0] + rates[1] + 1))
    return found[0], found[1], found[2], found[3]


def biases(found: Sequence[Judged], families: Mapping[str, str], level: float = 0.95) -> Biases:
    """The biases of all judges together. `families`: name of a model or judge -> its family, "" where not known."""
    rows: list[tuple[Judged, tuple[float, ...]]] = []
    for each in found:
        if each.word != "abstains":
            bout = each.bout
            own = families.get(bout.judge, "")
            kin = sum(
                sign * bool(own and families.get(name, "") == own)
                for name, sign in ((bout.first, 1), (bout.second, -1))
            )
            place = 0.0 if bout.judge == HUMAN else 1.0
            rows.append((each, (place, *features(*bout.texts), float(kin))))
    names = ("place", "length", *_MARKS, "kin")
    kept = [column for column in range(len(names)) if _varies(rows, column) and (names[column] != "kin" or _kin(rows))]
    games = [
        Game(
            each.bout.first, each.bout.second, _SHARES[each.word], each.bout.group,
            tuple(values[column] for column in kept),
        )
        for each, values in rows
    ]  # fmt: skip
    strengths = bradley_terry(games, level)
    nothing = Figure(None, reason="the bouts do not differ in it")
    figures = dict.fromkeys(names, nothing)
    figures["kin"] = Figure(None, reason="told apart from quality only by judges of several families, or people")
    if strengths is not None:
        for column, figure in zip(kept, strengths.covariates, strict=True):
            figures[names[column]] = figure
    style = {name: figures[name] for name in _MARKS}
    return Biases(figures["place"], figures["length"], style, figures["kin"], strengths, len(rows))


def _varies(rows: Sequence[tuple[Judged, tuple[float, ...]]], column: int) -> bool:
    # The place is 1 throughout: it is told apart by the swapped orders, in which the models' columns turn.
    return any(values[column] for _, values in rows)


def _kin(rows: Sequence[tuple[Judged, tuple[float, ...]]]) -> bool:
    """Whether some pair was judged both with kinship and with another one."""
    seen: dict[tuple[str, str], set[float]] = {}
    for each, values in rows:
        first, second = each.bout.first, each.bout.second
        pair, sign = ((first, second), 1.0) if first < second else ((second, first), -1.0)
        seen.setdefault(pair, set()).add(sign * values[-1])
    return any(len(kinds) > 1 for kinds in seen.values())
