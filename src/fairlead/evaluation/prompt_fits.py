"""The heads of the text model, each fitted with the penalty of least error on questions that were left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from fairlead.evaluation.block_rows import BlockRows
from fairlead.evaluation.prompt_corpus import Corpus, fold_of
from fairlead.evaluation.prompt_design import BLOCKS, Design
from fairlead.evaluation.sparse_fits import fit_ridge, fit_softmax, log_softmax

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

N_FOLDS: Final = 4
DIFFICULTY_PENALTIES: Final = (0.5, 1.0, 2.0)
LENGTH_PENALTIES: Final = (0.5, 1.0, 2.0)
LENGTH_SLACK: Final = 0.06
"""Of lengths the smallest penalty whose error is within six per cent of the least. Questions that share a long
beginning are left out together, rules of a game for instance; requests that are served repeat theirs, and a larger
penalty forgets them (chosen after a look at fold `val`, where lengths of kor_bench had become worse)."""
KIND_PENALTIES: Final = (0.15, 0.3, 0.6)
N_KIND_FOLDS_COMPARED: Final = 2
"""The comparison of features needs differences only, and kinds are the dearest fit."""
FEATURE_SETS: Final = (
    ("n-grams",),
    ("n-grams", "shape"),
    ("meaning", "shape"),
    ("n-grams", "meaning", "shape"),
    ("kernel", "meaning", "shape"),
    ("n-grams", "kernel", "meaning", "shape"),
)
"""What the shipped features are compared with: n-grams are hashed words, pairs of words and runs of bytes, alone the
first text model's; `meaning, shape` is the table of word pieces alone; the kernel is in meaning and shape."""


@dataclass(frozen=True, slots=True)
class NumberFit:
    """A fitted number. Shapes: coefficients (d,); held_out (n,), predictions of rows that were left out."""

    coefficients: Floats
    intercept: float
    held_out: Floats
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heads:
    """All heads. Shapes: coefficients (d, n_heads), intercepts (n_heads,)."""

    coefficients: Floats
    intercepts: Floats
    difficulty: NumberFit
    length: NumberFit
    kind_figures: dict[str, Any]


def folds_of(corpus: Corpus) -> NDArray[np.int64]:
    """The cross-validation fold of every row (n,): equal questions are in the same one, whatever their source."""
    return np.array([fold_of(group, N_FOLDS) for group in corpus.groups], dtype=np.int64)


def fit_heads(design: Design, corpus: Corpus) -> Heads:
    """Kinds, difficulty and length on all blocks."""
    rows, folds = design.rows(BLOCKS), folds_of(corpus)
    kinds, intercepts, figures = fit_kinds(rows, corpus, folds, KIND_PENALTIES, N_FOLDS)
    difficulty = fit_number(rows, corpus.difficulty, corpus.difficulty_weights, folds, DIFFICULTY_PENALTIES)
    length = fit_number(rows, corpus.log_tokens, corpus.length_weights, folds, LENGTH_PENALTIES, LENGTH_SLACK)
    return Heads(
        np.column_stack((kinds, difficulty.coefficients, length.coefficients)),
        np.concatenate((intercepts, [difficulty.intercept, length.intercept])),
        difficulty, length, figures,
    )  # fmt: skip


def compare_features(
    design: Design, corpus: Corpus, feature_sets: Sequence[Sequence[str]] = FEATURE_SETS
) -> list[dict[str, Any]]:
    """Held-out errors of other sets of features, each at the best of the same penalties."""
    folds = folds_of(corpus)
    found = []
    for names in feature_sets:
        rows = design.rows(names)
        difficulty = fit_number(rows, corpus.difficulty, corpus.difficulty_weights, folds, DIFFICULTY_PENALTIES)
        length = fit_number(rows, corpus.log_tokens, corpus.length_weights, folds, LENGTH_PENALTIES, LENGTH_SLACK)
        _, _, kinds = fit_kinds(rows, corpus, folds, KIND_PENALTIES[1:2], N_KIND_FOLDS_COMPARED)
        found.append(comparison_row(", ".join(names), corpus, difficulty, length, kinds))
    return found


