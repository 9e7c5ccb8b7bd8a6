"""Score or Unscored: what a scorer says of one reply; and Given, the reply as scorers see it."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_THINKING: Final = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)


class ToolCall(NamedTuple):
    """One call that a model asks for; `arguments` is JSON text as it came."""

    name: str
    arguments: str


class Given(NamedTuple):
    """What a model gave."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def answer(self) -> str:
        """The text without what a reasoning model thought aloud.

        A thought without an end was cut by the token limit: it is kept, since nothing else is there.
        """
        return _THINKING.sub("", self.text).strip()


@dataclass(frozen=True, slots=True)
class Score:
    """From 0, wrong, to 1, right."""

    value: float


@dataclass(frozen=True, slots=True)
class Unscored:
    """No score can be given, and why; never counted as 0."""

    reason: str


Verdict = Score | Unscored

RIGHT: Final = Score(1.0)
WRONG: Final = Score(0.0)


class SpecError(Exception):
    """A scorer's options or reference cannot be used; the message says what is wrong, `mend` what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


def right_if(is_right: bool) -> Score:
    """1 or 0."""
    return RIGHT if is_right else WRONG
