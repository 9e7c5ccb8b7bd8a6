"""One browser and one ordinary day for all, and how long each page took, told at the end."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import a_browser
from tests.browser.worlds import seeded_config, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TIMINGS: list[tuple[str, float]] = []


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    with a_browser() as found:
        yield found


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A day of ordinary traffic."""
    folder = tmp_path_factory.mktemp("plain")
    with served(folder, seeded_config(folder)) as base:
        yield base


@pytest.fixture
def timings() -> list[tuple[str, float]]:
    """Where a test notes how long pages took."""
    return TIMINGS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TIMINGS:
        longest = sorted(TIMINGS, key=lambda each: -each[1])[:5]
        shown = ", ".join(f"{path[:40]} {ms:.0f} ms" for path, ms in longest)
        times = sorted(ms for _, ms in TIMINGS)
        median = times[len(times) // 2]
        terminalreporter.write_line(f"{len(TIMINGS)} pages, median {median:.0f} ms until ready; the longest: {shown}")
