"""First answers: a model that nobody has asked yet is asked its probes often enough for a later check to tell it apart.

How often is settled by a few probes of their own, asked twice, which no check uses: were it settled by the probes that
are compared later, their answers would no longer be as good as drawn in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fairlead.domain.errors import OutcomesError
from fairlead.learning.drift_power import sibling_found
from fairlead.learning.profiling import AskProbes, checked
from fairlead.learning.seat import Probe, ProbeOutcome

N_PILOT: Final = 40
"""Asked only to see how often the model contradicts itself: 13 % are known to +- 5 (one standard error)."""
PILOT_SHARE: Final = 0.2
"""Of a small suite no more than this."""
MIN_ANSWERS: Final = 2
MAX_ANSWERS: Final = 4
ENOUGH_FOUND: Final = 0.9
"""In so many checks a smaller sibling should be found."""


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """What was heard: by turn, an outcome a probe."""

    probes: tuple[Probe, ...]
    turns: tuple[tuple[ProbeOutcome, ...], ...]
    difference: float | None
    """How often the model contradicts itself; None where no pilot was answered twice."""
    n_calls: int
    n_failed: int
    spent_usd: float | None
    """None if no call told its cost."""

    @property
    def sibling_found(self) -> float | None:
        """In which share of checks against these a smaller sibling is found; None where nobody measured it."""
        return None if self.difference is None else sibling_found(len(self.turns), self.difference, is_alone=True)


def most_calls(n_probes: int) -> int:
    """What asking so many probes may take."""
    return 2 * N_PILOT + MAX_ANSWERS * n_probes


async def first_answers(suite: Sequence[Probe], asks: Sequence[AskProbes], n_probes: int, seed: int) -> FirstAnswers:
    """Ask some of the suite's probes as often as the model's contradictions require.

    `asks`: MAX_ANSWERS functions, each of which asks once more. Raises: OutcomesError if nothing was answered.
    """
    order = np.random.default_rng(seed).permutation(len(suite)).tolist()
    n_pilot = min(N_PILOT, int(PILOT_SHARE * len(order)))
    pilots = [suite[row] for row in order[:n_pilot]]
    probes = [suite[row] for row in order[n_pilot : n_pilot + n_probes]]
    heard = [checked(await ask(pilots), n_pilot) for ask in asks[:MIN_ANSWERS]]
    differences = [abs(one.score - two.score) for one, two in zip(*heard, strict=True)
                   if one.score is not None and two.score is not None]  # fmt: skip
    difference = float(np.mean(differences)) if differences else None
    turns = [checked(await ask(probes), len(probes)) for ask in asks[: answers_needed(difference)]]
    turns = [turn for turn in turns if any(one.score is not None for one in turn)]
    if not turns:
        raise OutcomesError("no probe was answered, so there is nothing for a later check to compare with")
    made = [one for turn in (*heard, *turns) for one in turn if one.is_asked]
    costs_usd = [one.cost_usd for one in made if one.cost_usd is not None]
    return FirstAnswers(
        tuple(probes), tuple(tuple(turn) for turn in turns), difference, len(made),
        sum(one.score is None for one in made), float(np.mean(costs_usd)) * len(made) if costs_usd else None,
    )  # fmt: skip


def answers_needed(difference: float | None) -> int:
    """To each probe, of a model that contradicts itself so often; where that is not known, the most."""
    if difference is None:
        return MAX_ANSWERS
    found = {n: sibling_found(n, difference, is_alone=True) or 0.0 for n in range(MIN_ANSWERS, MAX_ANSWERS)}
    return next((n for n, share in found.items() if share >= ENOUGH_FOUND), MAX_ANSWERS)
