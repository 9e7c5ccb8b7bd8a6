"""Desk: what a dashboard keeps between two calls, and through a change of the configuration."""

from dataclasses import dataclass

from fairlead.dashboard.assets import Assets
from fairlead.dashboard.pace import Pace
from fairlead.dashboard.page_pool import PagePool
from fairlead.dashboard.sessions import Sessions
from fairlead.store.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """One serving process's."""

    sessions: Sessions
    pace: Pace
    pool: PagePool
    assets: Assets
    store: Store | None
    """Over a connection of its own: a slow page must not keep anybody else from the store."""

    def close(self) -> None:
        """Let go."""
        self.pool.close()
        if self.store is not None:
            self.store.close()
