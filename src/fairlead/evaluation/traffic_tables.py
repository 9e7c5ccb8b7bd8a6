"""Traffic as tables: the store's rows as Parquet files, and feedback as the outcomes that training reads."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Final

from fairlead.domain.errors import SetupError
from fairlead.evaluation.whole_files import appearing_whole
from fairlead.store.candidates import CandidateRow
from fairlead.store.rows import AttemptRow, OutcomeRow, RequestRow
from fairlead.store.store import Store, Window

BATCH_ROWS: Final = 20_000


def outcome_lines(outcomes: Iterable[OutcomeRow]) -> list[str]:
    """JSON lines of `query_id, query, model, score` and what it cost; several opinions of one reply by weight."""
    found: dict[str, tuple[OutcomeRow, float, float]] = {}
    for row in outcomes:
        _, total, weight = found.get(row.decision_id, (row, 0.0, 0.0))
        found[row.decision_id] = (row, total + row.score * row.weight, weight + row.weight)
    lines = []
    for name, (row, total, weight) in found.items():
        if weight <= 0:
            continue
        told = {"query_id": name, "query": row.query, "model": row.model, "score": total / weight}
        known = {"cost_usd": row.cost_usd, "latency_s": row.total_s}
        known |= {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}
        lines.append(json.dumps(told | {key: value for key, value in known.items() if value is not None}))
    return lines


def write_tables(store: Store, window: Window, folder: Path) -> dict[str, int]:
    """Three Parquet files, each in the place of an older one; how many rows of each.

    Raises: SetupError without pyarrow, or with the folder that cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:
            return _write(store, window, folder, files)
    except OSError as error:
        raise SetupError(f"{folder}: cannot be written to ({error.strerror or error}): choose another") from error


def _write(store: Store, window: Window, folder: Path, files: ExitStack) -> dict[str, int]:
    from fairlead.evaluation.pyarrow_extra import pa, pq  # noqa: PLC0415 - of the extra, and only here

    written = dict.fromkeys(("requests.parquet", "candidates.parquet", "attempts.parquet"), 0)
    writers: dict[str, Any] = {}
    for name in written:
        file = files.enter_context(appearing_whole(folder / name))
        writers[name] = files.enter_context(pq.ParquetWriter(file, _schema(pa, name)))

    def put(name: str, rows: list[dict[str, Any]]) -> None:
        writers[name].write_table(pa.Table.from_pylist(rows, schema=writers[name].schema))
        written[name] += len(rows)

    for page in _pages(store.scan(window)):
        put("requests.parquet", [row._asdict() for row, _ in page])
        put(
            "candidates.parquet",
            [{"decision_id": row.decision_id} | each._asdict() for row, kept in page for each in kept],
        )
    for attempts in _pages(store.attempts(window)):
        put("attempts.parquet", [row._asdict() for row in attempts])
    return written


def _pages(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while page := list(islice(rows, BATCH_ROWS)):
        yield page


def _schema(pa: Any, name: str) -> Any:
    """The columns by the types that the rows promise: a first page of unknowns must not decide them."""
    kinds: dict[str, type] = {
        "requests.parquet": RequestRow,
        "candidates.parquet": CandidateRow,
        "attempts.parquet": AttemptRow,
    }
    types = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}
    fields = [
        (column, types[str(getattr(kind, "__name__", kind)).partition(" ")[0]])
        for column, kind in kinds[name].__annotations__.items()
    ]
    return pa.schema(([("decision_id", pa.string())] if name == "candidates.parquet" else []) + fields)
