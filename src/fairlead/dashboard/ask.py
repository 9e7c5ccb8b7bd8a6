"""Ask and Shown: what a page is given, and what it gives back. A page is a function from the one to the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fairlead.dashboard.elements import Markup
from fairlead.dashboard.sources import Sources
from fairlead.domain.engine_state import NOTHING, EngineState


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks."""

    name: str
    tenant: str | None
    """Whose rows are shown; None is everybody's: an operator's key, or a server without keys."""
    own_tenant: str
    """Whose traffic a request of theirs is."""
    may: frozenset[str]
    is_open: bool = False
    """Nobody needs to log in here: no key is configured."""
    form_token: str = ""
    """Goes into every form that is posted, and into the header `x-fairlead-form` of every script's write."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of one page."""

    visitor: Visitor
    sources: Sources
    now_s: float
    """Seconds since 1970."""
    query: Mapping[str, str] = field(default_factory=dict)
    rest: str = ""
    """What stands in the path after a page's `/*`."""
    state: EngineState = NOTHING
    """How the engine stands; for pages that say `needs_state`."""


class Shown(NamedTuple):
    """What a page gives back: exactly one of body, json, file and to."""

    title: str = ""
    body: Markup | None = None
    json: Any = None
    """Plain values: the answer is JSON."""
    to: str | None = None
    """An address of ours to go to instead."""
    status: int = 200
    file: tuple[str, str] | None = None
    """A name, and the text to be kept under it."""
    scripts: tuple[str, ...] = ()
    """Files of `data/` that this page needs besides dashboard.js."""


Show = Callable[[Ask], Shown]


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or one address that scripts read."""

    path: str
    """From /ui on; one that ends in `/*` takes what stands below it, as `rest`."""
    show: Show
    """Answers GET. Runs in a thread of the pool: it may read the store, and blocks nobody."""
    menu: str | None = None
    """Its name in the menu; None is not in it."""
    needs_state: bool = False
