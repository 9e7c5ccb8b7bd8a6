"""Links: addresses of pages with what they are asked, so that every number leads to its rows."""

from urllib.parse import quote, urlencode

from fairlead.dashboard.elements import Child, Markup, element


def address(path: str, **asked: str | float | None) -> str:
    """A page of ours with a query; None is left out."""
    given = {name: _plain(value) for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def decisions(**filters: str | float | None) -> str:
    """The list of requests behind a number. Filters are those of the page Decisions: see `decision_list.FILTERS`."""
    return address("/ui/decisions", **filters)


def decision(decision_id: str) -> str:
    """One of them, whole."""
    return f"/ui/decisions/{quote(decision_id, safe='')}"


def link(to: str, *children: Child, class_: str | None = None) -> Markup:
    """A link to a page of ours."""
    return element("a", *children, href=to, class_=class_)


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
