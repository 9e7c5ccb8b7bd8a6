"""Models, playground, policy and health in a real browser: every size and scheme, hostile names, and what they do."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fairlead.settings.schema import Config
from tests.browser.looking import DESKTOP, LOOKS, MARKS, PHONE, Looking, Scheme, looking
from tests.browser.seeding import HOSTILE, seeded
from tests.browser.worlds import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = MARKS

POLICY = "/ui/policy?scope=*&days=30&quality=20&cost=70&speed=10"
PATHS = (
    "/ui/models",
    "/ui/models?kind=code&all=1",
    "/ui/model?name=alibaba/qwen3-32b",
    "/ui/playground",
    POLICY,
    "/ui/policy?scope=*&days=-1&cost=much&without=lab/wren*",
    "/ui/health",
)
MODEL = "simulated/atlas-large"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Names of anybody's making: in the store, and for the models and upstreams of the configuration."""
    folder = tmp_path_factory.mktemp("hostile")
    with served(folder, hostile_config(folder)) as base:
        yield base


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo whose models answer."""
    with served(tmp_path_factory.mktemp("demo"), "", "--demo") as base:
        yield base


def hostile_config(folder: Path) -> str:
    """A full store, and a local server whose models are called what nobody should call them."""
    path = folder / "traffic.db"
    seeded(path, time.time(), 96, is_hostile=True)
    # `${` would begin a variable of the configuration.
    models = [{"name": words[:150].replace("$", "$$")} for words in HOSTILE]
    upstreams = {"other": {"base_url": "http://127.0.0.1:9/v1", "models": models}}
    return yaml.safe_dump({"upstreams": upstreams, "store": {"path": str(path)}}, allow_unicode=True)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_every_page_is_clean_readable_and_within_its_width(
    browser: "Browser", plain: str, size: tuple[int, int], scheme: Scheme, timings: list[tuple[str, float]]
) -> None:
    with looking(browser, plain, size, scheme) as seen:
        for number, path in enumerate(PATHS):
            seen.at(path)
            for each in seen.page.query_selector_all("details:not([open]) > summary"):
                if each.is_visible():
                    each.click()
            seen.complaints += seen.audit(path)
            seen.shot(f"{scheme}-{number}{path.partition('?')[0].replace('/', '-')}")
        seen.at("/ui/models")
        seen.settle()
        seen.shot(f"{scheme}-frontier")
        timings += seen.timings
        assert seen.complaints == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_hostile_names_stay_text_and_break_no_page(
    browser: "Browser", hostile: str, size: tuple[int, int], scheme: Scheme, timings: list[tuple[str, float]]
) -> None:
    with looking(browser, hostile, size, scheme) as seen:
        for number, path in enumerate(path for path in PATHS if "qwen" not in path):
            seen.at(path)
            seen.shot(f"hostile-{scheme}-{number}{path.partition('?')[0].replace('/', '-')}")
        seen.at("/ui/models")
        addresses = [link.get_attribute("href") for link in seen.page.query_selector_all("tbody th a")]
        for address in addresses[:10]:
            assert address is not None and address.startswith("/ui/model?name=")
            seen.at(address)
        timings += seen.timings
        assert seen.complaints == []


@pytest.mark.parametrize("path", PATHS[:-1])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    browser: "Browser", plain: str, path: str, size: tuple[int, int]
) -> None:
    with looking(browser, plain, size) as seen:
        seen.at(path).keyboard()
        assert seen.complaints == []


def test_the_pages_read_without_scripts(browser: "Browser", plain: str) -> None:
    with looking(browser, plain, scripts=False) as seen:
        for path, words in ((POLICY, "would go to another model"), ("/ui/models", "Cost and quality")):
            seen.page.goto(plain + path)
            assert words in seen.page.inner_text("main")
        seen.page.goto(plain + POLICY)
        seen.page.click("text=Show what would change")
        assert "quality=20" in seen.page.url
        assert seen.complaints == []


def test_the_frontier_says_what_it_is_pointed_at(browser: "Browser", plain: str) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui/models")
        seen.settle()
        assert "a request" in seen.pointed_at()
        assert seen.complaints == []


def test_a_slider_that_is_moved_by_keyboard_keeps_the_focus_and_renews_the_result(
    browser: "Browser", plain: str
) -> None:
    with looking(browser, plain) as seen:
        seen.at("/ui/policy?scope=*&days=30")
        before = seen.page.inner_text(".headline")
        seen.page.focus("#w-cost")
        with seen.page.expect_response(lambda answer: "cost=100" in answer.url):
            seen.page.keyboard.press("End")
        seen.page.wait_for_selector("#policy-result:not([aria-busy=true])")
        assert seen.page.inner_text("output[for=w-cost]") == "100"
        assert seen.page.inner_text(".headline") != before
        assert seen.page.evaluate("document.activeElement.id") == "w-cost"
        assert "cost=100" in seen.page.url
        assert seen.complaints == []


def test_the_lines_of_a_policy_can_be_kept_and_are_a_configuration(
    browser: "Browser", plain: str, tmp_path: Path
) -> None:
    with looking(browser, plain) as seen:
        seen.at(f"{POLICY}&max_cost_usd=0.5")
        with seen.page.expect_download() as download:
            seen.page.click("text=Download these lines >> nth=1")
        download.value.save_as(tmp_path / "lines.yaml")
        words = (tmp_path / "lines.yaml").read_text(encoding="utf-8")
        found = Config.model_validate(yaml.safe_load(words))
        weights = found.presets["cheaper"].weights
        assert weights is not None
        assert (weights.quality, weights.cost, weights.speed) == (0.2, 0.7, 0.1)
        assert words in seen.page.inner_text("pre.lines >> nth=1") + "\n"


def ask(seen: Looking, prompt: str, *models: str) -> None:
    """Fill the playground's form."""
    seen.page.fill("#prompt", prompt)
    for place in range(4):
        seen.page.fill(f"#model{place}", models[place] if place < len(models) else "")


