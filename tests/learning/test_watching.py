import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.learning.watching import Reference, Watched, foretold_success, reference_of, watch_model

N = 150
QUERIES = Queries(tuple(f"q{at}" for at in range(N)), tuple(f"text {at}" for at in range(N)), ("",) * N)
EASE = np.random.default_rng(0).random(N)


def run_of(chance: Floats, seed: int) -> Outcomes:
    """A run of model `mine`, with two others of the pool and its reply lengths."""
    draw = np.random.default_rng(seed)
    others = np.random.default_rng(1).random((N, 2)) < EASE[:, None]
    score = np.column_stack((draw.random(N) < chance, others)).astype(np.float64)
    return Outcomes(QUERIES, ("mine", "a", "b"), score, output_tokens=np.exp(draw.normal(4.0, 0.2, score.shape)))


MINE: Floats = np.where(EASE > 0.4, 0.97, 0.05)


def answering(chance: Floats, *, fails: float = 0.0) -> "Upstream":
    return Upstream(chance, fails)


class Upstream:
    """A model of these chances, of whose calls a share fails."""

    def __init__(self, chance: Floats, fails: float) -> None:
        self.chance, self.fails, self.asked = chance, fails, list[str]()
        self.draw = np.random.default_rng(9)

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        self.asked += [probe.query_id for probe in probes]
        return [self._answer(int(probe.query_id[1:])) for probe in probes]

    def _answer(self, row: int) -> ProbeOutcome:
        if self.draw.random() < self.fails:
            return ProbeOutcome(None)
        score = float(self.draw.random() < self.chance[row])
        return ProbeOutcome(score, output_tokens=float(np.exp(self.draw.normal(4.0, 0.2))), cost_usd=0.01)


REFERENCE = reference_of("mine", [run_of(MINE, 2), run_of(MINE, 3)])


def watched(upstream: Upstream, reference: Reference = REFERENCE, max_calls: int = 100) -> Watched:
    return asyncio.run(watch_model(reference, upstream, max_calls=max_calls))


def test_the_same_model_is_cleared_and_another_found() -> None:
    same = watched(answering(MINE))
    other = watched(answering(np.where(EASE > 0.7, 0.97, 0.05)))

    assert (same.is_changed, same.is_in_order, same.n_calls) == (False, True, 100)
    assert other.is_changed and other.n_calls < 60
    assert other.most_telling == "score"
    assert other.mean_change is not None and other.mean_change[0] < -0.1
    assert same.spent_usd == pytest.approx(1.0)


def test_a_found_model_is_not_asked_on() -> None:
    upstream = answering(np.zeros(N))

    found = watched(upstream)

    assert len(upstream.asked) <= found.n_calls + 9
    assert len(set(upstream.asked)) == len(upstream.asked)


def test_probes_with_differing_answers_are_asked_again_and_one_earlier_run_is_enough() -> None:
    # Another model of about the same mean score: most of what it solves the other one did not.
    draw = np.random.default_rng(5)
    solves = draw.random(N) < 0.5
    other = np.where(draw.random(N) < 0.3, solves, ~solves) * 0.94 + 0.03
    run = run_of(np.where(solves, 0.97, 0.03), 2)
    reference = reference_of("mine", [replace(run, output_tokens=None)])
    first, second, third = (answering(other) for _ in range(3))

    found = asyncio.run(watch_model(reference, first, second, third, max_calls=61))
    blind = watched(answering(other), reference, 61)
    n_asked = sum(len(each.asked) for each in (first, second, third))

    assert found.is_changed and not blind.is_changed
    assert set(third.asked) <= set(second.asked) < set(first.asked)
    assert n_asked <= 61
    assert found.spent_usd == pytest.approx(0.01 * n_asked)


def test_calls_that_are_left_for_some_further_answers_only_are_all_that_are_made() -> None:
    reference = reference_of("mine", [run_of(MINE, 2)])
    asked = [answering(1.0 - MINE) for _ in range(3)]

    found = asyncio.run(watch_model(reference, *asked, max_calls=14, false_alarm_rate=1e-9))

    assert found.n_calls == 14
    assert [len(each.asked) for each in asked] == [10, 4, 0]


def test_a_second_call_that_fails_counts_as_failed_and_the_first_answer_stays() -> None:
    reference = reference_of("mine", [run_of(MINE, 2)])

    found = asyncio.run(watch_model(reference, answering(1.0 - MINE), answering(MINE, fails=1.0), max_calls=30))

    assert found.n_failed > 0 and found.n_calls + found.n_failed == 30
    assert not found.is_changed


def test_a_check_stops_where_most_calls_fail_and_judges_nothing() -> None:
    upstream = answering(np.zeros(N), fails=1.0)

    found = watched(upstream)

    assert not found.is_in_order and not found.is_changed
    assert (found.n_calls, found.n_failed, len(upstream.asked)) == (0, 10, 10)


def test_earlier_answers_are_those_of_every_run_to_what_the_first_run_scored() -> None:
    first, second = run_of(MINE, 2), run_of(MINE, 3)
    first.score[0, 0] = np.nan

    reference = reference_of("mine", [first.take([0, 1, 2, 3]), second.take([0, 1, 2, 7])])

    assert [one.probe.query_id for one in reference.probes] == ["q1", "q2", "q3"]
    assert reference.n_earlier.tolist() == [2.0, 2.0, 1.0]
    assert reference.success.shape == (3,)
    assert reference.watched == ("score", "length")
    bare = replace(first, output_tokens=None)
    assert reference_of("mine", [bare]).watched == ("score",)
    hashed = replace(first, reply_hash=np.arange(3.0 * N).reshape(N, 3))
    assert reference_of("mine", [hashed]).watched == ("score", "length", "text")
    assert reference_of("mine", [hashed]).probes[1].earlier[0].reply_hash == 6.0


def test_only_what_can_be_asked_now_is_kept() -> None:
    part = REFERENCE.among({("", "q3"), ("", "q5"), ("x", "q7")})

    assert [one.probe.query_id for one in part.probes] == ["q3", "q5"]
    assert part.success.shape == (2,)


def test_a_single_outcome_hardly_moves_what_is_foretold_of_its_query() -> None:
    others = np.random.default_rng(4).random((N, 3))
    scores = (others.mean(axis=1) > 0.5).astype(np.float64)
    turned = scores.copy()
    turned[0] = 1.0 - turned[0]

    assert abs(foretold_success(scores, others)[0] - foretold_success(turned, others)[0]) < 0.1
    success = foretold_success(scores, others)
    assert success[scores > 0].min() > success[scores < 1].max() - 0.05


def test_runs_of_other_models_or_other_queries_and_a_reference_of_nothing_are_refused() -> None:
    with pytest.raises(OutcomesError, match="of mine, a, b, not of kitten"):
        reference_of("kitten", [run_of(MINE, 2)])
    with pytest.raises(OutcomesError, match="in every earlier run"):
        reference_of("mine", [run_of(MINE, 2).take([0]), run_of(MINE, 3).take([1])])
    with pytest.raises(OutcomesError, match="no query to ask"):
        watched(answering(MINE), REFERENCE.among(set()))
