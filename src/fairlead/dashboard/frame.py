"""Frame: what stands around every page: head, menu, skip link, foot."""

from collections.abc import Sequence
from typing import Final

from fairlead.dashboard.ask import Page, Visitor
from fairlead.dashboard.assets import CHARTS, Assets
from fairlead.dashboard.elements import Markup, document, element
from fairlead.dashboard.login import token_field

HOME: Final = "/ui"
SHEETS: Final = ("dashboard.css", "workbench.css")


def framed(
    title: str,
    body: Markup,
    *,
    assets: Assets,
    pages: Sequence[Page],
    visitor: Visitor | None,
    here: str = "",
    is_demo: bool = False,
    scripts: Sequence[str] = (),
) -> bytes:
    """A whole page. Without a visitor there is no menu: the login's own page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{title} · Fairlead"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href=assets.address("icon.svg"), type="image/svg+xml"),
        [element("link", rel="stylesheet", href=assets.address(name)) for name in SHEETS],
        _chart_library(assets) if assets.has_charts else None,
        [element("script", src=assets.address(name), type="module") for name in ("dashboard.js", *scripts)],
    )
    return document(
        head,
        element(
            "body",
            element("a", "Skip to the content", class_="skip", href="#content"),
            _top(pages, visitor, here),
            element("p", "Demo: every model here is simulated.", class_="notice") if is_demo else None,
            element("main", element("h1", title), body, id="content", tabindex="-1"),
            data_form_token=visitor.form_token if visitor is not None else None,
        ),
    )


def _chart_library(assets: Assets) -> Markup:
    """Where the script finds it; it is fetched when a chart comes into sight, not before."""
    sheet = assets.address("charts.css")
    return element("meta", name="chart-library", content=assets.address(CHARTS), data_sheet=sheet)


def _top(pages: Sequence[Page], visitor: Visitor | None, here: str) -> Markup:
    name = element("a", "Fairlead", class_="brand", href=HOME)
    if visitor is None:
        return element("header", name, class_="top")
    links = [
        element("li", element("a", page.menu, href=page.path, aria_current="page" if _leads_to(page, here) else None))
        for page in pages
        if page.menu is not None
    ]
    return element(
        "header",
        name,
        element("nav", element("ul", links), aria_label="Pages"),
        None if visitor.is_open else _who(visitor),
        class_="top",
    )


def _leads_to(page: Page, here: str) -> bool:
    """Whether the page that is shown is this one, or one below it."""
    return here == page.path or (page.path != HOME and here.startswith(f"{page.path}/"))


def _who(visitor: Visitor) -> Markup:
    return element(
        "form",
        element("span", element("bdi", visitor.name), class_="who"),
        token_field(visitor.form_token),
        element("button", "Log out", type="submit", class_="quiet"),
        method="post",
        action="/ui/logout",
        class_="logout",
    )
