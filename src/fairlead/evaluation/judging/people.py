"""People's judgements, from a file: which of two answers to an item they prefer; and what that says of a judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fairlead.evaluation.judging.agreement import Agreement, agreement
from fairlead.evaluation.judging.bouts import Pairing
from fairlead.evaluation.judging.correction import corrected_mean
from fairlead.evaluation.row_faults import Faults, shown
from fairlead.evaluation.statistics.intervals import mean_interval
from fairlead.evaluation.suites.fields import FieldError, text_of
from fairlead.evaluation.suites.row_files import add_fault, read_rows
from fairlead.learning.metrics.bootstrap import Figure

WORDS: Final = ("one", "other", "tie")
_SHARES: Final[Mapping[str, float]] = {"one": 1.0, "other": 0.0, "tie": 0.5}
_MEND: Final = "write `item, one, other, preferred`, preferred being one of one, other, tie"


@dataclass(frozen=True, slots=True)
class Label:
    """One person's preference; `share` is `one`'s."""

    item: str
    one: str
    other: str
    share: float


def read_labels(path: Path) -> list[Label]:
    """Rows of `item, one, other, preferred`. Raises: OutcomesError that names file, line and mend."""
    faults = Faults()
    found = []
    for place, row in read_rows(path, faults):
        try:
            item, one, other = (text_of(row, name) for name in ("item", "one", "other"))
            word = text_of(row, "preferred").strip().lower()
            if word not in WORDS:
                raise FieldError(f"preferred is {shown(word)}", _MEND)
        except FieldError as fault:
            add_fault(faults, path, place, fault.what, _MEND)
            continue
        found.append(Label(item, one, other, _SHARES[word]))
    faults.refuse()
    return found


def _shares(labels: Sequence[Label]) -> dict[tuple[str, str, str], float]:
    """(item, one, other) -> mean share, in both directions."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for label in labels:
        found.setdefault((label.item, label.one, label.other), []).append(label.share)
        found.setdefault((label.item, label.other, label.one), []).append(1 - label.share)
    return {place: float(np.mean(each)) for place, each in found.items()}


def agreements(pairs: Sequence[Pairing], labels: Sequence[Label]) -> dict[str, Agreement]:
    """Judge -> how it agrees with people, in words: one, other, tie."""
    people = _shares(labels)
    found = {}
    for judge in sorted({pair.judge for pair in pairs}):
        words = [
            (_word(pair.share), _word(people[pair.item, pair.one, pair.other]))
            for pair in pairs
            if pair.judge == judge and pair.share is not None and (pair.item, pair.one, pair.other) in people
        ]
        found[judge] = agreement([one for one, _ in words], [other for _, other in words])
    return found


def _word(share: float) -> str:
    return "one" if share > 0.5 else "other" if share < 0.5 else "tie"


def shares_won(
    pairs: Sequence[Pairing], labels: Sequence[Label]
) -> tuple[dict[tuple[str, str], Figure], dict[tuple[str, str], Figure]]:
    """(one, other) -> one's share by the judges alone, and as people would give it."""
    people = _shares(labels)
    raw: dict[tuple[str, str], Figure] = {}
    corrected: dict[tuple[str, str], Figure] = {}
    for place in sorted({(pair.one, pair.other) for pair in pairs}):
        by_item: dict[str, list[float]] = {}
        groups: dict[str, str] = {}
        for pair in pairs:
            if (pair.one, pair.other) == place and pair.share is not None:
                by_item.setdefault(pair.item, []).append(pair.share)
                groups[pair.item] = pair.group
        said = {item: float(np.mean(each)) for item, each in by_item.items()}
        raw[place] = mean_interval(np.array(list(said.values())), [groups[item] for item in said])
        labelled = [item for item in said if (item, *place) in people]
        if labelled:
            corrected[place] = corrected_mean(
                np.array([people[item, place[0], place[1]] for item in labelled]),
                np.array([said[item] for item in labelled]),
                np.array([said[item] for item in said if (item, *place) not in people]),
            )
    return raw, corrected
