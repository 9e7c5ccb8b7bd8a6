"""Rollups: finished requests -> sums by minute, hour and day, so that a million requests are seen at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np

from fairlead.store.candidates import columns_of
from fairlead.store.delay_slots import slots_of
from fairlead.store.tables import REQUESTS, SUMS, Put

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
ALL_MODELS: Final = "*"
"""In place of a model, in the delays of all of them together: the overview then reads a tenth of the rows."""
CONCRETE: Final = "concrete"
"""The policy of a request that names its models: see routing/asking.Asked."""
LOST: Final = "lost"
"""In place of an outcome: what attempts have cost that another arm outran or replaced. Money alone, of 0 requests."""
SHADOW: Final = "shadow"
"""The same of shadows."""
_AT: Final = {name: place for place, name in enumerate(REQUESTS)}
_NANO: Final = 1e-9

Row = Sequence[Any]
Key = tuple[Any, ...]
Arms = tuple[tuple[str, str], ...]


class Spent(NamedTuple):
    """What one call has cost; None is unknown."""

    model: str
    upstream: str
    cost_nanousd: int | None


class Rollups:
    """The sums of one batch."""

    def __init__(self) -> None:
        self._rows: dict[Key, list[Row]] = defaultdict(list)
        self._beside: dict[Key, int] = defaultdict(int)
        """Nano-dollars that no reply has cost."""
        self._compared: dict[tuple[str, int], list[_Compared]] = defaultdict(list)
        self._arms: dict[str, Arms] = {}

    def add(self, row: Row, arms: Arms, spent: Sequence[Spent] = ()) -> None:
        """One finished request, as it goes into `requests`; `arms` are the model and upstream of each place.

        `spent`: what its attempts have cost, where they are known apart: that stands with those who were paid.
        """
        at_s, tenant, model, upstream, policy, kind, door, outcome, blob, nano, is_cached, pool = _DIMENSIONS(row)
        minute = int(at_s // MINUTE_S) * MINUTE_S
        key = (minute, tenant, model or "", upstream or "", policy or "", kind or "", door or "", outcome)
        lost = 0
        for other, at, cost in spent:
            if cost and (other, at) != (model, upstream):
                self._beside[minute, tenant, other, at, *key[4:-1], LOST] += cost
                lost += cost
        own = nano
        if lost and nano is not None:
            own = max(nano - lost, 0)
            row = (*row[:_COST], own, *row[_COST + 1 :])
        if is_cached:  # its time is ours, and says nothing of the model
            row = [None if at in (_FIRST, _TOTAL) else value for at, value in enumerate(row)]
        self._rows[key].append(row)
        # Who names a model has left nothing to choose: what others would have cost is no saving, nor known.
        if blob is not None and outcome == "ok" and nano is not None and not is_cached and arms and policy != CONCRETE:
            self._arms[pool] = arms
            self._compared[pool, len(blob)].append(_Compared((minute, tenant), blob, (model, upstream), own, nano))

    def add_shadow(self, at_s: float, tenant: str, spent: Spent) -> None:
        """What another model has cost that was asked after the reply."""
        if spent.cost_nanousd:
            minute = int(at_s // MINUTE_S) * MINUTE_S
            self._beside[minute, tenant, spent.model, spent.upstream, "", "", "", SHADOW] += spent.cost_nanousd

    def puts(self) -> list[Put]:
        """The rows of sums: by minute, hour and day. Sorted, so that two writers lock them in one order."""
        sums = {key: _sums(rows) for key, rows in self._rows.items()}
        for key, nano in self._beside.items():
            sums[key] = [nano if name == "cost_nanousd" else 0 for name in SUMS]
        arms: dict[Key, list[float]] = {}
        for (pool, _), those in self._compared.items():
            with np.errstate(all="ignore"):  # an absurd estimate gives an absurd sum, and harms nobody else's
                _compare(arms, self._arms[pool], those)
        return [Put(table, _by_span(found)) for table, found in (("rollups", sums), ("rollup_arms", arms)) if found]

    def add_delays(self, counts: dict[Key, list[int]]) -> None:
        """Count the delays of this batch by slot, for `delay_puts`: of what upstreams brought, not of kept answers.

        A reply that never was whole has no time within which it was.
        """
        for what, place in (("first_byte", _FIRST), ("total", _TOTAL)):
            met = [(key, rows) for key, rows in self._rows.items() if what == "first_byte" or key[-1] == "ok"]
            told = [[row[place] for row in rows if row[place] is not None] for _, rows in met]
            slots, end = slots_of(list(chain.from_iterable(told))), 0
            for ((minute, tenant, model, *_), _), seconds in zip(met, told, strict=True):
                begin, end = end, end + len(seconds)
                for slot, n in enumerate(np.bincount(slots[begin:end]).tolist()):
                    if n:
                        counts.setdefault((minute, tenant, model, what, slot), [0])[0] += n
                        counts.setdefault((minute, tenant, ALL_MODELS, what, slot), [0])[0] += n


def delay_puts(counts: dict[Key, list[int]]) -> list[Put]:
    """The rows of delays: as those of sums."""
    return [Put("rollup_delays", _by_span(counts))] if counts else []


def _sums(rows: Sequence[Row]) -> list[float]:
    """SUMS of these rows."""
    columns = [list(column) for column in zip(*map(_FIGURES, rows), strict=True)]
    nano, first = columns[_NANO_AT], columns[_FIRST_AT]
    added = [_added(column) for column in columns]
    n_first = len(first) - first.count(None)
    return [len(rows), added[0], nano.count(None), *added[1:_FIRST_AT], n_first, *added[_FIRST_AT:]]


def _added(column: list[Any]) -> Any:
    """The sum of what is known."""
    return sum(column) if None not in column else sum(value for value in column if value is not None)


class _Compared(NamedTuple):
    """One request whose candidates are compared."""

    when: Key
    blob: bytes
    served: tuple[str, str]
    own: int
    """Nano-dollars that the one who served has cost."""
    nano: int
    """And all attempts."""


def _compare(sums: dict[Key, list[float]], arms: Arms, those: Sequence[_Compared]) -> None:
    """What each candidate would have cost: its estimate, as far off as that of the one that served was.

    All of those have as many candidates, from these arms. What attempts that lost have cost was paid too.
    """
    whens_of, blobs, served, owns, nanos = zip(*those, strict=True)
    numbers, costs, qualities = columns_of(blobs, ("cost_usd", "quality"))
    if not numbers.size or numbers.max() >= len(arms):
        return
    own, actual = (np.array(money, dtype=np.float64)[:, None] * _NANO for money in (owns, nanos))
    places: dict[tuple[str, str], int] = {}
    alike = np.array([places.setdefault(arm, place) for place, arm in enumerate(arms)])
    is_served = alike[numbers] == np.array([places.get(arm, -1) for arm in served])[:, None]
    expected = np.take_along_axis(costs, is_served.argmax(axis=1)[:, None], axis=1)
    # Who served without an estimate, or with one of nothing, was off by no factor.
    scale = np.where(is_served.any(axis=1, keepdims=True) & (expected > 0.0), own / expected, 1.0)
    whens = {when: at for at, when in enumerate(dict.fromkeys(whens_of))}
    cell = (np.array([whens[when] for when in whens_of])[:, None] * len(arms) + numbers).ravel()
    is_priced = ~np.isnan(costs)
    alternative = np.where(is_priced, np.where(is_served, own, costs * scale), 0.0)
    saved = np.where(is_priced, alternative - actual, 0.0)
    figures = (
        is_priced,
        np.where(is_priced, qualities, 0.0),
        alternative,
        actual * is_priced,
        saved,
        saved * saved,
        ~is_priced,
    )
    table = [np.bincount(cell, weights=figure.ravel(), minlength=len(whens) * len(arms)) for figure in figures]
    met, n_arms = list(whens), len(arms)
    told = np.unique(cell)
    for at, values in zip(told.tolist(), np.stack(table)[:, told].T.tolist(), strict=True):
        values[0], values[-1] = int(values[0]), int(values[-1])
        key = (*met[at // n_arms], *arms[at % n_arms])
        there = sums.get(key)
        sums[key] = values if there is None else [a + b for a, b in zip(there, values, strict=True)]


def _by_span(sums: dict[Key, Any]) -> list[tuple[Any, ...]]:
    found = []
    for span_s, longer_s in ((MINUTE_S, HOUR_S), (HOUR_S, DAY_S), (DAY_S, None)):
        found += [(span_s, *key, *values) for key, values in sums.items()]
        if longer_s is not None:
            sums = _by_longer(sums, longer_s)
    return sorted(found)


def _by_longer(sums: dict[Key, Any], span_s: int) -> dict[Key, Any]:
    alike: dict[Key, list[Sequence[Any]]] = defaultdict(list)
    for key, values in sums.items():
        alike[key[0] // span_s * span_s, *key[1:]].append(values)
    return {
        key: those[0] if len(those) == 1 else [sum(column) for column in zip(*those, strict=True)]
        for key, those in alike.items()
    }


def _from(*names: str) -> Callable[[Row], tuple[Any, ...]]:
    return itemgetter(*(_AT[name] for name in names))


_DIMENSIONS: Final = _from(
    "at_s",
    "tenant",
    "model",
    "upstream",
    "policy",
    "kind",
    "door",
    "outcome",
    "candidates",
    "cost_nanousd",
    "is_cached",
    "pool",
)
_ADDED: Final = tuple(name for name in SUMS if name in _AT or name == "n_cached")
_FIGURES: Final = _from(*("is_cached" if name == "n_cached" else name for name in _ADDED))
_COST, _FIRST, _TOTAL = _AT["cost_nanousd"], _AT["first_byte_s"], _AT["total_s"]
_NANO_AT: Final = _ADDED.index("cost_nanousd")
_FIRST_AT: Final = _ADDED.index("first_byte_s")
