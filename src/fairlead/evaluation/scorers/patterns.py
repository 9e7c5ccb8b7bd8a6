"""Regular expressions with a time limit: matched in a process of their own, which is ended when one runs away.

Python's matcher cannot be stopped from outside it: a pattern such as `(a+)+$` may take longer than the universe has.
"""

import re
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from fairlead.evaluation.scorers.score import Given, SpecError, Unscored, Verdict, right_if

LIMIT_S: Final = 2.0
"""A sound pattern takes microseconds a kilobyte; starting the process takes most of a tenth of a second."""
MAX_PATTERN_CHARS: Final = 10_000
MAX_TEXT_CHARS: Final = 1_000_000

_WORKER: Final = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for line in sys.stdin.buffer:
    pattern, flags, is_full, text = json.loads(line)
    try:
        found = re.compile(pattern, flags)
        answer = bool(found.fullmatch(text) if is_full else found.search(text))
    except Exception as error:
        answer = type(error).__name__
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


class Matcher:
    """One matching process, started when it is first needed; may be used by several threads, one at a time."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def matches(self, pattern: str, text: str, *, flags: int = 0, is_full: bool = False) -> bool | str:
        """Whether the pattern matches; a text says why that cannot be told."""
        with self._lock:
            question = msgspec.json.encode([pattern, flags, is_full, text[:MAX_TEXT_CHARS]]) + b"\n"
            try:
                answer = self._asked(question)
            except (OSError, ValueError):
                self._end()
                return "the matching process ended"
            if answer is None:
                self._end()
                return f"the pattern did not come to an end within {self._limit_s:g} s"
            return answer if isinstance(answer, bool) else f"the pattern failed with {answer}"

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _asked(self, question: bytes) -> bool | str | None:
        process = self._process
        if process is None or process.poll() is not None:
            command = [sys.executable, "-I", "-S", "-c", _WORKER]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
            )
            self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question)
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._limit_s)
        if not ready:
            return None
        line = process.stdout.readline()
        if not line:
            raise ValueError("no answer")
        answer: bool | str = msgspec.json.decode(line)
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not flushed goes nowhere now
                        pipe.close()


def regex(given: Given, reference: Any, options: Mapping[str, Any], matcher: Matcher) -> Verdict:
    """The pattern is found in the reply (`full`: is the whole of it)."""
    answer = matcher.matches(
        str(options.get("pattern", reference)), given.answer, flags=_flags(options), is_full=bool(options.get("full"))
    )
    return right_if(answer) if isinstance(answer, bool) else Unscored(f"regex: {answer}")


def check_regex(reference: Any, options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    pattern = options.get("pattern", reference)
    mend = "write a Python regular expression as `reference`"
    if not isinstance(pattern, str) or not pattern:
        raise SpecError("reference is not a pattern", mend)
    if len(pattern) > MAX_PATTERN_CHARS:
        raise SpecError(f"the pattern has {len(pattern):,} characters", f"keep it below {MAX_PATTERN_CHARS:,}")
    try:
        re.compile(pattern, _flags(options))
    except (re.error, RecursionError, OverflowError) as fault:
        raise SpecError(f"the pattern cannot be read: {str(fault)[:80]}", mend) from None


def _flags(options: Mapping[str, Any]) -> int:
    return int(re.IGNORECASE if options.get("ignore_case") else 0)
