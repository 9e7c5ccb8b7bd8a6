"""Replay: what another preference, price list, model set or router would have chosen on a log, and what it is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from fairlead.domain.model_names import MeantBy, arms_by_name, is_pattern, names_of_arms, places_meant
from fairlead.domain.outline import outline_of_text
from fairlead.learning.off_policy import Estimates, Finding, Logged, estimate, judge
from fairlead.learning.outcomes import Bools, Floats, Ints
from fairlead.learning.replay_rows import Name, ReplayTable
from fairlead.routing.asking import VIRTUAL
from fairlead.routing.policies.objective import Foretold, Objective, objective_of_preset
from fairlead.routing.preferences import BUILT_IN_PRESETS, Preset
from fairlead.routing.trained_router import TrainedRouter

Prices = Mapping[str, tuple[float, float]]
"""Model -> USD per million input tokens, per million output tokens."""

_ABSENT: Final = -1e6
"""The quality of an arm that may not be chosen: below every worth that an arm can have."""
_BATCH: Final = 1_000
"""Texts that a router reads at once."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be otherwise. What is None or empty stays as it was."""

    objective: Objective | None = None
    """None: the preset that each decision was made under, as `presets` has it now."""
    presets: Mapping[str, Preset] = field(default_factory=lambda: BUILT_IN_PRESETS)
    default: Preset = BUILT_IN_PRESETS["balanced"]
    """Behind plain `auto`."""
    allowed: tuple[str, ...] = ()
    """Names or `*` patterns of models."""
    excluded: tuple[str, ...] = ()
    prices: Prices | None = None
    router: TrainedRouter | None = None
    meant_by: MeantBy | None = None
    """Where it means no arm of the log, or is None, the log's ids tell: with the lab, without it, at an upstream."""


