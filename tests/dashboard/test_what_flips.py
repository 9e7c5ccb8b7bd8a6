"""What flips: the weights come out of the utilities, and every change that is named really turns the choice."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.what_flips import changes, weights_of
from fairlead.domain.wishes import Weights
from fairlead.routing.preferences import Floats, sure_quality, utility
from fairlead.store.candidates import CandidateRow

FIGURES = st.tuples(st.floats(0.2, 0.9), st.floats(1e-5, 0.1), st.floats(0.2, 30.0))
WEIGHTS = st.tuples(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1))


def decided(figures: list[tuple[float, float, float]], weights: tuple[float, float, float]) -> list[CandidateRow]:
    """Candidates as they are kept: single floats, best first."""
    quality, cost, total = (np.array(column, dtype=np.float64) for column in zip(*figures, strict=True))
    low = quality - 0.1
    worth = utility(sure_quality(quality, low), cost, total, Weights(*weights))
    order = np.argsort(-worth, kind="stable")

    def single(values: Floats, place: int) -> float:
        return float(np.float32(values[place]))

    return [
        CandidateRow(
            f"lab/m{place}", "up", "maker", rank, None, single(quality, place), single(cost, place), 100.0, 0.5,
            single(total, place), single(worth, place), single(low, place), single(quality + 0.1, place),
        )
        for rank, place in enumerate(order)
    ]  # fmt: skip


@given(st.lists(FIGURES, min_size=5, max_size=9, unique=True), WEIGHTS)
def test_weights_that_are_told_are_those_that_were_used(
    figures: list[tuple[float, float, float]], weights: tuple[float, float, float]
) -> None:
    found = weights_of(decided(figures, weights))
    if found is not None:  # candidates that are nearly alike tell nothing
        shares = [weight / sum(weights) for weight in weights]
        assert np.allclose(found, shares, atol=0.02)


def test_ordinary_candidates_do_tell_their_weights() -> None:
    figures = [(0.8, 0.01, 5.0), (0.7, 0.002, 2.0), (0.6, 0.0005, 1.0), (0.75, 0.004, 1.5), (0.5, 0.0001, 0.7)]
    found = weights_of(decided(figures, (0.6, 0.3, 0.1)))
    assert found is not None
    assert np.allclose(found, (0.6, 0.3, 0.1), atol=1e-4)


def test_something_else_in_the_utility_makes_it_claim_nothing() -> None:
    rows = decided([(0.8, 0.01, 5.0), (0.7, 0.002, 2.0), (0.6, 0.0005, 1.0), (0.75, 0.004, 1.5)], (0.6, 0.3, 0.1))
    steadied = [rows[0]._replace(utility=(rows[0].utility or 0) + 0.02), *rows[1:]]
    assert weights_of(steadied) is None
    assert changes(steadied) == ()


def test_too_few_candidates_or_unknown_figures_claim_nothing() -> None:
    rows = decided([(0.8, 0.01, 5.0), (0.7, 0.002, 2.0), (0.6, 0.0005, 1.0)], (0.6, 0.3, 0.1))
    assert changes(rows) == ()
    assert changes([row._replace(utility=None) for row in rows]) == ()
    assert changes([]) == ()


def test_each_change_that_is_named_turns_the_choice_and_half_of_it_does_not() -> None:
    figures = [(0.8, 0.01, 5.0), (0.7, 0.002, 2.0), (0.6, 0.0005, 1.0), (0.75, 0.004, 1.5), (0.5, 0.0001, 0.7)]
    rows = decided(figures, (0.6, 0.3, 0.1))
    rival = rows[1]
    found = {each.change.partition(" were ")[0].partition(" took")[0]: each for each in changes(rows)}
    assert {"if its expected quality", "if its cost", "if it"} <= set(found)

    def wins(changed: CandidateRow) -> bool:
        known = [(row.quality or 0, row.cost_usd or 0, row.total_s or 0) for row in (rows[0], changed)]
        lows = [row.quality_low or 0 for row in (rows[0], changed)]
        quality, cost, total = (np.array(column) for column in zip(*known, strict=True))
        worth = utility(sure_quality(quality, np.array(lows)), cost, total, Weights(0.6, 0.3, 0.1))
        return bool(worth[1] > worth[0])

    needed = float(found["if its expected quality"].change.split(" were ")[1].split()[0])
    old, low = rival.quality or 0, rival.quality_low or 0
    assert wins(rival._replace(quality=old + needed, quality_low=low + needed))
    assert not wins(rival._replace(quality=old + needed - 0.002, quality_low=low + needed - 0.002))
    factor = float(found["if its cost"].change.split(" were ")[1].split()[0])
    assert wins(rival._replace(cost_usd=(rival.cost_usd or 0) * factor))
    assert not wins(rival._replace(cost_usd=(rival.cost_usd or 0) * (factor + 0.02)))
    slower = float(found["if it"].change.split(" took ")[1].split()[0])
    assert wins(rival._replace(total_s=(rival.total_s or 0) * slower))
    assert not wins(rival._replace(total_s=(rival.total_s or 0) * (slower + 0.02)))
