"""Links: addresses of pages with what they are asked, so that every number leads to its rows."""

from typing import Final
from urllib.parse import quote, urlencode

from fairlead.dashboard.elements import Child, Markup, element

MAX_WORD_CHARS: Final = 200
"""Of a name that is searched for: the store compares no more."""


def address(path: str, **asked: str | float | None) -> str:
    """A page of ours with a query; None is left out."""
    given = {name: _plain(value) for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def decisions(**filters: str | float | None) -> str:
    """The list of requests behind a number. Filters are those of the page Decisions: see `decision_list.FILTERS`."""
    return address("/ui/decisions", **filters)


def to_rows(shown: Child, **filters: str | float | None) -> Child:
    """A link to the requests behind what is shown; none where a name is too long to be searched for."""
    if any(isinstance(value, str) and len(value) > MAX_WORD_CHARS for value in filters.values()):
        return shown
    return link(decisions(**filters), shown)


def decision(decision_id: str) -> str:
    """One of them, whole."""
    return f"/ui/decisions/{quoted(decision_id)}"


def quoted(name: str) -> str:
    """A name as one part of a path."""
    return quote(name.encode("utf-8", "replace"), safe="")


def link(to: str, *children: Child, class_: str | None = None) -> Markup:
    """A link to a page of ours."""
    return element("a", *children, href=to, class_=class_)


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
