"""What would change under another policy: told with what it rests on, and refused where the log cannot tell."""

from dataclasses import replace

import numpy as np
import pytest

from fairlead.dashboard.past_decisions import PastDecisions
from fairlead.dashboard.policy_view import view_policy
from fairlead.dashboard.policy_wish import PolicyWish
from fairlead.domain.model_names import Meant
from fairlead.learning.replay import Change
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow, table_of
from tests.dashboard.small_knowledge import knowledge, pool_of
from tests.routing.small_pool import Known

IN_FORCE = Change()
CHEAPER = PolicyWish(quality=10, cost=90, speed=0)


def candidates(chance_of_good: float) -> tuple[ReplayCandidate, ReplayCandidate]:
    return (
        ReplayCandidate("lab/good", "one", chance_of_good, 0.9, 0.85, 0.95, 100.0, 0.01, 4.0),
        ReplayCandidate("lab/cheap", "two", 1 - chance_of_good, 0.6, 0.5, 0.7, 100.0, 0.001, 1.0),
    )


def log(n: int, chance_of_good: float = 1.0, *, with_reward: bool = False, policy: str = "auto") -> list[ReplayRow]:
    """Good answers are worth .8 and cost .01, cheap ones are worth .5 and cost .002, twice what was foretold."""
    drawer = np.random.default_rng(3)
    rows = []
    for place in range(n):
        chosen = int(drawer.random() >= chance_of_good)
        reward = float(drawer.random() < (0.8, 0.5)[chosen]) if with_reward else None
        rows.append(
            ReplayRow(
                f"d{place}", float(place), candidates(chance_of_good), chosen,
                policy=policy, reward=reward, cost_usd=(0.01, 0.002)[chosen] * drawer.uniform(0.9, 1.1),
            )
        )  # fmt: skip
    return rows


def past(rows: list[ReplayRow]) -> PastDecisions:
    return PastDecisions(table_of(rows), tuple(rows), ("auto",), 0.0, len(rows), is_cut=False, n_unknown=0)


def test_without_exploration_it_foretells_and_refuses_a_verdict() -> None:
    view = view_policy(past(log(300)), CHEAPER, IN_FORCE)

    assert (view.n, view.n_changed, view.is_refused) == (300, 300, True)
    assert view.unsupported_share == 1.0
    assert "feedback" in view.reasons[0] and "exploration" in view.reasons[1]
    assert not view.cost.is_confirmed and not view.quality.is_confirmed
    assert view.quality.difference.value == pytest.approx(-0.3)
    assert view.latency_s.difference.value == pytest.approx(-3.0)
    assert view.cost.old.value == pytest.approx(10.0, rel=0.02)
    assert view.cost.difference.value is not None and view.cost.difference.value < 0
    assert view.reward is None


def test_an_explored_log_with_feedback_confirms_what_the_truth_is() -> None:
    view = view_policy(past(log(4_000, 0.6, with_reward=True)), CHEAPER, IN_FORCE)

    assert not view.is_refused and view.verdict.startswith("Worse")
    assert view.is_cheaper is True
    assert view.cost.is_confirmed and view.reward is not None and view.reward.is_confirmed
    low, high = view.cost.new.low, view.cost.new.high
    assert low is not None and high is not None and low <= 2.0 <= high
    low, high = view.reward.new.low, view.reward.new.high
    assert low is not None and high is not None and low <= 0.5 <= high


def test_a_model_left_out_by_an_alias_is_left_out() -> None:
    known = knowledge(Known("lab/good", "one", sent="big"), Known("lab/cheap", "two", sent="small", aliases=("mini",)))
    in_force = Change(meant_by=known.meant_by)
    view = view_policy(past(log(10)), PolicyWish(quality=10, cost=90, speed=0, without=("mini",)), in_force)
    assert (view.n_changed, view.n_held, view.notes) == (0, 0, ())
    assert known.meant_by("one/big") == Meant("lab/good", "one")
    assert known.meant_by("nobody") is None


def test_the_catalogue_knows_what_the_pool_does_not() -> None:
    known = knowledge()
    assert replace(known, pool=pool_of(Known())).meant_by("strong") == Meant("lab/strong")


def test_moves_say_who_to_whom_how_often_and_which_decisions() -> None:
    view = view_policy(past(log(10)), CHEAPER, IN_FORCE)

    (move,) = view.moves
    assert (move.old, move.new, move.n, move.share) == ("lab/good", "lab/cheap", 10, 1.0)
    assert move.examples == ("d9", "d8", "d7")
    assert [(share.arm[0], share.old_share, share.new_share) for share in view.shares] == [
        ("lab/cheap", 0.0, 1.0),
        ("lab/good", 1.0, 0.0),
    ]


def test_a_move_between_two_upstreams_of_one_model_names_them() -> None:
    near = candidates(1.0)[0]._replace(chance=0.0, upstream="near", total_s=0.1, cost_usd=0.001)
    rows = [row._replace(candidates=(row.candidates[0], near)) for row in log(3)]

    (move,) = view_policy(past(rows), CHEAPER, IN_FORCE).moves

    assert (move.old, move.new) == ("lab/good at one", "lab/good at near")


def test_only_the_decisions_of_the_policy_in_question_are_looked_at() -> None:
    both = past([*log(20), *log(5, policy="auto:quality")])

    assert view_policy(both.of_policy("*"), CHEAPER, IN_FORCE).n == 25
    assert view_policy(both.of_policy(CHEAPER.scope), CHEAPER, IN_FORCE).n == 20
    assert view_policy(both.of_policy("auto:quality"), CHEAPER, IN_FORCE).n == 5


def test_a_model_that_is_never_to_be_chosen_is_not() -> None:
    view = view_policy(past(log(20)), CHEAPER._replace(without=("lab/ch*",)), IN_FORCE)

    assert view.n_changed == 0
