"""Traffic: the store as the gateway sees it: moments go in, opinions are checked and go in, its state comes out."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from weakref import WeakSet

from fairlead.domain.errors import StoreError, UnavailableError, UnknownDecisionError
from fairlead.domain.moments import Judged, OpinionObserver
from fairlead.domain.names import ModelId
from fairlead.domain.opinion import Opinion
from fairlead.domain.store_state import StoreState
from fairlead.store.keeper import FLUSH_WINDOW_S, Keeper
from fairlead.store.store import Store

_LOOKS: Final = 3
"""The row of a reply that has only just gone out may need a flush window, in another worker too."""


class Untold(Protocol):
    """Moments on their way to the keeper."""

    @property
    def n_waiting(self) -> int:
        """How many."""
        ...

    def tell(self) -> None:
        """Bring them now."""
        ...


class Traffic:
    """One process's."""

    def __init__(self, keeper: Keeper, store: Store, open_reader: Callable[[], Store]) -> None:
        self.keeper = keeper
        self.store = store
        self.open_reader = open_reader
        """A connection of its own to where this writes, whatever a newer configuration says of it."""
        self.untold: WeakSet[Untold] = WeakSet()
        """Who tells the keeper: of each configuration that requests are still answered under."""
        self.listeners: Sequence[OpinionObserver] = ()
        """Told of opinions with a score."""

    def state(self) -> StoreState:
        """See gateway.ports.Traffic."""
        state = self.keeper.state()
        return state._replace(n_waiting=state.n_waiting + sum(untold.n_waiting for untold in tuple(self.untold)))

    async def keep(self, opinion: Opinion) -> None:
        """See gateway.ports.Traffic."""
        loop = asyncio.get_running_loop()
        self._bring()
        for look in range(_LOOKS):
            self.keeper.hurry()
            try:
                served = await loop.run_in_executor(None, self.store.served, opinion.decision_id)
            except StoreError:
                raise UnavailableError(
                    "The traffic store does not answer just now: send the feedback again.",
                    code="store_unavailable",
                    retry_after_s=1.0,
                ) from None
            if served is not None:
                break
            if look < _LOOKS - 1:
                await asyncio.sleep(FLUSH_WINDOW_S / 2)
        # Another tenant's decision is as unknown as one that never was: its existence is nobody's business.
        if served is None or served.tenant != opinion.tenant:
            raise UnknownDecisionError(
                f"No decision {opinion.decision_id[:80]!r} is kept here: see the header x-fairlead-decision-id.",
                param="decision_id",
            )
        self.keeper.take(opinion)
        if opinion.score is not None and served.model is not None:
            judged = Judged(ModelId(served.model), served.quality, opinion.score, opinion.weight)
            for listener in self.listeners:
                listener.judged(judged)

    def close(self) -> None:
        """Write what still waits."""
        self._bring()
        self.keeper.close()
        self.store.close()

    def _bring(self) -> None:
        for untold in tuple(self.untold):
            untold.tell()
