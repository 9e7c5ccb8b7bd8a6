"""Figures of a text model on held-out questions and everyday prompts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fairlead.evaluation.outcome_data import SOURCES, OutcomeTable, outline_of, read_outcomes
from fairlead.evaluation.prompt_corpus import LENGTH_SHIFTS, log_lengths
from fairlead.evaluation.seed_prompts import read_everyday_prompts
from fairlead.routing.predictors.prompt_reader import PromptReader

Floats = NDArray[np.float64]

JUDGED_SOURCES: Final = ("llmrouter9", "mmlu_pro", "kor_bench", "zeroeval", "routellm")
N_BOOTSTRAP: Final = 1_000


def rank_correlation(predicted: Floats, observed: Floats, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """Spearman's coefficient and its 95 % bootstrap interval. Shapes: (n,), (n,)."""
    drawer = np.random.default_rng(seed)
    n = len(predicted)
    drawn = []
    for _ in range(N_BOOTSTRAP):
        picks = drawer.integers(0, n, n)
        drawn.append(float(spearmanr(predicted[picks], observed[picks]).statistic))
    whole = float(spearmanr(predicted, observed).statistic)
    return whole, (float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975)))


def difficulty_figures(
    reader: PromptReader, folder: Path, sources: Sequence[str] = JUDGED_SOURCES
) -> list[dict[str, Any]]:
    """One row a source (and one for the trained tasks alone where tasks were left out), fold `val`."""
    rows = []
    for name in sources:
        table = read_outcomes(folder, name).of_fold("val")
        rows.append(_figures_of(reader, table, name))
        left_out = SOURCES[name].left_out
        if left_out:
            trained = table.select(np.array([task not in left_out for task in table.tasks], dtype=np.bool_))
            rows.append(_figures_of(reader, trained, f"{name}, trained tasks"))
    return rows


def _figures_of(reader: PromptReader, table: OutcomeTable, title: str) -> dict[str, Any]:
    readings = [reader.read(outline_of(text)) for text in table.texts]
    difficulty = np.array([reading.difficulty for reading in readings])
    spearman, interval = rank_correlation(difficulty, np.nanmean(table.scores, axis=1))
    return {
        "source": title,
        "n": len(table.texts),
        "n_models": len(table.models),
        "spearman": spearman,
        "interval": list(interval),
        "length_relative_error": _length_error(np.array([reading.log_output_tokens for reading in readings]), table),
    }


def _length_error(predicted: Floats, table: OutcomeTable) -> float | None:
    """Median relative error of the expected length, for a model of ordinary verbosity; None where none was measured."""
    if table.source not in LENGTH_SHIFTS:
        return None
    observed = log_lengths(table)
    known = np.isfinite(observed)
    return float(np.median(np.abs(np.exp(predicted[known] - observed[known]) - 1.0)))


def everyday_accuracy(reader: PromptReader) -> Mapping[str, Any]:
    """How many of the held-out everyday prompts are read as one of the kinds that count as right."""
    by_kind: dict[str, list[int]] = {}
    untouched = [0, 0]
    wrong = []
    for prompt in read_everyday_prompts():
        traits = reader.traits(outline_of(prompt.text))
        found = traits.kinds[0][0]
        counts = by_kind.setdefault(prompt.kinds[0], [0, 0])
        counts[0] += found in prompt.kinds
        counts[1] += 1
        if prompt.is_untouched:
            untouched[0] += found in prompt.kinds
            untouched[1] += 1
        if found not in prompt.kinds:
            wrong.append({"text": prompt.text, "kinds": list(prompt.kinds), "found": found})
    n_right = sum(right for right, _ in by_kind.values())
    return {
        "n": sum(n for _, n in by_kind.values()),
        "n_right": n_right,
        "untouched": untouched,
        "by_kind": by_kind,
        "wrong": wrong,
    }
