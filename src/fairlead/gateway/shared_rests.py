"""Shared rests: what one worker has found resting, every worker keeps away from. A table in memory that they share.

    worker 0: version, count, (key, until) x MAX_RESTS
    worker 1: …

Each worker writes its own rows alone and reads the others', so there is no lock. A version that is odd while a row is
written, and is looked at before and after reading, tells a torn read (a seqlock with one writer); a torn read is simply
tried again at the next look. Times are the machine's monotonic clock, which all processes of one machine share.

Knows nothing of files: a buffer comes in. Knows no clock: the time comes in as a number.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from fairlead.domain.decision import Resting

MAX_RESTS: Final = 127
"""Rests that one worker can tell; a gateway with more at once has other troubles, and keeps the rest to itself."""
_WORDS: Final = 2 + 2 * MAX_RESTS
ROW_BYTES: Final = 8 * _WORDS
LOOK_EVERY_S: Final = 0.05
"""How old what is known of the other workers may be."""


def table_bytes(n_workers: int) -> int:
    """How large a buffer for so many workers is."""
    return n_workers * ROW_BYTES


class SharedRests:
    """One worker's view of the table."""

    def __init__(self, buffer: "memoryview | bytearray", place: int) -> None:
        words = np.frombuffer(buffer, dtype=np.uint64)
        self._rows = words[: len(words) // _WORDS * _WORDS].reshape(-1, _WORDS)
        self._own = self._rows[place]
        self._place = place
        self._looked_s = float("-inf")
        self._seen = np.zeros(len(self._rows), dtype=np.uint64)
        self._found: dict[int, float] = {}
        self._rests: dict[int, dict[int, float]] = {}

    def tell(self, rests: Mapping[Resting, float]) -> None:
        """What rests until when, as this worker has found it: replaces what it told before."""
        own = self._own
        pairs = list(rests.items())[:MAX_RESTS]
        own[0] += np.uint64(1)
        own[1] = len(pairs)
        for place, (resting, until_s) in enumerate(pairs):
            own[2 + 2 * place] = key_of(resting)
            own[3 + 2 * place] = np.float64(until_s).view(np.uint64)
        own[0] += np.uint64(1)

    def heard(self, now_s: float) -> Mapping[int, float]:
        """Key -> until when it rests, by the other workers' word; looked up at most every LOOK_EVERY_S."""
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._look()
        return self._found

    def _look(self) -> None:
        versions = self._rows[:, 0].copy()
        changed = (versions != self._seen).nonzero()[0]
        if not len(changed):
            return
        for row in changed.tolist():
            if row == self._place:
                self._seen[row] = versions[row]
                continue
            copy = self._rows[row].copy()
            if int(copy[0]) % 2 or self._rows[row, 0] != copy[0]:
                continue  # being written: the next look finds it whole
            n = min(int(copy[1]), MAX_RESTS)
            keys, untils = copy[2 : 2 + 2 * n : 2].tolist(), copy[3 : 3 + 2 * n : 2].view(np.float64).tolist()
            self._rests[row] = dict(zip(keys, untils, strict=True))
            self._seen[row] = copy[0]
        found: dict[int, float] = {}
        for rests in self._rests.values():
            for key, until_s in rests.items():
                found[key] = max(until_s, found.get(key, until_s))
        self._found = found


def key_of(resting: Resting) -> int:
    """A number of 64 bits for what rests; the same in every process."""
    text = resting if isinstance(resting, str) else f"{resting.model}\0{resting.upstream}\0{resting.sent_model}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def keys_of(all_of_them: Iterable[Resting]) -> dict[int, Resting]:
    """Key -> what may rest, of one configuration."""
    return {key_of(resting): resting for resting in all_of_them}
