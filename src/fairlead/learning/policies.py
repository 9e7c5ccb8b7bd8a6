"""Policies: which model each query gets under each setting of a trade-off, and what that is worth on outcomes.

Setting 0 is always the one that asks for quality alone. A policy that looks at the query chooses; one that does not
may also mix models by fixed shares, and is then worth its expectation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fairlead.learning.outcomes import Floats
from fairlead.routing.policies.steady import steadied

COST_WEIGHTS: Final[tuple[float, ...]] = (0.0, *np.geomspace(1e-3, 1e3, 80).tolist())
"""Quality given up for the mean cost of the dearest model: the settings of a cost-quality curve."""
DELAY_WEIGHTS: Final[tuple[float, ...]] = (0.0, *np.geomspace(1e-2, 1e1, 8).tolist())
"""The same for cost and for delay where both are traded: every pair is a setting."""


class Policy(Protocol):
    """Something that serves queries under settings."""

    @property
    def n_settings(self) -> int:
        """How many settings there are."""
        ...

    def expected(self, outcomes: Floats, rows: NDArray[np.int64]) -> Floats:
        """What these queries get. Shapes: outcomes (n, m), rows (r,) -> (n_settings, r)."""
        ...


@dataclass(frozen=True, slots=True)
class Choices:
    """One model a query and setting. Shapes: picks (n_settings, n)."""

    picks: NDArray[np.int16]

    @property
    def n_settings(self) -> int:
        return len(self.picks)

    def expected(self, outcomes: Floats, rows: NDArray[np.int64]) -> Floats:
        return outcomes[rows[None, :], self.picks[:, rows]]


@dataclass(frozen=True, slots=True)
class Mixes:
    """Models by fixed shares, the same for all queries of a block (a fold of cross-validation).

    Shapes: shares (n_blocks, n_settings, m), each row sums to 1; block (n,).
    """

    shares: Floats
    block: NDArray[np.int64]

    @property
    def n_settings(self) -> int:
        return int(self.shares.shape[1])

    def expected(self, outcomes: Floats, rows: NDArray[np.int64]) -> Floats:
        found = np.empty((self.n_settings, len(rows)))
        blocks = self.block[rows]
        for block in range(len(self.shares)):
            here = blocks == block
            found[:, here] = self.shares[block] @ outcomes[rows[here]].T
        return found


def best_expected(quality: Floats, cost_usd: Floats | None, usual: Floats | None = None) -> Choices:
    """For each weight of cost the model of the highest `quality - weight * cost / dearest mean`; the first of ties.

    Shapes: (n, m), (n, m); usual (m,) or (n, m), the models' quality on the usual query, where the choice is steadied
    by it as a trained router's is. Without costs there is one setting.
    """
    if cost_usd is None:
        return Choices(quality.argmax(axis=1).astype(np.int16)[None])
    relative = cost_usd / _scale(cost_usd)
    picks = [chosen_at(weight, quality, relative, usual) for weight in COST_WEIGHTS]
    return Choices(np.array(picks, dtype=np.int16))


def chosen_at(weight: float, quality: Floats, relative_cost: Floats, usual: Floats | None) -> NDArray[np.int64]:
    """The model of every query (n,) at one weight of cost, as a trained router chooses where `usual` is told."""
    worth = quality - weight * relative_cost
    if usual is not None and weight:
        worth = steadied(worth, usual - weight * relative_cost)
    return np.asarray(worth.argmax(axis=1), dtype=np.int64)


def best_expected_timed(quality: Floats, cost_usd: Floats, latency_s: Floats) -> Choices:
    """The same over every pair of weights of cost and delay. Shapes: (n, m) each."""
    cost, delay = cost_usd / _scale(cost_usd), latency_s / _scale(latency_s)
    picks = [(quality - a * cost - b * delay).argmax(axis=1) for a in DELAY_WEIGHTS for b in DELAY_WEIGHTS]
    return Choices(np.array(picks, dtype=np.int16))


def always(arm: int, n: int) -> Choices:
    """One model for every query."""
    return Choices(np.full((1, n), arm, dtype=np.int16))


def same_mix(shares: Floats, n: int) -> Mixes:
    """The same shares for every query. Shapes: shares (n_settings, m)."""
    return Mixes(shares[None], np.zeros(n, dtype=np.int64))


def joined(policies: Sequence[Policy]) -> Policy:
    """The policies of consecutive blocks of queries as one.

    A block of fewer settings repeats its first: which mixes are worth trying, and whether costs are known to trade,
    depends on the fold. Raises: ValueError if choices meet mixes.
    """
    chosen = [policy for policy in policies if isinstance(policy, Choices)]
    mixed = [policy for policy in policies if isinstance(policy, Mixes)]
    n_settings = max(policy.n_settings for policy in policies)
    if len(chosen) == len(policies):
        picks = [
            np.concatenate([policy.picks, np.repeat(policy.picks[:1], n_settings - policy.n_settings, axis=0)])
            for policy in chosen
        ]
        return Choices(np.concatenate(picks, axis=1))
    if len(mixed) != len(policies):
        raise ValueError("a policy that chooses cannot be joined to one that mixes")
    shares = [
        np.concatenate([policy.shares, np.repeat(policy.shares[:, :1], n_settings - policy.n_settings, axis=1)], axis=1)
        for policy in mixed
    ]
    starts = np.cumsum([0, *(len(policy.shares) for policy in mixed)])
    blocks = [policy.block + start for policy, start in zip(mixed, starts, strict=False)]
    return Mixes(np.concatenate(shares), np.concatenate(blocks))


def _scale(matrix: Floats) -> float:
    """The highest mean of a column; 1 where everything is free."""
    return float(matrix.mean(axis=0).max()) or 1.0
