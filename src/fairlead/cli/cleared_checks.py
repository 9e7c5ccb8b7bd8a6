"""Cleared checks: the answers of a model's first passed checks, kept as earlier answers for its next ones.

Only the first few count, and only those that compared with the very same earlier runs on the same terms: more answers
make a check sharper, but a slow drift must not be learned as normal, and an alarm is mended by a new earlier run.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fairlead.cli.run_preparation import OUTCOMES

MARK: Final = "cleared.json"
MAX_CLEARED: Final = 3
"""With an earlier run that makes four answers, with which a model that contradicts itself on every fourth probe is told
from its siblings even where no other model's outcomes are known (docs/benchmarks.md)."""
MIN_CALLS: Final = 100
"""A check of fewer clears too easily: half of the siblings that are hard to find are found only after 90 calls."""


def terms_of(earlier: Sequence[Path], asked: Mapping[str, Any]) -> str:
    """What a check compares with and how it asks, as one hash."""
    digest = sha256(json.dumps(asked, sort_keys=True, default=str).encode())
    for path in earlier:
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def mark_cleared(check: Path, terms: str, n_calls: int) -> None:
    """Keep the answers of this check, a numbered folder, if it made enough calls."""
    if n_calls >= MIN_CALLS:
        (check / MARK).write_text(json.dumps({"terms": terms}))


def cleared_runs(folder: Path, terms: str) -> list[Path]:
    """Outcomes of the first checks in this folder that were cleared on these terms."""
    marks = sorted(folder.glob(f"[0-9]*/{MARK}"), key=lambda mark: mark.parent.name.zfill(9))
    same = [mark.parent / OUTCOMES for mark in marks if _terms_in(mark) == terms]
    return [path for path in same if path.is_file()][:MAX_CLEARED]


def _terms_in(mark: Path) -> str | None:
    try:
        told = json.loads(mark.read_text())
    except (OSError, ValueError):
        return None
    return told.get("terms") if isinstance(told, dict) else None
