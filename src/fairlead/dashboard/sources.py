"""Sources: all that pages read from, put together by assembly. None is not there."""

from dataclasses import dataclass

from fairlead.dashboard.knowledge import Knowledge
from fairlead.store.store import Store


@dataclass(frozen=True, slots=True)
class Sources:
    """What one server knows."""

    store: Store | None = None
    """The kept traffic, over a connection of the dashboard's own; each verb may block."""
    why_no_store: str = ""
    """How it comes that there is none, and how to mend it."""
    is_demo: bool = False
    knowledge: Knowledge | None = None
    """Models, preferences, endpoints; None in a dashboard without a gateway."""
