"""Foreseen: what a changed policy is foretold to do on a log, decision by decision. Of estimates: no outcome is read.

It answers "what would change", which a log can always tell; what that is worth is the business of `replay`, which may
refuse. What is foretold of a choice that was picked for being foretold best is a little too good.
"""

from typing import NamedTuple

import numpy as np

from fairlead.learning.metrics.bootstrap import Figure
from fairlead.learning.off_policy import mean_figure
from fairlead.learning.outcomes import Floats, Ints
from fairlead.learning.replay import Change, choose
from fairlead.learning.replay_rows import Name, ReplayTable


class Shift(NamedTuple):
    """One foretold amount a decision, under the log's choices and under the changed ones."""

    n: int
    """Decisions where it is known of both."""
    old: Figure
    new: Figure
    difference: Figure


class Move(NamedTuple):
    """Decisions that would go from one arm to another."""

    old: Name
    new: Name
    rows: tuple[int, ...]
    """Their places in the log, the newest first."""
    quality: float | None
    """Foretold change of the mean quality; None where it is unknown of all."""
    cost_usd: float | None
    """The same of the mean cost."""


class Foreseen(NamedTuple):
    """What would change."""

    n: int
    n_changed: int
    """Decisions whose likeliest choice becomes another arm."""
    quality: Shift
    latency_s: Shift
    moves: tuple[Move, ...]
    """The most frequent first."""


def foresee(table: ReplayTable, change: Change) -> Foreseen:
    """The change on these decisions. Only `objective`, presets and the lists of models are heeded, as in `choose`."""
    target, _, _ = choose(table, change)
    picked = np.where(target.max(axis=1) > 0.5, target.argmax(axis=1), table.chosen) if len(table) else table.chosen
    changed = np.flatnonzero(picked != table.chosen)
    return Foreseen(
        n=len(table),
        n_changed=len(changed),
        quality=_shift(table, target, table.foretold.quality),
        latency_s=_shift(table, target, table.foretold.latency_s),
        moves=_moves(table, picked, changed),
    )


def _shift(table: ReplayTable, target: Floats, foretold: Floats) -> Shift:
    # An arm that neither side would choose may be unknown: it weighs nothing.
    values = np.where((target > 0) | (table.chance > 0), foretold, 0.0)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    if not len(rows):
        unknown = Figure(None, reason="it is foretold of no decision")
        return Shift(0, unknown, unknown, unknown)
    old = (table.chance[rows] * values[rows]).sum(axis=1)
    new = (target[rows] * values[rows]).sum(axis=1)
    _, session = np.unique(table.session[rows], return_inverse=True)
    session = session.reshape(-1)
    n_sessions = int(session.max()) + 1
    return Shift(
        len(rows),
        mean_figure(old, session, n_sessions),
        mean_figure(new, session, n_sessions),
        mean_figure(new - old, session, n_sessions),
    )


def _moves(table: ReplayTable, picked: Ints, changed: Ints) -> tuple[Move, ...]:
    rows: dict[tuple[int, int], list[int]] = {}
    for row in reversed(changed.tolist()):
        rows.setdefault((int(table.chosen[row]), int(picked[row])), []).append(row)
    moves = [
        Move(
            table.arms[old],
            table.arms[new],
            tuple(places),
            _mean_change(table.foretold.quality, places, old, new),
            _mean_change(table.foretold.cost_usd, places, old, new),
        )
        for (old, new), places in rows.items()
    ]
    return tuple(sorted(moves, key=lambda move: (-len(move.rows), move.old, move.new)))


def _mean_change(foretold: Floats, rows: list[int], old: int, new: int) -> float | None:
    changes = foretold[rows, new] - foretold[rows, old]
    known = changes[np.isfinite(changes)]
    return float(known.mean()) if len(known) else None
