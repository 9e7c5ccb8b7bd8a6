"""Row files: JSON lines, CSV and Parquet as rows of any shape, each with its place.

Outcome files are read as columns (`column_files`); a suite's rows hold lists and objects, so they are read one by one.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.column_files import READ_FAULTS, kind_of, no_rows, open_bytes
from fairlead.evaluation.row_faults import Faults

Row = Mapping[str, Any]

MAX_LINE_BYTES: Final = 1 << 24
"""A prompt of 16 MB is longer than any context window; a longer line is not a suite."""
MAX_ROWS: Final = 1_000_000
MAX_DEPTH: Final = 64
"""How deep a row's lists and objects may nest: no benchmark comes near, and what goes on from here recurses."""
_MEND_LINE: Final = "write one JSON object in UTF-8 a line"


def read_rows(path: Path, faults: Faults) -> list[tuple[str, Row]]:
    """Every row with its place (`line 3`); rows that cannot be read go to `faults`.

    Raises: OutcomesError for a file that cannot be read at all, or holds no row.
    """
    kind = kind_of(path)
    reader = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}[kind]
    rows: list[tuple[str, Row]] = []
    try:
        for place, row in reader(path, faults):
            rows.append((place, row))
            if len(rows) > MAX_ROWS:
                raise OutcomesError(f"{path} has more than {MAX_ROWS:,} rows: split it.")
    except READ_FAULTS as fault:
        raise OutcomesError(f"{path} cannot be read to its end: {fault}. Write or fetch it again.") from fault
    if not rows:
        faults.refuse()
        raise no_rows(path)
    return rows


def add_fault(faults: Faults, path: Path, place: str, what: str, mend: str) -> None:
    """One row is wrong."""
    number = int("".join(c for c in place if c.isdigit()) or 0)
    faults.add(path, lambda _row: place, [number], lambda _row: what, mend)


def _json_lines(path: Path, faults: Faults) -> Iterator[tuple[str, Row]]:
    with open_bytes(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            place = f"line {number}"
            if len(line) > MAX_LINE_BYTES:
                raise OutcomesError(f"{path}, {place}: longer than {MAX_LINE_BYTES >> 20} MB: this is not a suite.")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.isspace():
                continue
            try:
                row = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
            except UnicodeDecodeError as fault:
                add_fault(faults, path, place, f"not UTF-8 at byte {fault.start + 1} of the line", _MEND_LINE)
                continue
            except json.JSONDecodeError as fault:
                add_fault(faults, path, place, f"not JSON: {fault.msg} at character {fault.pos + 1}", _MEND_LINE)
                continue
            except (ValueError, RecursionError) as fault:
                add_fault(faults, path, place, f"not JSON that can be read: {str(fault)[:80]}", _MEND_LINE)
                continue
            what = _refusal(row)
            if what is not None:
                add_fault(faults, path, place, what, _MEND_LINE)
                continue
            yield place, row


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number of JSON")


def _refusal(row: Any) -> str | None:
    """What is wrong with a row as a whole."""
    if not isinstance(row, dict):
        return f"a JSON {type(row).__name__}, not an object"
    stack: list[tuple[Any, int]] = [(row, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels"
        if isinstance(value, str) and not _is_whole(value):
            return "a text with half of a surrogate pair, which no model can be sent"
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:
            return "a whole number of more than 63 bits: write it as text"
        if isinstance(value, dict):
            stack += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            stack += [(each, depth + 1) for each in value]
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _csv(path: Path, faults: Faults) -> Iterator[tuple[str, Row]]:
    """CSV rows: empty cells are left out; a cell that is a JSON list or object is read as one."""
    with open_bytes(path) as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise OutcomesError(f"{path}, line {line}: not UTF-8: save the file as UTF-8.") from fault
    limit = csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        names = reader.fieldnames or []
        twice = sorted({name for name in names if list(names).count(name) > 1})
        if twice:
            raise OutcomesError(f"{path} has column {', '.join(twice)} more than once: keep one of each.")
        for cells in reader:
            place, line = f"line {line + 1}", reader.line_num
            if None in cells or None in cells.values():
                what = "has more or fewer values than the head has columns"
                add_fault(faults, path, place, what, "put texts with commas, quotes or line breaks into double quotes")
                continue
            yield place, {name: _cell(value) for name, value in cells.items() if value != ""}
    except csv.Error as fault:
        raise OutcomesError(f"{path}, line {line + 1}: {fault}: write the file as plain CSV.") from fault
    finally:
        csv.field_size_limit(limit)  # it is the process's own: as it was


def _cell(value: str) -> Any:
    if value[:1] in "[{":
        try:
            found = json.loads(value, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return value
        return value if _refusal({"": found}) else found
    return value


def _parquet(path: Path, faults: Faults) -> Iterator[tuple[str, Row]]:
    from fairlead.evaluation.pyarrow_extra import pa, pq  # noqa: PLC0415 - of an extra, for such files only

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1_000):
                for row in batch.to_pylist():
                    number += 1
                    place = f"row {number}"
                    plain = {name: _plain(value) for name, value in row.items() if value is not None}
                    what = _refusal(plain)
                    if what is not None:
                        add_fault(faults, path, place, what, "write plain texts, numbers, lists and structs")
                        continue
                    yield place, plain
    except (pa.ArrowException, ValueError) as fault:
        said = str(fault).splitlines()[0][:200]
        raise OutcomesError(
            f"{path} is not Parquet that can be read ({said}): it is damaged or another format."
        ) from fault


def _plain(value: Any) -> Any:
    """A Parquet value as JSON has it; what JSON has no word for becomes its text."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
