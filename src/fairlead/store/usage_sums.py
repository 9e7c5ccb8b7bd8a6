"""Usage sums: the sums of requests as SQL asks for them, and as rows: money of replies apart from money beside them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from fairlead.store.database import Row
from fairlead.store.rollups import LOST, SHADOW
from fairlead.store.rows import UsageRow
from fairlead.store.tables import SUMS

BESIDE: Final = (LOST, SHADOW)
"""In place of outcomes: money that no reply has cost, each with a sum of its own in `UsageRow`."""
CELL: Final = ("bucket_s", "model", "outcome", *SUMS)
_COST: Final = CELL.index("cost_nanousd")


def summed(name: str) -> str:
    """One of SUMS, of every outcome."""
    return f"SUM({name})" if name.endswith("_s") else f"CAST(SUM({name}) AS BIGINT)"


def usage_columns() -> str:
    """All columns of a UsageRow but its first two."""
    money = f"CASE WHEN outcome IN ('{LOST}', '{SHADOW}') THEN 0 ELSE cost_nanousd END"
    sums = [_whole(money) if name == "cost_nanousd" else summed(name) for name in SUMS]
    n_ok = _whole("CASE WHEN outcome = 'ok' THEN n ELSE 0 END")
    beside = [_whole(f"CASE WHEN outcome = '{which}' THEN cost_nanousd ELSE 0 END") for which in BESIDE]
    return ", ".join((sums[0], n_ok, *sums[1:], *beside))


def _whole(what: str) -> str:
    return f"CAST(SUM({what}) AS BIGINT)"


def gathered(cells: Sequence[Row], group: Callable[[Row], tuple[str, int | None]]) -> tuple[UsageRow, ...]:
    """Rows of CELL, added up by group; the most frequent first."""
    alike: dict[tuple[str, int | None], list[Row]] = defaultdict(list)
    for cell in cells:
        alike[group(cell)].append(cell)
    rows = []
    for key, those in alike.items():
        n, *rest = map(sum, islice(zip(*those, strict=True), CELL.index("n"), None))
        beside = [sum(cell[_COST] for cell in those if cell[2] == which) for which in BESIDE]
        rest[_COST - CELL.index("n") - 1] -= sum(beside)
        rows.append(UsageRow(*key, n, sum(cell[3] for cell in those if cell[2] == "ok"), *rest, *beside))
    return tuple(sorted(rows, key=lambda row: (-row.n, row.group)))
