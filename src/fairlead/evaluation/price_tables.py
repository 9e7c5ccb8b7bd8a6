"""Price tables of one's own: USD per million input and output tokens by model, from CSV, TOML or JSON."""

import csv
import io
import json
import tomllib
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import OutcomesError
from fairlead.evaluation.row_faults import shown

INPUT_KEY: Final = "input_usd_per_mtok"
OUTPUT_KEY: Final = "output_usd_per_mtok"
MAX_FILE_BYTES: Final = 1 << 24
_MEND: Final = (
    f"give each model {INPUT_KEY} and {OUTPUT_KEY}: CSV columns model,{INPUT_KEY},{OUTPUT_KEY}, "
    f'or a TOML or JSON table such as ["model"] {INPUT_KEY} = 0.5'
)


def read_price_table(path: Path) -> dict[str, tuple[float, float]]:
    """Model (or `model@effort`) -> USD per million input tokens, per million output tokens.

    Raises: OutcomesError that names file, model and mend.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise OutcomesError(f"{path}: a price table is .csv, .toml or .json: name it so, and {_MEND}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise OutcomesError(f"{path}: is larger than {MAX_FILE_BYTES >> 20} MB, which no price table is: {_MEND}")
        rows = _READERS[suffix](data.decode("utf-8-sig"))
    except OSError as error:
        raise OutcomesError(f"{path}: cannot be read ({error.strerror or error}): choose a file that can") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise OutcomesError(f"{path}: cannot be understood ({str(error)[:200]}): {_MEND}") from error
    if not isinstance(rows, dict) or not rows:
        raise OutcomesError(f"{path}: holds no prices: {_MEND}")
    return {model: _prices(path, model, row) for model, row in rows.items()}


def _of_csv(text: str) -> dict[str, Any]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    if "model" not in (reader.fieldnames or ()):
        raise ValueError("there is no column 'model'")
    return _no_model_twice([(row["model"], row) for row in reader])


def _of_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_no_model_twice)


def _no_model_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a dict. Raises: ValueError for a name that comes twice: which price would hold?"""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{shown(name)} is stated twice")
        found[name] = value
    return found


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {".csv": _of_csv, ".json": _of_json, ".toml": tomllib.loads}


def _prices(path: Path, model: str | None, row: Any) -> tuple[float, float]:
    if not model or not model.strip():
        raise OutcomesError(f"{path}: a model has no name: {_MEND}")
    if not isinstance(row, dict) or not {INPUT_KEY, OUTPUT_KEY} <= row.keys():
        # In TOML, [gpt-4.1] is the table 1 inside the table gpt-4.
        raise OutcomesError(
            f"{path}: {shown(model)} lacks {INPUT_KEY} or {OUTPUT_KEY} (a name with a dot is quoted): {_MEND}"
        )
    found = []
    for key in (INPUT_KEY, OUTPUT_KEY):
        value = _number(row[key])
        if value is None:
            raise OutcomesError(f"{path}: {shown(model)}: {key} is a number, not {shown(row[key])}: {_MEND}")
        if not isfinite(value) or value < 0.0:
            raise OutcomesError(f"{path}: {shown(model)}: {key} is 0 or more, not {shown(row[key])}: {_MEND}")
        found.append(value)
    return found[0], found[1]


def _number(value: Any) -> float | None:
    """The value as a number, or None if it is none; `true` is none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
