"""Fits the shipped text model: `python -m fairlead.evaluation.prompt_training` (= `make artefact`).

Reads the measured outcomes in the folder that FAIRLEAD_DATA names (fold `dev` of the shippable sources only) and our
own seed prompts; writes `routing/data/prompt_model.bin` and beside it the same card as JSON. Nothing is drawn by
chance: the same data give the same bytes.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.item_response import ItemScale, fit_item_scale
from fairlead.evaluation.outcome_data import SOURCES, OutcomeTable, read_outcomes, sha256_of_files
from fairlead.evaluation.prompt_corpus import LENGTH_SHIFTS, Corpus, build_corpus, featurise, fold_of
from fairlead.evaluation.seed_prompts import read_seed_prompts, seed_bytes
from fairlead.evaluation.sparse_fits import fit_ridge, fit_softmax
from fairlead.routing.artifact import dump
from fairlead.routing.features.prompt_reader import HEADS, MAX_TABLE_VALUE, PromptReader
from fairlead.routing.features.text_hashing import N_BUCKETS
from fairlead.routing.modelmap.benchmark_scale import Anchor

Floats = NDArray[np.float64]

TRAINED_SOURCES: Final = ("zeroeval", "llmrouter9", "kor_bench", "mmlu_pro", "routellm")
"""bullshit_bench teaches nothing yet: its scores mean something else (pushing back), its tokens hide reasoning."""
DATA_DATE: Final = "2026-11-23"
"""When the outcome tables were compiled."""
N_FOLDS: Final = 4
DIFFICULTY_PENALTIES: Final = (4.0, 8.0, 14.0, 24.0)
LENGTH_PENALTIES: Final = (1.0, 3.0, 6.0, 12.0)
KIND_PENALTIES: Final = (0.1, 0.3, 1.0)
MIN_DOCUMENTS: Final = 2
"""N-grams of a single row say nothing of others."""
RARITY_POWER: Final = 0.5
"""Columns are weighed by the root of their inverse document frequency: between plain counts and full weighting, which
were each a little worse on held-out difficulty."""
SURFACE_SCALE: Final = 0.3
"""Size of a standardised surface feature beside the n-grams' unit length."""
ANCHOR_SD: Final = 0.5
"""Logits: what prompt format and few-shot examples move a published figure by."""
ANCHORS: Final[Mapping[str, tuple[str, str]]] = {
    "mmlu_pro": ("mmlu_pro", "mmlu_pro/"),
    "mmlu": ("routellm", "routellm_mmlu_"),
    "gsm8k": ("zeroeval", "gsm"),
}
"""Benchmark of the catalogue -> source and beginning of the task whose questions are its own."""
ARTIFACT_FILE: Final = "prompt_model.bin"
CARD_FILE: Final = "prompt_model.json"


@dataclass(slots=True)
class Design:
    """Rows as the fits see them, and the way back to the reader's units.

    Shapes: rows (n, N_BUCKETS + n_surface); column_weights (N_BUCKETS,); surface_means, surface_sds (n_surface,).
    """

    rows: csr_matrix
    column_weights: Floats
    surface_means: Floats
    surface_sds: Floats


def training_tables(folder: Path) -> list[OutcomeTable]:
    """Fold `dev` of the trained sources, without the tasks whose questions carry another licence."""
    tables = []
    for name in TRAINED_SOURCES:
        table = read_outcomes(folder, name).of_fold("dev")
        left_out = SOURCES[name].left_out
        tables.append(table.select(np.array([task not in left_out for task in table.tasks], dtype=np.bool_)))
    return tables


def build_design(texts: Sequence[str]) -> Design:
    """Hashed and standardised features of all texts."""
    counts, surface = featurise(texts)
    n_documents = np.bincount(counts.indices, minlength=N_BUCKETS)
    weights = np.log((1 + len(texts)) / (1 + n_documents)) ** RARITY_POWER
    weights[n_documents < MIN_DOCUMENTS] = 0.0
    means, sds = surface.mean(axis=0), surface.std(axis=0) + 1e-6
    weighted = counts.multiply(weights[None, :]).tocsr()
    standardised = csr_matrix((surface - means) / sds * SURFACE_SCALE)
    return Design(hstack([weighted, standardised]).tocsr(), weights, means, sds)


def cross_validate(
    penalties: Sequence[float], folds: NDArray[np.int64], loss_of: Callable[[float, NDArray[np.bool_]], float]
) -> tuple[float, dict[str, float]]:
    """The penalty of least summed held-out loss, and the loss of each; `loss_of(penalty, held_out)` fits and judges."""
    losses = {}
    for penalty in penalties:
        losses[penalty] = sum(loss_of(penalty, folds == fold) for fold in range(N_FOLDS)) / N_FOLDS
    best = min(penalties, key=lambda penalty: losses[penalty])
    return best, {f"{penalty:g}": round(loss, 5) for penalty, loss in losses.items()}


