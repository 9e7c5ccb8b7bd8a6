"""Training, whole: what was planted is found, what is not there is not claimed, and bad input is told."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.learning import training as module
from fairlead.learning.outcomes import Floats, Outcomes
from fairlead.learning.training import Training, train, usable_queries
from fairlead.routing.policies.objective import Objective
from fairlead.routing.router_bytes import dump_router
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_trainings import ARMS, POEM, SUM, costs, encoder, outcomes_of, sums_and_poems, texts, tokens

PRICES = {"bard": (1.0, 2.0), "calculator": (2.0, 8.0), "dear": (10.0, 30.0)}


def chosen(router: TrainedRouter, text: str, objective: Objective | None = None) -> str:
    foretold = router.foretell([outline_of_text(text)])
    return router.arms[int(router.choose(foretold, objective or Objective())[0])]


@pytest.fixture(scope="module")
def plain() -> Training:
    return train(sums_and_poems(), encoder(), seed=1)


@pytest.fixture(scope="module")
def rich() -> Training:
    timed = replace(
        sums_and_poems(), cost_usd=costs(80), output_tokens=tokens(80), input_tokens=np.full((80, 3), 14.0),
        latency_s=0.2 + 0.01 * tokens(80), ttft_s=np.full((80, 3), 0.2),
    )  # fmt: skip
    return train(timed, encoder(), seed=1)


def test_each_text_goes_to_the_model_that_is_good_at_its_kind(plain: Training) -> None:
    assert chosen(plain.router, SUM) == "calculator"
    assert chosen(plain.router, POEM) == "bard"
    assert plain.router.verdict.is_route


def test_what_is_foretold_lies_within_its_bounds_and_what_is_not_known_is_nan(plain: Training) -> None:
    foretold = plain.router.foretell([outline_of_text(text) for text in (SUM, POEM, "", "\x00\x01", "😀" * 9)])
    assert (foretold.quality_low <= foretold.quality).all() and (foretold.quality <= foretold.quality_high).all()
    assert (foretold.quality_low >= 0).all() and (foretold.quality_high <= 1).all()
    for unknown in (foretold.cost_usd, foretold.output_tokens, foretold.latency_s):
        assert np.isnan(unknown).all()
    assert plain.router.costs is None and plain.router.lengths is None and plain.router.delays is None
    assert plain.router.cost_scale_usd is None


def test_equal_seeds_and_outcomes_give_equal_bytes(plain: Training) -> None:
    again = train(sums_and_poems(), encoder(), seed=1)
    assert dump_router(again.router) == dump_router(plain.router)
    assert dump_router(train(sums_and_poems(seed=5), encoder(), seed=1).router) != dump_router(plain.router)


def test_costs_lengths_and_delays_are_foretold_where_they_were_measured(rich: Training) -> None:
    foretold = rich.router.foretell([outline_of_text(SUM), outline_of_text(POEM)])
    assert (foretold.output_tokens[1] > 4 * foretold.output_tokens[0]).all()
    assert (foretold.latency_s[1] > 2 * foretold.latency_s[0]).all()
    assert foretold.cost_usd[0] == pytest.approx([1e-4, 4e-4, 1e-3], rel=0.3)
    assert rich.router.cost_scale_usd == pytest.approx(1e-3, rel=0.2)
    assert rich.left_out_cost_usd is not None and np.isfinite(rich.left_out_cost_usd).all()


def test_a_cost_weight_moves_the_choice_to_cheaper_models(rich: Training) -> None:
    assert chosen(rich.router, SUM, Objective(cost_weight=0.0)) == "calculator"
    assert chosen(rich.router, SUM, Objective(cost_weight=50.0)) == "bard"


def test_stated_prices_meet_the_expected_tokens() -> None:
    read = replace(sums_and_poems(60), output_tokens=tokens(60))
    router = train(read, encoder(), prices=PRICES).router
    foretold = router.foretell([outline_of_text(POEM)])
    output_usd = foretold.output_tokens[0] * np.array([2e-6, 8e-6, 30e-6])
    assert (foretold.cost_usd[0] > output_usd).all()
    assert (foretold.cost_usd[0] < output_usd + 100 * np.array([1e-6, 2e-6, 10e-6])).all()


def test_a_price_of_some_models_only_leaves_the_others_unknown() -> None:
    read = replace(sums_and_poems(40), output_tokens=tokens(40))
    router = train(read, encoder(), prices={"dear": (10.0, 30.0)}).router
    assert np.isfinite(router.foretell([outline_of_text(SUM)]).cost_usd[0]).tolist() == [False, False, True]


def test_prices_of_other_models_are_refused_by_name() -> None:
    with pytest.raises(OutcomesError, match="the prices are of other models \\(gpt-9\\)"):
        train(sums_and_poems(40), encoder(), prices={"gpt-9": (1.0, 2.0)})


def test_an_effort_is_an_arm_of_its_own_with_the_price_of_its_model() -> None:
    read = replace(sums_and_poems(60), arms=("m@high", "m@low", "other"), output_tokens=tokens(60))
    router = train(read, encoder(), prices={"m": (1.0, 2.0), "other": (0.0, 0.0)}).router
    assert (chosen(router, POEM), chosen(router, SUM)) == ("m@high", "m@low")
    cost = router.foretell([outline_of_text(POEM)]).cost_usd[0]
    assert cost[0] > 0 and cost[1] > 0 and cost[2] == 0


def test_a_models_own_name_may_hold_the_sign_that_parts_it_from_its_effort() -> None:
    read = replace(sums_and_poems(60), arms=("lab/m@2024@high", "lab/m@2024", "lab/m@2025@high"))
    prices = {"lab/m@2024": (1.0, 2.0), "lab/m": (0.0, 0.0)}
    router = train(replace(read, output_tokens=tokens(60)), encoder(), prices=prices, parts=("linear",)).router
    cost = router.foretell([outline_of_text(POEM)]).cost_usd[0]
    assert cost[0] > 0 and cost[1] > 0 and cost[2] == 0


def test_most_outcomes_may_be_missing() -> None:
    read = sums_and_poems(120)
    holes = np.where(np.random.default_rng(3).random(read.score.shape) < 0.5, np.nan, read.score)
    holes[5] = np.nan
    fitted = train(replace(read, score=holes), encoder())
    assert 5 not in fitted.used
    foretold = fitted.router.foretell([outline_of_text(SUM), outline_of_text(POEM)])
    assert foretold.quality[:, :2].argmax(axis=1).tolist() == [1, 0]


def test_texts_that_ask_the_same_share_a_fold() -> None:
    read = sums_and_poems(20).take([place // 4 for place in range(80)])
    fitted = train(read, encoder())
    assert len(np.unique(fitted.groups)) == 20
    for group in np.unique(fitted.groups):
        assert len(np.unique(fitted.folds[fitted.groups == group])) == 1


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("every score is 1", np.ones((40, 3))),
        ("does as well as always", np.tile([0.2, 0.9, 0.5], (40, 1))),
        ("one model only", np.random.default_rng(0).random((40, 1))),
    ],
)  # fmt: skip
def test_where_routing_cannot_pay_the_verdict_is_not_to_and_one_model_serves_all(name: str, score: Floats) -> None:
    router = train(outcomes_of(texts(40), score), encoder()).router
    assert not router.verdict.is_route
    assert name in router.verdict.reason
    assert chosen(router, SUM) == chosen(router, POEM) == router.verdict.best_single


def test_models_that_share_no_query_and_contradictions_end_in_a_refusal_to_route() -> None:
    apart = np.full((80, 2), np.nan)
    apart[:40, 0], apart[40:, 1] = 0.9, 0.1
    assert not train(outcomes_of(texts(80), apart), encoder()).router.verdict.is_route
    opposite = np.vstack((np.tile([1.0, 0.0], (40, 1)), np.tile([0.0, 1.0], (40, 1))))
    assert not train(outcomes_of(texts(40) * 2, opposite), encoder()).router.verdict.is_route


def test_shuffled_scores_are_no_reason_to_route() -> None:
    read = sums_and_poems(120)
    shuffled = read.score[np.random.default_rng(7).permutation(120)]
    assert not train(replace(read, score=shuffled), encoder()).router.verdict.is_route


def test_a_model_without_any_score_is_carried_along_and_not_chosen() -> None:
    read = sums_and_poems(60)
    score = read.score.copy()
    score[:, 2] = np.nan
    router = train(replace(read, score=score), encoder()).router
    assert router.arms == ARMS and router.verdict.mean_score[2] is None
    assert chosen(router, SUM) != "dear"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (outcomes_of([], np.empty((0, 2))), "0 queries with a score are too few"),
        (outcomes_of(["a"], np.ones((1, 2))), "1 queries with a score are too few"),
        (sums_and_poems(9), "9 queries with a score are too few"),
        (outcomes_of(texts(20), np.empty((20, 0))), "there is no model"),
        (outcomes_of(texts(20), np.full((20, 2), np.nan)), "0 queries with a score"),
        (outcomes_of(["Hello there"] * 20, np.ones((20, 2))), "the same text"),
        (outcomes_of(["Hello there", "hello THERE!"] * 10, np.ones((20, 2))), "the same text"),
        (outcomes_of(texts(20), np.full((20, 2), 1.5)), "score of m0 on query 'q0' is 1.5"),
        (outcomes_of(texts(20), np.full((20, 2), -0.5)), "score of m0 on query 'q0' is -0.5"),
        (outcomes_of(texts(20), np.full((20, 2), np.inf)), "score of m0 on query 'q0' is inf"),
        (replace(sums_and_poems(20), cost_usd=np.full((20, 3), -1.0)), "cost_usd of bard on query 'q0' is -1"),
        (replace(sums_and_poems(20), latency_s=np.full((20, 3), np.inf)), "latency_s of bard on query 'q0' is inf"),
        (outcomes_of(texts(20), np.ones((20, 2)), ("twin", "twin")), "two models have the same name \\(twin\\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused_with_the_reason(bad: Outcomes, message: str) -> None:
    with pytest.raises(OutcomesError, match=message):
        train(bad, encoder())


def test_many_repetitions_at_the_head_do_not_hide_the_other_texts() -> None:
    asked = ["What is the time?"] * 1_001 + texts(10)
    score = np.random.default_rng(0).random((len(asked), 1))
    assert len(train(outcomes_of(asked, score), encoder(), parts=("linear",)).used) == 1_011


@pytest.mark.parametrize("parts", [("oracle",), ()])
def test_a_part_that_is_none_is_named(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"no part is called (oracle|nothing): there are .*cluster_table"):
        train(sums_and_poems(20), encoder(), parts=parts)


@pytest.mark.parametrize(
    "strange",
    ["lorem ipsum dolor " * 60_000, "x" * 1_000_000, "😀" * 1_000, "".join(map(chr, range(256))), "\ud800 half", ""],
    ids=["1 MB", "1 MB in one word", "emoji", "binary", "half a surrogate", "empty"],
)
def test_a_strange_text_is_one_query_among_others(strange: str) -> None:
    read = sums_and_poems(40)
    asked = [strange, *read.queries.texts[1:]]
    router = train(outcomes_of(asked, read.score, ARMS), encoder(), parts=("kernel_ridge", "neighbours")).router
    foretold = router.foretell([outline_of_text(text) for text in (strange, SUM, POEM)])
    assert np.isfinite(foretold.quality).all()
    assert foretold.quality[1:, :2].argmax(axis=1).tolist() == [1, 0]


def test_of_too_many_queries_a_seeded_sample_in_order_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUERIES", 25)
    used = usable_queries(sums_and_poems(60), seed=4)
    assert len(used) == 25 and (np.diff(used) > 0).all()
    assert used.tolist() == usable_queries(sums_and_poems(60), seed=4).tolist()
    assert used.tolist() != usable_queries(sums_and_poems(60), seed=5).tolist()


def test_progress_is_told(plain: Training) -> None:
    heard: list[str] = []
    train(sums_and_poems(20), encoder(), parts=("linear",), progress=heard.append)
    assert heard[0] == "reading 20 texts" and heard[-1] == "the verdict"


def test_texts_without_outcomes_shape_the_groups_of_texts_and_nothing_else() -> None:
    few, more = sums_and_poems(40), texts(1_200, 3)
    holes = np.full((len(more), len(ARMS)), np.nan)
    both = outcomes_of([*few.queries.texts, *more], np.vstack((few.score, holes)), ARMS)

    alone, beside = train(few, encoder(), seed=1), train(both, encoder(), seed=1)

    assert beside.used.tolist() == alone.used.tolist()
    first, second = (trained.stack_fit.parts_left_out for trained in (alone, beside))
    for name in ("item_response", "linear", "neighbours", "cluster_table"):
        np.testing.assert_array_equal(first[name], second[name])
    assert not np.array_equal(first["cluster_committee"], second["cluster_committee"])
    assert chosen(beside.router, SUM) == "calculator" and chosen(beside.router, POEM) == "bard"


@pytest.mark.parametrize("cost_usd", [1e300, float("inf"), -1.0])
def test_a_cost_that_none_can_be_is_refused_before_it_overflows(cost_usd: float) -> None:
    read = sums_and_poems(20)
    with pytest.raises(OutcomesError, match=r"cost_usd of .*: it lies in 0 to 9e"):
        train(replace(read, cost_usd=np.full(read.score.shape, cost_usd)), encoder())
