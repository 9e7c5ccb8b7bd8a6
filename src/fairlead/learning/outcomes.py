"""Outcomes: which model did how well on which query, as arrays. What every fit and every benchmark starts from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Measure = Literal["score", "cost_usd", "input_tokens", "output_tokens", "latency_s", "ttft_s", "reply_hash"]

MEASURES: Final[tuple[Measure, ...]] = (
    "score", "cost_usd", "input_tokens", "output_tokens", "latency_s", "ttft_s", "reply_hash",
)  # fmt: skip

MOST_MEASURED: Final = float(1 << 53)
"""More than any price, time or count of tokens is: above it whole numbers are no longer exact, and squares overflow."""


@dataclass(frozen=True, slots=True)
class Queries:
    """The texts that were asked.

    Shapes: ids, texts, datasets (n_queries,). An id is unique within its dataset; a dataset is "" where none is named.
    Raises: ValueError if they are not equally many.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    datasets: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.texts) == len(self.datasets):
            raise ValueError(f"{len(self.ids)} ids, {len(self.texts)} texts and {len(self.datasets)} datasets")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Queries":
        """The queries at these places, in this order."""
        at = [int(row) for row in rows]
        return Queries(
            tuple(self.ids[row] for row in at),
            tuple(self.texts[row] for row in at),
            tuple(self.datasets[row] for row in at),
        )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A matrix of outcomes with holes.

    Shapes: arms (n_arms,), each a model, or `model@effort`; every matrix (n_queries, n_arms), NaN where not measured.
    Units: score in [0, 1]; cost in USD a call; tokens as billed; seconds of the whole call, or to the first token;
    reply_hash a whole number below 2^52 that equal replies share, for telling whether a model still says the same.
    A measure that no row states is None.
    """

    queries: Queries
    arms: tuple[str, ...]
    score: Floats
    cost_usd: Floats | None = None
    input_tokens: Floats | None = None
    output_tokens: Floats | None = None
    latency_s: Floats | None = None
    ttft_s: Floats | None = None
    reply_hash: Floats | None = None
    notes: tuple[str, ...] = field(default=())
    """What was found while reading: rows merged, columns ignored, and so on; one sentence each."""

    def __post_init__(self) -> None:
        shape = (len(self.queries), len(self.arms))
        for name in MEASURES:
            matrix = getattr(self, name)
            if matrix is not None and matrix.shape != shape:
                raise ValueError(f"{name} has shape {matrix.shape}, not {shape}")

    @property
    def n_scores(self) -> int:
        """How many cells hold a score."""
        return int(np.isfinite(self.score).sum())

    @property
    def coverage(self) -> float:
        """Share of the cells that hold a score."""
        return self.n_scores / self.score.size if self.score.size else 0.0

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Outcomes":
        """The outcomes of the queries at these places."""
        at = np.asarray(rows, dtype=np.int64)
        return self._with(self.queries.take(at), self.arms, at, None)

    def of_arms(self, arms: Sequence[str]) -> "Outcomes":
        """The outcomes of these arms, in this order. Raises: KeyError with the name of an arm that is not there."""
        place = {arm: column for column, arm in enumerate(self.arms)}
        return self._with(self.queries, tuple(arms), None, np.array([place[arm] for arm in arms], dtype=np.int64))

    def _with(
        self,
        queries: Queries,
        arms: tuple[str, ...],
        rows: NDArray[np.int64] | None,
        columns: NDArray[np.int64] | None,
    ) -> "Outcomes":
        picked: dict[str, Floats | None] = {}
        for name in MEASURES:
            matrix = getattr(self, name)
            if matrix is not None:
                matrix = matrix if rows is None else matrix[rows]
                matrix = matrix if columns is None else matrix[:, columns]
            picked[name] = matrix
        score = picked.pop("score")
        assert score is not None
        return Outcomes(queries, arms, score, notes=self.notes, **picked)
