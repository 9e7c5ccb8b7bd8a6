"""Every page in a real browser, at the size of a phone and of a desk, by day and by night, with hostile names in it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import DESKTOP, LOOKS, MARKS, PHONE, Looking, Scheme, first_decision, looking
from tests.browser.worlds import LOCAL, ask_something, seeded_config, served
from tests.dashboard.small_pages import OPERATOR, READER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = MARKS

PATHS = (
    "/ui",
    "/ui?period=7d",
    "/ui?period=1h",
    "/ui/decisions",
    "/ui/decisions?outcome=failed&period=30d",
    "/ui/decisions?model=nobody",
    "/ui/feedback",
)
"""Every page that an address alone leads to."""

KEYS = """
keys:
  - {name: ria, sha256: %s, tenant: blue, may: [read, chat]}
  - {name: otto, sha256: %s, tenant: house, may: [admin]}
"""


def go_through(seen: Looking, name: str, decisions: Iterable[int]) -> None:
    """Every page, and these decisions of the list, with pictures that begin with a name."""
    for path in PATHS:
        seen.at(path)
        seen.shot(name + re.sub(r"[^a-z0-9]+", "-", path))
    seen.at("/ui/decisions")
    for nth, address in [(nth, first_decision(seen, nth)) for nth in decisions]:
        seen.at(address)
        seen.settle()
        seen.shot(f"{name}-decision-{nth}")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A day of somebody who tries everything in every field."""
    folder = tmp_path_factory.mktemp("hostile")
    with served(folder, seeded_config(folder, 96, is_hostile=True)) as base:
        yield base


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_every_page_is_clean_readable_and_within_its_width(
    browser: "Browser", plain: str, size: tuple[int, int], scheme: Scheme, timings: list[tuple[str, float]]
) -> None:
    with looking(browser, plain, size, scheme) as seen:
        go_through(seen, scheme, [2])
        timings += seen.timings
        assert seen.complaints == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_hostile_names_stay_text_and_break_no_page(
    browser: "Browser", hostile: str, size: tuple[int, int], scheme: Scheme, timings: list[tuple[str, float]]
) -> None:
    with looking(browser, hostile, size, scheme) as seen:
        go_through(seen, f"hostile-{scheme}", range(8))
        timings += seen.timings
        assert seen.complaints == []


def test_the_charts_can_be_touched_and_the_policy_holds(browser: "Browser", plain: str) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui")
        seen.settle()
        assert "a request, quality" in seen.pointed_at()
        assert seen.complaints == []


@pytest.mark.parametrize("path", ["/ui", "/ui/decisions", "/ui/feedback"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    browser: "Browser", plain: str, path: str, size: tuple[int, int]
) -> None:
    with looking(browser, plain, size) as seen:
        seen.at(path).keyboard()
        assert seen.complaints == []


def test_a_decision_can_be_gone_through_by_keyboard(browser: "Browser", plain: str) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui/decisions")
        seen.at(first_decision(seen)).keyboard()
        assert seen.complaints == []


def test_the_pages_read_without_scripts(browser: "Browser", plain: str) -> None:
    with looking(browser, plain, scripts=False) as seen:
        answer = seen.page.goto(f"{plain}/ui")
        assert answer is not None
        assert answer.status == 200
        assert "400" in seen.page.inner_text("main")
        assert seen.page.query_selector("figure .own svg") is not None
        assert seen.complaints == []


def test_the_list_is_searched_and_turned_over_by_its_address(browser: "Browser", plain: str) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui/decisions")
        first = first_decision(seen)
        seen.page.click("text=Older")
        assert first_decision(seen) != first
        assert "before=" in seen.page.url
        seen.page.fill("#f-model", "lab/atlas-large")
        seen.page.select_option("#f-outcome", "failed")
        seen.page.click("text=Search")
        rows = seen.page.query_selector_all("tbody tr")
        assert rows
        assert all("lab/atlas-large" in row.inner_text() and "upstream_rejected" in row.inner_text() for row in rows)
        seen.page.click("text=Clear")
        name = first.rpartition("/")[2]
        seen.page.fill("#f-id", name)
        seen.page.click("text=Search")
        assert seen.page.url.endswith(first)
        assert seen.complaints == []


def test_a_number_of_the_overview_leads_to_just_as_many_rows(browser: "Browser", plain: str) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui")
        failed = int(seen.page.inner_text("[data-value=failed]").replace(",", ""))
        seen.page.click("[data-value=failed]")
        assert len(seen.page.query_selector_all("tbody tr")) == failed > 0
        assert seen.complaints == []


def test_a_store_that_is_off_and_one_that_is_empty_are_said_to_be(
    browser: "Browser", tmp_path: Path, timings: list[tuple[str, float]]
) -> None:
    for store, words in (("{enabled: false}", "keeps no traffic"), ("{}", "No request has come in")):
        with served(tmp_path, f"{LOCAL}\nstore: {store}\n") as base, looking(browser, base, PHONE, "dark") as seen:
            seen.at("/ui")
            assert words in seen.page.inner_text("main")
            for path in PATHS:
                seen.at(path)
            seen.at("/ui/nowhere", 404)
            timings += seen.timings
            # The browser itself notes a page that is not there; nothing else may be wrong.
            assert [each for each in seen.complaints if "status of 404" not in each] == []


def test_the_overview_renews_itself_while_requests_come_in(browser: "Browser", tmp_path: Path) -> None:
    with served(tmp_path, "", "--demo") as base, looking(browser, base) as seen:
        ask_something(base)
        while not seen.at("/ui?period=1h").page.query_selector("[data-live]"):
            pass  # the writer's thread needs a moment
        assert seen.page.inner_text("[data-value=requests]") == "1"
        ask_something(base)
        seen.page.wait_for_function("() => document.querySelector('[data-value=requests]').textContent === '2'")
        assert "last looked" in seen.page.inner_text("[data-live-note]")
        assert seen.complaints == []


def test_with_keys_one_logs_in_sees_ones_own_tenant_and_logs_out(browser: "Browser", tmp_path: Path) -> None:
    import hashlib

    digests = tuple(hashlib.sha256(key.encode()).hexdigest() for key in (READER, OPERATOR))
    config = seeded_config(tmp_path, 60, more=KEYS % digests)
    with served(tmp_path, config) as base, looking(browser, base, PHONE) as seen:
        seen.at("/ui/decisions")
        assert seen.page.url.endswith("/ui/login?next=/ui/decisions")
        seen.shot("login")
        seen.keyboard()
        seen.page.fill("#key", READER)
        seen.page.click("button")
        assert seen.page.url.endswith("/ui/decisions")
        assert len(seen.page.query_selector_all("tbody tr")) == 30
        assert not seen.page.query_selector("#f-tenant")
        seen.at("/ui/decisions?tenant=green")
        assert len(seen.page.query_selector_all("tbody tr")) == 30
        assert seen.page.evaluate("document.cookie") == ""
        seen.page.click("text=Log out")
        assert seen.page.url.endswith("/ui/login")
        seen.page.fill("#key", OPERATOR)
        seen.page.click("button")
        seen.at("/ui/decisions?period=30d")
        assert len(seen.page.query_selector_all("tbody tr")) == 50
        assert seen.complaints == []
