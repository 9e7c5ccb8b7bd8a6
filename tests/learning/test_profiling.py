import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.learning.profiling import Plan, Profiled, profile_model
from fairlead.learning.seat import Probe, ProbeOutcome
from fairlead.routing.policies.objective import Objective
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import small_outcomes, small_router

N = 180
OUTCOMES = small_outcomes(N)
SUITE = [Probe(name, text) for name, text in zip(OUTCOMES.queries.ids, OUTCOMES.queries.texts, strict=True)]


@pytest.fixture(scope="module")
def router() -> TrainedRouter:
    """A router of three models; the fourth, a coin of .5, is profiled."""
    return small_router(OUTCOMES.of_arms(("sums", "code", "steady")))


class Upstream:
    """A model that answers from measured outcomes, counts its calls and may fail some."""

    def __init__(self, arm: int = 3, *, usd: float | None = 0.001, fails: int = 0) -> None:
        self.arm, self.usd, self.fails = arm, usd, fails
        self.rounds: list[list[str]] = []

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        self.rounds.append([probe.query_id for probe in probes])
        answers = []
        for probe in probes:
            row = int(probe.query_id.removeprefix("q")) % N
            score = float(OUTCOMES.score[row, self.arm])
            self.fails -= 1
            answers.append(ProbeOutcome(None if self.fails >= 0 else score, 20.0, 100.0, self.usd, 1.5))
        return answers

    @property
    def n_calls(self) -> int:
        """How many calls came."""
        return sum(len(names) for names in self.rounds)


def profiled(router: TrainedRouter, upstream: Upstream, plan: Plan, suite: Sequence[Probe] = SUITE) -> Profiled:
    return asyncio.run(profile_model(router, "coin", suite, upstream, plan, as_of="2026-11-30"))


def test_a_profiled_model_is_in_the_router_with_what_it_is_known_from(router: TrainedRouter) -> None:
    upstream = Upstream()
    found = profiled(router, upstream, Plan(60, settled_regret=None))
    entry = found.grown.router.model_map.entries["coin"]

    assert upstream.n_calls == 60 and len({name for names in upstream.rounds for name in names}) == 60
    assert [len(names) for names in upstream.rounds] == [20] * 3
    assert (entry.quality.n, entry.quality.source, entry.quality.as_of) == (60, "its profile", "2026-11-30")
    assert entry.quality.value == pytest.approx(OUTCOMES.score[:, 3].mean(), abs=0.12)
    assert found.spent_usd == pytest.approx(0.06)
    assert len(found.outcomes.queries) == 60
    assert found.stopped == "60 probes were asked"


def test_the_same_seed_asks_the_same_probes(router: TrainedRouter) -> None:
    first, second, other = Upstream(), Upstream(), Upstream()
    profiled(router, first, Plan(20, settled_regret=None))
    profiled(router, second, Plan(20, settled_regret=None))
    profiled(router, other, Plan(20, settled_regret=None, seed=5))

    assert first.rounds == second.rounds != other.rounds


def test_all_at_once_is_one_round(router: TrainedRouter) -> None:
    upstream = Upstream()
    profiled(router, upstream, Plan(40, n_rounds=1))

    assert [len(names) for names in upstream.rounds] == [40]


@pytest.mark.parametrize("budget_usd", [0.0105, 0.03, 0.1])
def test_the_budget_is_never_passed(router: TrainedRouter, budget_usd: float) -> None:
    upstream = Upstream()
    found = profiled(router, upstream, Plan(60, budget_usd=budget_usd, settled_regret=None))

    assert upstream.n_calls == min(60, int(budget_usd / 0.001 + 1e-9))
    assert found.spent_usd is not None and found.spent_usd <= budget_usd * (1.0 + 1e-9)
    assert ("pass the budget" in found.stopped) == (budget_usd < 0.06)


def test_a_first_probe_dearer_than_the_budget_is_not_asked(router: TrainedRouter) -> None:
    upstream = Upstream()
    with pytest.raises(OutcomesError, match="was not asked: the next probe would pass the budget"):
        profiled(router, upstream, Plan(60, budget_usd=0.001, usual_cost_usd=0.01))
    assert upstream.n_calls == 0


def test_a_budget_without_costs_stops_after_a_first_look(router: TrainedRouter) -> None:
    upstream = Upstream(usd=None)
    found = profiled(router, upstream, Plan(60, budget_usd=1.0))

    assert upstream.n_calls == 3
    assert "no call told its cost" in found.stopped
    assert found.spent_usd is None