def test_the_decision_is_shown_before_anything_is_sent(browser: "Browser", simulated: str) -> None:
    with looking(browser, simulated) as seen:
        seen.at("/ui/playground")
        ask(seen, "Prove that the square root of two is irrational.", "auto")
        seen.page.click("text=See the decision")
        seen.page.wait_for_selector("#play-decision tbody tr")
        assert "It would go to" in seen.page.inner_text("#play-decision")
        assert "Nothing was sent" in seen.page.inner_text("#play-status")
        seen.at("/ui/decisions")
        assert "No request" in seen.page.inner_text("main")
        assert seen.complaints == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_four_models_answer_side_by_side_and_take_votes(
    browser: "Browser", simulated: str, size: tuple[int, int], scheme: Scheme
) -> None:
    with looking(browser, simulated, size, scheme) as seen:
        seen.at("/ui/playground")
        ask(seen, "<b>Hello</b><img src=x onerror=alert(1)>", "auto", "auto:cost", MODEL, "simulated/wren-mini")
        seen.page.keyboard.press("Tab")
        seen.page.focus("#prompt")
        seen.page.keyboard.press("Control+Enter")
        seen.page.wait_for_selector("#play-status:has-text('are whole')", timeout=60_000)
        assert len(seen.page.query_selector_all(".lane:not([hidden])")) == 4
        lane = seen.page.query_selector(".lane:not([hidden]):has([data-part=note]:text-is('whole'))")
        assert lane is not None, "none of four simulated answers is whole"
        lane.query_selector("[data-vote=good]").click()
        seen.page.wait_for_selector("#play-status:has-text('is kept')")
        best = lane.query_selector("[data-vote=best]")
        if best is not None and best.is_visible():
            best.click()
            lane.wait_for_selector("[data-vote=best][aria-pressed=true]")
        seen.complaints += seen.audit("/ui/playground")
        seen.shot(f"{scheme}-playground-ran")
        assert seen.complaints == []


def test_a_run_can_be_stopped_and_a_model_that_nobody_has_is_said_so(browser: "Browser", simulated: str) -> None:
    with looking(browser, simulated) as seen:
        seen.at("/ui/playground")
        ask(seen, "Write a very long story. " * 50, MODEL, "simulated/nobody")
        seen.page.click("text=Run")
        seen.page.wait_for_selector(".lane:nth-child(2) .fault:has-text('nobody')")
        seen.page.click("text=Stop")
        seen.page.wait_for_selector(".lane:nth-child(1) .note:has-text('stopped')")
        seen.page.wait_for_selector("#play-status:has-text('0 of 2')")
        # The browser itself notes an answer of 404; nothing else may be wrong.
        assert [each for each in seen.complaints if "status of 404" not in each] == []
