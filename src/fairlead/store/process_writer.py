"""ProcessWriter: hands turns to a scribe in a process of its own, so that the event loop never waits for its lock.

Turns go out by the process's standard input, its state comes back by its output, each a length and MessagePack. A turn
is held here until it is settled: in the store or the spool. When the process ends before its time, a scribe in this
one goes on with what is not settled; what had gone in already is refused by its number.
"""

import logging
import os
import select
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from struct import Struct
from typing import IO, Any, Final

import msgspec

from fairlead.domain.store_state import StoreState
from fairlead.store.lines import ENCODER, MAX_POOLS, Chunk, Line, Of, stumbled
from fairlead.store.scribe import DELAYS_EVERY_S, FLUSH_EVERY_S, Scribe, Turn

_LOG: Final = logging.getLogger("fairlead.store")
LENGTH: Final = Struct("<Q")
PIPE_BYTES: Final = 1 << 20
START_WITHIN_S: Final = 10.0
CLOSE_WITHIN_S: Final = 10.0
BEAT_S: Final = 0.5
"""An idle writer hears of the time so often: it may have a store to try again."""
_SET_PIPE_SIZE: Final = 1031
_TURNS: Final = msgspec.msgpack.Decoder(tuple[int, float, list[list[list[Any]]], int, bool])


class Report(msgspec.Struct, array_like=True, frozen=True):
    """What the process says after each turn."""

    settled: int
    """Turns up to this one are in the store or the spool."""
    state: StoreState


_REPORTS: Final = msgspec.msgpack.Decoder(Report)


class ProcessWriter:
    """See keeper.Writer. `start` begins the process, `stand_in` makes the scribe that goes on where it ended."""

    def __init__(self, start: Callable[[], "subprocess.Popen[bytes]"], stand_in: Callable[[], Scribe]) -> None:
        self._make_stand_in = stand_in
        self._stand_in: Scribe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unsettled: deque[Turn] = deque()
        self._n_unsettled = 0
        """Lines in them."""
        self._pools: deque[Line] = deque(maxlen=MAX_POOLS)
        self._said = b""
        self._last_s = 0.0
        self._last_lines_s = 0.0
        self._state = StoreState()
        try:
            self._process = start()
        except OSError as error:
            self._stands_in(f"cannot be started ({error.strerror})")
        else:
            self._await_first_word(self._process)

    def take(self, turn: Turn) -> None:
        """See keeper.Writer: blocks as long as the process does not read."""
        if self._stand_in is not None:
            self._stand_in.take(turn)
            return
        if turn.n_lines:
            self._last_lines_s = turn.at_s
            for chunk in turn.chunks:
                if not isinstance(chunk, msgspec.Raw):
                    self._pools.extend(line for line in chunk if line[0] == Of.POOL)
        elif not self._is_due(turn):
            return
        self._last_s = turn.at_s
        body, turn = _encoded(turn)
        self._unsettled.append(turn)
        self._n_unsettled += turn.n_lines
        try:
            assert self._process is not None and self._process.stdin is not None
            _write(self._process.stdin.fileno(), LENGTH.pack(len(body)) + body)
            self._hear()
        except OSError:
            self._ended()

    def state(self) -> StoreState:
        """See keeper.Writer: what is not settled waits."""
        said = self._state._replace(n_waiting=self._n_unsettled)
        if self._stand_in is None:
            return said
        own = self._stand_in.state()
        return own._replace(
            n_waiting=said.n_waiting,
            n_written=said.n_written + own.n_written,
            n_spooled=said.n_spooled + own.n_spooled,
            n_recovered=said.n_recovered + own.n_recovered,
            n_dropped=said.n_dropped + own.n_dropped,
        )

    def close(self) -> None:
        """Wait for the process to have written what it has."""
        process = self._process
        if self._stand_in is None and process is not None:
            assert process.stdin is not None and process.stdout is not None
            with suppress(OSError):
                process.stdin.close()
                os.set_blocking(process.stdout.fileno(), True)
            try:
                # Its last words are few: they fit into the pipe.
                process.wait(CLOSE_WITHIN_S)
                self._hear()
            except subprocess.TimeoutExpired:
                _LOG.warning("the store's process still writes, and goes on")
                return
            except OSError:
                pass
            process.stdout.close()
            if self._unsettled:
                self._stands_in(f"has ended with status {process.returncode}")
        if self._stand_in is not None:
            self._stand_in.close()

    def _await_first_word(self, process: "subprocess.Popen[bytes]") -> None:
        """Until the process reads, whoever kills it and the server would take more than a flush window's rows."""
        assert process.stdout is not None
        select.select([process.stdout], [], [], START_WITHIN_S)
        try:
            self._hear()
        except OSError:
            self._ended()

    def _is_due(self, turn: Turn) -> bool:
        """Whether a turn without lines matters."""
        is_busy = bool(self._unsettled) or turn.at_s - self._last_lines_s < DELAYS_EVERY_S + FLUSH_EVERY_S
        return turn.is_last or is_busy or turn.at_s - self._last_s >= BEAT_S

    def _hear(self) -> None:
        """Read what it has said; never waits. Raises: OSError when it has ended."""
        assert self._process is not None and self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while True:
            try:
                piece = os.read(descriptor, PIPE_BYTES)
            except BlockingIOError:
                return
            if not piece:
                raise BrokenPipeError
            self._said += piece
            while len(self._said) >= LENGTH.size:
                end = LENGTH.size + LENGTH.unpack_from(self._said)[0]
                if len(self._said) < end:
                    break
                report = _REPORTS.decode(self._said[LENGTH.size : end])
                self._said = self._said[end:]
                self._state = report.state
                while self._unsettled and self._unsettled[0].number <= report.settled:
                    self._n_unsettled -= self._unsettled.popleft().n_lines

    def _ended(self) -> None:
        assert self._process is not None
        with suppress(OSError):
            self._hear()  # what it had settled
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._stands_in(f"has ended with status {status}")

    def _stands_in(self, why: str) -> None:
        """Go on in this process, from the first turn that is not settled."""
        _LOG.warning("the store's process %s: this one writes from now on", why)
        scribe = self._stand_in = self._make_stand_in()
        scribe.remember(self._pools)
        while self._unsettled:
            turn = self._unsettled.popleft()
            self._n_unsettled -= turn.n_lines
            scribe.take(turn)


