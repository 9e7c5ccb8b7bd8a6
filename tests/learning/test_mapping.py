from dataclasses import replace

import numpy as np
import pytest

from fairlead.learning.mapping import MIN_LENGTHS, ability_covariance, cluster_means, map_models, tokens_by_cluster
from fairlead.learning.outcomes import Outcomes, Queries
from fairlead.learning.stacking import fit_stack
from fairlead.learning.text_groups import folded
from fairlead.routing.modelmap.entry import ModelMap
from fairlead.routing.modelmap.known_queries import text_hash
from fairlead.routing.predictors.part import Sample
from fairlead.routing.predictors.stack import Stack
from tests.learning.small_router import ARMS, small_outcomes, small_router
from tests.routing.small_texts import small_sample, small_scores, with_holes

N = 90


@pytest.fixture(scope="module")
def mapped() -> ModelMap:
    return small_router(small_outcomes(N)).model_map


def fitted(outcomes: Outcomes) -> tuple[Sample, Stack]:
    sample = small_sample(len(outcomes.queries))
    return sample, fit_stack(sample, outcomes.score, np.arange(len(outcomes.queries)) // 3 % 3).stack


def test_every_model_has_an_entry_in_the_routers_order_that_says_whence_and_when(mapped: ModelMap) -> None:
    assert tuple(mapped.entries) == ARMS
    for name, entry in mapped.entries.items():
        assert entry.arm == name
        assert (entry.quality.n, entry.quality.as_of) == (N, "2026-11-01")
        assert entry.quality.source


def test_the_mean_of_a_model_asked_everything_is_its_mean_score(mapped: ModelMap) -> None:
    for at, entry in enumerate(mapped.entries.values()):
        assert entry.quality.value == pytest.approx(small_scores(N, 0)[:, at].mean())


def test_clusters_hold_every_query_once_and_say_how_hard_and_long_they_are(mapped: ModelMap) -> None:
    clusters = mapped.clusters

    assert clusters.share.sum() == pytest.approx(1.0)
    assert bool((clusters.median_chars[clusters.share > 0] > 0).all())
    for entry in mapped.entries.values():
        assert entry.n_by_cluster.sum() == N
        assert bool(((entry.success > 0) & (entry.success < 1)).all())
        assert bool((entry.success_sd > 0).all())


def test_a_harder_cluster_is_one_that_the_pool_fails_more_often(mapped: ModelMap) -> None:
    asked = mapped.clusters.share > 0.02
    pool = np.mean([entry.success for entry in mapped.entries.values()], axis=0)

    assert asked.sum() > 2
    assert np.corrcoef(mapped.clusters.difficulty[asked], pool[asked])[0, 1] < -0.5


def test_what_was_measured_is_told_as_a_median_and_what_was_not_is_none(mapped: ModelMap) -> None:
    tokens = small_outcomes(N).output_tokens
    assert tokens is not None
    entry = mapped.entries["code"]

    assert entry.output_tokens is not None and entry.ttft_s is not None and entry.s_per_token is not None
    assert entry.output_tokens.value == pytest.approx(np.median(tokens[:, 1]), rel=0.01)
    assert entry.output_tokens.spread == pytest.approx(0.4, abs=0.15)
    assert entry.ttft_s.value == pytest.approx(0.4)
    assert entry.s_per_token.value == pytest.approx(0.01, rel=0.02)
    assert entry.reasoning_tokens is None
    assert entry.failure_share is None


def test_a_model_with_more_holes_has_a_wider_mean_and_fewer_outcomes() -> None:
    outcomes = small_outcomes(N, bare=True)
    scores = outcomes.score.copy()
    scores[20:, 1] = np.nan
    outcomes = replace(outcomes, score=scores)
    sample, stack = fitted(outcomes)

    entries = map_models(sample, stack, outcomes).entries

    assert entries["code"].quality.n == 20
    assert (entries["code"].quality.spread or 0) > (entries["steady"].quality.spread or 1)
    assert np.trace(entries["code"].covariance) > np.trace(entries["steady"].covariance)
    assert entries["code"].output_tokens is None


def test_what_was_not_asked_counts_as_foretold_so_that_easy_queries_alone_flatter_nobody() -> None:
    outcomes = small_outcomes(240, bare=True)
    scores = outcomes.score.copy()
    # The first model is asked mostly sums, which it is good at.
    others = np.flatnonzero(np.arange(240) % 3 != 0)
    scores[others[30:], 0] = np.nan
    sample, stack = fitted(replace(outcomes, score=scores))

    told = map_models(sample, stack, replace(outcomes, score=scores)).entries["sums"].quality.value

    truth = outcomes.score[:, 0].mean()
    assert abs(told - truth) < 0.85 * abs(np.nanmean(scores[:, 0]) - truth)


def test_a_map_that_is_given_away_holds_nothing_of_single_queries() -> None:
    outcomes = small_outcomes(N, bare=True)
    sample, stack = fitted(outcomes)

    assert map_models(sample, stack, outcomes, keeps_queries=False).known is None


def test_known_queries_are_those_that_were_asked_landmarks_first(mapped: ModelMap) -> None:
    known = mapped.known
    assert known is not None

    hashes = np.array([text_hash(folded(text)) for text in small_outcomes(N).queries.texts])
    assert sorted(known.hashes.tolist()) == sorted(hashes.tolist())
    assert known.n_landmarks == len(known)
    assert bool((known.find(hashes) >= 0).all())


def test_the_easiness_of_a_known_query_follows_its_outcomes(mapped: ModelMap) -> None:
    known = mapped.known
    assert known is not None
    outcomes = small_outcomes(N)
    places = known.find(np.array([text_hash(folded(text)) for text in outcomes.queries.texts]))

    assert np.corrcoef(known.easiness[places], outcomes.score.mean(axis=1))[0, 1] > 0.8


def test_equal_outcomes_give_equal_maps() -> None:
    outcomes = replace(small_outcomes(60, bare=True), score=with_holes(small_scores(60, 0), 0.3, 1))
    first, second = (map_models(*fitted(outcomes), outcomes).arrays() for _ in range(2))

    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }


