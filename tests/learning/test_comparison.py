"""Comparisons on small worlds, and beside the rough reference on measured outcomes."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fairlead.learning.baselines import Baselines, baselines_of, contender_of, join_folds, join_predictions
from fairlead.learning.comparison import DIFFERENCES, Comparison, compare
from fairlead.learning.method_figures import ALONE, DELAY, NAMES, PAIR
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.prediction import Prediction
from tests.learning.small_outcomes import outcomes, two_tasks

DATA = os.environ.get("FAIRLEAD_DATA", "")
NAN = float("nan")


def seer(test: Outcomes) -> Prediction:
    """Knows each model's true chance on each task."""
    chance = [[0.9, 0.3, 0.7] if name == "words" else [0.2, 0.9, 0.7] for name in test.queries.datasets]
    quality = np.array(chance)
    return Prediction(quality, quality_low=quality - 0.05, quality_high=quality + 0.05)


def value(comparison: Comparison, method: str, metric: str) -> float:
    found = comparison.method(method).figures[metric].value
    assert found is not None, (method, metric, comparison.method(method).figures[metric].reason)
    return found


TRAIN, TEST = two_tasks(600, 0, timed=True), two_tasks(600, 1, timed=True)
FOUND = compare(TEST, {"seer": seer(TEST)}, baselines_of(TRAIN, TEST), pool="small", seed=3, n_draws=300)


def test_every_method_has_every_figure_or_a_reason() -> None:
    for method in FOUND.methods:
        assert tuple(method.figures) == NAMES
        for name, figure in method.figures.items():
            assert (figure.value is None) == (figure.low is None and figure.reason is not None) or name in ALONE
            if figure.value is None:
                assert figure.reason


def test_a_router_that_knows_the_tasks_beats_every_blind_method() -> None:
    for rival in ("random_mix", "best_single", "cheapest_adequate", "zero_router"):
        for metric in ("score", "area", "aiq", "hypervolume"):
            assert value(FOUND, "seer", metric) > value(FOUND, rival, metric), (rival, metric)
    assert value(FOUND, "seer", "qnc97") < 0.5
    assert value(FOUND, "seer", "interval_coverage") > 0.8


def test_nobody_beats_the_oracle() -> None:
    for metric in ("score", "area", "aiq", "hypervolume", "peak", "recall_1", "auc"):
        best = max(found for m in FOUND.methods if (found := m.figures[metric].value) is not None)
        assert best == pytest.approx(value(FOUND, "oracle", metric), abs=1e-9), metric


def test_the_best_single_model_is_what_it_is_measured_against() -> None:
    assert value(FOUND, "best_single", "gain") == 0.0
    assert value(FOUND, "best_single", "qnc100") == pytest.approx(1.0)
    assert value(FOUND, "seer", "gain") == pytest.approx(
        value(FOUND, "seer", "score") - value(FOUND, "best_single", "score")
    )


def test_equal_quality_refers_to_the_best_of_training_whatever_the_test_prefers() -> None:
    train = outcomes([[1.0, 0.0]] * 4, [[2e-3, 8e-3]] * 4)
    test = outcomes([[1.0, 1.0], [0.0, 1.0]], [[2e-3, 8e-3]] * 2)

    found = compare(test, {}, baselines_of(train, test), n_draws=2)

    assert value(found, "best_single", "qnc97") == pytest.approx(1.0)
    assert value(found, "oracle", "qnc97") == pytest.approx(1.0)
    assert found.method("best_single").figures["qnc99_of_test_best"].value is None
    assert value(found, "oracle", "qnc99_of_test_best") == pytest.approx(5 / 8)


def test_the_zero_router_stays_under_the_hull_of_the_test_models() -> None:
    corners = FOUND.zero_hull
    reached = [(point.cost_usd, point.score) for point in FOUND.method("zero_router").curve]

    costs, scores = [point.cost_usd for point in corners], [point.score for point in corners]
    assert all(score <= np.interp(cost, costs, scores) + 1e-9 for cost, score in reached)


