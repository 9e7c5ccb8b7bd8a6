"""Training: outcomes in, a trained router and its report out. The one path that command, benchmark and artefact use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fairlead.catalogue.cards import Prices
from fairlead.domain.errors import OutcomesError
from fairlead.domain.model_names import names_of_arm
from fairlead.domain.outline import Outline, outline_of_text
from fairlead.learning.mapping import map_models
from fairlead.learning.outcomes import MEASURES, MOST_MEASURED, Floats, Outcomes
from fairlead.learning.stacking import StackFit, fit_stack, partitions_of
from fairlead.learning.text_groups import group_texts
from fairlead.learning.verdict import judge
from fairlead.routing.features.query_features import QueryEncoder
from fairlead.routing.predictors.costs import Calls, Costs
from fairlead.routing.predictors.delays import Delays
from fairlead.routing.predictors.kernel_basis import fit_basis
from fairlead.routing.predictors.lengths import Lengths
from fairlead.routing.predictors.part import Sample, sample_of, take_reading
from fairlead.routing.predictors.registry import PARTS
from fairlead.routing.trained_router import Heads, TrainedRouter

Progress = Callable[[str], None]
PriceTable = Mapping[str, tuple[float, float]]
"""Arm, or its model -> USD per million input tokens, per million output tokens."""

N_FOLDS: Final = 5
N_LANDMARKS: Final = 1_024
"""Training queries that a request is compared with; four times as many gain under .003 AUC on the largest source."""
MAX_QUERIES: Final = 40_000
"""Beyond so many a seeded sample is fitted: more of them moves a fit on 1,024 landmarks less than its own error."""
MIN_QUERIES: Final = 10
MAX_UNANSWERED: Final = 4_000
"""Of texts without outcomes: as many as clusters are found on."""


@dataclass(frozen=True, slots=True)
class Training:
    """A trained router, and what was seen on the way.

    Shapes: used (n,), places of the queries that were fitted; groups, folds (n,); left_out in stack_fit (n, n_arms).
    """

    router: TrainedRouter
    stack_fit: StackFit
    used: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    left_out_cost_usd: Floats | None
    """What each call was expected to cost by heads that had not seen its query (n, n_arms); None where unknown."""


def train(
    outcomes: Outcomes,
    encoder: QueryEncoder,
    *,
    seed: int = 0,
    parts: Sequence[str] = tuple(PARTS),
    prices: PriceTable | None = None,
    card: Mapping[str, Any] | None = None,
    kinds_of: Callable[[Outline], Sequence[float]] | None = None,
    progress: Progress = lambda _: None,
) -> Training:
    """Fit a router.

    `prices`: arm -> USD per million input and output tokens, where they are known better than the outcomes tell.
    `kinds_of`: the mix of kinds of task that somebody reads in a text (n_kinds,), for the map's clusters alone.
    Queries without any score help as well: kinds of query are found among their texts too, which tells more the fewer
    outcomes there are.
    Raises: OutcomesError when there is nothing to learn from, or a figure or name cannot be; ValueError for a part that
    is none.
    """
    check_figures(outcomes)
    check_names(outcomes.arms, parts, prices)
    used = usable_queries(outcomes, seed)
    kept = outcomes.take(used)
    progress(f"reading {len(used)} texts")
    outlines = [outline_of_text(text) for text in kept.queries.texts]
    features = encoder.encode_all(outlines)
    groups = group_texts(kept.queries.texts)
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise OutcomesError("all these queries have the same text: a router needs texts that differ")
    folds, *more_folds = partitions_of(groups, min(N_FOLDS, n_groups), seed)
    progress("comparing them with each other")
    basis = fit_basis(features, N_LANDMARKS, seed)
    unanswered = unanswered_outlines(outcomes, seed)
    sample = sample_of(basis, basis.read(features), seed, encoder.encode_all(unanswered) if unanswered else None)
    stack_fit = fit_stack(sample, kept.score, folds, parts, progress, more_folds)
    progress("lengths, costs and delays")
    n_chars = np.array([outline.n_chars for outline in outlines], dtype=np.float64)
    heads = fit_heads(sample, kept, n_chars, prices)
    cost = left_out_costs(sample, kept, n_chars, folds, prices)
    progress("the verdict")
    verdict = judge(stack_fit.left_out, kept.score, cost, groups, seed, kept.arms)
    as_of = str((card or {}).get("as_of", ""))
    kinds = None if kinds_of is None else np.array([kinds_of(outline) for outline in outlines])
    router = TrainedRouter(
        arms=kept.arms,
        encoder=encoder,
        basis=basis,
        stack=stack_fit.stack,
        lengths=heads.lengths,
        costs=heads.costs,
        delays=heads.delays,
        model_map=map_models(sample, stack_fit.stack, kept, stack_fit.left_out, as_of=as_of, kinds=kinds),
        verdict=verdict,
        cost_scale_usd=None if cost is None else dearest_mean(cost),
        card=dict(card or {}),
    )
    return Training(router, stack_fit, used, groups, folds, cost)


def check_figures(outcomes: Outcomes) -> None:
    """Raises: OutcomesError for a figure that none can be: files are checked while read, matrices are not."""
    for name in MEASURES:
        matrix = getattr(outcomes, name)
        if matrix is None:
            continue
        highest = 1.0 if name == "score" else MOST_MEASURED
        wrong = np.argwhere((matrix < 0.0) | (matrix > highest))
        if len(wrong):
            row, column = wrong[0].tolist()
            allowed = "a score lies in 0 to 1" if name == "score" else f"it lies in 0 to {MOST_MEASURED:.2g}"
            raise OutcomesError(
                f"{name} of {outcomes.arms[column]} on query {outcomes.queries.ids[row]!r} is "
                f"{matrix[row, column]:g} ({len(wrong)} such): {allowed}, NaN where it was not measured"
            )


def check_names(arms: Sequence[str], parts: Sequence[str], prices: PriceTable | None) -> None:
    """Raises: OutcomesError for a model named twice or prices of other models; ValueError for a part that is none."""
    twice = sorted({arm for arm in arms if arms.count(arm) > 1})
    if twice:
        raise OutcomesError(f"two models have the same name ({', '.join(twice)}): give each its own")
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise ValueError(f"no part is called {', '.join(unknown) or 'nothing'}: there are {', '.join(PARTS)}")
    if prices and arms and not any(_price_of(prices, arm) for arm in arms):
        raise OutcomesError(
            f"the prices are of other models ({', '.join(list(prices)[:5])}) than the outcomes "
            f"({', '.join(arms[:5])}): name them alike"
        )


def usable_queries(outcomes: Outcomes, seed: int) -> NDArray[np.int64]:
    """Places of the queries to learn from: those with an outcome, at most MAX_QUERIES of them, in their order.

    Raises: OutcomesError when they are too few.
    """
    if not outcomes.arms:
        raise OutcomesError("there is no model in these outcomes: give rows of query_id, model and score")
    seen = np.isfinite(outcomes.score)
    answered = np.flatnonzero(seen.any(axis=1))
    if len(answered) < MIN_QUERIES:
        raise OutcomesError(
            f"{len(answered)} queries with a score are too few to learn from: give at least {MIN_QUERIES}, "
            "and 300 or more for a router that is worth its name"
        )
    if len(answered) > MAX_QUERIES:
        answered = np.sort(np.random.default_rng(seed).permutation(answered)[:MAX_QUERIES])
    return answered


def unanswered_outlines(outcomes: Outcomes, seed: int) -> list[Outline]:
    """The queries of which no score is known, at most MAX_UNANSWERED of them, in their order."""
    rows = np.flatnonzero(~np.isfinite(outcomes.score).any(axis=1))
    drawn = np.sort(np.random.default_rng(seed).permutation(rows)[:MAX_UNANSWERED])
    return [outline_of_text(outcomes.queries.texts[row]) for row in drawn.tolist()]


def fit_heads(sample: Sample, outcomes: Outcomes, n_chars: Floats, prices: PriceTable | None) -> Heads:
    """The heads for output tokens, cost and delay; None for what no outcome tells."""
    lengths = costs = delays = None
    if _has(outcomes.output_tokens):
        lengths = Lengths.fit(sample, np.maximum(outcomes.output_tokens, 1.0))
    stated = None if prices is None else [_price_of(prices, arm) for arm in outcomes.arms]
    if _has(outcomes.cost_usd) or (stated is not None and any(stated)):
        calls = Calls(n_chars, outcomes.cost_usd, outcomes.input_tokens, outcomes.output_tokens)
        costs = Costs.fit(sample, calls, stated, len(outcomes.arms))
    if _has(outcomes.latency_s):
        foretold = np.ones(outcomes.score.shape) if lengths is None else lengths.mean(sample.reading)
        measured = outcomes.output_tokens
        tokens = foretold if measured is None else np.where(np.isfinite(measured), measured, foretold)
        delays = Delays.fit(sample, outcomes.latency_s, tokens, outcomes.input_tokens, outcomes.ttft_s)
    return Heads(lengths, costs, delays)


def left_out_costs(
    sample: Sample, outcomes: Outcomes, n_chars: Floats, folds: NDArray[np.int64], prices: PriceTable | None
) -> Floats | None:
    """What each call is expected to cost, USD (n, n_arms), by heads that have not seen its query.

    None where the cost of no arm is known.
    """
    expected = np.full(outcomes.score.shape, np.nan)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        heads = fit_heads(sample.take(inside), replace(outcomes.take(inside), latency_s=None), n_chars[inside], prices)
        if heads.costs is None:
            return None
        reading = take_reading(sample.reading, outside)
        expected[outside] = heads.cost_usd(reading, n_chars[outside], len(outcomes.arms))
    return expected if np.isfinite(expected).any() else None


def _has(matrix: Floats | None) -> TypeGuard[Floats]:
    return matrix is not None and bool(np.isfinite(matrix).any())


def _price_of(prices: PriceTable, arm: str) -> Prices | None:
    """The price of an arm: its own, or that of its model at any effort."""
    found = next((prices[name] for name in names_of_arm(arm) if name in prices), None)
    return None if found is None else Prices(input_per_mtok=found[0], output_per_mtok=found[1])


def dearest_mean(cost_usd: Floats) -> float:
    """The mean cost of a call to the dearest arm, of those whose cost is known anywhere."""
    known = cost_usd[:, np.isfinite(cost_usd).any(axis=0)]
    return float(np.nanmean(known, axis=0).max())
