import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.learning.first_answers import FirstAnswers, answers_needed, first_answers, most_calls
from fairlead.learning.seat import Probe, ProbeOutcome

SUITE = [Probe(f"q{at}", f"text {at}") for at in range(300)]


class Turn:
    """A model that solves everything but for a share, drawn anew each time."""

    def __init__(self, draw: np.random.Generator, wrong: float, *, fails: bool = False) -> None:
        self.draw, self.wrong, self.fails, self.asked = draw, wrong, fails, list[str]()

    async def __call__(self, probes: Sequence[Probe]) -> Sequence[ProbeOutcome]:
        self.asked += [probe.query_id for probe in probes]
        scores = (self.draw.random(len(probes)) >= self.wrong).astype(float).tolist()
        return [ProbeOutcome(None if self.fails else score, cost_usd=0.01) for score in scores]


def taken(wrong: float, suite: Sequence[Probe] = SUITE, *, fails: bool = False) -> tuple[FirstAnswers, list[Turn]]:
    draw = np.random.default_rng(4)
    turns = [Turn(draw, wrong, fails=fails) for _ in range(4)]
    return asyncio.run(first_answers(suite, turns, 200, 0)), turns


def test_a_model_that_repeats_itself_is_asked_twice_and_one_that_does_not_four_times() -> None:
    firm, firm_turns = taken(0.0)
    fickle, fickle_turns = taken(0.2)

    assert (len(firm.turns), firm.difference, firm.n_calls) == (2, 0.0, 480)
    assert [len(turn.asked) for turn in firm_turns] == [240, 240, 0, 0]
    assert len(fickle.turns) == 4 and fickle.difference is not None and fickle.difference > 0.15
    assert fickle.n_calls == most_calls(200) == 880
    assert [len(turn.asked) for turn in fickle_turns] == [240, 240, 200, 200]
    assert firm.spent_usd == pytest.approx(4.8)


def test_the_probes_that_settle_how_often_to_ask_are_none_of_those_that_are_kept() -> None:
    found, turns = taken(0.2)

    kept = {probe.query_id for probe in found.probes}
    assert len(kept) == 200 and kept == set(turns[2].asked)
    assert len(set(turns[0].asked) - kept) == 40


def test_between_them_three_answers_are_enough() -> None:
    assert [answers_needed(share) for share in (0.05, 0.1, 0.13, 0.142, 0.3)] == [2, 2, 3, 3, 4]


def test_a_small_suite_is_asked_whole_but_for_a_fifth() -> None:
    found, turns = taken(0.0, SUITE[:50])

    assert len(found.probes) == 40
    assert len(turns[0].asked) == 50


def test_where_contradictions_are_not_known_the_most_answers_are_asked_for() -> None:
    found, _ = taken(0.0, SUITE[:3])

    assert found.difference is None and found.sibling_found is None
    assert len(found.turns) == 4 == answers_needed(None)


def test_a_model_that_answers_nothing_leaves_nothing_to_compare_with() -> None:
    with pytest.raises(OutcomesError, match="nothing for a later check"):
        taken(0.0, fails=True)
