"""Column files: Parquet, CSV and JSON lines, read as named columns of texts and numbers.

A file is read whole and refused whole: what cannot be read raises, what is wrong in single rows goes to `Faults`.
Nothing here knows what the columns mean.
"""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.row_faults import Place, nearest, shown, shown_list

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

SUFFIXES: Final[Mapping[str, str]] = {
    ".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonl.gz": "jsonl", ".ndjson.gz": "jsonl",
}  # fmt: skip
"""Ending of a file's name -> how it is read."""

READ_FAULTS: Final = (OSError, EOFError, zlib.error)
"""What a file raises that cannot be read to its end: gone, not allowed, cut or damaged gzip."""

TRUTH_COLUMNS: Final = frozenset({"score"})
"""Number columns that may hold true and false, as 1 and 0."""

NULL_WORDS: Final = frozenset({"", "null", "none", "na", "n/a"})
"""What stands for "not measured" in a number column of a CSV file; a NaN is a fault, since it may hide a failed sum."""

_OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "query_id": ("id", "question_id", "prompt_id", "sample_id", "instance_id", "item_id"),
    "query": ("prompt", "question", "text", "input", "instruction"),
    "model": ("model_name", "model_id", "llm", "arm", "system"),
    "score": ("quality", "correct", "is_correct", "accuracy", "performance", "reward", "label", "success"),
}
"""How other tools call the columns that we ask for, for the message about a missing one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which columns a reader takes. `numbers` may be empty; a column that is not required may be missing."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of texts, each distinct text once as a rule; the dictionary of a Parquet file may repeat one.

    Shapes: codes (n_rows,), the place of a row's text in `values`, -1 where the row has none.
    """

    codes: Codes
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class Columns:
    """One file's columns.

    Shapes: every array (n_rows,). A number that is not given is NaN.
    """

    path: Path
    n_rows: int
    labels: Mapping[str, Labels]
    numbers: Mapping[str, Floats]
    place_of: Place
    others: tuple[str, ...] = field(default=())
    """Columns that are there and not wanted."""


def merged(columns: Sequence[Labels]) -> tuple[Codes, list[str]]:
    """Columns of several files below each other, each distinct text once."""
    index: dict[str, int] = {}
    parts: list[Codes] = []
    for labels in columns:
        numbers = np.array([*(index.setdefault(value, len(index)) for value in labels.values), -1], dtype=np.int64)
        parts.append(numbers[labels.codes])
    return np.concatenate(parts), list(index)


def kind_of(path: Path) -> str:
    """How a file is read: parquet, csv or jsonl.

    Raises: OutcomesError for a file that is missing, empty, a folder, or of an ending that we do not read.
    """
    name = path.name.lower()
    kind = next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
    try:
        if path.is_dir():
            raise OutcomesError(f"{path} is a folder: name the files in it.")
        if not path.exists():
            near = nearest(path.name, [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else [])
            hint = f"; the nearest names there are {shown_list(near)}" if near else ""
            raise OutcomesError(f"{path} does not exist{hint}.")
        if kind is None:
            hint = " (one JSON object a line is .jsonl)" if name.endswith(".json") else ""
            raise OutcomesError(f"{path} ends in none of {', '.join(SUFFIXES)}{hint}: rename or convert it.")
        if path.stat().st_size == 0:
            raise OutcomesError(f"{path} is empty: nothing was written into it.")
    except OSError as fault:
        raise OutcomesError(f"{path} cannot be read: {fault.strerror or fault}.") from fault
    return kind


def open_bytes(path: Path) -> BinaryIO:
    """A file's bytes, unpacked where its name ends in .gz."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.name.lower().endswith(".gz") else path.open("rb")


def check_names(path: Path, found: Sequence[str], wanted: Wanted) -> tuple[str, ...]:
    """The columns found that nobody wants.

    Raises: OutcomesError when a required column is missing or a wanted one is there twice.
    """
    known = {*wanted.texts, *wanted.numbers}
    missing = [name for name in wanted.required if name not in found]
    if missing:
        parts = [f"{path} has no column {', '.join(missing)}: found are {shown_list(found, 20)}."]
        for name in missing:
            near = [other for other in found if other.strip().lower() in (name, *_OTHER_NAMES.get(name, ()))]
            near = near or [other for other in nearest(name, found) if other not in known]
            if near:
                parts.append(f"Is {shown(near[0])} meant to be {name}? Then rename it.")
        if len(found) == 1 and any(mark in found[0] for mark in ";\t|"):
            mark = next(mark for mark in ";\t|" if mark in found[0])
            parts.append(f"The columns seem to be separated by {shown(mark)}: write the file with commas.")
        raise OutcomesError(" ".join(parts))
    twice = sorted({name for name in found if name in known and list(found).count(name) > 1})
    if twice:
        raise OutcomesError(f"{path} has column {', '.join(twice)} more than once: keep one of each.")
    return tuple(name for name in found if name not in known)


def no_rows(path: Path) -> OutcomesError:
    """The error for a file with a head and nothing below it."""
    return OutcomesError(f"{path} has no rows: write at least one below the names of the columns.")
