"""Replay files: logged decisions from JSON lines or Parquet, one row a decision; each bad row named with its mend."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from fairlead.domain.errors import OutcomesError
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Amount = Annotated[float, msgspec.Meta(ge=0.0)]

SUFFIXES: Final = (".jsonl", ".ndjson", ".parquet")
_MEND: Final = "see docs/reference/replay.md for the columns"
_BATCH_ROWS: Final = 1_000


class _Candidate(msgspec.Struct, forbid_unknown_fields=True):
    """A candidate as a file states it."""

    model: str
    upstream: str = ""
    chance: Share | None = None
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    output_tokens: Amount | None = None
    cost_usd: Amount | None = None
    total_s: Amount | None = None


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    """A decision as a file states it."""

    decision_id: str
    candidates: Annotated[list[_Candidate], msgspec.Meta(min_length=1, max_length=4_096)]
    chosen: Annotated[int, msgspec.Meta(ge=0)]
    at_s: float = 0.0
    session: str | None = None
    policy: str | None = None
    is_free: bool = True
    input_tokens: Amount | None = None
    reward: Share | None = None
    cost_usd: Amount | None = None
    query: str | None = None


class FileLog:
    """The decisions of one file from a moment on. Rows are read one by one, so that a long file needs no memory."""

    def __init__(self, path: Path, since_s: float = 0.0) -> None:
        self._path = path
        self._since_s = since_s

    def rows(self) -> Iterator[ReplayRow]:
        """Every decision from then on, in the order of the file. Raises: OutcomesError with file, row and mend."""
        suffix = self._path.suffix.lower()
        if suffix not in SUFFIXES:
            raise OutcomesError(f"{self._path}: a log is {', '.join(SUFFIXES)}: name it so")
        seen: set[str] = set()
        for place, row in self._parquet() if suffix == ".parquet" else self._lines():
            if row.decision_id in seen:
                raise OutcomesError(
                    f"{place}: the decision {row.decision_id[:80]!r} is there twice: keep one of the two"
                )
            seen.add(row.decision_id)
            if row.chosen >= len(row.candidates):
                raise OutcomesError(
                    f"{place}: `chosen` is {row.chosen}, but there are {len(row.candidates)} candidates: "
                    "it is the place of the chosen one, from 0"
                )
            _refuse_twice(place, row)
            if row.at_s >= self._since_s:
                yield _replay_row(row)

    def _lines(self) -> Iterator[tuple[str, _Row]]:
        decoder = msgspec.json.Decoder(_Row)
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        place = f"{self._path}, line {number}"
                        yield place, _checked(place, decoder.decode, line)
        except OSError as error:
            raise self._unreadable(error) from error

    def _parquet(self) -> Iterator[tuple[str, _Row]]:
        from fairlead.evaluation.pyarrow_extra import pa, pq  # noqa: PLC0415 - JSON lines need no extra

        number = 0
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    for stated in batch.to_pylist():
                        number += 1
                        place = f"{self._path}, row {number}"
                        yield place, _checked(place, _of_dict, _without_nulls(stated))
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> OutcomesError:
        return OutcomesError(f"{self._path}: cannot be read ({str(error)[:200]}): choose a file that can")


def _refuse_twice(place: str, row: _Row) -> None:
    """Raises: OutcomesError for a candidate that is there twice: which chance is its own nobody could say."""
    seen: set[tuple[str, str]] = set()
    for each in row.candidates:
        if (each.model, each.upstream) in seen:
            at = f" at {each.upstream[:80]!r}" if each.upstream else ""
            raise OutcomesError(f"{place}: the candidate {each.model[:80]!r}{at} is there twice: keep one of the two")
        seen.add((each.model, each.upstream))


def _of_dict(stated: Any) -> _Row:
    return msgspec.convert(stated, _Row)


def _without_nulls(stated: Mapping[str, Any]) -> dict[str, Any]:
    """A column that is null in a row is one that the row does not state."""
    return {name: value for name, value in stated.items() if value is not None}


def _checked(place: str, read: Any, stated: Any) -> _Row:
    try:
        row = read(stated)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OutcomesError(f"{place}: {str(error)[:300]}: {_MEND}") from error
    assert isinstance(row, _Row)
    return row


def _replay_row(row: _Row) -> ReplayRow:
    return ReplayRow(
        decision_id=row.decision_id,
        at_s=row.at_s,
        candidates=tuple(
            ReplayCandidate(
                each.model, each.upstream, each.chance, each.quality, each.quality_low, each.quality_high,
                each.output_tokens, each.cost_usd, each.total_s,
            )
            for each in row.candidates
        ),
        chosen=row.chosen,
        session=row.session,
        policy=row.policy,
        is_free=row.is_free,
        input_tokens=row.input_tokens,
        reward=row.reward,
        cost_usd=row.cost_usd,
        query=row.query,
    )  # fmt: skip
