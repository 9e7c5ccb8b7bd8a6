"""Mapping: the model map of a fitted pool, from its queries, its parts and its outcomes."""

from typing import Final

import numpy as np

from fairlead.learning.outcomes import Floats, Ints, Outcomes
from fairlead.learning.query_places import place_queries
from fairlead.learning.text_groups import folded
from fairlead.routing.modelmap.entry import Clusters, Entry, Measure, ModelMap
from fairlead.routing.modelmap.known_queries import MAX_KNOWN, KnownQueries, text_hash
from fairlead.routing.predictors.cluster_table import ClusterTable, beta_posterior, cluster_points, nearest
from fairlead.routing.predictors.item_response import ItemResponse
from fairlead.routing.predictors.part import Sample
from fairlead.routing.predictors.stack import Stack

MIN_LENGTHS: Final = 5
"""Fewer replies in a cluster say nothing of their length there."""
_OWN: Final = "the outcomes it was trained on"


def map_models(
    sample: Sample,
    stack: Stack,
    outcomes: Outcomes,
    left_out: Floats | None = None,
    *,
    as_of: str = "",
    source: str = _OWN,
    kinds: Floats | None = None,
    keeps_queries: bool = True,
) -> ModelMap:
    """The map of all arms.

    `left_out`: what the stack foretold of queries it had not seen (n, n_arms), better than the fit for saying what a
    text tells; `kinds`: mix of kinds of each query (n, n_kinds), if someone read it; `as_of`: the day of the outcomes;
    `keeps_queries`: False for a router that is given away, which must hold nothing of single queries.
    """
    scores = outcomes.score
    table, items = parts_of(stack, sample, scores)
    n_clusters = len(table.centroids)
    at = nearest(cluster_points(sample.reading), table.centroids, table.half_squares)
    foretold = stack.predict(sample.reading).mean if left_out is None else left_out
    chances = items.predict(sample.reading)
    expected = cluster_means(chances, at, n_clusters)
    wins, losses = beta_posterior(at, scores, expected)
    abilities, covariances = _abilities(items, items.functions.evaluate(sample.reading), chances, scores)
    clusters = _clusters(sample, outcomes, at, n_clusters, foretold, kinds)
    entries = {}
    for arm, name in enumerate(outcomes.arms):
        seen = np.isfinite(scores[:, arm])
        quality = np.where(seen, np.nan_to_num(scores[:, arm]), foretold[:, arm]).mean() if len(scores) else 0.5
        entries[name] = Entry(
            name, abilities[arm], covariances[arm], wins[:, arm], losses[:, arm],
            np.bincount(at[seen], minlength=n_clusters).astype(np.float64),
            tokens_by_cluster(outcomes, arm, at, n_clusters),
            Measure(float(quality), float(stack.mean_error[arm]), int(seen.sum()), source, as_of),
            stale=None,
            **measures_of(outcomes, arm, source, as_of),
        )  # fmt: skip
    known = _known(sample, scores, foretold, at, outcomes.queries.texts) if keeps_queries else None
    return ModelMap(entries, clusters, known)


def parts_of(stack: Stack, sample: Sample, scores: Floats) -> tuple[ClusterTable, ItemResponse]:
    """The parts that a map is read off: the stack's own, or fitted here where it has none."""
    table, items = stack.parts.get("cluster_table"), stack.parts.get("item_response")
    return (
        table if isinstance(table, ClusterTable) else ClusterTable.fit(sample, scores),
        items if isinstance(items, ItemResponse) else ItemResponse.fit(sample, scores),
    )


def cluster_means(values: Floats, clusters: Ints, n_clusters: int) -> Floats:
    """Mean of each cluster's rows, drawn to the mean of all by one row. Shapes: (n, k), (n,) -> (n_clusters, k)."""
    sums = np.zeros((n_clusters, values.shape[1]))
    np.add.at(sums, clusters, values)
    counts = np.bincount(clusters, minlength=n_clusters)[:, None]
    overall = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    result: Floats = (sums + overall) / (counts + 1.0)
    return result


def ability_covariance(columns: Floats, chances: Floats, prior: Floats) -> Floats:
    """Laplace's covariance of an ability: the curvature of the outcomes seen, and the prior's.

    Shapes: columns (n, k), chances (n,), prior (k, k) -> (k, k). Source: Bishop 2006, eq. 4.143.
    """
    curvature = (columns * (chances * (1.0 - chances))[:, None]).T @ columns
    result: Floats = np.linalg.inv(curvature + np.linalg.inv(prior))
    return result


def ability_prior(abilities: Floats) -> Floats:
    """How abilities differ in the pool, as a diagonal covariance (k, k) that is never narrow."""
    spread = abilities.std(axis=0) if len(abilities) else np.ones(abilities.shape[1])
    return np.diag(np.maximum(spread, 0.3) ** 2)