def test_a_cluster_with_too_few_replies_has_no_length() -> None:
    n = MIN_LENGTHS + 2
    queries = Queries(tuple(map(str, range(n))), ("text",) * n, ("",) * n)
    tokens = np.full((n, 1), 30.0)
    outcomes = Outcomes(queries, ("a",), np.ones((n, 1)), output_tokens=tokens)

    found = tokens_by_cluster(outcomes, 0, np.array([0] * MIN_LENGTHS + [1, 1]), 3)

    assert found[0] == 30.0
    assert np.isnan(found[1:]).all()


def test_the_mean_of_an_empty_cluster_is_the_mean_of_all() -> None:
    means = cluster_means(np.array([[1.0], [0.0], [0.0]]), np.array([0, 1, 1]), 3)

    assert means[2, 0] == pytest.approx(1 / 3)
    assert means[0, 0] > means[2, 0] > means[1, 0]


def test_more_outcomes_make_an_ability_surer() -> None:
    columns, prior = np.ones((40, 1)), np.eye(1)

    few = ability_covariance(columns[:4], np.full(4, 0.5), prior)
    many = ability_covariance(columns, np.full(40, 0.5), prior)

    assert many[0, 0] < few[0, 0] < prior[0, 0]
    assert ability_covariance(columns[:0], np.zeros(0), prior)[0, 0] == pytest.approx(1.0)


def test_a_pool_of_one_model_is_mapped_too() -> None:
    outcomes = small_outcomes(60, bare=True).of_arms(("coin",))

    mapped = map_models(*fitted(outcomes), outcomes)

    assert tuple(mapped.entries) == ("coin",)
    assert all(np.isfinite(array).all() for array in mapped.arrays().values() if array.dtype.kind == "f")
