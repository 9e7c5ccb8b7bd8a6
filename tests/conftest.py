"""What holds for every test: seeded properties, no clock as a judge, and nobody leaves loopback."""

import os
import random
import sys
from collections.abc import Generator, Iterator
from ipaddress import ip_address
from typing import Any, Final

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("house")

CANARY: Final = "sk-canary"
"""How every secret begins that the tests plant as an upstream's key."""
MUST_RUN: Final = os.environ.get("FAIRLEAD_MUST_RUN") == "1"
"""Set by the targets of the Makefile whose whole point is the programs that these tests otherwise skip without."""
_LOCAL_NAMES: Final = frozenset(("", "localhost", "localhost."))
_guard_is_shut = False


class OutsideError(AssertionError):
    """A test has tried to reach beyond this machine."""


def _is_loopback(host: object) -> bool:
    if not isinstance(host, str):
        return False
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() in _LOCAL_NAMES


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if not _guard_is_shut:
        return
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise OutsideError(f"{event} {address!r}: tests stay on loopback")
    elif event == "socket.getaddrinfo":
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        if host is not None and not _is_loopback(host) and not _is_literal(host):
            raise OutsideError(f"{event} {host!r}: tests resolve no names")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


sys.addaudithook(_watch)  # cannot be taken away again, hence the switch


@pytest.fixture(autouse=True)
def sockets_stay_on_loopback() -> Iterator[None]:
    """Refuses every connection, datagram and name look-up that leaves this machine."""
    global _guard_is_shut
    _guard_is_shut = True
    yield
    _guard_is_shut = False


def shows_a_planted_secret(report: pytest.TestReport) -> bool:
    """Whether anything that a test printed or logged, at any level, holds a secret that the tests plant."""
    return any(CANARY in text for _, text in report.sections)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Every test of the suite is also a canary test: all upstream keys in it are planted ones."""
    report = yield
    if MUST_RUN:
        fail_if_skipped(report)
    if report.outcome != "failed" and shows_a_planted_secret(report):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a planted secret stands in what was printed or logged"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips as a whole."""
    report = yield
    if MUST_RUN:
        fail_if_skipped(report)
    return report


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """What was asked for by name and could not run is no success."""
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: FAIRLEAD_MUST_RUN is set, but: {reason}"


@pytest.fixture
def rng() -> random.Random:
    """A generator that starts alike in every test."""
    return random.Random(20261123)


class VirtualClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


@pytest.fixture
def clock() -> VirtualClock:
    """A clock of the test's own."""
    return VirtualClock()
