from dataclasses import replace

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.learning.new_arm import Expectation
from fairlead.learning.onboarding import Grown, add_arm
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.probes import choose_probes
from fairlead.learning.text_groups import folded
from fairlead.routing.modelmap.known_queries import KnownQueries, text_hash
from fairlead.routing.predictors.costs import CostBasis
from fairlead.routing.router_bytes import dump_router, load_router
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import small_outcomes, small_router
from tests.routing.small_texts import small_texts

N = 180
OUTLINES = [outline_of_text(text) for text in small_texts(30, 99)]
NOTHING = Outcomes(small_outcomes(1).queries.take([]), (), np.zeros((0, 0)))


@pytest.fixture(scope="module")
def router() -> TrainedRouter:
    """A router of three models; the fourth, a coin of .5, joins in the tests, and `steady` may too."""
    return small_router(small_outcomes(N).of_arms(("sums", "code", "steady")))


def probes_of(router: TrainedRouter, n: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    known = router.model_map.known
    assert known is not None
    row_of = {text_hash(folded(text)): row for row, text in enumerate(small_outcomes(N).queries.texts)}
    return np.array([row_of[int(known.hashes[place])] for place in choose_probes(known, n, seed)])


def joined(router: TrainedRouter, n: int = 60, *, bare: bool = False) -> Grown:
    return add_arm(router, "coin", small_outcomes(N, bare=bare).take(probes_of(router, n)), as_of="2026-11-24")


def test_the_newcomer_is_the_last_and_nobody_else_changes(router: TrainedRouter) -> None:
    grown = joined(router).router
    before, after = router.foretell(OUTLINES), grown.foretell(OUTLINES)

    assert grown.arms == ("sums", "code", "steady", "coin")
    for name in ("quality", "quality_low", "quality_high", "output_tokens", "cost_usd", "latency_s"):
        np.testing.assert_allclose(getattr(after, name)[:, :3], getattr(before, name), rtol=1e-12, err_msg=name)
    assert {arm: grown.model_map.entries[arm] for arm in router.arms} == router.model_map.entries
    assert grown.model_map.known is router.model_map.known


def test_sixty_probes_place_its_mean_within_the_stated_interval_for_most_seeds(router: TrainedRouter) -> None:
    outcomes = small_outcomes(N, bare=True)
    truth = outcomes.score[:, 3].mean()
    errors, inside = [], []
    for seed in range(12):
        arm = add_arm(router, "coin", outcomes.take(probes_of(router, 60, seed))).arm
        errors.append(abs(arm.mean - truth))
        inside.append(abs(arm.mean - truth) <= 1.645 * arm.mean_error)

    assert np.mean(errors) < 0.06
    assert np.mean(inside) >= 0.75


def test_a_specialist_is_recognised_where_it_shines(router: TrainedRouter) -> None:
    outcomes = small_outcomes(N, bare=True)
    # Another model that is good at sums and bad at the rest, as the pool's own specialist is.
    twin = replace(outcomes.of_arms(("sums",)), arms=("twin",))

    grown = add_arm(router, "twin", twin.take(probes_of(router, 90))).router
    quality = grown.foretell(OUTLINES).quality[:, -1]

    assert quality[0::3].mean() > quality[1::3].mean() + 0.03


def test_more_outcomes_make_it_surer(router: TrainedRouter) -> None:
    errors = [joined(router, n).arm.mean_error for n in (10, 60, 150)]

    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1.5 * errors[2]


def test_its_entry_tells_what_it_is_known_from(router: TrainedRouter) -> None:
    grown = joined(router)
    entry = grown.router.model_map.entries["coin"]

    assert entry.quality.value == pytest.approx(grown.arm.mean)
    assert (entry.quality.n, entry.quality.as_of) == (60, "2026-11-24")
    assert entry.n_by_cluster.sum() == 60
    assert entry.output_tokens is not None and entry.output_tokens.n == 60
    assert entry.success.shape == (len(router.model_map.clusters),)


def test_lengths_costs_and_delays_come_from_its_own_calls(router: TrainedRouter) -> None:
    foretold = joined(router).router.foretell(OUTLINES)
    outcomes = small_outcomes(N)
    assert outcomes.output_tokens is not None and outcomes.cost_usd is not None and outcomes.latency_s is not None

    assert foretold.output_tokens[:, 3].mean() == pytest.approx(outcomes.output_tokens[:, 3].mean(), rel=0.25)
    assert foretold.cost_usd[:, 3].mean() == pytest.approx(outcomes.cost_usd[:, 3].mean(), rel=0.25)
    assert foretold.latency_s[:, 3].mean() == pytest.approx(outcomes.latency_s[:, 3].mean(), rel=0.3)


def test_without_lengths_the_pools_stand_in_and_the_cost_is_unknown_until_a_price_is_given(
    router: TrainedRouter,
) -> None:
    grown = joined(router, bare=True)
    foretold = grown.router.foretell(OUTLINES)
    assert foretold.output_tokens[:, 3].mean() == pytest.approx(foretold.output_tokens[:, :3].mean(), rel=0.2)
    assert np.isnan(foretold.cost_usd[:, 3]).all()
    assert any("cost is unknown" in line for line in grown.lines)

    outcomes = small_outcomes(N, bare=True).take(probes_of(router, 40))
    priced = add_arm(router, "coin", outcomes, prices=(1.0, 8.0)).router
    assert priced.costs is not None and priced.costs.basis[-1] == CostBasis.STATED
    assert np.isfinite(priced.foretell(OUTLINES).cost_usd[:, 3]).all()


def test_without_any_outcome_it_stands_at_the_pools_usual_and_nobody_is_sure(router: TrainedRouter) -> None:
    grown = add_arm(router, "newborn", NOTHING, prices=(1.0, 2.0))
    foretold = grown.router.foretell(OUTLINES)
    means = [entry.quality.value for entry in router.model_map.entries.values()]

    assert min(means) - 0.1 < grown.arm.mean < max(means) + 0.1
    width = foretold.quality_high - foretold.quality_low
    assert width[:, 3].min() > 2 * width[:, :3].mean()
    assert "no outcomes" in grown.lines[0]
    assert np.isfinite(foretold.quality).all() and np.isfinite(foretold.cost_usd[:, 3]).all()


@pytest.mark.parametrize("mean", [0.3, 0.8])
def test_published_figures_place_it_before_its_first_outcome(router: TrainedRouter, mean: float) -> None:
    sure = add_arm(router, "newborn", NOTHING, expected=Expectation(mean, 0.05)).arm
    unsure = add_arm(router, "newborn", NOTHING, expected=Expectation(mean, 0.2)).arm

    assert sure.mean == pytest.approx(mean, abs=0.1)
    assert sure.mean_error < unsure.mean_error


def test_strange_probes_count_for_less_and_it_is_told(router: TrainedRouter) -> None:
    strange = small_outcomes(60, seed=5, bare=True)

    grown = add_arm(router, "coin", strange)

    assert np.isfinite(grown.arm.mean_error)
    assert any("no probe was asked in training" in line for line in grown.lines)
    assert grown.arm.mean == pytest.approx(strange.score[:, 3].mean(), abs=0.15)


def test_a_router_that_holds_no_query_takes_a_model_in_too(router: TrainedRouter) -> None:
    given_away = replace(router, model_map=replace(router.model_map, known=None))

    grown = joined_to(given_away, router)

    assert grown.arm.mean == pytest.approx(0.5, abs=0.15)
    assert grown.router.foretell(OUTLINES).quality.shape == (30, 4)
    assert load_router(dump_router(grown.router)).model_map.known is None


def joined_to(router: TrainedRouter, of: TrainedRouter) -> Grown:
    return add_arm(router, "coin", small_outcomes(N, bare=True).take(probes_of(of, 60)))


def test_models_join_one_after_another(router: TrainedRouter) -> None:
    first = add_arm(router, "newborn", NOTHING).router
    second = joined_to(first, router)

    assert second.router.arms == ("sums", "code", "steady", "newborn", "coin")
    assert second.arm.mean == joined(router, bare=True).arm.mean
    assert np.isfinite(second.router.foretell(OUTLINES).quality).all()


def test_a_grown_router_survives_its_file_bit_for_bit(router: TrainedRouter) -> None:
    data = dump_router(joined(router).router)
    again = load_router(data)

    assert dump_router(again) == data
    # Joined before or after the file was written: the same router.
    assert dump_router(joined(load_router(dump_router(router))).router) == data


def test_few_outcomes_are_called_a_guess(router: TrainedRouter) -> None:
    assert any("guess" in line for line in joined(router, 10).lines)
    assert not any("guess" in line for line in joined(router, 60).lines)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_probes_that_all_fail_or_all_succeed_give_no_certainty(router: TrainedRouter, score: float) -> None:
    outcomes = small_outcomes(N, bare=True).take(probes_of(router, 40))
    constant = replace(outcomes, score=np.full(outcomes.score.shape, score))

    grown = add_arm(router, "coin", constant)

    assert 0.0 < grown.arm.mean < 1.0
    assert abs(grown.arm.mean - score) < 0.15
    assert grown.arm.mean_error > 0.005


def test_outcomes_without_a_score_count_as_none(router: TrainedRouter) -> None:
    outcomes = small_outcomes(N, bare=True).take(probes_of(router, 40))
    holes = replace(outcomes, score=np.full(outcomes.score.shape, np.nan))

    assert add_arm(router, "coin", holes).arm.n == 0


def test_a_model_that_is_there_already_is_refused(router: TrainedRouter) -> None:
    with pytest.raises(OutcomesError, match="in this router already"):
        add_arm(router, "code", small_outcomes(N))


def test_outcomes_of_another_model_are_refused_by_name(router: TrainedRouter) -> None:
    with pytest.raises(OutcomesError, match="sums, code, steady, coin, not of kitten"):
        add_arm(router, "kitten", small_outcomes(N))


def test_a_part_that_cannot_take_a_model_in_is_named(router: TrainedRouter) -> None:
    class Stubborn:
        """A part of another kind."""

        def predict(self, reading: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            return np.zeros((len(OUTLINES), 3))

    parts = {**router.stack.parts, "stubborn": Stubborn()}
    stack = replace(router.stack, parts=parts, weights={**router.stack.weights, "stubborn": 0.0})  # type: ignore[arg-type]

    with pytest.raises(OutcomesError, match="stubborn"):
        add_arm(replace(router, stack=stack), "coin", small_outcomes(N))


def test_the_known_queries_of_a_map_place_models_of_any_pool_size() -> None:
    outcomes = small_outcomes(90, bare=True)
    lone = small_router(outcomes.of_arms(("steady",)))
    known = lone.model_map.known
    assert isinstance(known, KnownQueries)

    grown = add_arm(lone, "coin", outcomes.take(np.arange(45)))

    assert grown.arm.mean == pytest.approx(outcomes.score[:, 3].mean(), abs=0.2)


def test_a_newcomer_like_none_of_the_pool_is_foretold_by_its_own_outcomes_kind_by_kind(router: TrainedRouter) -> None:
    outcomes = small_outcomes(N, bare=True)
    chances = np.array([0.1, 0.5, 0.95])[np.arange(N) % 3]
    scores = (np.random.default_rng(5).random((N, 1)) < chances[:, None]).astype(np.float64)
    contrary = Outcomes(outcomes.queries, ("contrary",), scores)

    foretold = add_arm(router, "contrary", contrary.take(probes_of(router, 150))).router.foretell(OUTLINES)
    quality, low, high = (each[:, -1] for each in (foretold.quality, foretold.quality_low, foretold.quality_high))

    for kind, chance in enumerate((0.1, 0.5, 0.95)):
        assert quality[kind::3].mean() == pytest.approx(chance, abs=0.2)
        assert ((low[kind::3] <= chance) & (chance <= high[kind::3])).mean() >= 0.7