def started(command: list[str], hello: bytes) -> "subprocess.Popen[bytes]":
    """A process that reads turns, told this first. Raises: OSError."""
    # In a group of its own: what a terminal sends to the gateway does not reach it.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, process_group=0)
    assert process.stdin is not None and process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    _widen(process.stdin)
    _write(process.stdin.fileno(), LENGTH.pack(len(hello)) + hello)
    return process


def write_turns(scribe: Scribe, stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """The process's main loop: until its input ends, which is when the gateway has."""
    taken: deque[Turn] = deque()
    turn = Turn(0, 0.0, (), 0)
    _report(stdout, 0, scribe)
    while (body := read_piece(stdin)) is not None:
        turn = Turn(*_TURNS.decode(body))
        scribe.take(turn)
        taken.append(turn._replace(chunks=()))
        settled = 0
        # Its decisions without replies were written a turn later: see Scribe.take.
        while taken and (turn.is_last or not taken[0].n_lines or taken[0].at_s < turn.at_s - scribe.decision_waits_s):
            settled = taken.popleft().number
        if settled:
            _report(stdout, settled, scribe)
    if not turn.is_last:
        scribe.take(Turn(turn.number + 1, turn.at_s, (), 0, is_last=True))
    scribe.close()


def _report(stdout: IO[bytes], settled: int, scribe: Scribe) -> None:
    report = ENCODER.encode(Report(settled, scribe.state()))
    with suppress(OSError):  # nobody listens any more; what stands in the pipe is written all the same
        _write(stdout.fileno(), LENGTH.pack(len(report)) + report)


def read_piece(stream: IO[bytes]) -> bytes | None:
    """What one length announces; None at the end, also in the middle of one."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    n_bytes = LENGTH.unpack(head)[0]
    body = stream.read(n_bytes)
    return body if len(body) == n_bytes else None


def _encoded(turn: Turn) -> tuple[bytes, Turn]:
    """Its bytes, and the turn without lines that have none: a bug takes no other line with it."""
    try:
        return ENCODER.encode(turn), turn
    except Exception:  # noqa: BLE001 - looked at line by line
        turn = turn._replace(chunks=[_sendable(chunk) for chunk in turn.chunks])
        return ENCODER.encode(turn), turn


def _sendable(chunk: Chunk) -> Chunk:
    if isinstance(chunk, msgspec.Raw):
        return chunk
    lines = []
    for line in chunk:
        try:
            ENCODER.encode(line)
        except Exception as error:  # noqa: BLE001 - see above
            stumbled(error, Of(line[0]).name.lower())
        else:
            lines.append(line)
    return lines


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _widen(pipe: IO[bytes]) -> None:
    """Linux lets a pipe hold a megabyte; elsewhere it holds what it holds."""
    if find_spec("fcntl") is not None:
        with suppress(OSError):
            import_module("fcntl").fcntl(pipe.fileno(), _SET_PIPE_SIZE, PIPE_BYTES)
