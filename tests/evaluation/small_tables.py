"""Outcome tables made in one line."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairlead.evaluation.outcome_data import OutcomeTable


def table_of(
    source: str,
    texts: Sequence[str],
    models: Sequence[str],
    scores: NDArray[np.float64],
    output_tokens: NDArray[np.float64] | None = None,
    task: str = "task",
) -> OutcomeTable:
    """A table of one task, all in fold `dev`."""
    unknown = np.full(scores.shape, np.nan)
    return OutcomeTable(
        source=source,
        models=tuple(models),
        query_ids=tuple(str(index) for index in range(len(texts))),
        texts=tuple(texts),
        tasks=(task,) * len(texts),
        folds=("dev",) * len(texts),
        scores=scores,
        input_tokens=unknown,
        output_tokens=unknown if output_tokens is None else output_tokens,
        cost_usd=unknown,
    )