def comparison_row(
    name: str, corpus: Corpus, difficulty: NumberFit, length: NumberFit, kinds: dict[str, Any]
) -> dict[str, Any]:
    """One line of the comparison: errors, and how well difficulty is ranked in each source."""
    sources = np.array(corpus.sources)
    ranked = {
        source: round(float(spearmanr(difficulty.held_out[here], corpus.difficulty[here]).statistic), 3)
        for source in dict.fromkeys(corpus.sources)
        if (here := (sources == source) & (corpus.difficulty_weights > 0)).sum() > 2
    }
    return {
        "features": name,
        "difficulty_mse": min(difficulty.figures["held_out_mse"].values()),
        "difficulty_spearman": ranked,
        "log_tokens_mse": min(length.figures["held_out_mse"].values()),
        "kinds_log_loss": kinds["first_folds_log_loss"],
        "kinds_seed_accuracy": kinds["held_out_seed_accuracy"],
    }


def cross_validate(
    penalties: Sequence[float], n_folds: int, loss_of: Callable[[float, int], float], slack: float = 0.0
) -> tuple[float, dict[str, float]]:
    """The smallest penalty whose mean held-out loss is within a share `slack` of the least, and the loss of each.

    `loss_of(penalty, fold)` fits and judges.
    """
    losses = {penalty: sum(loss_of(penalty, fold) for fold in range(n_folds)) / n_folds for penalty in penalties}
    least = min(losses.values())
    best = min(penalty for penalty in penalties if losses[penalty] <= least * (1.0 + slack))
    return best, {f"{penalty:g}": round(loss, 5) for penalty, loss in losses.items()}


def fit_number(
    rows: BlockRows,
    targets: Floats,
    weights: Floats,
    folds: NDArray[np.int64],
    penalties: Sequence[float],
    slack: float = 0.0,
) -> NumberFit:
    """A ridge head with its cross-validation figures and held-out predictions of all rows."""
    taught = weights > 0
    split = [(rows.take((folds != fold) & taught), rows.take(folds == fold)) for fold in range(N_FOLDS)]
    held_out = {penalty: np.zeros(len(targets)) for penalty in penalties}

    def held_out_loss(penalty: float, fold: int) -> float:
        train, test = (folds != fold) & taught, folds == fold
        coefficients, intercept = fit_ridge(split[fold][0], targets[train], weights[train], penalty)
        held_out[penalty][test] = split[fold][1].times(coefficients) + intercept
        wrong = (held_out[penalty][test] - targets[test]) ** 2
        return float(np.average(wrong, weights=weights[test])) if weights[test].any() else 0.0

    best, losses = cross_validate(penalties, N_FOLDS, held_out_loss, slack)
    coefficients, intercept = fit_ridge(rows.take(taught), targets[taught], weights[taught], best)
    spread = float(np.average((targets - np.average(targets, weights=weights)) ** 2, weights=weights))
    figures = {"penalty": best, "held_out_mse": losses, "variance": round(spread, 5)}
    return NumberFit(coefficients, intercept, held_out[best], figures)


def fit_kinds(
    rows: BlockRows, corpus: Corpus, folds: NDArray[np.int64], penalties: Sequence[float], n_folds: int
) -> tuple[Floats, Floats, dict[str, Any]]:
    """The kind heads: coefficients (d, n_kinds), intercepts (n_kinds,), figures of the first n_folds folds."""
    taught = corpus.kind_weights > 0
    right: dict[float, list[float]] = {penalty: [] for penalty in penalties}
    compared: dict[float, list[float]] = {penalty: [] for penalty in penalties}

    def fit(train: Bools, penalty: float) -> tuple[Floats, Floats]:
        return fit_softmax(rows.take(train), corpus.shares[train], corpus.kind_weights[train], penalty)

    def held_out_loss(penalty: float, fold: int) -> float:
        test = (folds == fold) & taught
        coefficients, intercepts = fit((folds != fold) & taught, penalty)
        log_chances = log_softmax(rows.take(test).times(coefficients) + intercepts)
        seeds = corpus.is_seed[test]
        hits = log_chances.argmax(axis=1) == corpus.shares[test].argmax(axis=1)
        right[penalty].append(float(hits[seeds].mean()))
        losses = -(corpus.shares[test] * log_chances).sum(axis=1)
        loss = float(np.average(losses, weights=corpus.kind_weights[test]))
        compared[penalty].append(loss)
        return loss

    best, losses = cross_validate(penalties, n_folds, held_out_loss)
    figures = {
        "penalty": best,
        "held_out_log_loss": losses,
        "first_folds_log_loss": round(float(np.mean(compared[best][:N_KIND_FOLDS_COMPARED])), 5),
        "held_out_seed_accuracy": round(float(np.mean(right[best][:N_KIND_FOLDS_COMPARED])), 4),
    }
    if n_folds < N_FOLDS:
        return np.zeros((rows.n_columns, 0)), np.zeros(0), figures
    coefficients, intercepts = fit(taught, best)
    return coefficients, intercepts, figures
