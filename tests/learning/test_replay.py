"""A replay chooses as the changed policy would, leaves alone what no policy decides, and says what it left out."""

from collections.abc import Sequence

import numpy as np
import pytest

from fairlead.domain.outline import outline_of_text
from fairlead.domain.wishes import Weights, Wishes
from fairlead.learning.replay import Change, choose, replay
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow, chances_of, table_of
from fairlead.routing.policies.objective import Objective
from fairlead.routing.preferences import Preset
from tests.learning.small_router import small_outcomes, small_router

QUALITY, COST = Objective(), Objective(cost_weight=5.0)
GOOD = ReplayCandidate("lab/good", "one", 0.7, 0.9, 0.8, 1.0, 100.0, 0.01, 2.0)
CHEAP = ReplayCandidate("lab/cheap", "two", 0.3, 0.6, 0.5, 0.7, 100.0, 0.001, 1.0)


def row(n: int = 0, chosen: int = 0, candidates: Sequence[ReplayCandidate] = (GOOD, CHEAP)) -> ReplayRow:
    return ReplayRow(f"d{n}", float(n), tuple(candidates), chosen, policy="auto", input_tokens=1_000.0)


def test_another_preference_chooses_another_model() -> None:
    table = table_of([row(0), row(1, 1)])
    for objective, place in ((QUALITY, 0), (COST, 1)):
        target, is_held, notes = choose(table, Change(objective))
        assert target.argmax(axis=1).tolist() == [place, place]
        assert not is_held.any() and not notes


def test_what_no_policy_decides_stays_as_it_was() -> None:
    table = table_of([row(0)._replace(is_free=False), row(1)])
    target, is_held, _ = choose(table, Change(COST))
    assert is_held.tolist() == [True, False]
    assert target[0] == pytest.approx(table.chance[0])


def test_only_candidates_of_the_decision_are_chosen_though_others_do_better_elsewhere() -> None:
    table = table_of([row(0), row(1, candidates=[GOOD._replace(chance=1.0, quality=0.1)])])
    target, _, _ = choose(table, Change(COST))
    assert target[1].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "objective", [Objective(max_cost_usd=1e-9), Objective(max_latency_s=1e-9), Objective(min_quality=1.0)]
)
def test_a_limit_that_nobody_keeps_still_chooses_among_the_candidates(objective: Objective) -> None:
    table = table_of([row(0, candidates=[GOOD._replace(chance=1.0, cost_usd=None, total_s=None)]), row(1)])
    target, _, _ = choose(table, Change(objective))
    assert target[0].tolist() == [1.0, 0.0]


def test_models_can_be_allowed_and_excluded_by_pattern() -> None:
    table = table_of([row(0)])
    assert choose(table, Change(QUALITY, allowed=("lab/ch*",)))[0].tolist() == [[0.0, 1.0]]
    assert choose(table, Change(QUALITY, excluded=("*GOOD",)))[0].tolist() == [[0.0, 1.0]]
    target, is_held, notes = choose(table, Change(QUALITY, allowed=("nobody",)))
    assert target[0] == pytest.approx(table.chance[0])
    assert is_held.all() and "no candidate" in notes[0]


def test_each_decision_is_made_by_its_own_preset_as_it_is_now() -> None:
    thrifty = Preset("thrifty", Weights(0.1, 0.9, 0.0), Wishes(excluded_models=("lab/cheap",)))
    rows = [row(0), row(1)._replace(policy="auto:thrifty"), row(2)._replace(policy="auto:gone")]
    default = Preset("mine", Weights(0.0, 1.0, 0.0))
    target, is_held, notes = choose(table_of(rows), Change(presets={"thrifty": thrifty}, default=default))
    assert target[0].tolist() == [0.0, 1.0]
    assert target[1].tolist() == [1.0, 0.0]
    assert is_held.tolist() == [False, False, True] and "preset" in notes[0]


