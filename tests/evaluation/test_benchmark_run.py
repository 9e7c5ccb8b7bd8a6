"""A benchmark run: what the router saw is left out, and every method is judged on queries that it did not see."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.evaluation import benchmark_run
from fairlead.evaluation.benchmark_run import run_benchmark
from fairlead.evaluation.training_report import cross_validated, lines_of, report_json, report_tables
from fairlead.learning.comparison import Comparison
from fairlead.learning.metrics.ranking import mean_auc
from fairlead.learning.policies import best_expected
from fairlead.learning.training import Training, train
from tests.learning.small_trainings import ARMS, costs, encoder, outcomes_of, sums_and_poems, texts

PARTS = {"kernel_ridge", "item_response", "linear", "cluster_table", "neighbours"}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_run, "N_DRAWS", 20)


@pytest.fixture(scope="module")
def half() -> Training:
    """A router that has seen the first half of the queries."""
    return train(sums_and_poems().take(range(40)), encoder())


def names_of(comparison: Comparison) -> set[str]:
    return {method.name for method in comparison.methods}


def score_of(comparison: Comparison, name: str) -> float:
    value = comparison.method(name).figures["score"].value
    assert value is not None
    return value


def test_without_a_router_one_is_trained_per_fold_and_stands_beside_the_baselines() -> None:
    heard: list[str] = []
    comparison = run_benchmark(
        replace(sums_and_poems(60), cost_usd=costs(60)), encoder(), n_folds=2, progress=heard.append
    )
    assert heard == ["fold 1 of 2", "fold 2 of 2"]
    assert names_of(comparison) >= {"router", "oracle", "best_single", "zero_router", "cheapest_adequate", *PARTS}
    assert score_of(comparison, "oracle") >= score_of(comparison, "router") > score_of(comparison, "best_single") + 0.2


def test_queries_that_the_router_was_trained_on_are_left_out_however_they_are_spelt(half: Training) -> None:
    read = sums_and_poems()
    shouted = [text.upper() for text in read.queries.texts]
    for asked in (list(read.queries.texts), shouted):
        comparison = run_benchmark(outcomes_of(asked, read.score, ARMS), encoder(), router=half.router, n_folds=2)
        assert "40 queries that the router was trained on are left out" in comparison.notes
        assert comparison.n_queries == 40


def test_a_router_that_forgot_what_it_was_trained_on_is_told_of(half: Training) -> None:
    bare = replace(half.router, model_map=replace(half.router.model_map, known=None))
    comparison = run_benchmark(sums_and_poems().take(range(40, 80)), encoder(), router=bare, n_folds=2)
    assert any("remembers 0 of the 40 queries" in note for note in comparison.notes)


def test_a_router_judged_only_on_what_it_knows_is_refused(half: Training) -> None:
    with pytest.raises(OutcomesError, match="trained on all of these queries"):
        run_benchmark(sums_and_poems().take(range(40)), encoder(), router=half.router, n_folds=2)


def test_models_that_the_router_does_not_know_are_left_out_and_told(half: Training) -> None:
    read = replace(sums_and_poems(), arms=("bard", "calculator", "stranger"))
    comparison = run_benchmark(read, encoder(), router=half.router, n_folds=2)
    assert any("models that the router does not know are left out" in note for note in comparison.notes)
    assert "stranger" not in comparison.arms
    with pytest.raises(OutcomesError, match="none of these models is in the router: it knows bard, calculator, dear"):
        run_benchmark(replace(read, arms=("x", "y", "z")), encoder(), router=half.router, n_folds=2)


def test_the_columns_of_the_outcomes_may_stand_in_another_order_than_the_routers(half: Training) -> None:
    read = sums_and_poems()
    turned = run_benchmark(read.of_arms(("dear", "calculator", "bard")), encoder(), router=half.router, n_folds=2)
    straight = run_benchmark(read, encoder(), router=half.router, n_folds=2)
    assert score_of(turned, "router") == pytest.approx(score_of(straight, "router"))
    assert score_of(straight, "router") > 0.8


def test_a_router_file_is_measured_as_one_fit_and_as_it_chooses_however_many_folds() -> None:
    read = replace(sums_and_poems(), cost_usd=costs(80))
    # Models that hardly differ: which one is best by a hair is steadied.
    read = replace(read, score=np.where(np.random.default_rng(5).random((80, 3)) < 0.6, 1.0, 0.0))
    router, unseen = train(read.take(range(40)), encoder()).router, read.take(range(40, 80))
    found = [run_benchmark(unseen, encoder(), router=router, n_folds=n) for n in (2, 8)]

    foretold = router.foretell([outline_of_text(text) for text in unseen.queries.texts])
    for comparison in found:
        auc = comparison.method("router").figures["auc"].value
        assert auc == pytest.approx(mean_auc(foretold.quality, unseen.score), abs=1e-9)
        policies = [best_expected(foretold.quality, foretold.cost_usd, usual) for usual in (router.stack.usual, None)]
        served, plain = (sorted(policy.expected(unseen.score, np.arange(40)).mean(axis=1)) for policy in policies)
        curve = sorted(point.score for point in comparison.method("router").curve)
        assert curve == pytest.approx(served)
        assert curve != pytest.approx(plain)


def test_too_few_texts_for_the_folds_are_refused() -> None:
    with pytest.raises(OutcomesError, match="9 different queries cannot be split into 5 folds"):
        run_benchmark(sums_and_poems(9), encoder(), n_folds=5)


@pytest.mark.parametrize("kind", ["holes", "constant", "one model"])
def test_odd_outcomes_are_measured_without_a_crash(kind: str) -> None:
    read = sums_and_poems(40)
    score = read.score.copy()
    if kind == "holes":
        score[np.random.default_rng(0).random(score.shape) < 0.4] = np.nan
    if kind == "constant":
        score[:] = 1.0
    odd = replace(read, score=score)
    comparison = run_benchmark(odd.of_arms(["bard"]) if kind == "one model" else odd, encoder(), n_folds=2)
    assert "router" in names_of(comparison)


def report(training: Training, notes: Sequence[str] = ()) -> tuple[list[str], Comparison]:
    read = replace(sums_and_poems().take(range(40)), notes=tuple(notes))
    return lines_of(read, training), cross_validated(read, training, n_draws=20)


def test_a_training_report_says_what_was_read_and_what_is_not_foretold(half: Training) -> None:
    lines, comparison = report(half, ["a note"])
    assert lines[0] == "120 scores of 3 models on 40 queries: 100% of all pairs"
    assert "a note" in lines and "no cost in these outcomes: it is not foretold" in lines
    assert names_of(comparison) >= {"router", "best_single", *PARTS}
    assert score_of(comparison, "router") > score_of(comparison, "best_single")
    assert report_tables(comparison, half)[-1].title == "Parts of the stack"
    stated = report_json(sums_and_poems().take(range(40)), half, comparison)
    assert stated["models"] == list(ARMS) and stated["verdict"]["is_route"] is half.router.verdict.is_route


def test_a_training_report_says_when_prices_alone_foretell_no_cost() -> None:
    read = outcomes_of(texts(20), sums_and_poems(20).score, ARMS)
    priced = train(read, encoder(), prices={"bard": (1.0, 2.0)}, parts=("linear",))
    assert lines_of(read, priced)[-1] == (
        "no cost is foretold of bard, calculator, dear: give cost_usd, or output_tokens for the prices to meet"
    )


def test_models_that_share_no_query_are_compared_by_what_is_foretold_though_folds_hold_one_of_them_only() -> None:
    n = 14
    score, cost = sums_and_poems(n).score[:, :2].copy(), costs(n)[:, :2].copy()
    for matrix in (score, cost):
        matrix[::2, 0] = matrix[1::2, 1] = np.nan
    read = replace(outcomes_of(texts(n), score, ARMS[:2]), cost_usd=cost)

    comparison = run_benchmark(read, encoder(), n_folds=7)

    assert (comparison.n_scored, comparison.n_priced) == (0, 0)
    assert comparison.method("router").figures["brier"].value is not None
    assert any("14 of 14 queries lack a score of some model" in note for note in comparison.notes)
