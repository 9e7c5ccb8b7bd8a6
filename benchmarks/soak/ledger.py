"""The two ledgers of the kill test side by side: the gateway's attempts, and the requests that upstreams have read."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Reckoning(NamedTuple):
    """How the two compare."""

    n_replies: int
    n_attempts: int
    n_counted: int
    """Requests that upstreams have read whole."""
    n_never_arrived: int
    """Attempts without an answer that no upstream has read: refused, or lost with a process that was killed."""
    unrecorded: list[str]
    """Requests that an upstream has read and no attempt stands for: must be empty."""
    unread: list[str]
    """Attempts that got an answer from an upstream that has not counted them: must be empty."""
    outcomes: Counter[str]

    @property
    def is_even(self) -> bool:
        return not self.unrecorded and not self.unread and self.n_attempts == self.n_counted + self.n_never_arrived


def reckon(ledger: Path, counts: Mapping[str, Path]) -> Reckoning:
    """Compare the gateway's ledger with the count files of the upstreams, by their names."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    attempts = [line for line in lines if "attempt" in line]
    replies = [line for line in lines if "reply" in line]
    counted = Counter(
        (name, upstream) for upstream, file in counts.items() if file.exists() for name in file.read_text().splitlines()
    )
    made = Counter((line["attempt"], line["upstream"]) for line in attempts)
    answered = Counter((line["attempt"], line["upstream"]) for line in attempts if _has_answer(line))
    return Reckoning(
        n_replies=len(replies),
        n_attempts=len(attempts),
        n_counted=counted.total(),
        n_never_arrived=(made - counted).total(),
        unrecorded=_shown(counted - made),
        unread=_shown(answered - counted),
        outcomes=Counter(line["outcome"] for line in attempts),
    )


def _has_answer(attempt: Mapping[str, Any]) -> bool:
    return attempt["status"] is not None or attempt["stage"] != "waiting"


def _shown(found: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name} at {upstream}" for name, upstream in found]
