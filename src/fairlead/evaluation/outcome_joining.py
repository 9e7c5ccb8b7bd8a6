"""Joining outcome files: rows of several files, and a table of texts, brought to one list of queries and arms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.column_files import Codes, Columns, Floats, Labels, merged
from fairlead.evaluation.query_files import MEND_TEXTS
from fairlead.evaluation.row_faults import MAX_NAMED, Faults, shown, shown_list
from fairlead.learning.outcomes import MEASURES, Queries

_MEND_DATASET: Final = "add the column `dataset` to the file that lacks it"


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """All rows that count, by number.

    Shapes: query, arm and every measure (n_rows,), places in `queries` and `arms`; NaN where not measured.
    """

    queries: Queries
    arms: tuple[str, ...]
    query: Codes
    arm: Codes
    measures: Mapping[str, Floats]


def joined(
    files: Sequence[Columns], table: Columns | None, choose: Callable[[Sequence[str], Sequence[str]], Sequence[bool]]
) -> JoinedRows:
    """The rows of the files, of the chosen arms only, with the texts of the table.

    `choose` is asked with every arm and the model that it is of.
    Raises: OutcomesError when texts are missing or contradict each other.
    """
    every = [*files, table] if table is not None else list(files)
    n_outcomes = sum(file.n_rows for file in files)
    names, arm = _arms(files, choose)
    ids, id_values = merged([file.labels["query_id"] for file in every])
    dataset, dataset_values = _datasets(files, table, ids, id_values)
    text, text_values = merged([_labels(file, "query") for file in every])
    if "" in text_values:
        text[text == text_values.index("")] = -1  # a CSV file cannot tell an empty text from none
    is_kept = np.concatenate([arm >= 0, np.ones(len(ids) - n_outcomes, dtype=np.bool_)])
    rows = np.flatnonzero(is_kept)
    firsts, query = first_seen(dataset[rows] * max(1, len(id_values)) + ids[rows])
    text_of = _texts(query, text[rows], len(firsts), lambda row: _source(every, int(rows[row])))
    first_rows = rows[firsts]
    query_ids = [id_values[code] for code in ids[first_rows].tolist()]
    missing = np.flatnonzero(text_of < 0)
    if len(missing):
        file, place = _source(every, int(first_rows[missing[0]]))
        n_answered = len(np.unique(query[rows < n_outcomes]))  # they come first
        is_answered = bool(missing[-1] < n_answered < len(firsts))
        total = f"{n_answered:,} queries with outcomes" if is_answered else f"{len(firsts):,} queries"
        raise OutcomesError(
            f"{len(missing):,} of {total} have no text; their ids: "
            f"{shown_list(query_ids[place] for place in missing.tolist())} (the first in {file.path}, "
            f"{file.place_of(place)}). To mend: fill in the column `query`, or add these ids to the table of queries."
        )
    queries = Queries(
        tuple(query_ids),
        tuple(text_values[code] for code in text_of.tolist()),
        tuple(dataset_values[code] for code in dataset[first_rows].tolist()),
    )
    kept = rows[rows < n_outcomes]
    given: list[str] = [name for name in MEASURES if any(name in file.numbers for file in files)]
    measures = {name: _measure(files, name)[kept] for name in given}
    return JoinedRows(queries, tuple(names), query[: len(kept)], arm[kept], measures)


def first_seen(values: Codes) -> tuple[Codes, Codes]:
    """Where each distinct value is first seen, in that order, and the number of each value in this order."""
    _, firsts, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(firsts, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return firsts[order].astype(np.int64), rank[inverse.reshape(-1)]


def _labels(file: Columns, name: str) -> Labels:
    return file.labels.get(name) or Labels(np.full(file.n_rows, -1), [])


def _measure(files: Sequence[Columns], name: str) -> Floats:
    return np.concatenate([file.numbers.get(name, np.full(file.n_rows, np.nan)) for file in files])


def _arms(
    files: Sequence[Columns], choose: Callable[[Sequence[str], Sequence[str]], Sequence[bool]]
) -> tuple[list[str], Codes]:
    """The chosen arms by name, and every row's place among them, -1 where its arm is not chosen."""
    model, model_values = merged([file.labels["model"] for file in files])
    effort, effort_values = merged([_labels(file, "effort") for file in files])
    firsts, pair = first_seen(model * (len(effort_values) + 1) + effort + 1)
    bases = [model_values[code] for code in model[firsts].tolist()]
    efforts = [effort_values[code] if code >= 0 else "" for code in effort[firsts].tolist()]
    names = [f"{base}@{effort}" if effort else base for base, effort in zip(bases, efforts, strict=True)]
    is_chosen = choose(names, bases)
    arms = sorted({name for name, chosen in zip(names, is_chosen, strict=True) if chosen})
    place = {name: column for column, name in enumerate(arms)}
    places = [place[name] if chosen else -1 for name, chosen in zip(names, is_chosen, strict=True)]
    return arms, np.array(places, dtype=np.int64)[pair]


