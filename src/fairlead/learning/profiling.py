"""Profiling: a new model is asked, round by round, what tells most, until its place is settled or the money is spent.

Nothing is called from here: whoever profiles hands in a function that asks. Probes of one round may be asked in
parallel; each round is chosen by what the ones before have taught (learning/probes), for the model's mean score and for
the queries on which it is doubtful whether to choose it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.new_arm import MISFIT, Expectation
from fairlead.learning.onboarding import ENOUGH, Grown, add_arm
from fairlead.learning.outcomes import Floats, Outcomes, Queries
from fairlead.learning.probes import mean_slope, narrowed
from fairlead.learning.routing_stake import RoutingStake, Stake
from fairlead.learning.seat import Probe, ProbeOutcome, Seat, seat_of, seat_stake
from fairlead.routing.policies.objective import Objective
from fairlead.routing.predictors.stack import INTERVAL_Z
from fairlead.routing.trained_router import TrainedRouter

N_ROUNDS: Final = 3
"""Of one size. Rounds gain .001 to .002 of the mean's error with 30 and 100 probes and nothing that shows with 60, but
with six of them intervals cover less than with three (kor_bench .78, .93): late choices lean on an early curve."""
SETTLED_REGRET: Final = 0.002
"""Of worth a query: a fifth of a score point is less than any benchmark here can tell apart."""
UNPRICED_ROUND: Final = 3
"""Probes of a first round under a budget when nobody knows what a call costs."""
MORE: Final = (20, 50, 100)
"""Numbers of further probes that the outlook speaks of."""


class AskProbes(Protocol):
    """Asks a model: one outcome a probe, in the probes' order."""

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        """What came back."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How far to go. Raises: ValueError for what cannot be meant."""

    n_probes: int = 60
    n_rounds: int = N_ROUNDS
    budget_usd: float | None = None
    settled_regret: float | None = SETTLED_REGRET
    """Stop once the expected regret of choosing is below this and there are enough outcomes; None: never early."""
    usual_cost_usd: float | None = None
    """What a call is thought to cost, if somebody knows."""
    objective: Objective = field(default_factory=Objective)
    """What the router is to choose by."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_probes < 1 or self.n_rounds < 1:
            raise ValueError(f"{self.n_probes} probes in {self.n_rounds} rounds are none")
        if self.budget_usd is not None and not self.budget_usd > 0.0:
            raise ValueError(f"a budget is above 0, not {self.budget_usd}")

    @property
    def round_size(self) -> int:
        """Probes of one round."""
        return -(-self.n_probes // self.n_rounds)


class Outlook(NamedTuple):
    """What so many more probes are expected to leave: half width of the mean's 90 % interval, and regret if known."""

    n_more: int
    reach: float
    regret: float | None


@dataclass(frozen=True, slots=True)
class Profiled:
    """A profiled model."""

    grown: Grown
    outcomes: Outcomes
    """What was asked and came back, without failed calls."""
    stake: Stake | None
    """Where it would be chosen; None in a router that holds no queries."""
    chosen_by_cluster: Floats | None
    """Share of each cluster's queries (n_clusters,), NaN where none is known; None as above."""
    outlook: tuple[Outlook, ...]
    n_failed: int
    spent_usd: float | None
    """None if no call told its cost."""
    stopped: str
    """Why it stopped, a sentence for people."""


async def profile_model(
    router: TrainedRouter,
    name: str,
    suite: Sequence[Probe],
    ask: AskProbes,
    plan: Plan,
    *,
    expected: Expectation | None = None,
    as_of: str = "",
) -> Profiled:
    """Ask a new model what tells most and add it to the router.

    `suite`: what it may be asked; queries that the router was trained on tell more than others.
    Raises: OutcomesError if the model is in the router already, the suite is empty, the calls of the first round or all
    of them fail, or `ask` returns other than one valid outcome a probe.
    """
    if name in router.arms:
        raise OutcomesError(
            f"{name} is in this router already: `fairlead watch` checks it, `fairlead train` learns anew"
        )
    if not suite:
        raise OutcomesError("the suite holds no probe: give queries with references, best of those trained on")
    seat = seat_of(router, suite, expected)
    stopped = None
    while stopped is None:
        size = _affordable(seat, plan)
        if size < 1:
            stopped = _broke(seat, plan)
            break
        seed = plan.seed + len(seat.asked)
        rows = seat.next_rows(size, seat_stake(router, seat, plan.objective), seed)
        outcomes = await ask([suite[row] for row in rows.tolist()])
        checked(outcomes, len(rows))
        asked = np.array([outcome.is_asked for outcome in outcomes], dtype=bool)
        seat.learn(rows[asked], [outcome for outcome in outcomes if outcome.is_asked])
        if not seat.scored and asked.any():
            raise OutcomesError(f"the first {int(asked.sum())} calls to {name} failed: nothing was learned of it")
        if not asked.all():
            stopped = f"{len(seat.asked)} probes were asked and the next call was not made"
        else:
            stopped = _enough(seat, plan, seat_stake(router, seat, plan.objective))
    if not seat.scored:
        raise OutcomesError(f"{name} was not asked: {stopped}")
    own = _outcomes_of(name, suite, seat)
    grown = add_arm(router, name, own, as_of=as_of, source="its profile", expected=expected)
    stake = seat_stake(router, seat, plan.objective)
    return Profiled(
        grown, own, None if stake is None else stake.of(seat.belief, plan.seed),
        None if stake is None else stake.by_cluster(seat.belief, len(router.model_map.clusters)),
        _outlook(seat, stake, plan.seed),
        len(seat.outcomes) - len(seat.scored), seat.spent_usd(), stopped,
    )  # fmt: skip


