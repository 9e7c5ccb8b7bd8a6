"""A benchmark run: the router beside every baseline on queries that none of them saw, split by text.

Without a router file, each fold trains a router on the other folds. With one, the file is judged on these outcomes, and
queries that it was trained on are left out; baselines are still fitted across folds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import Outline, outline_of_text
from fairlead.learning.baselines import Baselines, baselines_of, contender_of, join_folds, join_predictions
from fairlead.learning.comparison import Comparison, compare
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.prediction import Prediction
from fairlead.learning.rewrites import REWRITES, rewrite
from fairlead.learning.text_groups import folded, group_texts, grouped_folds
from fairlead.learning.training import train
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.modelmap.known_queries import text_hash
from fairlead.routing.policies.objective import Foretold
from fairlead.routing.trained_router import TrainedRouter

Prices = Mapping[str, tuple[float, float]]
Progress = Callable[[str], None]

N_DRAWS: Final = 1_000


def run_benchmark(
    outcomes: Outcomes,
    encoder: QueryEncoder,
    *,
    router: TrainedRouter | None = None,
    prices: Prices | None = None,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> Comparison:
    """Measure. Raises: OutcomesError when there are too few queries to split, or arms that the router does not know."""
    if router is not None:
        outcomes, notes = _unseen(outcomes, router)
    else:
        notes = ()
    groups = group_texts(outcomes.queries.texts)
    n_groups = len(np.unique(groups))
    if n_groups < 2 * n_folds:
        raise OutcomesError(
            f"{n_groups} different queries cannot be split into {n_folds} folds: give more, or fewer folds"
        )
    folds = grouped_folds(groups, n_folds, seed)
    rows: list[NDArray[np.int64]] = []
    baselines: list[Baselines] = []
    ours: list[Prediction] = []
    reworded: list[list[Prediction]] = [[] for _ in REWRITES]
    for fold in range(n_folds):
        progress(f"fold {fold + 1} of {n_folds}")
        outside = np.flatnonzero(folds == fold)
        training, test = outcomes.take(np.flatnonzero(folds != fold)), outcomes.take(outside)
        fitted = train(training, encoder, seed=seed, prices=prices).router
        judged = router or fitted
        rows.append(outside)
        ours.append(_prediction(judged, [outline_of_text(text) for text in test.queries.texts], test.arms))
        for at, kind in enumerate(REWRITES):
            texts = [rewrite(text, kind, seed + row) for row, text in enumerate(test.queries.texts)]
            reworded[at].append(_prediction(judged, [outline_of_text(text) for text in texts], test.arms))
        baselines.append(_with_parts(baselines_of(training, test), fitted, test))
    order = np.concatenate(rows)
    comparison = compare(
        outcomes.take(order),
        {"router": join_predictions(ours, is_one_fit=router is not None)},
        join_folds(baselines),
        reworded={"router": [join_predictions(one) for one in reworded]},
        seed=seed,
        n_draws=N_DRAWS,
    )
    return replace(comparison, notes=(*notes, *comparison.notes))


def _unseen(outcomes: Outcomes, router: TrainedRouter) -> tuple[Outcomes, tuple[str, ...]]:
    """The outcomes of the router's arms on queries that it was not trained on, and what was left out."""
    shared = [arm for arm in outcomes.arms if arm in router.arms]
    if not shared:
        raise OutcomesError(f"none of these models is in the router: it knows {', '.join(router.arms)}")
    known = _known_to(router, outcomes)
    kept = np.flatnonzero(~known)
    notes = [f"{int(known.sum())} queries that the router was trained on are left out"] if known.any() else []
    remembered = router.model_map.known
    if remembered is None or len(remembered) < router.verdict.n_queries:
        notes.append(
            f"the router remembers {0 if remembered is None else len(remembered)} of the {router.verdict.n_queries} "
            "queries that it was trained on: others of them may be among these"
        )
    if len(shared) < len(outcomes.arms):
        notes.append(f"{len(outcomes.arms) - len(shared)} models that the router does not know are left out")
    if not len(kept):
        raise OutcomesError("the router was trained on all of these queries: give outcomes that it has not seen")
    return outcomes.take(kept).of_arms(shared), tuple(notes)


def _known_to(router: TrainedRouter, outcomes: Outcomes) -> NDArray[np.bool_]:
    """Which queries the router was trained on, as far as it kept the hashes of their texts (n,)."""
    queries = router.model_map.known
    if queries is None:
        return np.zeros(len(outcomes.queries), dtype=np.bool_)
    hashes = [text_hash(folded(text)) for text in outcomes.queries.texts]
    return np.asarray(queries.find(np.array(hashes, dtype=np.int64)) >= 0)


def _with_parts(baselines: Baselines, fitted: TrainedRouter, test: Outcomes) -> Baselines:
    """Each part of the stack alone, as a baseline: neighbours, clusters, factorisation and the others."""
    outlines = [outline_of_text(text) for text in test.queries.texts]
    reading = fitted.basis.read(fitted.encoder.encode_all(outlines))
    more = [
        contender_of(
            name, Prediction(np.clip(part.predict(reading), 0.0, 1.0)), baselines.mean_cost_usd,
            baselines.mean_latency_s, "baseline",
        )
        for name, part in fitted.stack.parts.items()
    ]  # fmt: skip
    return replace(baselines, contenders=(*baselines.contenders, *more))


def _prediction(router: TrainedRouter, outlines: list[Outline], arms: tuple[str, ...]) -> Prediction:
    foretold = router.foretell(outlines)
    columns = [router.arms.index(arm) for arm in arms]
    picked = Foretold(*(matrix[:, columns] for matrix in foretold))

    def whole(matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
        return matrix if np.isfinite(matrix).all() else None

    return Prediction(
        quality=picked.quality,
        cost_usd=whole(picked.cost_usd),
        latency_s=whole(picked.latency_s),
        quality_low=picked.quality_low,
        quality_high=picked.quality_high,
        usual=router.stack.usual[columns],
    )
