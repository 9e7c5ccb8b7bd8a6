"""Cluster labels: what is usual of each cluster's texts, in a few words; texts themselves are not in a router."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.kinds import KINDS
from fairlead.routing.features.shape import SHAPE_NAMES
from fairlead.routing.modelmap.entry import Clusters

MAIN_KIND: Final = 0.5
"""Share of a cluster's mix from which on a kind names it."""
LABEL_COLUMNS: Final = 17
_SHAPE_WORDS: Final = {
    "log_length": ("short", "long"),
    "log_lines": ("one line", "many lines"),
    "log_options": (None, "options"),
    "code_fence": (None, "code fence"),
    "blank": (None, "blanks"),
    "log_marks_{": (None, "braces"),
    "log_marks_=": (None, "equations"),
    "log_marks_\\": (None, "formulas"),
    "log_marks_$": (None, "formulas"),
    'log_marks_"': (None, "quotes"),
    "log_marks_?": ("no question", "questions"),
    "word_length": ("short words", "long words"),
    "digit_share": (None, "numbers"),
    "capital_share": (None, "capitals"),
    "non_ascii_share": (None, "other scripts"),
}


def cluster_labels(clusters: Clusters) -> tuple[str, ...]:
    """What is usual of each cluster's texts, in a few words; texts themselves are not in a router."""
    usual = clusters.share @ clusters.shape
    spread = np.sqrt(clusters.share @ (clusters.shape - usual) ** 2)
    far = (clusters.shape - usual) / np.maximum(spread, 1e-6)
    labels = []
    for cluster, row in enumerate(far):
        words = _kind_words(clusters.kinds, cluster)
        for at in np.argsort(-np.abs(row)).tolist():
            word = _SHAPE_WORDS.get(SHAPE_NAMES[at], (None, None))[int(row[at] > 0)]
            if word and abs(row[at]) >= 1.0 and word not in words and len(", ".join([*words, word])) <= LABEL_COLUMNS:
                words.append(word)
        labels.append(", ".join(words) or "usual ones")
    return tuple(labels)


def _kind_words(kinds: NDArray[np.float64] | None, cluster: int) -> list[str]:
    """The kind of task that a cluster's texts are mostly read as, if somebody read them and one stands out."""
    if kinds is None:
        return []
    top = int(kinds[cluster].argmax())
    return [KINDS[top]] if kinds[cluster, top] >= MAIN_KIND else []


def kind_shares(kinds: NDArray[np.float64] | None, cluster: int) -> dict[str, float] | None:
    """The mix of kinds of a cluster; None where nobody read it."""
    if kinds is None:
        return None
    return {kind: round(float(share), 3) for kind, share in zip(KINDS, kinds[cluster], strict=True)}
