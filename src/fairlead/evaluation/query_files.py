"""Query files: texts by query id, alone or beside outcomes."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from fairlead.evaluation.arrow_files import read_csv, read_parquet
from fairlead.evaluation.column_files import Columns, Labels, Wanted, kind_of, merged
from fairlead.evaluation.json_lines import read_json_lines
from fairlead.evaluation.row_faults import Faults, shown
from fairlead.learning.outcomes import Queries

QUERY_COLUMNS: Final = Wanted(texts=("query_id", "query", "dataset"), numbers=(), required=("query_id", "query"))

MEND_TEXTS: Final = "give each text a query_id of its own within its dataset (a column `dataset` may tell them apart)"


def read_query_file(path: Path) -> Queries:
    """The queries of a Parquet, CSV or JSON lines file with `query_id`, `query` and, if there, `dataset`.

    In the file's order; an id that comes again with the same text counts once.
    Raises: OutcomesError that names file, line and mend.
    """
    faults = Faults()
    columns = read_columns(path, QUERY_COLUMNS, faults)
    check_filled(columns, "query_id", faults)
    check_filled(columns, "query", faults)
    faults.refuse()
    nowhere = Labels(np.full(columns.n_rows, -1), [])
    ids, texts, datasets = (
        Labels(*merged([columns.labels.get(name, nowhere)])) for name in ("query_id", "query", "dataset")
    )
    place: dict[tuple[int, int], int] = {}
    rows: list[int] = []
    for row, key in enumerate(zip(datasets.codes.tolist(), ids.codes.tolist(), strict=True)):
        first = place.setdefault(key, row)
        if first == row:
            rows.append(row)
        elif texts.codes[first] != texts.codes[row]:
            what = f"query_id {shown(ids.values[key[1]])} has another text than in {columns.place_of(first)}"
            faults.add(path, columns.place_of, [row], lambda _row, what=what: what, MEND_TEXTS)  # type: ignore[misc]
    faults.refuse()

    def picked(labels: Labels) -> tuple[str, ...]:
        return tuple(labels.values[code] if code >= 0 else "" for code in labels.codes[rows].tolist())

    return Queries(picked(ids), picked(texts), picked(datasets))


def read_columns(
    path: Path, wanted: Wanted, faults: Faults, progress: Callable[[int, int], None] | None = None
) -> Columns:
    """A file's columns, whatever its format.

    Raises: OutcomesError for a file that cannot be read at all; single bad rows go to `faults`.
    """
    kind = kind_of(path)
    if kind == "jsonl":
        return read_json_lines(path, wanted, faults, progress)
    return read_csv(path, wanted, faults) if kind == "csv" else read_parquet(path, wanted, faults)


def check_filled(columns: Columns, name: str, faults: Faults) -> None:
    """Every row must have this text; one of nothing but blanks is as good as none."""
    labels = columns.labels[name]
    blank = [-1, *(code for code, value in enumerate(labels.values) if not value.strip())]
    rows = np.flatnonzero(np.isin(labels.codes, blank)) if len(blank) > 1 else np.flatnonzero(labels.codes < 0)
    faults.add(columns.path, columns.place_of, rows, lambda _row: f"{name} is missing", f"fill in {name} in every row")
