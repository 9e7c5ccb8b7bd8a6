"""PolicyView: what would change on past traffic under another policy, as a page shows it; refused where it must be."""

from typing import Final, NamedTuple

from fairlead.dashboard.past_decisions import PastDecisions
from fairlead.dashboard.policy_wish import PolicyWish
from fairlead.learning.foreseen import Move, foresee
from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.off_policy import MARGIN, MAX_UNSUPPORTED_SHARE, Estimates
from fairlead.learning.replay import ArmShare, Change, Replayed, replay

PER: Final = 1_000
"""Costs are shown of so many decisions: one alone costs too little to read."""
MOST_MOVES: Final = 12
MOST_EXAMPLES: Final = 3
MOST_SHARES: Final = 15

VERDICTS: Final = {
    "better": "Better: the reward rises.",
    "as_good": f"As good: at most {MARGIN:g} of reward is lost.",
    "worse": "Worse: the reward falls.",
    "open": "Open: this log cannot tell whether the reward rises or falls.",
    "refused": "No verdict: this log does not support one.",
}


class Contrast(NamedTuple):
    """One amount under the log's choices, under the policy, and the difference; each may have no interval."""

    n: int
    """Decisions that tell of it."""
    old: Figure
    new: Figure
    difference: Figure
    is_confirmed: bool
    """Whether the difference rests on outcomes of choices like it (doubly robust); else it is foretold only."""


class MoveView(NamedTuple):
    """Decisions that would go from one model to another."""

    old: str
    new: str
    n: int
    share: float
    quality: float | None
    cost_usd: float | None
    """Mean change of one decision, foretold."""
    examples: tuple[str, ...]
    """Ids of decisions, the newest first."""


class PolicyView(NamedTuple):
    """What would change."""

    n: int
    n_seen: int
    is_cut: bool
    since_s: float
    n_held: int
    n_changed: int
    n_changed_today: int
    """Decisions that would come out otherwise even under the settings in force."""
    cost: Contrast
    """USD of PER decisions; what was paid is the old one."""
    quality: Contrast
    """Foretold, from 0 to 1."""
    latency_s: Contrast
    reward: Contrast | None
    """Of decisions with feedback; None where there is none."""
    verdict: str
    is_refused: bool
    is_cheaper: bool | None
    reasons: tuple[str, ...]
    unsupported_share: float
    shares: tuple[ArmShare, ...]
    moves: tuple[MoveView, ...]
    notes: tuple[str, ...]


def view_policy(past: PastDecisions, wish: PolicyWish, in_force: Change) -> PolicyView:
    """This policy and the settings in force, on all of these decisions, at least one. Blocks: for a thread only."""
    change = Change(objective=wish.objective, excluded=wish.without, meant_by=in_force.meant_by)
    replayed, foreseen = replay(past.table, change), foresee(past.table, change)
    n = len(past.rows)
    notes = list(replayed.notes)
    if past.n_unknown:
        notes.append(f"{past.n_unknown} decisions without the chance of every candidate are left out")
    return PolicyView(
        n=n,
        n_seen=past.n_seen,
        is_cut=past.is_cut,
        since_s=past.since_s,
        n_held=replayed.n_held,
        n_changed=foreseen.n_changed,
        n_changed_today=foresee(past.table, in_force).n_changed,
        cost=_told(replayed.cost, float(PER)),
        quality=Contrast(*foreseen.quality, is_confirmed=False),
        latency_s=Contrast(*foreseen.latency_s, is_confirmed=False),
        reward=_told(replayed.reward, 1.0) if replayed.reward.n else None,
        verdict=VERDICTS[replayed.finding.word],
        is_refused=replayed.finding.word == "refused",
        is_cheaper=replayed.finding.is_cheaper,
        reasons=_reasons(replayed),
        unsupported_share=replayed.cost.unsupported_share,
        shares=replayed.shares[:MOST_SHARES],
        moves=tuple(_move(move, past, n) for move in foreseen.moves[:MOST_MOVES]),
        notes=tuple(notes),
    )


def _reasons(replayed: Replayed) -> tuple[str, ...]:
    """Why there is no verdict: without any feedback that alone is the ground, whatever the log could tell of cost."""
    if replayed.reward.n:
        return replayed.finding.reasons
    reasons = ["none of these decisions has feedback: vote in the playground, or send POST /v1/feedback"]
    share = replayed.cost.unsupported_share
    if share > MAX_UNSUPPORTED_SHARE:
        reasons.append(
            f"{share:.1%} of the decisions go to models that the log never could have chosen, so what they cost is "
            "foretold and not confirmed: turn exploration on"
        )
    return tuple(reasons)


def _told(found: Estimates, scale: float) -> Contrast:
    """The doubly robust difference where the log supports the policy's choices, else what is foretold of them."""
    is_confirmed = found.is_supported and found.decisive.low is not None
    by = found.by_method["doubly_robust" if is_confirmed else "direct"]
    return Contrast(
        found.n, _scaled(found.old, scale), _scaled(by.value, scale), _scaled(by.difference, scale), is_confirmed
    )


def _scaled(figure: Figure, by: float) -> Figure:
    value, low, high, error = (
        None if each is None else each * by for each in (figure.value, figure.low, figure.high, figure.standard_error)
    )
    return Figure(value, low, high, error, figure.reason)


def _move(move: Move, past: PastDecisions, n: int) -> MoveView:
    """A model's name is enough where it stays the same; where only the upstream changes, that is said."""
    old, new = move.old[0], move.new[0]
    if old == new:
        old, new = f"{old} at {move.old[1]}", f"{new} at {move.new[1]}"
    return MoveView(
        old,
        new,
        len(move.rows),
        len(move.rows) / n,
        move.quality,
        move.cost_usd,
        tuple(past.rows[place].decision_id for place in move.rows[:MOST_EXAMPLES]),
    )