def test_other_prices_change_the_choice_and_the_cost_of_the_old_one() -> None:
    rows = [row(n)._replace(cost_usd=0.02, candidates=(GOOD._replace(chance=1.0), CHEAP._replace(chance=0.0)))
            for n in range(40)]  # fmt: skip
    change = Change(COST, prices={"lab/good": (0.5, 5.0), "lab/cheap": (1_000.0, 1_000.0), "lab/never": (1.0, 1.0)})
    found = replay(table_of(rows), change)
    # 1,000 tokens in at 0.5 and 100 out at 5 USD per million are USD 0.001, a tenth of the estimate that was paid 0.02.
    assert found.cost.old.value == pytest.approx(0.002)
    assert found.paid_usd == pytest.approx(0.8)
    assert [share.new_share for share in found.shares] == [1.0]
    assert any("lab/never" in note for note in found.notes)


def test_a_router_foretells_the_texts_that_are_kept_and_holds_the_rest() -> None:
    router = small_router(small_outcomes(150))
    candidates = [
        ReplayCandidate(f"lab/{model}", "up", 1.0 if place == 0 else 0.0, 0.5)
        for place, model in enumerate(router.arms)
    ]
    text = small_outcomes(150).queries.texts[0]
    rows = [row(0, candidates=candidates)._replace(query=text), row(1, candidates=candidates)]
    found = replay(table_of(rows), Change(QUALITY, router=router))
    assert found.n_held == 1
    assert any("no text" in note for note in found.notes)
    best = router.arms[int(router.foretell([outline_of_text(text)]).quality[0].argmax())]
    assert max(found.shares, key=lambda share: share.new_share - share.old_share).arm[0] == f"lab/{best}"


def test_a_log_that_never_explored_foretells_and_refuses() -> None:
    sure = (GOOD._replace(chance=1.0), CHEAP._replace(chance=None))
    rows = [row(n, candidates=sure)._replace(reward=1.0, cost_usd=0.01) for n in range(300)]
    found = replay(table_of(rows), Change(COST))
    assert found.finding.word == "refused"
    assert found.reward.unsupported_share == 1.0
    assert found.reward.by_method["direct"].value.value is not None


def test_an_explored_log_tells_the_gain_and_the_saving() -> None:
    draw = np.random.default_rng(0)
    rows = []
    for n in range(3_000):
        chosen = int(draw.random() > 0.7)
        right = draw.random() < (0.9, 0.6)[chosen]
        rows.append(row(n, chosen)._replace(reward=float(right), cost_usd=(0.012, 0.0011)[chosen]))
    found = replay(table_of(rows), Change(COST))
    assert found.finding.word == "worse" and found.finding.is_cheaper
    gain = found.reward.decisive
    assert gain.low is not None and gain.high is not None
    assert gain.low < 0.6 - (0.7 * 0.9 + 0.3 * 0.6) < gain.high
    assert found.cost.by_method["doubly_robust"].value.value == pytest.approx(0.0011, rel=0.01)


@pytest.mark.parametrize(
    ("chances", "chosen", "expected"),
    [
        ((1.0, None), 0, (1.0, 0.0)),
        ((0.5, None), 0, None),
        ((None, 1.0), 0, None),
        ((0.5, 0.5000001), 1, (0.5, 0.5)),
        ((0.5, 0.2), 0, None),
        ((0.0, 1.0), 0, None),
        ((0.5, 0.5), -1, None),
        ((0.5, 0.5), 2, None),
        ((0.4, 0.6, None), 0, (0.4, 0.6, 0.0)),
    ],
)
def test_chances_are_known_of_all_or_the_decision_is_left_out(
    chances: tuple[float | None, ...], chosen: int, expected: tuple[float, ...] | None
) -> None:
    of = row(0, chosen, [ReplayCandidate(f"m{i}", "up", chance) for i, chance in enumerate(chances)])
    found = chances_of(of)
    assert found is None if expected is None else found == pytest.approx(expected, abs=1e-6)
    table = table_of([of])
    assert (len(table), len(table.notes)) == ((0, 1) if expected is None else (1, 0))


def test_decisions_without_a_session_stand_for_themselves() -> None:
    table = table_of([row(0)._replace(session="s"), row(1)._replace(session="s"), row(2), row(3)])
    assert len(set(table.session.tolist())) == 3


def test_an_empty_log_is_replayed_to_nothing_known() -> None:
    found = replay(table_of([]), Change(QUALITY))
    assert found.n == 0 and found.paid_usd is None and found.finding.word == "refused"