def _abilities(items: ItemResponse, values: Floats, chances: Floats, scores: Floats) -> tuple[Floats, list[Floats]]:
    """Abilities (n_arms, 1 + n_components), easiness first, and a covariance of each."""
    abilities = np.column_stack((items.easiness, items.abilities))
    columns = np.column_stack((np.ones(len(values)), values))
    prior = ability_prior(abilities)
    covariances = []
    for arm in range(scores.shape[1]):
        seen = np.isfinite(scores[:, arm])
        covariances.append(ability_covariance(columns[seen], chances[seen, arm], prior))
    return abilities, covariances


def measures_of(outcomes: Outcomes, arm: int, source: str, as_of: str) -> dict[str, Measure | None]:
    """Lengths and delays of an arm as they were measured."""
    tokens = _column(outcomes.output_tokens, arm)
    ttft_s, latency_s = _column(outcomes.ttft_s, arm), _column(outcomes.latency_s, arm)
    return {
        "output_tokens": _amount(np.maximum(tokens, 1.0), source, as_of),
        "ttft_s": _amount(ttft_s, source, as_of),
        # Without the first token's time a whole call does not tell what a token takes.
        "s_per_token": _amount((latency_s - ttft_s) / (tokens - 1.0), source, as_of)
        if len(tokens) == len(latency_s) == len(ttft_s)
        else None,
    }


def tokens_by_cluster(outcomes: Outcomes, arm: int, clusters: Ints, n_clusters: int) -> Floats:
    """Median output tokens in each cluster, NaN where too few replies were measured."""
    result = np.full(n_clusters, np.nan)
    if outcomes.output_tokens is None:
        return result
    tokens = outcomes.output_tokens[:, arm]
    for cluster in range(n_clusters):
        own = tokens[clusters == cluster]
        own = own[np.isfinite(own)]
        if len(own) >= MIN_LENGTHS:
            result[cluster] = max(1.0, float(np.median(own)))
    return result


def _column(matrix: Floats | None, arm: int) -> Floats:
    return np.empty(0) if matrix is None else matrix[:, arm]


def _amount(values: Floats, source: str, as_of: str) -> Measure | None:
    """Median and spread of a positive amount; None if none was measured."""
    own = values[np.isfinite(values) & (values > 0.0)]
    if not len(own):
        return None
    logs = np.log(own)
    # The middle two thirds of a normal variable reach one standard deviation to each side.
    low, high = np.quantile(logs, [0.1587, 0.8413])
    return Measure(float(np.exp(np.median(logs))), float(high - low) / 2.0, len(own), source, as_of)


def _clusters(
    sample: Sample, outcomes: Outcomes, at: Ints, n_clusters: int, foretold: Floats, kinds: Floats | None
) -> Clusters:
    counts = np.bincount(at, minlength=n_clusters)
    mean = cluster_means(foretold.mean(axis=1, keepdims=True), at, n_clusters)[:, 0]
    chars = np.array([float(len(text)) for text in outcomes.queries.texts])
    median = np.array([float(np.median(chars[at == one])) if counts[one] else 0.0 for one in range(n_clusters)])
    shape = cluster_means(sample.reading.shape.astype(np.float64), at, n_clusters)
    kept = np.clip(mean, 0.01, 0.99)
    difficulty = np.log((1.0 - kept) / kept)
    mix = None if kinds is None else cluster_means(kinds, at, n_clusters)
    return Clusters(counts / max(len(at), 1), difficulty, median, shape, mix)


def _known(sample: Sample, scores: Floats, foretold: Floats, at: Ints, texts: tuple[str, ...]) -> KnownQueries:
    """The queries to place new models by: landmarks first, then a seeded choice of the others."""
    place_of = {int(query): row for row, query in enumerate(sample.places)}
    landmarks = np.array(
        [place_of[int(query)] for query in sample.basis.chosen if int(query) in place_of], dtype=np.int64
    )
    others = np.setdiff1d(np.arange(len(scores)), landmarks)
    others = np.random.default_rng(sample.seed).permutation(others)[: max(0, MAX_KNOWN - len(landmarks))]
    rows = np.concatenate((landmarks, np.sort(others))).astype(np.int64)
    places = place_queries(scores[rows], foretold[rows], sample.seed)
    single = np.float32
    return KnownQueries(
        np.array([text_hash(folded(texts[row])) for row in rows.tolist()], dtype=np.int64),
        at[rows].astype(np.int16), places.easiness.astype(single), places.foretold.astype(single),
        np.ascontiguousarray(places.components, dtype=single), places.arm_means,
        np.ascontiguousarray(places.loadings), places.response_mean,
        places.response_covariance, len(landmarks), places.text_sd,
        np.ascontiguousarray(places.leanings, dtype=single),
    )  # fmt: skip
