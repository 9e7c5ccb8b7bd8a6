"""Rows of a traffic store become a replay log: what tells nothing is left out, what nobody decided is not free."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from fairlead.learning.replay_rows import chances_of, table_of
from fairlead.learning.stored_decisions import StoredLog, rewards_of


class Request(NamedTuple):
    decision_id: str = "d"
    at_s: float = 1.0
    policy: str | None = "auto"
    session: str | None = None
    kept: str | None = None
    chosen_model: str | None = "lab/a"
    chosen_upstream: str | None = "one"
    expected_input_tokens: int | None = 10
    outcome: str | None = "ok"
    is_cached: int | None = 0
    cost_usd: float | None = 0.5
    flag_names: tuple[str, ...] = ()


class Candidate(NamedTuple):
    model: str = "lab/a"
    upstream: str = "one"
    excluded_for: str | None = None
    propensity: float | None = 0.5
    quality: float | None = 0.5
    quality_low: float | None = None
    quality_high: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    total_s: float | None = None


class Said(NamedTuple):
    decision_id: str
    score: float | None
    weight: float = 1.0


BOTH = (Candidate("lab/b", "two"), Candidate())


def log(request: Request, candidates: Sequence[Candidate] = BOTH, reward: float | None = 0.25) -> StoredLog:
    return StoredLog([(request, candidates)], {} if reward is None else {"d": reward})


def test_a_stored_decision_is_one_row_with_its_reward() -> None:
    (row,) = log(Request(session="s")).rows()
    assert (row.chosen, row.reward, row.cost_usd, row.query, row.session) == (1, 0.25, 0.5, None, "s")
    assert row.is_free and chances_of(row) == (0.5, 0.5)


@pytest.mark.parametrize(
    "request_", [Request(policy="concrete"), Request(kept="same_anchor"), Request(flag_names=("tools", "tool_loop"))]
)
def test_what_no_policy_decided_is_not_free(request_: Request) -> None:
    assert [row.is_free for row in log(request_).rows()] == [False]


def test_a_kept_answer_and_a_request_without_a_decision_are_no_rows() -> None:
    assert not list(log(Request(is_cached=1)).rows())
    assert not list(log(Request(chosen_model=None)).rows())


def test_a_reply_that_broke_off_has_no_reward() -> None:
    assert [row.reward for row in log(Request(outcome="truncated")).rows()] == [None]


def test_excluded_arms_are_no_candidates_and_a_lost_choice_is_left_out() -> None:
    excluded = (*BOTH, Candidate("lab/c", "x", excluded_for="down", propensity=None))
    (row,) = log(Request(), excluded).rows()
    assert len(row.candidates) == 2
    table = table_of(log(Request(chosen_model="lab/gone"), BOTH).rows())
    assert len(table) == 0 and table.notes


def test_rewards_are_weighed_and_words_without_a_score_do_not_count() -> None:
    found = rewards_of([Said("a", 1.0, 3.0), Said("a", 0.0), Said("b", None), Said("c", 1.0, 0.0)])
    assert found == {"a": 0.75}
