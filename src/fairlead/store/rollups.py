"""Rollups: finished requests -> sums by minute, hour and day, so that a million requests are seen at once."""

from collections import defaultdict
from collections.abc import Sequence
from math import isnan
from operator import itemgetter
from struct import unpack
from typing import Any, Final

from fairlead.domain.figures import COLUMNS
from fairlead.store.candidates import split
from fairlead.store.delay_slots import slot_of
from fairlead.store.tables import ARM_SUMS, REQUESTS, SUMS, Put

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
ALL_MODELS: Final = "*"
"""In place of a model, in the delays of all of them together: the overview then reads a tenth of the rows."""
_AT: Final = {name: place for place, name in enumerate(REQUESTS)}
_COST: Final = COLUMNS.index("cost_usd")
_QUALITY: Final = COLUMNS.index("quality")
_NANO: Final = 1e-9

Row = Sequence[Any]
Key = tuple[Any, ...]


class Rollups:
    """The sums of one batch."""

    def __init__(self) -> None:
        self._sums: dict[Key, list[float]] = {}
        self._delays: dict[Key, int] = defaultdict(int)
        self._arms: dict[Key, list[float]] = {}

    def add(self, row: Row, arms: Sequence[tuple[str, str]]) -> None:
        """One finished request, as it goes into `requests`; `arms` are the model and upstream of each place."""
        (at_s, tenant, policy, kind, door, model, upstream, outcome) = _DIMENSIONS(row)
        minute = int(at_s // MINUTE_S) * MINUTE_S
        model = model or ""
        key = (minute, tenant, model, upstream or "", policy or "", kind or "", door or "", outcome)
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0] * len(SUMS)
        (is_cached, n_attempts, n_input, n_read, n_write, n_output, n_thought, nano, first_s, total_s, own_s) = (
            _FIGURES(row)
        )
        sums[0] += 1
        sums[1] += is_cached
        sums[3] += n_attempts
        if nano is None:
            sums[2] += 1
        else:
            sums[4] += nano
        if n_input is not None:
            sums[5] += n_input
            sums[6] += n_read
            sums[7] += n_write
            sums[8] += n_output
            sums[9] += n_thought
        delays = self._delays
        if first_s is not None:
            sums[10] += 1
            sums[11] += first_s
            slot = slot_of(first_s)
            delays[minute, tenant, model, "first_byte", slot] += 1
            delays[minute, tenant, ALL_MODELS, "first_byte", slot] += 1
        sums[12] += total_s
        sums[13] += own_s
        slot = slot_of(total_s)
        delays[minute, tenant, model, "total", slot] += 1
        delays[minute, tenant, ALL_MODELS, "total", slot] += 1
        blob = row[_AT["candidates"]]
        if blob is not None and outcome == "ok" and nano is not None and not is_cached:
            self._compare((minute, tenant), blob, nano * _NANO, row[_AT["expected_usd"]], arms)

    def _compare(
        self, when: Key, blob: bytes, actual_usd: float, expected_usd: float | None, arms: Sequence[tuple[str, str]]
    ) -> None:
        """What each candidate would have cost: its estimate, as far off as that of the chosen one was."""
        places, columns = split(blob)
        n = len(places) // 2
        scale = actual_usd / expected_usd if expected_usd else 1.0
        costs = unpack(f"<{n}f", columns[4 * n * _COST : 4 * n * (_COST + 1)])
        qualities = unpack(f"<{n}f", columns[4 * n * _QUALITY : 4 * n * (_QUALITY + 1)])
        for number, cost, quality in zip(unpack(f"<{n}H", places), costs, qualities, strict=True):
            key = (*when, *arms[number])
            sums = self._arms.get(key)
            if sums is None:
                sums = self._arms[key] = [0.0] * len(ARM_SUMS)
            if isnan(cost):
                sums[6] += 1
                continue
            alternative = cost * scale
            saved = alternative - actual_usd
            sums[0] += 1
            sums[1] += quality
            sums[2] += alternative
            sums[3] += actual_usd
            sums[4] += saved
            sums[5] += saved * saved

    def puts(self) -> list[Put]:
        """The rows for the three tables: by minute, and by hour. Sorted, so that two writers lock them in one order."""
        delays = {key: [n] for key, n in self._delays.items()}
        return [
            Put(table, _by_span(sums))
            for table, sums in (("rollups", self._sums), ("rollup_arms", self._arms), ("rollup_delays", delays))
            if sums
        ]


def _by_span(sums: dict[Key, Any]) -> list[tuple[Any, ...]]:
    found = [(MINUTE_S, *key, *values) for key, values in sums.items()]
    for span_s in (HOUR_S, DAY_S):
        longer: dict[Key, list[float]] = {}
        for (minute, *rest), values in sums.items():
            key = (minute // span_s * span_s, *rest)
            there = longer.get(key)
            longer[key] = list(values) if there is None else [a + b for a, b in zip(there, values, strict=True)]
        found += [(span_s, *key, *values) for key, values in longer.items()]
    return sorted(found)


_DIMENSIONS: Final = itemgetter(
    *(_AT[name] for name in ("at_s", "tenant", "policy", "kind", "door", "model", "upstream", "outcome"))
)
_FIGURES: Final = itemgetter(
    *(
        _AT[name]
        for name in (
            "is_cached",
            "n_attempts",
            "input_tokens",
            "cached_read_tokens",
            "cache_write_tokens",
            "output_tokens",
            "reasoning_tokens",
            "cost_nanousd",
            "first_byte_s",
            "total_s",
            "overhead_s",
        )
    )
)
