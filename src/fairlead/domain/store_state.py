"""StoreState: how the keeping of traffic goes in one serving process."""

from typing import NamedTuple


class StoreState(NamedTuple):
    """Counted since the process began; rows are decisions, attempts, replies, bodies and opinions."""

    n_waiting: int = 0
    """Moments in the queue before the writer."""
    n_written: int = 0
    """Rows in the store."""
    n_spooled: int = 0
    """Rows that went to the spool, because the store did not take them in time."""
    n_recovered: int = 0
    """Rows that came from a spool into the store."""
    n_dropped: int = 0
    """Rows that nobody keeps: the queue or the spool was full."""
    spool_bytes: int = 0
    """What still lies in our spool."""
    fault: str | None = None
    """Why the store takes nothing just now; None when it does."""
