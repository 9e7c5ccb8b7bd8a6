"""Looking: one page in a real browser, and everything that may be wrong with it, in words."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

BROWSERS: Final = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
MARKS: Final = [
    pytest.mark.browser,
    # The driver leaves pipes to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
"""Of every test in this folder."""
PHONE: Final = (390, 844)
DESKTOP: Final = (1440, 900)
Scheme = Literal["light", "dark"]
LOOKS: Final[tuple[tuple[tuple[int, int], Scheme], ...]] = (
    (PHONE, "light"),
    (PHONE, "dark"),
    (DESKTOP, "light"),
    (DESKTOP, "dark"),
)
_AUDIT: Final = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
_FOCUSABLE: Final = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]'
)].filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})).length"""
_AT: Final = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  e.dataset.reached ??= String(document.querySelectorAll('[data-reached]').length);
  const style = getComputedStyle(e);
  const isSeen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  return [e.dataset.reached, isSeen, e.outerHTML.slice(0, 120)];
}"""
MAX_TABS: Final = 400


@dataclass
class Looking:
    """One browser window at one server. What went wrong gathers in `complaints`."""

    page: "Page"
    base: str
    complaints: list[str] = field(default_factory=list)
    timings: list[tuple[str, float]] = field(default_factory=list)
    """Path and milliseconds until everything was loaded; told, never judged: the machine is shared."""

    def at(self, path: str, status: int = 200) -> "Looking":
        """Go there, and look at everything."""
        answer = self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        if answer.status != status:
            self.complaints.append(f"{path}: {answer.status}")
        ready = "() => performance.getEntriesByType('navigation')[0].domComplete"
        self.timings.append((path, float(self.page.evaluate(ready))))
        self.complaints += self.audit(path)
        return self

    def audit(self, path: str) -> list[str]:
        """What is wrong with the page as it stands now."""
        return [f"{path}: {found}" for found in self.page.evaluate(_AUDIT)]

    def keyboard(self) -> "Looking":
        """Go through every control with the tabulator."""
        expected = int(self.page.evaluate(_FOCUSABLE))
        reached: set[str] = set()
        n_ends = 0
        for _ in range(min(2 * expected + 5, MAX_TABS)):
            self.page.keyboard.press("Tab")
            found: Any = self.page.evaluate(_AT)
            if found is None:  # beyond the last; a page that begins elsewhere than at its top goes on at the first
                n_ends += 1
                if n_ends > 2:
                    break
                continue
            name, is_seen, shown = found
            if name in reached:
                break
            reached.add(name)
            if not is_seen:
                self.complaints.append(f"the focus cannot be seen on {shown}")
        if len(reached) < min(expected, MAX_TABS):
            self.complaints.append(f"the keyboard reaches {len(reached)} of {expected} controls")
        return self

    def pointed_at(self) -> str:
        """Point at the first point of the first chart; what it says of itself."""
        point = self.page.query_selector(".js-plotly-plot .point")
        assert point is not None
        box = point.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.wait_for_selector(".hoverlayer .hovertext")
        return self.page.text_content(".hoverlayer .hovertext") or ""

    def shot(self, name: str) -> None:
        """A picture, where one is wanted."""
        folder = os.environ.get("FAIRLEAD_SCREENSHOTS")
        if folder:
            view = self.page.viewport_size
            assert view is not None
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}-{view['width']}.png", full_page=True)

    def settle(self) -> None:
        """Scroll through, so that charts which are drawn when they come into sight are."""
        self.page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        for figure in self.page.query_selector_all("figure[data-chart]"):
            figure.scroll_into_view_if_needed()
            self.page.wait_for_function("(e) => e.querySelector('.js-plotly-plot .point')", arg=figure, timeout=20_000)


@contextmanager
def looking(
    browser: "Browser", base: str, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light", *, scripts: bool = True
) -> Iterator[Looking]:
    """A window of its own. What the browser grumbles about, and every request beyond the server, is a complaint."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=scripts
    )
    page = context.new_page()
    found = Looking(page, base)
    page.on("console", lambda message: found.complaints.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.complaints.append(f"script error: {error}"))
    page.on("dialog", lambda dialog: _dismissed(found, dialog))
    page.on("request", lambda request: _outside(found, request.url))
    page.on("requestfailed", lambda request: _failed(found, request.url, request.failure or ""))
    try:
        yield found
    finally:
        context.close()


def _dismissed(found: Looking, dialog: "Dialog") -> None:
    found.complaints.append("a dialog from the data")
    dialog.dismiss()


def _failed(found: Looking, url: str, why: str) -> None:
    if "ERR_ABORTED" not in why:  # the icon of a page that was left before it came
        found.complaints.append(f"failed: {url} {why}")


def _outside(found: Looking, url: str) -> None:
    if not url.startswith((found.base, "data:")):
        found.complaints.append(f"a request beyond the server: {url[:200]}")


@contextmanager
def a_browser() -> Iterator["Browser"]:
    """Chromium, as the distribution packages it."""
    pytest.importorskip("playwright", reason="playwright is not installed (make test-browser)")
    from playwright.sync_api import sync_playwright

    program = next((path for path in BROWSERS if Path(path).exists()), None)
    if program is None:
        pytest.skip("no Chromium is here (apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def first_decision(seen: Looking, nth: int = 0) -> str:
    """The address of a decision of the list that is shown."""
    links = seen.page.query_selector_all("tbody th a[href^='/ui/decisions/']")
    address = str(links[nth].get_attribute("href"))
    assert re.fullmatch(r"/ui/decisions/[^?#]+", address)
    return address
