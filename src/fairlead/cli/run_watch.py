"""RunWatch: shows how a run of calls goes, on a terminal; and what Ctrl-C does to it."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Any, Final

from fairlead.evaluation.running.runner import Runner

SHOW_S: Final = 0.2
"""How often the progress bar is renewed."""


class RunWatch:
    """Shows how a run goes, on a terminal; the first Ctrl-C lets the calls in flight end, the second does not."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_shown = not is_quiet and sys.stderr.isatty()
        self._runner: Runner | None = None
        self._phase = ""
        self._task: asyncio.Task[None] | None = None
        self._bar: Any = None
        self.was_interrupted = False

    def __enter__(self) -> "RunWatch":
        with suppress(NotImplementedError, RuntimeError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        if self._is_shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = asyncio.get_running_loop().create_task(self._show())
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._bar is not None:
            self._bar.stop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def started(self, runner: Runner) -> None:
        self._runner = runner

    def said(self, phase: str) -> None:
        self._phase = phase

    def _interrupt(self) -> None:
        runner = self._runner
        self.was_interrupted = True
        if runner is not None and not runner.is_stopping:
            os.write(2, b"\nstopping: calls in flight are waited for; Ctrl-C again leaves them\n")
            runner.stop()
            return
        if runner is not None:
            runner.stop()
        for task in asyncio.all_tasks():
            task.cancel()

    async def _show(self) -> None:
        line = self._bar.add_task("", total=None)
        while True:
            runner = self._runner
            if runner is not None:
                tally, purse = runner.tally, runner.purse
                at_once = sum(pace.n_active for pace in runner.paces.values())
                text = f"{self._phase}: {purse.spent_nano / 1e9:.4f} USD spent, {at_once} at once"
                text += f", {tally.n_failed + tally.n_unknown} failed" if tally.n_failed + tally.n_unknown else ""
                self._bar.update(line, total=tally.n_planned or None, completed=tally.n_answered, description=text)
            await asyncio.sleep(SHOW_S)
