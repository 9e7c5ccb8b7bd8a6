"""Runs one program in a jail: feeds it, reads it, and ends it when it takes too long or too much, or says too much."""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from fairlead.evaluation.sandbox.jails import Jail
from fairlead.evaluation.sandbox.ran import Ending, Limits, Ran

LOOK_S: Final = 0.05
"""How often memory is looked at: between two looks a program can take what the kernel hands out in that time."""
START_S: Final = 5.0
"""What making the jail may take on a busy machine, before the program's own time begins."""
BEGINS: Final = b"\0"
"""What `confine.py` writes to standard error just before it becomes the program."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Confined:
    """Programs in one kind of jail; may be used by several threads."""

    def __init__(self, jail: Jail, clock: Callable[[], float]) -> None:
        self.jail = jail
        self._clock = clock
        self._numbers = count(os.getpid())

    def __call__(self, program: str, given: str, limits: Limits) -> Ran:
        """Run a program to its end or to its limits."""
        data = program.encode("utf-8", "surrogatepass")
        command = self.jail.command(limits, len(data), next(self._numbers))
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Ran("ended", None, "", "", f"the sandbox did not start: {error.strerror or error}")
        with process:
            try:
                watched = _Watched(process, limits, self._clock)
                ending = watched.follow(b"%d\n%b%b" % (len(data), data, given.encode()))
            finally:
                _end(process)
        output, before, errors = watched.texts()
        if not watched.has_begun:
            said = before.strip()[-200:] or "it said nothing"
            return Ran(ending, process.returncode, "", before, f"the sandbox could not be made: {said}")
        return Ran(ending, process.returncode, output, errors)


class _Watched:
    """One process while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, clock: Callable[[], float]) -> None:
        self._process = process
        self._limits = limits
        self._clock = clock
        self._pieces: dict[str, list[bytes]] = {"output": [], "errors": []}
        self._n_bytes = 0
        self.has_begun = False
        self._deadline_s = 0.0

    def follow(self, data: bytes) -> Ending:
        """Feed and read until the process has ended, or a limit is passed."""
        process, left = self._process, memoryview(data)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._deadline_s = self._clock() + START_S
        with selectors.DefaultSelector() as selector:
            for stream, name in ((process.stdout, "output"), (process.stderr, "errors"), (process.stdin, "input")):
                os.set_blocking(stream.fileno(), False)
                is_input = name == "input"
                selector.register(stream, selectors.EVENT_WRITE if is_input else selectors.EVENT_READ, name)
            while any(key.data != "input" for key in selector.get_map().values()):
                ready = selector.select(LOOK_S)
                if self._clock() > self._deadline_s:
                    return "time"
                for key, _ in ready:
                    if key.data == "input":
                        left = self._fed(selector, left)
                    elif not self._took(key.fd, key.data):
                        selector.unregister(key.fileobj)
                if self._n_bytes > self._limits.output_bytes:
                    return "output"
                if resident_bytes(process.pid) > self._limits.memory_bytes:
                    return "memory"
        try:
            process.wait(max(self._deadline_s - self._clock(), 0.01))
        except subprocess.TimeoutExpired:
            return "time"
        return "ended"

    def _fed(self, selector: selectors.BaseSelector, left: memoryview) -> memoryview:
        stream = self._process.stdin
        assert stream is not None
        try:
            left = left[os.write(stream.fileno(), left[: 1 << 16]) :]
        except BlockingIOError:
            return left
        except OSError:
            left = left[len(left) :]
        if not left:
            selector.unregister(stream)
            stream.close()
        return left

    def _took(self, number: int, name: str) -> bool:
        """Whether there may be more to read."""
        try:
            piece = os.read(number, 1 << 16)
        except BlockingIOError:
            return True
        self._n_bytes += len(piece)
        self._pieces[name].append(piece)
        if not self.has_begun and name == "errors" and BEGINS in piece:
            self.has_begun = True
            self._deadline_s = self._clock() + self._limits.time_s
        return bool(piece)

    def texts(self) -> tuple[str, str, str]:
        """Output; errors of the sandbox, before the program began; errors of the program. Each up to the limit."""
        before, _, errors = b"".join(self._pieces["errors"]).partition(BEGINS)
        cap = self._limits.output_bytes
        found = [each[:cap].decode("utf-8", "replace") for each in (b"".join(self._pieces["output"]), before, errors)]
        return found[0], found[1], found[2]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the group; the jail's init dies with its parent, and with it all that it holds."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all that descend from it; what has ended meanwhile counts nothing."""
    total, left = 0, [pid]
    while left:
        each = left.pop()
        folder = Path(f"/proc/{each}")
        try:
            total += int((folder / "statm").read_text().split()[1]) * _PAGE_BYTES
            for children in folder.glob("task/*/children"):
                left += [int(number) for number in children.read_text().split()]
        except (OSError, ValueError, IndexError):
            continue
    return total
