"""Staleness: a model whose endpoint no longer answers as it was measured keeps its figures, but nobody trusts them.

Every doubt is widened by what a change of the model behind a name usually moves, so that preferences that heed the
lower end of an interval turn away from it, and the map says since when and why. Training again makes it fresh.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.routing.modelmap.entry import Entry
from fairlead.routing.trained_router import TrainedRouter

CHANGE_SD: Final = 0.1
"""Of the mean score, between a model and another of its family: the mean gap of 22 such pairs of mmlu_pro and kor_bench
is .10 (benchmarks/quality/drift.py)."""
USUAL_LEAN: Final = 0.2
"""Score points a logit of ability at a usual success."""


def mark_stale(router: TrainedRouter, arm: str, since: str) -> TrainedRouter:
    """The router with this model's figures in doubt. `since`: when and why, as people read it.

    A model that is stale already stays as it is. Raises: OutcomesError for a model that is not there.
    """
    if arm not in router.arms:
        raise OutcomesError(f"this router knows no model called {arm}: it knows {', '.join(router.arms[:5])}")
    entry = router.model_map.entries[arm]
    if entry.stale is not None:
        return router
    place = router.arms.index(arm)
    errors = router.stack.mean_error.copy()
    errors[place] = np.hypot(errors[place], CHANGE_SD)
    return replace(
        router,
        stack=replace(router.stack, mean_error=errors),
        model_map=router.model_map.with_entry(_doubted(entry, since)),
    )


def _doubted(entry: Entry, since: str) -> Entry:
    mean = entry.success
    # A Beta posterior of the same mean whose variance is larger by that of the change.
    n = mean * (1.0 - mean) / (entry.success_sd**2 + CHANGE_SD**2) - 1.0
    n = np.maximum(n, 0.5)
    covariance = entry.covariance.copy()
    covariance[0, 0] += (CHANGE_SD / USUAL_LEAN) ** 2
    spread = float(np.hypot(entry.quality.spread or 0.0, CHANGE_SD))
    return replace(
        entry, wins=n * mean, losses=n * (1.0 - mean), covariance=covariance,
        quality=entry.quality._replace(spread=spread), stale=since,
    )  # fmt: skip