def _enough(seat: Seat, plan: Plan, stake: RoutingStake | None) -> str | None:
    """Why to stop after this round; None to go on."""
    n = len(seat.asked)
    if n >= plan.n_probes:
        return f"{n} probes were asked"
    if n >= len(seat.columns):
        return f"the suite's {n} probes are all asked"
    if stake is None or plan.settled_regret is None or len(seat.scored) < ENOUGH:
        return None
    regret = stake.of(seat.belief, plan.seed).regret
    if regret >= plan.settled_regret:
        return None
    return f"where to choose it is settled after {n} probes: to know it perfectly would add {100 * regret:.2f} points"


def _affordable(seat: Seat, plan: Plan) -> int:
    """How many probes the next round has: what is left of the plan, as far as the budget goes."""
    size = min(plan.round_size, plan.n_probes - len(seat.asked))
    if plan.budget_usd is None:
        return size
    usual = seat.cost_usd() if seat.outcomes else plan.usual_cost_usd
    if usual is None:
        return 0 if seat.outcomes else min(size, UNPRICED_ROUND)
    left = plan.budget_usd - (seat.spent_usd() or 0.0)
    return size if usual <= 0.0 else max(0, min(size, int(left / usual + 1e-9)))


def _broke(seat: Seat, plan: Plan) -> str:
    if seat.outcomes and seat.cost_usd() is None:
        return "no call told its cost, so the budget cannot be kept: give prices, or no budget"
    return f"the next probe would pass the budget of USD {plan.budget_usd:g}"


def checked(outcomes: Sequence[ProbeOutcome], n: int) -> Sequence[ProbeOutcome]:
    """The same outcomes. Raises: OutcomesError if they are not n, or a score is not between 0 and 1."""
    if len(outcomes) != n:
        raise OutcomesError(f"{n} probes were asked and {len(outcomes)} outcomes came back")
    for outcome in outcomes:
        if outcome.score is not None and not 0.0 <= outcome.score <= 1.0:
            raise OutcomesError(f"a score is between 0 and 1, not {outcome.score}: mend the scorer")
    return outcomes


def _outcomes_of(name: str, suite: Sequence[Probe], seat: Seat) -> Outcomes:
    """What came back as outcomes of one model; a measure that no call told is None."""
    probes = [suite[row] for row, _ in seat.scored]
    queries = Queries(
        tuple(probe.query_id for probe in probes), tuple(probe.text for probe in probes),
        tuple(probe.dataset for probe in probes),
    )  # fmt: skip

    def column(measure: str) -> Floats | None:
        values = [getattr(outcome, measure) for _, outcome in seat.scored]
        if all(value is None for value in values):
            return None
        return np.array([[np.nan if value is None else float(value)] for value in values])

    score = column("score")
    assert score is not None
    return Outcomes(
        queries, (name,), score, column("cost_usd"), column("input_tokens"), column("output_tokens"),
        column("latency_s"),
    )  # fmt: skip


def _outlook(seat: Seat, stake: RoutingStake | None, seed: int) -> tuple[Outlook, ...]:
    """What more probes are expected to buy, chosen as they would be."""
    found = []
    n_free = len(seat.columns) - len(set(seat.asked))
    for n_more in (0, *MORE):
        if n_more > n_free:
            break
        belief = seat.belief
        if n_more:
            belief = narrowed(seat.columns, belief, seat.next_rows(n_more, stake, seed))
        slope = mean_slope(seat.population, belief)
        reach = INTERVAL_Z * float(np.sqrt(MISFIT * (slope @ belief.covariance @ slope)))
        found.append(Outlook(n_more, reach, None if stake is None else stake.of(belief, seed).regret))
    return tuple(found)