def test_differences_are_paired_and_of_routers_only() -> None:
    gain = next(d for d in FOUND.differences if (d.rival, d.metric) == ("best_single", "score"))

    assert {d.method for d in FOUND.differences} == {"seer"}
    assert {d.metric for d in FOUND.differences} <= set(DIFFERENCES)
    assert gain.figure.value == pytest.approx(value(FOUND, "seer", "gain"))
    assert gain.figure.standard_error == pytest.approx(FOUND.method("seer").figures["gain"].standard_error)
    assert gain.figure.low is not None and gain.figure.low > 0


def test_the_difference_of_a_router_from_itself_is_nothing() -> None:
    twin = compare(TEST, {"one": seer(TEST), "two": seer(TEST)}, baselines_of(TRAIN, TEST), n_draws=50)

    for one in twin.differences:
        if (one.method, one.rival) == ("one", "two"):
            assert (one.figure.value, one.figure.low, one.figure.high) == (0.0, 0.0, 0.0)


def test_equal_seeds_give_equal_comparisons() -> None:
    again = compare(TEST, {"seer": seer(TEST)}, baselines_of(TRAIN, TEST), pool="small", seed=3, n_draws=300)

    assert again == FOUND


def test_the_order_of_queries_changes_no_value() -> None:
    rows = np.random.default_rng(0).permutation(len(TEST.queries))
    turned = TEST.take(rows)

    again = compare(turned, {"seer": seer(turned)}, baselines_of(TRAIN, turned), n_draws=2)

    for method in FOUND.methods:
        for name, figure in method.figures.items():
            if name in ALONE:  # tenths of tied predictions are cut by the order of rows
                continue
            other = again.method(method.name).figures[name].value
            assert other == (None if figure.value is None else pytest.approx(figure.value, abs=1e-9)), name


def test_queries_with_holes_are_left_out_of_routing_and_kept_in_prediction_figures() -> None:
    score = TEST.score.copy()
    score[:100, 0] = NAN
    holed = Outcomes(TEST.queries, TEST.arms, score, TEST.cost_usd)

    found = compare(holed, {"seer": seer(holed)}, baselines_of(TRAIN, holed), n_draws=20)

    assert (found.n_queries, found.n_scored, found.n_priced, found.n_timed) == (600, 500, 500, 0)
    rest = compare(TEST.take(np.arange(100, 600)), {"seer": seer(TEST.take(np.arange(100, 600)))},
                   baselines_of(TRAIN, TEST.take(np.arange(100, 600))), n_draws=20)  # fmt: skip
    assert value(found, "seer", "score") == pytest.approx(value(rest, "seer", "score"))
    assert value(found, "seer", "brier") != pytest.approx(value(rest, "seer", "brier"))
    assert any("100 of 600" in note for note in found.notes)


def test_where_no_query_is_complete_predictions_are_still_judged() -> None:
    score = np.where(np.arange(3)[None, :] == np.arange(600)[:, None] % 3, NAN, TEST.score)
    holed = Outcomes(TEST.queries, TEST.arms, score)

    found = compare(holed, {"seer": seer(holed)}, baselines_of(TRAIN, holed), n_draws=20)

    assert found.n_scored == 0
    assert value(found, "seer", "auc") > 0.6
    assert found.method("seer").figures["score"].value is None
    assert found.method("seer").curve == ()
    assert found.singles[0].score is not None


def test_without_costs_there_are_no_cost_figures_and_a_note_says_so() -> None:
    bare = Outcomes(TEST.queries, TEST.arms, TEST.score)

    found = compare(bare, {"seer": seer(bare)}, baselines_of(bare, bare), n_draws=20)

    assert found.method("seer").figures["area"].value is None
    assert "cost" in (found.method("seer").figures["area"].reason or "")
    assert any("no cost figures" in note for note in found.notes)
    assert found.zero_hull == ()


def test_two_models_have_pair_figures_and_three_do_not() -> None:
    pair = TEST.of_arms(["a", "c"])
    prediction = Prediction(seer(TEST).quality[:, [0, 2]])

    found = compare(pair, {"seer": prediction}, baselines_of(TRAIN.of_arms(["a", "c"]), pair), n_draws=20)

    assert value(found, "seer", "apgr") > 0.7
    assert value(found, "random_mix", "apgr") == pytest.approx(0.5)
    assert value(found, "zero_router", "cpt80") == pytest.approx(0.8)
    assert all(FOUND.method("seer").figures[name].value is None for name in PAIR)