def test_it_stops_once_the_choice_is_settled(router: TrainedRouter) -> None:
    # A model that always fails: nobody would choose it.
    upstream = Upstream()

    async def fail(probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        return [outcome._replace(score=0.0) for outcome in await upstream(probes)]

    found = asyncio.run(profile_model(router, "coin", SUITE, fail, Plan(120, n_rounds=12)))

    assert 30 <= upstream.n_calls < 120
    assert "settled" in found.stopped
    assert found.stake is not None and found.stake.regret < 0.002 and found.stake.share < 0.05


def test_a_model_better_than_all_is_chosen_nearly_everywhere(router: TrainedRouter) -> None:
    upstream = Upstream()

    async def win(probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        return [outcome._replace(score=1.0) for outcome in await upstream(probes)]

    found = asyncio.run(profile_model(router, "coin", SUITE, win, Plan(60, settled_regret=None)))

    assert found.stake is not None
    assert found.stake.share > 0.8 and found.stake.gain > 0.1
    assert found.stake.share_low <= found.stake.share <= found.stake.share_high + 1e-9


def test_failed_calls_are_counted_and_not_scored(router: TrainedRouter) -> None:
    found = profiled(router, Upstream(fails=4), Plan(60, settled_regret=None))

    assert found.n_failed == 4
    assert found.grown.arm.n == 56


def test_a_model_of_which_every_first_call_fails_is_not_asked_on(router: TrainedRouter) -> None:
    upstream = Upstream(fails=1_000)
    with pytest.raises(OutcomesError, match="first 20 calls to coin failed"):
        profiled(router, upstream, Plan(60))
    assert upstream.n_calls == 20


def test_more_probes_are_expected_to_narrow_what_is_known(router: TrainedRouter) -> None:
    outlook = profiled(router, Upstream(), Plan(30, settled_regret=None)).outlook

    assert [one.n_more for one in outlook] == [0, 20, 50, 100]
    reaches = [one.reach for one in outlook]
    assert reaches == sorted(reaches, reverse=True) and reaches[3] < 0.8 * reaches[0]
    assert all(one.regret is not None and one.regret >= 0.0 for one in outlook)


def test_a_suite_of_strange_queries_and_a_router_without_queries_work_too(router: TrainedRouter) -> None:
    strange = [Probe(f"q{at}", f"What is {at} plus {at + 1}, told in words?") for at in range(50)]
    on_strange = profiled(router, Upstream(), Plan(20), strange)
    bare = replace(router, model_map=replace(router.model_map, known=None))
    on_bare = profiled(bare, Upstream(), Plan(90))

    assert on_strange.grown.arm.n == 20
    assert on_bare.grown.arm.mean == pytest.approx(OUTCOMES.score[:, 3].mean(), abs=0.2)
    assert on_bare.stake is None and on_bare.outlook[0].regret is None


def test_a_small_suite_is_asked_whole(router: TrainedRouter) -> None:
    upstream = Upstream()
    found = profiled(router, upstream, Plan(60), SUITE[:15])

    assert upstream.n_calls == 15
    assert found.stopped == "the suite's 15 probes are all asked"


def test_a_dear_model_is_chosen_where_cost_counts_less_often(router: TrainedRouter) -> None:
    frugal = Objective(cost_weight=1.0)
    cheap = profiled(router, Upstream(usd=1e-7), Plan(60, settled_regret=None, objective=frugal))
    dear = profiled(router, Upstream(usd=1.0), Plan(60, settled_regret=None, objective=frugal))

    assert cheap.stake is not None and dear.stake is not None
    assert dear.stake.share == 0.0
    assert cheap.stake.share > 0.1


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([], "0 outcomes came back"),
        ([ProbeOutcome(1.5)] * 20, "not 1.5"),
        ([ProbeOutcome(float("nan"))] * 20, "not nan"),
    ],
)
def test_answers_that_cannot_be_are_refused(router: TrainedRouter, answers: list[ProbeOutcome], told: str) -> None:
    async def answer(probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        return answers

    with pytest.raises(OutcomesError, match=told):
        asyncio.run(profile_model(router, "coin", SUITE, answer, Plan(60)))


def test_a_known_model_and_an_empty_suite_are_refused(router: TrainedRouter) -> None:
    with pytest.raises(OutcomesError, match="in this router already"):
        asyncio.run(profile_model(router, "sums", SUITE, Upstream(), Plan()))
    with pytest.raises(OutcomesError, match="holds no probe"):
        asyncio.run(profile_model(router, "coin", [], Upstream(), Plan()))


@pytest.mark.parametrize("wrong", [{"n_probes": 0}, {"n_rounds": 0}, {"budget_usd": 0.0}, {"budget_usd": float("nan")}])
def test_a_plan_of_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"are none|above 0"):
        Plan(**wrong)  # type: ignore[arg-type]
