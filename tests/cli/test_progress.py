import io
import sys

import pytest

from fairlead.cli.progress import progress_bar


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_shows_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with progress_bar(2, is_quiet=False) as step:
        step("reading [/b] names.csv")
        step("fitting")
        step("more than was announced")

    assert "more than was announced" in terminal.getvalue()


@pytest.mark.parametrize("is_quiet", [True, False])
def test_elsewhere_or_when_quiet_it_says_nothing(monkeypatch: pytest.MonkeyPatch, is_quiet: bool) -> None:
    silent = Terminal() if is_quiet else io.StringIO()
    monkeypatch.setattr(sys, "stderr", silent)

    with progress_bar(2, is_quiet=is_quiet) as step:
        step("reading")

    assert silent.getvalue() == ""