@pytest.mark.parametrize("n_folds", [5, 20])
def test_a_constant_of_each_fold_recovers_of_the_lead_what_a_blind_mix_does(n_folds: int) -> None:
    pair = TEST.of_arms(["a", "c"])
    rows = np.array_split(np.arange(len(pair.queries)), n_folds)
    folds = [baselines_of(pair.take(np.setdiff1d(np.arange(len(pair.queries)), at)), pair.take(at)) for at in rows]
    ours = join_predictions([seer(TEST.take(at)) for at in rows])
    ours = replace(ours, quality=ours.quality[:, [0, 2]], quality_low=None, quality_high=None)

    found = compare(pair, {"seer": ours}, join_folds(folds), n_draws=20)

    figures = [value(found, "best_single", name) for name in ("apgr", "cpt50", "cpt80")]
    assert figures == pytest.approx([0.5, 0.5, 0.8])
    assert value(found, "seer", "apgr") > 0.7
    # Whoever is told the outcomes leads in every order of them.
    assert value(found, "oracle", "apgr") == value(
        compare(pair, {}, baselines_of(pair, pair), n_draws=2), "oracle", "apgr"
    )


def test_near_ties_of_several_fits_are_steadied_by_the_usual_of_each() -> None:
    test = outcomes([[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]] * 2)
    near = np.array([[0.505, 0.5]])
    ours = join_predictions(
        [Prediction(near, usual=np.array([0.6, 0.5])), Prediction(near, usual=np.array([0.5, 0.6]))]
    )

    chosen = contender_of("router", ours, test.cost_usd, None).policy.expected(test.score, np.arange(2))

    # Without a weight of cost what is foretold is steadied already.
    assert chosen[0].tolist() == [1.0, 0.0]
    assert chosen[1:].tolist() == [[1.0, 1.0]] * (len(chosen) - 1)


def test_delays_are_traded_only_where_they_are_known() -> None:
    untimed = Outcomes(TEST.queries, TEST.arms, TEST.score, TEST.cost_usd)

    found = compare(untimed, {"seer": seer(untimed)}, baselines_of(TRAIN, untimed), n_draws=20)

    assert found.n_timed == 0
    assert all(found.method("seer").figures[name].value is None for name in DELAY)
    assert value(FOUND, "seer", "hypervolume") > 0


def test_few_priced_queries_give_figures_whose_interval_may_be_unknown() -> None:
    assert TEST.cost_usd is not None
    cost = np.where(np.arange(600)[:, None] < 1, TEST.cost_usd, NAN)
    rare = Outcomes(TEST.queries, TEST.arms, TEST.score, cost, latency_s=TEST.latency_s)

    found = compare(rare, {"seer": seer(rare)}, baselines_of(TRAIN, rare), n_draws=50)

    assert (found.n_priced, found.n_timed) == (1, 1)
    figure = found.method("seer").figures["area"]
    assert figure.value is not None
    assert (figure.low, figure.reason) == (None, "no interval: too few resamples define it")
    assert any("599 of 600 scored queries lack a cost" in note for note in found.notes)


def test_rewordings_show_how_stable_the_picks_are() -> None:
    honest = seer(TEST)
    # Sixty queries are turned round in one of two rewordings: those of task "sums" keep their best model.
    other = Prediction(np.where(np.arange(600)[:, None] < 60, honest.quality[:, ::-1], honest.quality))

    found = compare(TEST, {"seer": honest}, baselines_of(TRAIN, TEST), reworded={"seer": [other, honest]}, n_draws=50)

    assert value(found, "seer", "kept_share") == 1 - 30 / 600 / 2
    assert value(found, "seer", "reworded_loss") > 0
    assert found.method("best_single").figures["kept_share"].value is None


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'best_single'"):
        compare(TEST, {"best_single": seer(TEST)}, baselines_of(TRAIN, TEST))
    with pytest.raises(ValueError, match="odd predicts"):
        compare(TEST, {"odd": Prediction(np.ones((2, 3)))}, Baselines(baselines_of(TRAIN, TEST).contenders))
    with pytest.raises(ValueError, match="lack 'best_single'"):
        compare(TEST, {}, Baselines(()))
    with pytest.raises(ValueError, match="finite"):
        Prediction(np.array([[NAN]]))
    with pytest.raises(ValueError, match="shape"):
        Prediction(np.ones((2, 2)), cost_usd=np.ones((2, 1)))


