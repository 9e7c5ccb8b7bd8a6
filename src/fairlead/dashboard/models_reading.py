"""Models reading: every model of the pool, with what a visitor's traffic says of it, read from the store."""

from typing import Final

from fairlead.dashboard import links
from fairlead.dashboard.ask import Ask
from fairlead.dashboard.elements import Child
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.models_view import ModelRow, Seen, view_models
from fairlead.store.conditions import whole_steps
from fairlead.store.store import Window

WINDOW_S: Final = 30 * 86_400.0
"""What "own traffic" means here: a month, in sums by day."""


def read_models(ask: Ask, known: Knowledge) -> tuple[ModelRow, ...]:
    """Every model of the pool. Raises: StoreError."""
    store, seen = ask.sources.store, Seen(arms=ask.state.arms)
    if store is not None:
        window = own_window(ask)
        seen = seen._replace(
            usage=store.usage(window, "model"),
            first_bytes=store.delays(window, "first_byte"),
            scores=store.scores(window),
        )
    return view_models(known.pool, known.abilities(), seen, known.model_map, known.arm_of)


def own_window(ask: Ask) -> Window:
    """The month of a visitor's own traffic, of whole days as the sums are."""
    return whole_steps(Window(ask.now_s - WINDOW_S, ask.now_s, ask.visitor.tenant))[1]


def to_own_rows(shown: Child, model: str, window: Window, **filters: str | None) -> Child:
    """A link to the requests behind a number of one model: of exactly this time."""
    return links.to_rows(shown, model=model, since=window.since_s, until=window.until_s, **filters)


def model_address(model: str) -> str:
    """The page of one model. Its name is anything: it stands in the query, where no name can climb a path."""
    return links.address("/ui/model", name=model)
