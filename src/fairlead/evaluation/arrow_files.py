"""Parquet and CSV files, read by pyarrow into columns."""

import csv
import functools
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.arrow_columns import columns_of
from fairlead.evaluation.column_files import (
    READ_FAULTS,
    Columns,
    Wanted,
    check_names,
    no_rows,
    open_bytes,
)
from fairlead.evaluation.pyarrow_extra import pa, pq
from fairlead.evaluation.row_faults import Faults

_BLOCK_SIZES_BYTES: Final = (1 << 23, 1 << 28, (1 << 31) - 1)
"""A row must fit into one block; a larger one is tried only when a row does not."""

_MEND_QUOTES: Final = "put texts with commas, quotes or line breaks into double quotes, and double the quotes in them"


def read_parquet(path: Path, wanted: Wanted, faults: Faults) -> Columns:
    """A Parquet file as columns.

    Raises: OutcomesError when the file cannot be read, has no rows or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
        others = check_names(path, schema.names, wanted)
        names = [name for name in schema.names if name not in others]
        encoded = [name for name in wanted.texts if name in names and pa.types.is_string(schema.field(name).type)]
        with pq.ParquetFile(path, read_dictionary=encoded, page_checksum_verification=True) as file:
            if file.metadata.num_rows == 0:
                raise no_rows(path)
            table = file.read(columns=names)
        return replace(columns_of(table, path, wanted, lambda row: f"row {row + 1:,}", faults), others=others)
    except (pa.ArrowException, ValueError, *READ_FAULTS) as fault:  # names that are not UTF-8 are ValueErrors
        raise OutcomesError(
            f"{path} is not Parquet that can be read ({_first_line(fault)}): it is damaged, cut, or another format."
        ) from fault


def read_csv(path: Path, wanted: Wanted, faults: Faults) -> Columns:
    """A CSV file as columns: a head, commas, UTF-8, double quotes; values may hold line breaks.

    Raises: OutcomesError when the file cannot be read, has no rows or lacks a column.
    """
    try:
        found = _head(path)
        others = check_names(path, found, wanted)
        _check_quotes(path)
        table = _table(path, [name for name in found if name not in others], wanted)
    except READ_FAULTS as fault:
        raise OutcomesError(f"{path} cannot be read to its end ({_first_line(fault)}). Write it again.") from fault
    if table.num_rows == 0:
        raise no_rows(path)
    lines = functools.cache(lambda: _row_lines(path))
    n_rows = table.num_rows

    def place_of(row: int) -> str:
        starts = lines()
        return f"line {starts[row]:,}" if len(starts) == n_rows else f"row {row + 1:,} below the head"

    return replace(columns_of(table, path, wanted, place_of, faults), others=others)


def _head(path: Path) -> list[str]:
    with open_bytes(path) as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise OutcomesError(f"{path} is UTF-16: save it as UTF-8.")
    found = next((record for _, record in _records(path)), None)
    if found is None:
        raise no_rows(path)
    return found


def _table(path: Path, names: list[str], wanted: Wanted) -> Any:
    """The named columns as text. Raises: OutcomesError that names the lines which cannot be taken apart."""
    text = pa.dictionary(pa.int32(), pa.string())
    convert = pa.csv.ConvertOptions(
        include_columns=names,
        column_types={name: text if name in wanted.texts else pa.string() for name in names},
        null_values=[""],
        strings_can_be_null=True,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    for block_size in _BLOCK_SIZES_BYTES:
        blocks = pa.csv.ReadOptions(use_threads=False, block_size=block_size)
        try:
            with open_bytes(path) as file:
                return pa.csv.read_csv(file, blocks, parse, convert)
        except (pa.ArrowInvalid, pa.ArrowKeyError) as fault:
            if "straddling" in str(fault) and block_size != _BLOCK_SIZES_BYTES[-1]:
                continue
            _refuse_encoding(path)
            _refuse_widths(path)
            raise OutcomesError(f"{path} is not CSV that can be read ({_first_line(fault)}).") from fault
    raise AssertionError("the last block size either reads or raises")


def _refuse_encoding(path: Path) -> None:
    """Raises: OutcomesError that names the lines which are not UTF-8, if there are any."""
    faults = Faults()
    with open_bytes(path) as file:
        for number, line in enumerate(file):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as fault:
                what = f"not UTF-8 at byte {fault.start + 1} of the line"
                faults.add(path, _line, [number], lambda _row, what=what: what, "save the file as UTF-8")  # type: ignore[misc]
    faults.refuse()


def _refuse_widths(path: Path) -> None:
    """Raises: OutcomesError that names the lines with too many values or too few, if there are any."""
    faults = Faults()
    n_columns: int | None = None
    for line, record in _records(path):
        if n_columns is None:
            n_columns = len(record)
        elif len(record) != n_columns:
            what = f"{len(record)} values, but {n_columns} columns"
            faults.add(path, _line, [line - 1], lambda _row, what=what: what, _MEND_QUOTES)  # type: ignore[misc]
    faults.refuse()


def _check_quotes(path: Path) -> None:
    """Raises: OutcomesError for a quote that is never closed: it would swallow the rest of the file unseen."""
    n_quotes = 0
    with open_bytes(path) as file:
        while piece := file.read(1 << 22):
            n_quotes += piece.count(b'"')
    if n_quotes % 2 == 0:
        return
    last = 1
    try:
        for line, _ in _records(path, is_strict=True):
            last = line
    except csv.Error as fault:
        if "unexpected end of data" in str(fault):
            raise OutcomesError(
                f"{path}: a quote that opens after line {last:,} is never closed. To mend: {_MEND_QUOTES}."
            ) from fault


def _row_lines(path: Path) -> list[int]:
    """The line where each row below the head begins."""
    return [line for line, _ in _records(path)][1:]


def _records(path: Path, *, is_strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The line where each record begins (from 1), and its values; the slow way, for heads and messages."""
    limit = csv.field_size_limit(min(sys.maxsize, (1 << 31) - 1))
    try:
        with open_bytes(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            reader = csv.reader(text, strict=is_strict)
            before = 0
            for record in reader:
                if record:
                    yield before + 1, record
                before = reader.line_num
    finally:
        csv.field_size_limit(limit)  # it is the process's own: as it was


def _line(row: int) -> str:
    return f"line {row + 1:,}"


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip() or type(fault).__name__).splitlines()[0].rstrip(".")