def test_one_query_or_one_model_is_a_comparison_without_intervals_not_a_crash() -> None:
    lone = outcomes([[1.0, 0.0]], [[1.0, 2.0]])
    single = outcomes([[1.0], [0.0]], [[1.0], [1.0]])

    for test in (lone, single):
        found = compare(test, {"r": Prediction(np.full(test.score.shape, 0.5))}, baselines_of(test, test), n_draws=20)
        assert found.n_scored == len(test.queries)
    assert compare(single, {}, baselines_of(single, single), n_draws=20).method("oracle").figures["area"].value is None


def measured(source: str, arms: tuple[str, ...] | None) -> tuple[Outcomes, Outcomes]:
    """The dev and val folds of one source: complete rows of these arms."""
    from fairlead.evaluation.outcome_data import read_outcomes
    from fairlead.learning.outcomes import Queries

    table = read_outcomes(Path(DATA), source)
    queries = Queries(table.query_ids, table.texts, table.tasks)
    whole = Outcomes(queries, table.models, table.scores, table.cost_usd).of_arms(arms or table.models)
    complete, fold = np.isfinite(whole.score).all(axis=1), np.array(table.folds)
    return whole.take(np.flatnonzero(complete & (fold == "dev"))), whole.take(
        np.flatnonzero(complete & (fold == "val"))
    )


ZEROEVAL = (
    "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022", "claude-3-haiku-20240307",
    "claude-3-5-haiku-20241022", "gemini-1.5-pro", "gemini-1.5-flash", "o1-mini-2024-09-12", "deepseek-v2.5-0908",
    "Mistral-Large-2", "Qwen2.5-72B-Instruct", "Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct",
)  # fmt: skip


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="FAIRLEAD_DATA is not set")
def test_the_reference_measures_the_same_on_a_pair() -> None:
    train, test = measured("routellm", None)

    found = compare(test, {}, baselines_of(train, test), n_draws=2)

    assert len(test.queries) == 2_837
    assert value(found, "random_mix", "score") == pytest.approx(0.7604, abs=5e-5)
    assert value(found, "best_single", "score") == pytest.approx(0.8352, abs=5e-5)
    assert value(found, "best_single", "brier") == pytest.approx(0.1764, abs=5e-5)
    assert value(found, "best_single", "auc") == 0.5
    assert value(found, "task_table", "score") == pytest.approx(0.8369, abs=5e-5)
    assert value(found, "task_table", "auc") == pytest.approx(0.7245, abs=5e-5)
    assert value(found, "task_table", "brier") == pytest.approx(0.1528, abs=5e-5)
    assert value(found, "oracle", "score") == pytest.approx(0.8828, abs=5e-5)
    # Ties stand in the order of rows: by id, there as here.
    assert value(found, "best_single", "apgr_by_rank") == pytest.approx(0.4984, abs=5e-5)
    assert value(found, "task_table", "apgr_by_rank") == pytest.approx(0.6603, abs=5e-5)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="FAIRLEAD_DATA is not set")
def test_the_reference_measures_the_same_on_costs() -> None:
    train, test = measured("zeroeval", ZEROEVAL)
    baselines = baselines_of(train, test)
    constant = next(one for one in baselines.contenders if one.name == "best_single").prediction
    assert constant is not None

    found = compare(test, {"swept_means": constant}, baselines, n_draws=2)

    assert len(test.queries) == 316
    assert value(found, "random_mix", "score") == pytest.approx(0.6139, abs=5e-5)
    assert value(found, "best_single", "score") == pytest.approx(0.9335, abs=5e-5)
    assert value(found, "best_single", "brier") == pytest.approx(0.2142, abs=5e-5)
    assert value(found, "task_table", "auc") == pytest.approx(0.6176, abs=5e-5)
    assert value(found, "swept_means", "qnc99_of_test_best") == pytest.approx(1.0)
    # There the cheapest model lies a last bit beyond the grid's first point, which counts 0: a 200th of its score less.
    assert value(found, "swept_means", "area") == pytest.approx(0.8309 + 0.522 / 200, abs=2e-4)
    assert value(found, "oracle", "score") == pytest.approx(0.9684, abs=5e-5)
