"""Overview: what one looks at first."""

from typing import Final

from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import element
from fairlead.dashboard.pages.no_store import no_store
from fairlead.store.store import Window


def overview(ask: Ask) -> Shown:
    """GET /ui."""
    store = ask.sources.store
    if store is None:
        return no_store("Overview", ask)
    found = store.overview(Window(ask.now_s - 86_400, ask.now_s, ask.visitor.tenant))
    return Shown("Overview", element("p", f"{found.total.n:,} requests in 24 hours"))


OVERVIEW: Final = (Page("/ui", overview, "Overview"),)