def fit_number(
    design: Design, targets: Floats, weights: Floats, folds: NDArray[np.int64], penalties: Sequence[float]
) -> tuple[Floats, float, dict[str, Any], Floats]:
    """A ridge head: coefficients, intercept, cross-validation figures, and held-out predictions of all rows."""

    def held_out_loss(penalty: float, held: NDArray[np.bool_]) -> float:
        train, test = ~held & (weights > 0), held & (weights > 0)
        coefficients, intercept = fit_ridge(design.rows[train], targets[train], weights[train], penalty)
        wrong = design.rows[test] @ coefficients + intercept - targets[test]
        return float(np.average(wrong**2, weights=weights[test]))

    best, losses = cross_validate(penalties, folds, held_out_loss)
    predicted = np.zeros(len(targets))
    for fold in range(N_FOLDS):
        train = (folds != fold) & (weights > 0)
        coefficients, intercept = fit_ridge(design.rows[train], targets[train], weights[train], best)
        predicted[folds == fold] = design.rows[folds == fold] @ coefficients + intercept
    coefficients, intercept = fit_ridge(design.rows[weights > 0], targets[weights > 0], weights[weights > 0], best)
    spread = float(np.average((targets - np.average(targets, weights=weights)) ** 2, weights=weights))
    return coefficients, intercept, {"penalty": best, "held_out_mse": losses, "variance": round(spread, 5)}, predicted


def fit_kinds(design: Design, corpus: Corpus, folds: NDArray[np.int64]) -> tuple[Floats, Floats, dict[str, Any]]:
    """The kind heads: coefficients (d, n_kinds), intercepts (n_kinds,), cross-validation figures."""
    taught = corpus.kind_weights > 0

    def fit(train: NDArray[np.bool_], penalty: float) -> tuple[Floats, Floats]:
        return fit_softmax(design.rows[train], corpus.shares[train], corpus.kind_weights[train], penalty)

    right: dict[float, list[float]] = {}

    def held_out_loss(penalty: float, held: NDArray[np.bool_]) -> float:
        test = held & taught
        coefficients, intercepts = fit(~held & taught, penalty)
        logits = design.rows[test] @ coefficients + intercepts
        logits -= logits.max(axis=1, keepdims=True)
        log_chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        seeds = corpus.is_seed[test]
        hits = logits.argmax(axis=1) == corpus.shares[test].argmax(axis=1)
        right.setdefault(penalty, []).append(float(hits[seeds].mean()))
        losses = -(corpus.shares[test] * log_chances).sum(axis=1)
        return float(np.average(losses, weights=corpus.kind_weights[test]))

    best, losses = cross_validate(KIND_PENALTIES, folds, held_out_loss)
    coefficients, intercepts = fit(taught, best)
    figures = {
        "penalty": best,
        "held_out_log_loss": losses,
        "held_out_seed_accuracy": round(float(np.mean(right[best])), 4),
    }
    return coefficients, intercepts, figures


def quantised_reader(
    design: Design, coefficients: Floats, intercepts: Floats, sds: tuple[float, float], anchors: Mapping[str, Anchor]
) -> PromptReader:
    """The reader with its table rounded to whole numbers; shapes coefficients (d, n_heads), intercepts (n_heads,)."""
    table = coefficients[:N_BUCKETS] * design.column_weights[:, None]
    surface = coefficients[N_BUCKETS:] * (SURFACE_SCALE / design.surface_sds)[:, None]
    # Steps of a short decimal form: the last bits of a sum must not show in the file.
    steps = np.array([float(f"{step:.6g}") for step in np.abs(table).max(axis=0) / MAX_TABLE_VALUE])
    whole = np.rint(table / np.maximum(steps, 1e-12))
    return PromptReader(
        table=np.clip(whole, -MAX_TABLE_VALUE, MAX_TABLE_VALUE).astype(np.float32),
        steps=steps,
        surface_weights=np.round(surface, 6),
        intercepts=np.round(intercepts - design.surface_means @ surface, 6),
        difficulty_sd=round(sds[0], 4),
        log_tokens_sd=round(sds[1], 4),
        anchors=anchors,
    )


def anchors_of(tables: Sequence[OutcomeTable], scale: ItemScale) -> dict[str, Anchor]:
    """Benchmarks whose own questions are in the fit, by the mean difficulty of their tasks weighted by questions."""
    found = {}
    for benchmark, (source, beginning) in ANCHORS.items():
        tasks = [
            task for table in tables if table.source == source for task in table.tasks if task.startswith(beginning)
        ]
        if tasks:
            mean = float(np.mean([scale.task_means[f"{source}:{task}"] for task in tasks]))
            found[benchmark] = Anchor(round(mean, 3), ANCHOR_SD)
    return found