@dataclass(frozen=True, slots=True)
class ArmShare:
    """How often one arm was chosen, and would have been."""

    arm: Name
    old_share: float
    new_share: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What comes of a replay. Rewards from 0 to 1, costs in USD a decision."""

    n: int
    n_held: int
    """Decisions that stay as they were, whatever the policy."""
    shares: tuple[ArmShare, ...]
    """The largest new share first."""
    reward: Estimates
    cost: Estimates
    finding: Finding
    paid_usd: float | None
    """What the decisions with a known cost really cost; None where none is known."""
    notes: tuple[str, ...]


def replay(table: ReplayTable, change: Change) -> Replayed:
    """The change on these decisions."""
    priced, ratio, price_notes = _at_prices(table, change.prices)
    priced, router_notes = _of_router(priced, change.router)
    target, is_held, choice_notes = choose(priced, change)
    of_reward = _estimates(priced, table.reward, priced.foretold.quality, target)
    of_cost = _estimates(priced, table.cost_usd * ratio, priced.foretold.cost_usd, target)
    paid = table.cost_usd[np.isfinite(table.cost_usd)]
    shut_out = _shut_out(priced, change)
    n = len(table)
    old = np.bincount(table.chosen, minlength=len(table.arms)) / max(1, n)
    new = target.sum(axis=0) / max(1, n)
    order = sorted(range(len(table.arms)), key=lambda arm: (-new[arm], -old[arm], table.arms[arm]))
    return Replayed(
        n=n,
        n_held=int(is_held.sum()),
        shares=tuple(
            ArmShare(table.arms[arm], float(old[arm]), float(new[arm])) for arm in order if old[arm] > 0 or new[arm] > 0
        ),
        reward=of_reward,
        cost=of_cost,
        finding=judge(of_reward, of_cost) if shut_out is None else Finding("refused", None, (shut_out,)),
        paid_usd=float(paid.sum()) if len(paid) else None,
        notes=(*table.notes, *price_notes, *router_notes, *choice_notes),
    )


def choose(table: ReplayTable, change: Change) -> tuple[Floats, Bools, list[str]]:
    """The chances of the changed policy (n, n_arms), which decisions it leaves as they were (n,), and why."""
    target, is_open = table.chance.copy(), np.zeros(len(table), dtype=np.bool_)
    n_shut, n_unknown = 0, 0
    groups, unmeant = _groups(table, change)
    for group in groups:
        at = np.flatnonzero(group.rows & table.is_free)
        may = table.is_candidate[at] & group.allowed
        n_allowed = int(may.any(axis=1).sum())
        may &= np.isfinite(table.foretold.quality[at])
        has_one = may.any(axis=1)
        n_shut += len(at) - n_allowed
        n_unknown += n_allowed - int(has_one.sum())
        at, may = at[has_one], may[has_one]
        if len(at):
            picked = group.objective.pick(_among(table.foretold, at, may), _cost_scale(table))
            target[at] = 0.0
            target[at, picked] = 1.0
            is_open[at] = True
    n_unnamed = int((table.is_free & ~is_open).sum()) - n_shut - n_unknown
    return target, ~is_open, _choice_notes(n_shut, n_unknown, n_unnamed, unmeant)


def _shut_out(table: ReplayTable, change: Change) -> str | None:
    """Why there is no policy to judge: nobody that the change allows was a candidate. None where somebody was."""
    groups, unmeant = _groups(table, change)
    asked = [(group, group.rows & table.is_free) for group in groups]
    n_shut = int(sum(rows.sum() for _, rows in asked))
    if not n_shut or any((table.is_candidate[rows] & group.allowed).any() for group, rows in asked):
        return None
    said = f" (none is called {', '.join(unmeant[:5])})" if unmeant else ""
    return f"the policy allows no candidate of any of these {n_shut} decisions{said}: allow a model that was one"


def _choice_notes(n_shut: int, n_unknown: int, n_unnamed: int, unmeant: Sequence[str]) -> list[str]:
    notes = []
    if n_shut:
        notes.append(f"{n_shut} decisions have no candidate that the policy allows: they stay as they were")
    if n_unknown:
        notes.append(
            f"{n_unknown} decisions have no candidate of known quality among those that the policy allows: "
            "they stay as they were"
        )
    if n_unnamed:
        notes.append(
            f"{n_unnamed} decisions were made under a preset that is not known here: they stay as they were; "
            "name its configuration file with --policy, or say --prefer"
        )
    if unmeant:
        notes.append(f"names of models that were never candidates do nothing: {', '.join(unmeant[:5])}")
    return notes


class _Group(NamedTuple):
    """Decisions that one objective makes."""

    objective: Objective
    allowed: Bools
    rows: Bools


def _groups(table: ReplayTable, change: Change) -> tuple[list[_Group], list[str]]:
    """Who decides which rows, and the names that mean no arm; a row of no group stays as it was."""
    names = _Names(table.arms, change.meant_by)
    allowed = names.allowed(change.allowed, change.excluded)
    if change.objective is not None:
        return [_Group(change.objective, allowed, np.ones(len(table), dtype=np.bool_))], names.unmeant
    policies = np.array([policy or VIRTUAL for policy in table.policies], dtype=np.str_)
    presets = {VIRTUAL: change.default, **{f"{VIRTUAL}:{name}": preset for name, preset in change.presets.items()}}
    groups = []
    for policy in np.unique(policies).tolist():
        preset = presets.get(policy)
        if preset is not None:
            wishes = preset.wishes
            of_preset = names.allowed(wishes.allowed_models, wishes.excluded_models)
            groups.append(_Group(objective_of_preset(preset), allowed & of_preset, policies == policy))
    return groups, names.unmeant


def _among(foretold: Foretold, at: Ints, may: Bools) -> Foretold:
    """What is foretold of these decisions; an arm that may not be chosen is worth nothing at any price."""
    figures = foretold._asdict()
    quality = {name: np.where(may, figures[name][at], _ABSENT) for name in ("quality", "quality_low", "quality_high")}
    rest = {name: np.where(may, figures[name][at], np.nan) for name in ("output_tokens", "cost_usd", "latency_s")}
    return Foretold(**quality, **rest)


class _Names:
    """What names and patterns mean among these arms, as the server reads them."""

    def __init__(self, arms: Sequence[Name], meant_by: MeantBy | None) -> None:
        self._arms = [(model.lower(), upstream.lower()) for model, upstream in arms]
        self._names = names_of_arms(arms)
        self._meant_by = meant_by
        self.unmeant: list[str] = []
        """Names, not patterns, that mean no arm."""

    def allowed(self, allowed: Sequence[str], excluded: Sequence[str]) -> Bools:
        """The arms that one may choose (n_arms,)."""
        return (self._meant(allowed) if allowed else np.bool_(True)) & ~self._meant(excluded)

    def _meant(self, wanted: Sequence[str]) -> Bools:
        found = np.zeros(len(self._arms), dtype=np.bool_)
        for name in wanted:
            places = self._stated(name) or places_meant(name, (model for model, _ in self._arms), self._names)
            found[list(places)] = True
            if not places and not is_pattern(name) and name not in self.unmeant:
                self.unmeant.append(name)
        return found

    def _stated(self, name: str) -> list[int]:
        """The places of what somebody knows this name for; an id of the log always means itself."""
        is_id = any(model == name.lower() for model, _ in self._arms)
        meant = None if self._meant_by is None or is_id else self._meant_by(name)
        if meant is None:
            return []
        model, upstream = meant.model.lower(), None if meant.upstream is None else meant.upstream.lower()
        return [place for place, arm in enumerate(self._arms) if arm[0] == model and upstream in (None, arm[1])]


def _cost_scale(table: ReplayTable) -> float | None:
    """The mean estimated cost of the dearest arm: what a cost weight is measured in."""
    known = np.isfinite(table.foretold.cost_usd)
    counts = known.sum(axis=0)
    if not counts.any():
        return None
    sums = np.where(known, table.foretold.cost_usd, 0.0).sum(axis=0)
    return float((sums / np.maximum(counts, 1)).max())


def _at_prices(table: ReplayTable, prices: Prices | None) -> tuple[ReplayTable, Floats, list[str]]:
    """The table at these prices, and by what each decision's paid cost is to be multiplied (n,)."""
    ratio = np.ones(len(table))
    if prices is None:
        return table, ratio, []
    cost = table.foretold.cost_usd.copy()
    named = set()
    for arm, (model, _) in enumerate(table.arms):
        stated = prices.get(model)
        if stated is not None:
            named.add(model)
            cost[:, arm] = (table.input_tokens * stated[0] + table.foretold.output_tokens[:, arm] * stated[1]) * 1e-6
    rows = np.arange(len(table))
    old, new = table.foretold.cost_usd[rows, table.chosen], cost[rows, table.chosen]
    changed = np.array([model in named for model, _ in table.arms], dtype=np.bool_)[table.chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio[changed] = np.where(old > 0, new / old, np.nan)[changed]
    notes = ["costs are at the new prices, of the old choices too: what was paid, times new estimate over old estimate"]
    unknown = sorted(set(prices) - named)
    if unknown:
        notes.append(f"prices of models that were never candidates do nothing: {', '.join(unknown[:5])}")
    return replace(table, foretold=table.foretold._replace(cost_usd=cost)), ratio, notes


def _of_router(table: ReplayTable, router: TrainedRouter | None) -> tuple[ReplayTable, list[str]]:
    """The table with the qualities that this router foretells; decisions whose text is not kept are held."""
    if router is None:
        return table, []
    has_text = np.array([text is not None for text in table.texts], dtype=np.bool_)
    at = np.flatnonzero(table.is_free & has_text)
    places = _places(router.arms, table.arms)
    known = np.flatnonzero(places >= 0)
    notes = []
    if len(at) < int(table.is_free.sum()):
        n_without = int(table.is_free.sum()) - len(at)
        notes.append(f"{n_without} decisions have no text for the router to read: they stay as they were")
    if not len(known):
        notes.append("the router knows none of the candidates: nothing changes by it")
    matrices = [matrix.copy() for matrix in table.foretold[:3]]
    for begin in range(0, len(at) if len(known) else 0, _BATCH):
        rows = at[begin : begin + _BATCH]
        found = router.foretell([outline_of_text(str(table.texts[row])) for row in rows.tolist()])
        for matrix, of_router in zip(matrices, found[:3], strict=True):
            matrix[np.ix_(rows, known)] = of_router[:, places[known]]
    foretold = table.foretold._replace(quality=matrices[0], quality_low=matrices[1], quality_high=matrices[2])
    return replace(table, foretold=foretold, is_free=table.is_free & has_text), notes


def _places(trained: Sequence[str], arms: Sequence[Name]) -> Ints:
    """The trained arm of each arm (n_arms,), -1 for none: by the whole name, else by what follows the lab's."""
    by_name: dict[str, int] = {}
    for model, place in arms_by_name(trained):
        for name in (model.lower(), model.lower().rpartition("/")[2]):
            by_name.setdefault(name, place)
    found = [by_name.get(model.lower(), by_name.get(model.lower().rpartition("/")[2], -1)) for model, _ in arms]
    return np.array(found, dtype=np.int64)


def _estimates(table: ReplayTable, outcome: Floats, foretold: Floats, target: Floats) -> Estimates:
    known = np.isfinite(outcome)
    logged = Logged(table.chosen[known], table.chance[known], outcome[known], foretold[known], table.session[known])
    return estimate(logged, target[known])
