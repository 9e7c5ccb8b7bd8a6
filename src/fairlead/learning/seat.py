"""Seat: a newcomer among a pool while it is being asked: what it may be asked, what came back, what is believed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fairlead.domain.outline import outline_of_text
from fairlead.learning.new_arm import (
    Expectation,
    NewArm,
    Posterior,
    ProbeOutcomes,
    asked_columns,
    columns_of,
    place_arm,
    prior_of,
)
from fairlead.learning.onboarding import nothing_known, read_probes
from fairlead.learning.outcomes import Floats, Ints
from fairlead.learning.probes import choose_rows, mean_slope
from fairlead.learning.routing_stake import RoutingStake, stake_of
from fairlead.learning.text_groups import folded
from fairlead.routing.modelmap.known_queries import KnownQueries, text_hash
from fairlead.routing.policies.objective import Objective
from fairlead.routing.trained_router import TrainedRouter


class Probe(NamedTuple):
    """A query that can be asked. `dataset` is "" where none is named."""

    query_id: str
    text: str
    dataset: str = ""


class ProbeOutcome(NamedTuple):
    """What came back. Units: score in [0, 1], USD and seconds a call; None is "not known".

    Without a score the call failed.
    """

    score: float | None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    reply_hash: float | None = None
    """Equal replies have equal ones: for telling the same reply again, without keeping it."""
    is_asked: bool = True
    """False: the call was not made, since a cap did not allow it or somebody stopped; then nothing else is known."""


@dataclass(slots=True)
class Seat:
    """A newcomer, of whom more is known with every round.

    Shapes: columns (n_suite, k), what the success on each probe depends on; population (n, k), the same of the queries
    that the mean is wanted of: the known ones, or the suite where none is known.
    """

    known: KnownQueries
    places: ProbeOutcomes
    """Where the suite's probes stand; their scores mean nothing."""
    columns: Floats
    population: Floats
    pool_noise: float
    expected: Expectation | None
    belief: Posterior
    asked: list[int] = field(default_factory=list)
    outcomes: list[ProbeOutcome] = field(default_factory=list)

    @property
    def scored(self) -> list[tuple[int, ProbeOutcome]]:
        """Rows of the suite with what came back, failed calls left out."""
        return [pair for pair in zip(self.asked, self.outcomes, strict=True) if pair[1].score is not None]

    def learn(self, rows: Ints, outcomes: Sequence[ProbeOutcome]) -> None:
        """Take in what came back of these rows."""
        self.asked += rows.tolist()
        self.outcomes += outcomes
        if self.scored:
            self.belief = self.place().posterior

    def place(self) -> NewArm:
        """The newcomer as placed by what came back."""
        at = np.array([row for row, _ in self.scored], dtype=np.int64)
        scores = np.array([float(outcome.score or 0.0) for _, outcome in self.scored])
        of = self.places
        probes = ProbeOutcomes(scores, of.places[at], of.foretold[at], of.clusters[at], of.leanings[at])
        return place_arm(self.known, probes, self.pool_noise, self.expected)

    def cost_usd(self) -> float | None:
        """Mean cost of a call, as far as calls told theirs."""
        told = [outcome.cost_usd for outcome in self.outcomes if outcome.cost_usd is not None]
        return float(np.mean(told)) if told else None

    def spent_usd(self) -> float | None:
        """What the calls cost; a call that did not tell counts as the mean of those that did."""
        mean = self.cost_usd()
        return None if mean is None else mean * len(self.outcomes)

    def next_rows(self, n: int, stake: RoutingStake | None, seed: int) -> Ints:
        """The rows to ask next: for the mean and, once something is known, for where the choice is doubtful."""
        slopes = [mean_slope(self.population, self.belief)]
        if stake is not None and self.scored:
            slopes.append(mean_slope(stake.columns, self.belief, stake.doubt(self.belief, seed)))
        return choose_rows(self.columns, self.belief, slopes, n, seed, asked=self.asked)


def seat_of(router: TrainedRouter, suite: Sequence[Probe], expected: Expectation | None = None) -> Seat:
    """A newcomer's seat before it was asked anything."""
    outlines = [outline_of_text(probe.text) for probe in suite]
    reading = router.basis.read(router.encoder.encode_all(outlines))
    known = router.model_map.known or nothing_known(router.stack)
    hashes = np.array([text_hash(folded(probe.text)) for probe in suite], dtype=np.int64)
    places = read_probes(router.stack, known, reading, np.zeros(len(suite)), hashes, len(router.model_map.clusters))
    columns = columns_of(known)
    asked = asked_columns(known, columns, places)
    return Seat(
        known, places, asked, columns if len(known) else asked, float(np.mean(router.stack.noise)), expected,
        prior_of(known, columns, expected, is_asked=True),
    )  # fmt: skip


def seat_stake(router: TrainedRouter, seat: Seat, objective: Objective) -> RoutingStake | None:
    """What hangs on knowing it; None in a router that holds no queries."""
    return stake_of(router, seat.known, seat.population, objective, seat.cost_usd()) if len(seat.known) else None
