"""Code: the program in a reply, run with its tests inside a sandbox; never anywhere else.

A test passes when the harness prints, after the last test, a word that it was given for this run alone. That the
program ended well is not enough: it may have called exit before the tests.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from fairlead.evaluation.sandbox.ran import Limits, Ran
from fairlead.evaluation.scorers.score import RIGHT, WRONG, Given, SpecError, Unscored, Verdict

Sandbox = Callable[[str, str, Limits], Ran]
"""Program, what it reads on standard input, limits -> how it ended."""

_BLOCK: Final = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
MAX_PROGRAM_CHARS: Final = 200_000

_HARNESS: Final = """\
import os, sys
word = sys.stdin.readline().strip()
out = os.dup(1)
space = {{"__name__": "__main__"}}
exec(compile({program!r}, "reply.py", "exec"), space)
exec(compile({tests!r}, "tests.py", "exec"), space)
os.write(out, ("\\n" + word + "\\n").encode())
"""


def program_of(text: str, entry_point: str = "", before: str = "") -> str:
    """The program of a reply: the code block that defines the entry point, else the last block, else the whole text.

    What defines no entry point is taken as the rest of what was to be completed (`before`).
    """
    blocks = [str(block) for block in _BLOCK.findall(text)]
    defines = re.compile(rf"^\s*(?:async\s+)?def\s+{re.escape(entry_point)}\b", re.MULTILINE) if entry_point else None
    if defines is not None:
        for block in blocks:
            if defines.search(block):
                return block
    body = blocks[-1] if blocks else text
    if defines is not None and before and not defines.search(body):
        return before + body
    return body


def code(given: Given, reference: Any, options: Mapping[str, Any], sandbox: Sandbox) -> Verdict:
    """The reply's program passes its tests within the limits."""
    program = program_of(given.answer, str(options.get("entry_point", "")), str(options.get("before", "")))
    if len(program) > MAX_PROGRAM_CHARS:
        return WRONG
    word = secrets.token_hex(16)
    harness = _HARNESS.format(program=program, tests=str(options.get("tests", reference)))
    ran = sandbox(harness, word + "\n", limits_of(options))
    if ran.fault is not None:
        return Unscored(f"code: {ran.fault}")
    return RIGHT if ran.ending == "ended" and ran.status == 0 and word in ran.output.split() else WRONG


def limits_of(options: Mapping[str, Any]) -> Limits:
    """The sandbox's limits, as far as a suite narrows or widens them."""
    usual = Limits()
    return Limits(
        time_s=float(options.get("time_s", usual.time_s)),
        memory_bytes=int(float(options.get("memory_mb", usual.memory_bytes >> 20)) * (1 << 20)),
    )


def check_code(reference: Any, options: Mapping[str, Any]) -> None:
    """Raises: SpecError."""
    tests = options.get("tests", reference)
    if not isinstance(tests, str) or not tests.strip():
        raise SpecError("there are no tests", "write the tests, as Python with assert, into `reference`")
    for name, most in (("time_s", 120), ("memory_mb", 8192)):
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise SpecError(f"{name} is not a number above 0, at most {most}", f"write {name} as a number")