def _datasets(
    files: Sequence[Columns], table: Columns | None, ids: Codes, id_values: Sequence[str]
) -> tuple[Codes, list[str]]:
    """Every row's dataset. Where only the outcomes or only the table name one, the other side takes it over by id."""
    every = [*files, table] if table is not None else list(files)
    codes, values = merged([Labels(np.array([0]), [""]), *(_labels(file, "dataset") for file in every)])
    codes = np.maximum(codes[1:], 0)  # "" is the first
    if table is None:
        return codes, values
    n_outcomes = len(ids) - table.n_rows
    outcomes, texts = slice(0, n_outcomes), slice(n_outcomes, None)
    outcomes_name, table_names = any("dataset" in file.labels for file in files), "dataset" in table.labels
    if outcomes_name == table_names:
        return codes, values
    giving, taking = (outcomes, texts) if outcomes_name else (texts, outcomes)
    pairs = np.unique(ids[giving] * len(values) + codes[giving])
    owners = pairs // len(values)
    ambiguous = np.intersect1d(owners[1:][owners[1:] == owners[:-1]], ids[taking])
    if len(ambiguous):
        lacking = table.path if outcomes_name else files[0].path
        raise OutcomesError(
            f"{lacking} has no column `dataset`, and {len(ambiguous):,} of its query ids occur in more than one: "
            f"{shown_list(id_values[code] for code in ambiguous.tolist())}. To mend: {_MEND_DATASET}."
        )
    dataset_of = np.zeros(len(id_values), dtype=np.int64)
    dataset_of[owners] = pairs % len(values)
    codes[taking] = dataset_of[ids[taking]]
    return codes, values


def _texts(query: Codes, text: Codes, n_queries: int, told: Callable[[int], tuple[Columns, int]]) -> Codes:
    """The text of every query, -1 where no row has one. Raises: OutcomesError where two rows differ."""
    rows = np.flatnonzero(text >= 0)
    text_of = np.full(n_queries, -1, dtype=np.int64)
    text_of[query[rows][::-1]] = text[rows][::-1]  # the first one wins, and the others must equal it
    wrong = rows[text[rows] != text_of[query[rows]]]
    if not len(wrong):
        return text_of
    # One fault a query: the first row that differs.
    wrong = wrong[np.sort(np.unique(query[wrong], return_index=True)[1])]
    faults = Faults()
    for row in wrong[:MAX_NAMED].tolist():
        first = rows[np.argmax(query[rows] == query[row])]
        columns, place = told(row)
        before, before_place = told(int(first))
        labels = columns.labels["query_id"]
        name = shown(labels.values[labels.codes[place]])
        what = f"query_id {name} has another text than in {before.path}, {before.place_of(before_place)}"
        faults.add(columns.path, columns.place_of, [place], lambda _row, what=what: what, MEND_TEXTS)  # type: ignore[misc]
    rest = len(wrong) - MAX_NAMED
    if rest > 0:
        columns, _ = told(int(wrong[MAX_NAMED]))
        faults.add(columns.path, columns.place_of, range(rest), lambda _row: "", MEND_TEXTS)
    faults.refuse()
    return text_of


def _source(files: Sequence[Columns], row: int) -> tuple[Columns, int]:
    """Which file a row of the concatenation is from, and its place there."""
    for file in files:
        if row < file.n_rows:
            return file, row
        row -= file.n_rows
    raise IndexError(row)
