"""Outcome files: which model did how well on which query, in long form, read from Parquet, CSV and JSON lines.

One row is one model on one query: `query_id, model, score` and, where known, `query, dataset, effort` and the measures.
A file is refused whole when a row is wrong: nothing is dropped in silence. What was merged or ignored is noted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.column_files import Codes, Columns, Wanted, kind_of
from fairlead.evaluation.outcome_joining import JoinedRows, first_seen, joined
from fairlead.evaluation.outcome_notes import notes_of_files, notes_of_outcomes
from fairlead.evaluation.query_files import QUERY_COLUMNS, check_filled, read_columns
from fairlead.evaluation.row_faults import Faults, nearest, shown, shown_list
from fairlead.learning.outcomes import MEASURES, MOST_MEASURED, Floats, Outcomes

OUTCOME_COLUMNS: Final = Wanted(
    texts=("query_id", "model", "query", "dataset", "effort"),
    numbers=tuple(MEASURES),
    required=("query_id", "model", "score"),
)

MAX_CELLS: Final = 250_000_000
"""Queries times arms: 2 GB a measure. Above it, memory would end before the fit begins."""

_SCORE_SLACK: Final = 1e-6
"""How far a score may leave [0, 1]: what a mean in 32 bits adds. It is pulled back."""

Progress = Callable[[int, int], None]


def read_outcome_files(
    paths: Sequence[Path],
    queries: Path | None = None,
    models: Sequence[str] = (),
    *,
    progress: Progress | None = None,
) -> Outcomes:
    """The outcomes of several files as one matrix; arms by name, queries as they first appear.

    `queries` is a table of texts by query id; those without outcomes come last, as rows of NaN. `models` keeps some
    arms only: a model stands for all its efforts. `progress` hears bytes done and bytes in all.
    Raises: OutcomesError that names file, line and mend.
    """
    if not paths:
        raise OutcomesError("No outcome file is named: name at least one.")
    faults = Faults()
    files, table = _read_all(paths, queries, faults, progress)
    _check_scores(files, faults)
    for file in files:
        check_filled(file, "query_id", faults)
        check_filled(file, "model", faults)
        _check_measures(file, faults)
    if table is not None:
        check_filled(table, "query_id", faults)
    faults.refuse()
    rows = joined(files, table, lambda arms, bases: _chosen(arms, bases, models))
    return _outcomes(rows, notes_of_files(files, table))


def _read_all(
    paths: Sequence[Path], queries: Path | None, faults: Faults, progress: Progress | None
) -> tuple[list[Columns], Columns | None]:
    every = [*paths, queries] if queries is not None else list(paths)
    twice = sorted({str(path) for path in every if every.count(path) > 1})
    if twice:
        raise OutcomesError(f"{shown_list(twice)} is named more than once: name each file once.")
    for path in every:
        kind_of(path)
    sizes_bytes = [path.stat().st_size for path in every]
    total_bytes = sum(sizes_bytes)
    read: list[Columns] = []
    for place, path in enumerate(every):
        before = sum(sizes_bytes[:place])
        hears = None
        if progress is not None:
            progress(before, total_bytes)
            hears = _shifted(progress, before, total_bytes)
        read.append(read_columns(path, QUERY_COLUMNS if path is queries else OUTCOME_COLUMNS, faults, hears))
    if progress is not None:
        progress(total_bytes, total_bytes)
    files = read[: len(paths)]
    if queries is None and not any("query" in file.labels for file in files):
        names = ", ".join(str(path) for path in paths)
        raise OutcomesError(
            f"{names}: no column `query`, and no table of queries. To mend: add the texts as a column `query`, "
            "or name a file with `query_id, query` by --queries."
        )
    return files, read[-1] if queries is not None else None


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _size: progress(before + done, total)


def _check_scores(files: Sequence[Columns], faults: Faults) -> None:
    """Scores lie in [0, 1]; the mend guesses the scale from the scores of all files."""
    every = np.concatenate([file.numbers["score"] for file in files])
    every = every[np.isfinite(every)]
    if not len(every):
        if faults.count == 0:
            names = ", ".join(str(file.path) for file in files)
            raise OutcomesError(
                f"{names}: not one row has a score. To mend: write a score from 0 to 1 for each answer."
            )
        return
    low, high = float(every.min()), float(every.max())
    mend = "write scores from 0 (wrong) to 1 (right)"
    if low >= 0 and 10 < high <= 100:
        mend = "the scores look like percent: divide all of them by 100"
    elif low >= 0 and 1 < high <= 10:
        mend = f"the scores look like marks up to {high:g}: divide all of them by the highest mark possible"
    for file in files:
        scores = file.numbers["score"]
        rows = np.flatnonzero((scores < -_SCORE_SLACK) | (scores > 1 + _SCORE_SLACK))
        faults.add(file.path, file.place_of, rows, _teller(scores, "score is {:g}, outside 0 to 1"), mend)


def _check_measures(file: Columns, faults: Faults) -> None:
    for name, values in file.numbers.items():
        if name != "score":
            rows = np.flatnonzero(values < 0)
            mend = f"leave {name} out (null) where it was not measured"
            faults.add(file.path, file.place_of, rows, _teller(values, name + " is {:g}, below 0"), mend)
            high = np.flatnonzero(values > MOST_MEASURED)
            what = f"{name} is {{:g}}, above {MOST_MEASURED:.2g}"
            faults.add(file.path, file.place_of, high, _teller(values, what), mend)


def _teller(values: Floats, words: str) -> Callable[[int], str]:
    return lambda row: words.format(values[row])


def _chosen(arms: Sequence[str], bases: Sequence[str], names: Sequence[str]) -> list[bool]:
    """Which arms are meant by these names: arms themselves, or models with all their efforts."""
    if not names:
        return [True] * len(arms)
    known = {*arms, *bases}
    unknown = [name for name in names if name not in known]
    if unknown:
        parts = []
        for name in unknown:
            near = nearest(name, sorted(known))
            parts.append(
                f"{shown(name)} is not a model of these outcomes" + (f" (near: {shown_list(near)})" if near else "")
            )
        raise OutcomesError(f"{'; '.join(parts)}. There are {len(arms)} models: {shown_list(sorted(arms), 20)}.")
    wanted = set(names)
    return [arm in wanted or base in wanted for arm, base in zip(arms, bases, strict=True)]


def _outcomes(rows: JoinedRows, notes: Sequence[str]) -> Outcomes:
    n_queries, n_arms = len(rows.queries), len(rows.arms)
    if n_queries * n_arms > MAX_CELLS:
        raise OutcomesError(
            f"{n_queries:,} queries and {n_arms:,} models make {n_queries * n_arms:,} cells; {MAX_CELLS:,} can "
            "be held. To mend: name fewer models by --models, or give fewer queries."
        )
    cells = rows.query * n_arms + rows.arm
    firsts, cell_of_row = first_seen(cells)
    is_repeated = len(firsts) < len(cells)
    matrices: dict[str, Floats] = {}
    for name, values in rows.measures.items():
        if np.isfinite(values).any():
            merge = _agreed if name == "reply_hash" else _means
            merged = merge(values, cell_of_row, len(firsts)) if is_repeated else values
            matrix = np.full(n_queries * n_arms, np.nan)
            matrix[cells[firsts] if is_repeated else cells] = merged
            matrices[name] = matrix.reshape(n_queries, n_arms)
    if "score" not in matrices:
        raise OutcomesError(f"Not one row of {shown_list(rows.arms)} has a score: choose other models, or add scores.")
    score = np.clip(matrices.pop("score"), 0.0, 1.0)
    later = notes_of_outcomes(rows, score, cell_of_row, len(firsts))
    return Outcomes(rows.queries, rows.arms, score, notes=(*notes, *later), **matrices)


def _means(values: Floats, cell_of_row: Codes, n_cells: int) -> Floats:
    """The mean of what is known of each cell; NaN where nothing is."""
    is_known = np.isfinite(values)
    sums = np.bincount(cell_of_row[is_known], weights=values[is_known], minlength=n_cells)
    counts = np.bincount(cell_of_row[is_known], minlength=n_cells)
    means = np.full(n_cells, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _agreed(values: Floats, cell_of_row: Codes, n_cells: int) -> Floats:
    """The one known value of each cell; NaN where there is none, or several: a mean of names is nobody's name."""
    is_known = np.isfinite(values)
    low, high = np.full(n_cells, np.inf), np.full(n_cells, -np.inf)
    np.minimum.at(low, cell_of_row[is_known], values[is_known])
    np.maximum.at(high, cell_of_row[is_known], values[is_known])
    return np.where(low == high, low, np.nan)
