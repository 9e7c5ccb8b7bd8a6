"""JSON lines: one object a line, read into columns line by line.

Strict JSON by msgspec; a line that it refuses gets a second reading by the standard library, which also takes what many
tools write: `NaN`, and halves of surrogate pairs in texts. Those are kept as they are.
"""

import json
import math
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.column_files import (
    READ_FAULTS,
    TRUTH_COLUMNS,
    Columns,
    Labels,
    Wanted,
    check_names,
    no_rows,
    open_bytes,
)
from fairlead.evaluation.row_faults import Faults, shown

_UNREAD: Final = object()
_BOM: Final = b"\xef\xbb\xbf"
_MEND_LINE: Final = "write one JSON object in UTF-8 a line"
MEND_TEXT: Final = "write this column as text or whole numbers"
MEND_NUMBER: Final = "write plain numbers with a decimal point, and leave out (null) what was not measured"

Progress = Callable[[int, int], None]


def read_json_lines(path: Path, wanted: Wanted, faults: Faults, progress: Progress | None = None) -> Columns:
    """A file of JSON lines as columns; blank lines do not count. `progress` hears bytes read, bytes in all.

    Raises: OutcomesError when the file cannot be read, has no rows or lacks a column.
    """
    rows = _Rows(path, wanted, faults)
    n_bytes, size_bytes = 0, path.stat().st_size
    # Bytes of a packed file are counted unpacked, so no share of the whole is known: no progress then.
    hears = progress if not path.name.lower().endswith(".gz") else None
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file, 1):
                n_bytes += len(line)
                if number == 1:
                    line = line.removeprefix(_BOM)
                    _check_encoding(path, line)
                if not line.isspace():
                    rows.read(number, line)
                if hears is not None and number % 50_000 == 0:
                    hears(n_bytes, size_bytes)
    except READ_FAULTS as fault:
        raise OutcomesError(f"{path} cannot be read to its end: {fault}. Write or fetch it again.") from fault
    return rows.columns()


def _check_encoding(path: Path, head: bytes) -> None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise OutcomesError(f"{path} is UTF-16: save it as UTF-8.")


class _Rows:
    """The rows read so far, column by column."""

    def __init__(self, path: Path, wanted: Wanted, faults: Faults) -> None:
        self._path, self._wanted, self._faults = path, wanted, faults
        self._decode = msgspec.json.Decoder().decode
        self._number = 0
        self._lines = array("q")
        self._names: dict[str, None] = {}
        self._texts = [(name, array("q"), dict[str, int]()) for name in wanted.texts]
        self._numbers = [(name, array("d")) for name in wanted.numbers]

    def read(self, number: int, line: bytes) -> None:
        """One line; where it is no object, no row is made of it."""
        self._number = number
        try:
            row = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            row = self._second_reading(line)
        if type(row) is not dict:
            if row is not _UNREAD:
                self._fault(f"a JSON {_kind_of(row)}, not an object", _MEND_LINE)
            return
        self._lines.append(number)
        self._names.update(dict.fromkeys(row))
        for name, codes, index in self._texts:
            value = row.get(name)
            if type(value) is not str and value is not None:
                value = self._as_text(name, value)
            codes.append(-1 if value is None else index.setdefault(value, len(index)))
        for name, numbers in self._numbers:
            value = row.get(name)
            if type(value) is not float or not math.isfinite(value):
                value = self._as_number(name, value)
            numbers.append(value)

    def _second_reading(self, line: bytes) -> Any:
        try:
            return json.loads(line)
        except UnicodeDecodeError as fault:
            self._fault(f"not UTF-8 at byte {fault.start + 1} of the line", _MEND_LINE)
        except json.JSONDecodeError as fault:
            said = fault.msg.removesuffix(" at").rstrip(": ")
            self._fault(f"not JSON: {said} at character {fault.pos + 1}", _MEND_LINE)
        except RecursionError:
            self._fault("not JSON that can be read: nested too deep", _MEND_LINE)
        except ValueError:  # the only other one of `json.loads`: Python makes no whole number of so many digits
            digits = f"a number of more than {sys.get_int_max_str_digits():,} digits"
            self._fault(f"not JSON that can be read: {digits}", _MEND_LINE)
        return _UNREAD

    def _as_text(self, name: str, value: Any) -> str:
        if type(value) is int:
            return str(value)
        if type(value) is float and value.is_integer():
            return str(int(value))  # a whole column of numbers turns to floats in pandas where one is missing
        self._fault(f"{name} is {shown(value)}, a JSON {_kind_of(value)}", MEND_TEXT)
        return str(value)

    def _as_number(self, name: str, value: Any) -> float:
        if value is None:
            return math.nan
        if type(value) is bool and name in TRUTH_COLUMNS:
            return float(value)
        if type(value) in (int, float):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
            self._fault(f"{name} is {shown(number)}, not a finite number", MEND_NUMBER)
        else:
            self._fault(f"{name} is {shown(value)}, not a number", MEND_NUMBER)
        return math.nan

    def _fault(self, what: str, mend: str) -> None:
        number = self._number
        self._faults.add(self._path, lambda _row: f"line {number}", [len(self._lines)], lambda _row: what, mend)

    def _place_of(self, row: int) -> str:
        return f"line {self._lines[row]}"

    def columns(self) -> Columns:
        """All that was read. Raises: OutcomesError without rows, or without a required column."""
        if not self._names:
            self._faults.refuse()
            raise no_rows(self._path)
        found = tuple(self._names)
        others = check_names(self._path, found, self._wanted)
        return Columns(
            path=self._path,
            n_rows=len(self._lines),
            labels={
                name: Labels(np.array(codes, dtype=np.int64), list(index))
                for name, codes, index in self._texts
                if name in self._names
            },
            numbers={name: np.array(numbers) for name, numbers in self._numbers if name in self._names},
            place_of=self._place_of,
            others=others,
        )


def _kind_of(value: Any) -> str:
    words = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return words.get(type(value), "number")