def fit_prompt_model(tables: Sequence[OutcomeTable]) -> tuple[PromptReader, dict[str, Any]]:
    """The text model and the figures of its fit, from outcome tables and the seed prompts."""
    scale = fit_item_scale(tables)
    seeds = read_seed_prompts()
    corpus = build_corpus(tables, scale, seeds)
    design = build_design(corpus.texts)
    folds = np.array([fold_of(group, N_FOLDS) for group in corpus.groups])
    kinds, kind_intercepts, kind_figures = fit_kinds(design, corpus, folds)
    difficulty, difficulty_mean, difficulty_figures, guessed = fit_number(
        design, corpus.difficulty, corpus.difficulty_weights, folds, DIFFICULTY_PENALTIES
    )
    length, length_mean, length_figures, guessed_length = fit_number(
        design, corpus.log_tokens, corpus.length_weights, folds, LENGTH_PENALTIES
    )
    measured = ~corpus.is_seed
    weights = corpus.difficulty_weights * measured
    wrong = (corpus.difficulty - guessed) ** 2 - corpus.difficulty_noise
    difficulty_sd = float(np.sqrt(max(0.1, np.average(wrong, weights=weights))))
    wrong_length = (corpus.log_tokens - guessed_length) ** 2
    log_tokens_sd = float(np.sqrt(np.average(wrong_length, weights=corpus.length_weights)))
    reader = quantised_reader(
        design,
        np.column_stack((kinds, difficulty, length)),
        np.concatenate((kind_intercepts, [difficulty_mean, length_mean])),
        (difficulty_sd, log_tokens_sd),
        anchors_of(tables, scale),
    )
    figures = {
        "n_questions": int(measured.sum()),
        "n_outcomes": int(sum(np.isfinite(table.scores).sum() for table in tables)),
        "n_seed_prompts": len(seeds),
        "kinds": kind_figures,
        "difficulty": {**difficulty_figures, "residual_sd": reader.difficulty_sd},
        "log_output_tokens": {**length_figures, "residual_sd": reader.log_tokens_sd},
        "reference_models": list(scale.reference_models),
        "anchors": {name: list(anchor) for name, anchor in reader.anchors.items()},
    }
    return reader, figures


def card_for(folder: Path, figures: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a fit: data, licences, labels by hand, figures."""
    hashes = sha256_of_files(folder, TRAINED_SOURCES)
    seeds = sha256(seed_bytes()).hexdigest()
    whole = sha256("".join(f"{name}:{value}\n" for name, value in sorted({**hashes, "seeds": seeds}.items())).encode())
    return {
        "title": "Fairlead text model: kind, difficulty and answer length of a prompt",
        "training_data_sha256": whole.hexdigest(),
        "files_sha256": hashes,
        "seed_prompts_sha256": seeds,
        "data_date": DATA_DATE,
        "fold": "dev",
        "seed": None,
        "chance": "none: no step of the fit draws a number",
        "sources": {
            name: {
                "repository": SOURCES[name].repository,
                "licence": SOURCES[name].licence,
                "left_out_tasks": sorted(SOURCES[name].left_out),
            }
            for name in TRAINED_SOURCES
        },
        "set_by_hand": [
            "kinds of benchmark tasks (evaluation/task_kinds.py)",
            "kind, difficulty and length of the seed prompts (evaluation/seed_prompts.toml), which we wrote ourselves",
            f"shifts of log answer length by source: {dict(LENGTH_SHIFTS)}",
            "weights of request flags (routing/features/prompt_reader.py)",
        ],
        "holds": "coefficients of hashed n-grams and of surface features; "
        "no text, no vocabulary, no vector per question",
        "heads": list(HEADS),
        "kinds": list(KINDS),
        "fit": dict(figures),
    }


def main() -> None:
    """Fits on FAIRLEAD_DATA and writes the artefact."""
    parser = argparse.ArgumentParser(description="Fit the shipped text model.")
    parser.add_argument("--data", type=Path, default=None, help="folder of the outcomes (default: FAIRLEAD_DATA)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "routing" / "data")
    arguments = parser.parse_args()
    folder = arguments.data or Path(os.environ.get("FAIRLEAD_DATA", ""))  # noqa: TID251 — a command, run by hand
    if not (folder / "outcomes").is_dir():
        parser.error(f"no folder `outcomes` in {folder}: set FAIRLEAD_DATA to the folder of the measured outcomes")
    tables = training_tables(folder)
    reader, figures = fit_prompt_model(tables)
    card = card_for(folder, figures)
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = dump(reader, card)
    (arguments.out / ARTIFACT_FILE).write_bytes(data)
    shown = {**card, "artefact_sha256": sha256(data).hexdigest(), "artefact_bytes": len(data)}
    (arguments.out / CARD_FILE).write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", "utf-8")
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    print(f"{arguments.out / ARTIFACT_FILE}: {len(data):,} bytes ({versions})")
    print(json.dumps(shown["fit"], indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
