"""Notes on outcomes: what a reader of them should know, one sentence each."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from fairlead.evaluation.column_files import Codes, Columns, Floats
from fairlead.evaluation.outcome_joining import JoinedRows
from fairlead.evaluation.row_faults import shown_list


def notes_of_files(files: Sequence[Columns], table: Columns | None) -> list[str]:
    """What was ignored in the files, and how they differ."""
    every = [*files, table] if table is not None else list(files)
    notes = [f"{file.path}: columns ignored: {shown_list(file.others, 10)}." for file in every if file.others]
    with_dataset = [file for file in files if "dataset" in file.labels]
    if 0 < len(with_dataset) < len(files):
        names = shown_list(str(file.path) for file in files if "dataset" not in file.labels)
        notes.append(
            f"No column `dataset` in {names}: their queries count as others than those of the same id elsewhere."
        )
    return notes


def notes_of_outcomes(rows: JoinedRows, matrix: Floats, cell_of_row: Codes, n_cells: int) -> list[str]:
    """What is odd in the outcomes: repeated, contradictory, without score, constant, alone.

    Shapes: matrix (n_queries, n_arms), the scores after repeated cells were merged; cell_of_row (n_rows,).
    """
    notes: list[str] = []
    scores = rows.measures["score"]
    n_repeated = len(scores) - n_cells
    if n_repeated:
        notes.append(
            f"Rows that repeat a query and model: {n_repeated:,}; their scores and measures were averaged "
            f"({_n_contradictory(scores, cell_of_row, n_cells):,} times the scores differ)."
        )
    n_unscored = int(np.isnan(scores).sum())
    if n_unscored:
        notes.append(f"Rows without a score: {n_unscored:,}; their other measures are kept.")
    notes += _notes_of_texts(rows.queries.texts)
    has_score = np.isfinite(matrix)
    n_bare = int((~has_score.any(axis=1)).sum())
    if n_bare:
        notes.append(f"Queries without any score: {n_bare:,}; their texts are kept.")
    known = matrix[has_score]
    if known.min() == known.max():
        notes.append(f"Every score is {known[0]:g}: nothing can be learned from them.")
    if len(rows.queries) == 1:
        notes.append("There is one query only.")
    if len(rows.arms) == 1:
        notes.append(f"There is one model only: {shown_list(rows.arms)}.")
    else:
        notes += notes_of_names(rows.arms)
        is_shared = has_score.sum(axis=1) > 1
        alone = [
            arm for arm, any_shared in zip(rows.arms, has_score[is_shared].any(axis=0), strict=True) if not any_shared
        ]
        if alone:
            notes.append(f"Models that share no scored query with another: {shown_list(alone)}.")
    return notes


def notes_of_names(names: Sequence[str]) -> list[str]:
    """Which models a reader would take for one, a sentence a group."""
    groups: dict[str, list[str]] = {}
    for name in names:
        visible = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) not in ("Cf", "Cc"))
        groups.setdefault("".join("".join(visible).split()).casefold(), []).append(name)
    return [
        f"Names of models that differ in case, blanks or unseen characters alone: {shown_list(group)}; each counts as "
        "a model of its own."
        for group in groups.values()
        if len(group) > 1
    ]


def _n_contradictory(scores: Floats, cell_of_row: Codes, n_cells: int) -> int:
    known = np.isfinite(scores)
    lowest, highest = np.full(n_cells, np.inf), np.full(n_cells, -np.inf)
    np.minimum.at(lowest, cell_of_row[known], scores[known])
    np.maximum.at(highest, cell_of_row[known], scores[known])
    return int((lowest < highest).sum())


def _notes_of_texts(texts: Sequence[str]) -> list[str]:
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    n_shared = sum(1 for count in counts.values() if count > 1)
    if not n_shared:
        return []
    return [f"Texts that occur under more than one id: {n_shared:,}; equal texts are kept in one fold."]
