"""The standard error of a published benchmark figure: the one rule that every figure without its own goes by.

Two independent parts add up as squares: the sampling error of the benchmark's questions, and what differs between two
honest runs of the same test (prompt, harness, grader, effort), which depends on who ran it.
"""

from math import sqrt
from typing import Final

FIRST_HAND_SETUP: Final = 0.025
"""A board that runs every model itself, with one harness. LiveBench, Aider and Artificial Analysis publish reruns of
the same model that differ by 1 to 4 points; 2.5 is the middle."""

VENDOR_SETUP: Final = 0.05
"""A lab's own report: best-of settings, own prompts. Vendors' figures for one model on GPQA or MATH differ by about
5 points between reports."""

UNKNOWN_N_QUESTIONS: Final = 100
"""Assumed where the owner does not state the number of questions: few, so that the figure counts for less."""

CLIP: Final = 0.02
"""A score of exactly 0 or 1 does not make a benchmark free of sampling error."""


def standard_error(score: float, n_questions: int | None, setup: float) -> float:
    """One standard error of a figure: sqrt(p (1 - p) / n + setup^2), with p clipped to [CLIP, 1 - CLIP].

    Units: score and result in [0, 1].
    """
    p = min(max(score, CLIP), 1 - CLIP)
    return sqrt(p * (1 - p) / (n_questions or UNKNOWN_N_QUESTIONS) + setup * setup)
