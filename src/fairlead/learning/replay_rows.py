"""Replay rows: logged decisions as replay reads them, one by one from any log, and side by side as arrays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Final, NamedTuple

import numpy as np

from fairlead.learning.outcomes import Bools, Floats, Ints
from fairlead.routing.policies.objective import Foretold

Name = tuple[str, str]
"""An arm: model, upstream."""

MAX_CELLS: Final = 5_000_000
"""Decisions times arms held at once, about a gigabyte with all that is reckoned of them."""
_SURE: Final = 1.0 - 1e-6


class ReplayCandidate(NamedTuple):
    """An arm that could have served. Units: quality from 0 to 1, USD, tokens, seconds; None is unknown."""

    model: str
    upstream: str
    chance: float | None
    """With which it was to be chosen."""
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    output_tokens: float | None = None
    cost_usd: float | None = None
    total_s: float | None = None


class ReplayRow(NamedTuple):
    """One logged decision, with what came of it."""

    decision_id: str
    at_s: float
    candidates: tuple[ReplayCandidate, ...]
    chosen: int
    """The place of the chosen one among the candidates."""
    session: str | None = None
    """Decisions of one session are not independent."""
    policy: str | None = None
    is_free: bool = True
    """False where no policy had a choice: a model asked for by name, a tool loop, a held conversation."""
    input_tokens: float | None = None
    reward: float | None = None
    """From 0 to 1: feedback or a score; None without."""
    cost_usd: float | None = None
    """What was paid."""
    query: str | None = None
    """The last user turn, where texts are kept."""


@dataclass(frozen=True, slots=True)
class ReplayTable:
    """n logged decisions among all arms that were candidates in any.

    Shapes: chosen, session, reward, cost_usd, input_tokens, is_free, policies, texts, decision_ids (n,); chance,
    is_candidate and the matrices of `foretold` (n, n_arms). NaN is unknown.
    """

    arms: tuple[Name, ...]
    foretold: Foretold
    chance: Floats
    is_candidate: Bools
    chosen: Ints
    session: Ints
    reward: Floats
    cost_usd: Floats
    input_tokens: Floats
    is_free: Bools
    policies: tuple[str | None, ...]
    texts: tuple[str | None, ...]
    decision_ids: tuple[str, ...]
    notes: tuple[str, ...]
    """What was left out, and why."""

    def __len__(self) -> int:
        return len(self.chosen)

    def with_texts(self, text_of: Mapping[str, str]) -> "ReplayTable":
        """The same with these texts; `text_of`: decision -> its last user turn."""
        return replace(self, texts=tuple(map(text_of.get, self.decision_ids)))


def table_of(rows: Iterable[ReplayRow], max_cells: int = MAX_CELLS) -> ReplayTable:
    """The rows side by side, in their order. What tells nothing is left out and counted in the notes.

    Where there are more than `max_cells`, the newest are kept: what is too much is let go as soon as it is seen.
    """
    kept: list[tuple[float, int, ReplayRow, tuple[float, ...]]] = []
    seen: set[Name] = set()
    n_unknown, n_older = 0, 0
    for place, row in enumerate(rows):
        chances = chances_of(row)
        if chances is None:
            n_unknown += 1
            continue
        # A file may be in any order of time.
        heappush(kept, (row.at_s, place, row, chances))
        seen.update((each.model, each.upstream) for each in row.candidates)
        while len(kept) > max(1, max_cells // len(seen)):
            heappop(kept)
            n_older += 1
    notes = [f"{n_unknown} decisions without the chance of every candidate are left out"] if n_unknown else []
    if n_older:
        notes.append(f"only the newest {len(kept)} decisions are looked at, {n_older} older ones are not")
    kept.sort(key=lambda each: each[1])
    arms = tuple(dict.fromkeys((each.model, each.upstream) for _, _, row, _ in kept for each in row.candidates))
    return _filled([row for _, _, row, _ in kept], [chances for *_, chances in kept], arms, tuple(notes))


def chances_of(row: ReplayRow) -> tuple[float, ...] | None:
    """The chance of every candidate; None where it is not known of all.

    An unstated chance is 0 where the chosen one was certain.
    """
    stated = [each.chance for each in row.candidates]
    if not 0 <= row.chosen < len(stated):
        return None
    of_chosen = stated[row.chosen]
    if of_chosen is None or of_chosen <= 0:
        return None
    if of_chosen >= _SURE:
        return tuple(1.0 if place == row.chosen else 0.0 for place in range(len(stated)))
    known = [each for each in stated if each is not None]
    total = sum(known)
    if len(known) < len(stated) and total < 1.0 - 1e-3:
        return None
    return tuple((each or 0.0) / total for each in stated) if abs(total - 1.0) <= 1e-3 else None


def _filled(
    rows: list[ReplayRow], chances: list[tuple[float, ...]], arms: tuple[Name, ...], notes: tuple[str, ...]
) -> ReplayTable:
    place_of = {arm: place for place, arm in enumerate(arms)}
    n, m = len(rows), len(arms)
    chance, is_candidate = np.zeros((n, m)), np.zeros((n, m), dtype=np.bool_)
    foretold = Foretold(*(np.full((n, m), np.nan) for _ in Foretold._fields))
    chosen, session = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    sessions: dict[str, int] = {}
    for i, (row, odds) in enumerate(zip(rows, chances, strict=True)):
        places = [place_of[each.model, each.upstream] for each in row.candidates]
        chosen[i] = places[row.chosen]
        # A decision of no known session stands for itself.
        session[i] = sessions.setdefault(row.session, len(sessions)) if row.session is not None else n + i
        chance[i, places] = odds
        is_candidate[i, places] = True
        for matrix, values in zip(
            foretold, zip(*(_figures(each) for each in row.candidates), strict=True), strict=True
        ):
            matrix[i, places] = values
    return ReplayTable(
        arms=arms,
        foretold=foretold,
        chance=chance,
        is_candidate=is_candidate,
        chosen=chosen,
        session=session,
        reward=np.array([_number(row.reward) for row in rows]),
        cost_usd=np.array([_number(row.cost_usd) for row in rows]),
        input_tokens=np.array([_number(row.input_tokens) for row in rows]),
        is_free=np.array([row.is_free for row in rows], dtype=np.bool_),
        policies=tuple(row.policy for row in rows),
        texts=tuple(row.query for row in rows),
        decision_ids=tuple(row.decision_id for row in rows),
        notes=notes,
    )


def _figures(candidate: ReplayCandidate) -> tuple[float, ...]:
    """In the order of Foretold; where no interval is known the quality stands for it."""
    quality = _number(candidate.quality)
    return (
        quality,
        quality if candidate.quality_low is None else candidate.quality_low,
        quality if candidate.quality_high is None else candidate.quality_high,
        _number(candidate.output_tokens),
        _number(candidate.cost_usd),
        _number(candidate.total_s),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
