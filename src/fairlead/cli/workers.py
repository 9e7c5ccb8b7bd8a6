"""Workers: the processes of one server: started, started again when they die, and told what the supervisor is told."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any, Final

Task = tuple[Callable[..., None], tuple[Any, ...]]
"""What a worker runs, with its arguments: both can be given to another process."""

LOOK_EVERY_S: Final = 0.2
_SETUP_FAILED: Final = 2
"""The exit code for a wrong configuration, which does not get better by trying again."""


class Workers:
    """All of them."""

    def __init__(self, n: int, task_of: Callable[[int], Task]) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._task_of = task_of
        self._is_stopping = False
        self._processes = [self._start(place) for place in range(n)]

    def keep_alive(self) -> int:
        """Look after them until they are told to stop; the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._reload)
        exit_code = 0
        while any(process.is_alive() for process in self._processes):
            for place, process in enumerate(self._processes):
                process.join(timeout=LOOK_EVERY_S)
                code = process.exitcode
                if code is None or self._is_stopping:
                    continue
                if code in (0, _SETUP_FAILED):
                    exit_code = code
                    self._stop(0, None)
                else:
                    self._processes[place] = self._start(place)
        return exit_code

    def _start(self, place: int) -> BaseProcess:
        target, arguments = self._task_of(place)
        process = self._spawn.Process(target=target, args=arguments, name=f"fairlead-{place}")
        process.start()
        return process

    def _stop(self, _signal: int, _frame: object) -> None:
        self._is_stopping = True
        for process in self._processes:
            process.terminate()

    def _reload(self, _signal: int, _frame: object) -> None:
        for process in self._processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)
