"""Early hang-ups: SIGHUPs that come while a server is still starting, which they would otherwise end."""

import signal
from typing import Final

EARLY: Final[list[int]] = []
"""Those of this process: what it has read by then may be out of date, so it reads once more when it is up."""


def note_early_hang_ups() -> None:
    """Note them from now on, until the server has a handler of its own. Nothing on a platform without SIGHUP."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda number, _frame: EARLY.append(number))
