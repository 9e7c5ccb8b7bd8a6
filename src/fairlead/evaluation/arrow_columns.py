"""Arrow columns as labels and numbers: what a Parquet or CSV file holds, in the two shapes that readers use.

Whole columns at once; single values are looked at only where a column does not convert, to name the bad ones.
"""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.column_files import NULL_WORDS, TRUTH_COLUMNS, Columns, Floats, Labels, Wanted
from fairlead.evaluation.json_lines import MEND_NUMBER, MEND_TEXT
from fairlead.evaluation.pyarrow_extra import pa, pc
from fairlead.evaluation.row_faults import Faults, Place, shown

_TRUTH_WORDS: Final = {"true": 1.0, "false": 0.0}
_MEND_UTF8: Final = "write the file in UTF-8"


def columns_of(table: Any, path: Path, wanted: Wanted, place_of: Place, faults: Faults) -> Columns:
    """An Arrow table's wanted columns; single bad values go to `faults`.

    Raises: OutcomesError for a column of a type that can hold neither.
    """
    return Columns(
        path=path,
        n_rows=table.num_rows,
        labels={
            name: _Reading(path, name, place_of, faults).labels(table.column(name))
            for name in wanted.texts
            if name in table.column_names
        },
        numbers={
            name: _Reading(path, name, place_of, faults).numbers(table.column(name))
            for name in wanted.numbers
            if name in table.column_names
        },
        place_of=place_of,
    )


class _Reading:
    """One column of one file on its way into an array."""

    def __init__(self, path: Path, name: str, place_of: Place, faults: Faults) -> None:
        self._path, self._name, self._place_of, self._faults = path, name, place_of, faults

    def labels(self, column: Any) -> Labels:
        kind = _value_type(column.type)
        if pa.types.is_null(kind):
            return Labels(np.full(len(column), -1), [])
        if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise OutcomesError(f"{self._path}: column {self._name} is of type {kind}. {_sentence(MEND_TEXT)}")
        codes, values = _encoded(column)
        if pa.types.is_integer(kind):
            return Labels(codes, values.cast(pa.string()).to_pylist())
        if pa.types.is_floating(kind):
            return self._whole_numbers(codes, values.to_pylist())
        return self._decoded(codes, values)

    def _whole_numbers(self, codes: NDArray[np.int64], values: list[float | None]) -> Labels:
        # A column of whole numbers turns to floats in pandas where one is missing.
        missing = [code for code, value in enumerate(values) if value is None or math.isnan(value)]
        codes = np.where(np.isin(codes, missing), -1, codes)
        texts = [str(int(value)) if value is not None and value.is_integer() else str(value) for value in values]
        wrong = [code for code, text in enumerate(texts) if not text.lstrip("-").isdecimal() and code not in missing]
        rows = np.flatnonzero(np.isin(codes, wrong))
        self._fault(rows, lambda row: f"{self._name} is {texts[codes[row]]}", MEND_TEXT)
        return Labels(codes, texts)

    def _decoded(self, codes: NDArray[np.int64], values: Any) -> Labels:
        try:
            return Labels(codes, values.to_pylist() if pa.types.is_large_string(values.type) else _strict(values))
        except UnicodeDecodeError:
            pass
        texts: list[str] = []
        wrong: list[int] = []
        for code, raw in enumerate(values.cast(pa.large_binary()).to_pylist()):
            try:
                texts.append(raw.decode("utf-8", "surrogatepass"))  # halves of surrogate pairs are kept
            except UnicodeDecodeError:
                texts.append("\ufffd")
                wrong.append(code)
        self._fault(np.flatnonzero(np.isin(codes, wrong)), lambda _row: f"{self._name} is not UTF-8", _MEND_UTF8)
        return Labels(codes, texts)

    def numbers(self, column: Any) -> Floats:
        kind = _value_type(column.type)
        if pa.types.is_null(kind):
            return np.full(len(column), np.nan)
        if _is_text(kind):
            if pa.types.is_dictionary(column.type):
                column = column.cast(kind)
            return self._parsed(column.cast(pa.large_string()))
        if pa.types.is_dictionary(column.type):
            column = column.cast(kind)
        if pa.types.is_boolean(kind) and self._name in TRUTH_COLUMNS:
            column = column.cast(pa.int8())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise OutcomesError(f"{self._path}: column {self._name} is of type {kind}. {_sentence(MEND_NUMBER)}")
        return self._finite(column.cast(pa.float64(), safe=False))

    def _finite(self, column: Any) -> Floats:
        is_given = column.is_valid().to_numpy()
        values = np.array(pc.fill_null(column, np.nan).to_numpy(), dtype=np.float64)
        rows = np.flatnonzero(is_given & ~np.isfinite(values))
        found = values[rows]
        shown_of = dict(zip(rows[:100].tolist(), found[:100].tolist(), strict=True))
        self._fault(rows, lambda row: f"{self._name} is {shown_of[row]}, not a finite number", MEND_NUMBER)
        values[rows] = np.nan
        return values

    def _parsed(self, column: Any) -> Floats:
        try:
            return self._finite(column.cast(pa.float64()))
        except pa.ArrowInvalid:
            pass
        codes, distinct = _encoded(column)
        texts = _strict(distinct)
        table = np.full(len(texts) + 1, np.nan)
        wrong: list[int] = []
        for code, text in enumerate(texts):
            word = text.strip().lower()
            value = _TRUTH_WORDS.get(word) if self._name in TRUTH_COLUMNS else None
            value = _number(word) if value is None else value
            if value is not None and math.isfinite(value):
                table[code] = value
            elif word not in NULL_WORDS:
                wrong.append(code)

        def tell(row: int) -> str:
            text = texts[codes[row]]
            kind = "a finite number" if _number(text.strip().lower()) is not None else "a number"
            return f"{self._name} is {shown(text)}, not {kind}"

        self._fault(np.flatnonzero(np.isin(codes, wrong)), tell, MEND_NUMBER)
        return table[codes]

    def _fault(self, rows: NDArray[np.int64], tell: Place, mend: str) -> None:
        self._faults.add(self._path, self._place_of, rows, tell, mend)


def _number(word: str) -> float | None:
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None


def _strict(values: Any) -> list[str]:
    return [raw.decode("utf-8") for raw in values.cast(pa.large_binary()).to_pylist()]


def _value_type(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )  # fmt: skip


def _encoded(column: Any) -> tuple[NDArray[np.int64], Any]:
    """Codes (-1 for null) and the values of a column, distinct but for what a writer's own dictionary repeats.

    Raises: ArrowInvalid when the file is damaged.
    """
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
            column = column.cast(pa.large_binary())
        column = column.dictionary_encode()
    for chunk in column.chunks:
        # A damaged file may hold any code; unifying follows it unchecked.
        bounds = pc.min_max(chunk.indices).as_py()
        if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(chunk.dictionary):
            raise pa.ArrowInvalid("a code outside of its dictionary")
    column = column.unify_dictionaries()
    values = column.chunk(0).dictionary
    codes = pc.fill_null(pa.chunked_array([chunk.indices for chunk in column.chunks]).cast(pa.int64()), -1)
    return np.array(codes.to_numpy(), dtype=np.int64), values


def _sentence(mend: str) -> str:
    return f"{mend[0].upper()}{mend[1:]}."
