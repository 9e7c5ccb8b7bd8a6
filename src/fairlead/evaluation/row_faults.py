"""Faults of rows: what is wrong in which line of which file, collected so that one error names them all."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fairlead.domain.errors import OutcomesError

MAX_NAMED: Final = 10
"""How many faults a message names one by one; the rest is a count."""

_SHOWN_CHARS: Final = 60

Place = Callable[[int], str]
"""From the index of a row (from 0) to its place as a person counts it: `line 3`, `row 2`."""


class Faults:
    """What is wrong, row by row; a million bad rows cost no more than their count."""

    def __init__(self) -> None:
        self._named: dict[tuple[Path, str], list[tuple[int, Place, str]]] = {}
        self._count = 0

    @property
    def count(self) -> int:
        """How many faults there are."""
        return self._count

    def add(
        self,
        path: Path,
        place_of: Place,
        rows: Sequence[int] | NDArray[np.int64],
        tell: Callable[[int], str],
        mend: str,
    ) -> None:
        """These rows of a file are wrong: `tell` says how one is, `mend` what to do about all of them."""
        if not len(rows):
            return
        self._count += len(rows)
        named = self._named.setdefault((path, mend), [])
        room = max(0, MAX_NAMED - len(named))
        named += [(int(row), place_of, tell(int(row))) for row in rows[:room]]

    def refuse(self) -> None:
        """Raises: OutcomesError that names the first faults of all files and how to mend them, if there are any."""
        if not self._count:
            return
        paths = list(dict.fromkeys(path for path, _ in self._named))
        lines = [f"{_counted(self._count, 'fault')} in {', '.join(map(str, paths))}; nothing was read:"]
        of_path = {
            path: [fault for (of, _), faults in self._named.items() if of == path for fault in faults] for path in paths
        }
        named = [(path, *fault) for path in paths for fault in sorted(of_path[path], key=_row)][:MAX_NAMED]
        lines += [f"  {path}, {place_of(row)}: {what}" for path, row, place_of, what in named]
        if self._count > len(named):
            lines.append(f"  and {self._count - len(named):,} more")
        lines += [f"To mend: {mend}." for mend in dict.fromkeys(mend for _, mend in self._named)]
        raise OutcomesError("\n".join(lines))


def _row(fault: tuple[int, Place, str]) -> int:
    return fault[0]


def shown(value: object) -> str:
    """A value as a message may show it: quoted, cut, nothing unprintable."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:_SHOWN_CHARS]
    quoted = repr(cut) if isinstance(value, str) else cut
    return quoted if len(text) <= _SHOWN_CHARS else f"{quoted} (cut)"


def shown_list(values: Iterable[str], n_shown: int = 5) -> str:
    """The first few of a list, each as `shown`, and how many more there are."""
    every = list(values)
    head = ", ".join(shown(value) for value in every[:n_shown])
    return head if len(every) <= n_shown else f"{head} and {len(every) - n_shown:,} more"


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Those of the known names that are spelt most like this one, whatever their case."""
    by_lower: dict[str, str] = {}
    for each in known:
        by_lower.setdefault(each.lower(), each)
    return [by_lower[found] for found in difflib.get_close_matches(name.lower()[:80], by_lower, n=n, cutoff=0.5)]


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
