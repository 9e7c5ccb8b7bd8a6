"""RecordedAnswers: a model that answers from an outcome file instead of being called; each answer costs what it did."""

from collections.abc import Sequence

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.seat import Probe, ProbeOutcome


class RecordedAnswers:
    """Answers of one model, asked for by (dataset, query id).

    Raises: OutcomesError if the outcomes are not of this model, or hold no score of it.
    """

    def __init__(self, outcomes: Outcomes, name: str) -> None:
        if name not in outcomes.arms:
            raise OutcomesError(f"the outcomes are of {', '.join(outcomes.arms[:5])}, not of {name}: name one of these")
        own = outcomes.of_arms((name,))
        own = own.take(np.flatnonzero(np.isfinite(own.score[:, 0])))
        if not len(own.queries):
            raise OutcomesError(f"the outcomes hold no score of {name}")
        self._own = own
        keys = zip(own.queries.datasets, own.queries.ids, strict=True)
        self._row_of = {key: row for row, key in enumerate(keys)}

    @property
    def probes(self) -> list[Probe]:
        """What can be asked."""
        queries = self._own.queries
        return [Probe(*each) for each in zip(queries.ids, queries.texts, queries.datasets, strict=True)]

    @property
    def keys(self) -> set[tuple[str, str]]:
        """(dataset, query id) of what can be asked."""
        return set(self._row_of)

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        """What came back when it was recorded. Raises: KeyError for a probe that is not among them."""
        return [self._answer(self._row_of[probe.dataset, probe.query_id]) for probe in probes]

    def _answer(self, row: int) -> ProbeOutcome:
        def known(measure: str) -> float | None:
            matrix = getattr(self._own, measure)
            return None if matrix is None or not np.isfinite(matrix[row, 0]) else float(matrix[row, 0])

        return ProbeOutcome(
            known("score"), known("input_tokens"), known("output_tokens"), known("cost_usd"), known("latency_s"),
            known("reply_hash"),
        )  # fmt: skip
