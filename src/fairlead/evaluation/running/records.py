"""Records: the lines of a run's journal, and what they say together.

A call leaves a line before it is sent and a line when it has ended, so a run that was killed can tell what it has paid
for, what it has not asked yet, and what was in flight: that last is unknown, and is held against the cap.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

import msgspec

from fairlead.domain.usage import Usage
from fairlead.evaluation.scorers.score import Given, ToolCall
from fairlead.evaluation.suite_items import content_hash

Paid = Literal["no", "maybe"]
FORMAT_VERSION: Final = 1
HASH_BITS: Final = 52
"""What a 64-bit float holds exactly; among a few hundred replies none meets another by chance."""


class Begun(msgspec.Struct, tag="run", frozen=True):
    """A run begins, or goes on."""

    version: int
    suite: str
    revision: str
    models: list[str]
    parameters: str
    n_samples: int
    cap_nano: int
    at: str
    occasion: str = ""
    """Part of the keys, where a run is to ask anew what was asked before."""


class Asked(msgspec.Struct, tag="ask", frozen=True):
    """A call is about to be sent, for the n-th time; `most_nano` is reserved for it."""

    key: str
    n: int
    most_nano: int


class Reply(msgspec.Struct, tag="reply", frozen=True):
    """A call has been answered."""

    key: str
    n: int
    kind: str
    model: str
    item: str
    sample: int
    text: str
    tool_calls: list[tuple[str, str]]
    finish: str
    served: str
    usage: tuple[int, int, int, int, int] | None
    cost_nano: int
    latency_s: float
    is_replaying: bool

    @property
    def given(self) -> Given:
        """As scorers see it."""
        return Given(self.text, tuple(ToolCall(*call) for call in self.tool_calls))

    @property
    def text_hash(self) -> int:
        """Equal for equal texts, without the text; small enough for a column of numbers."""
        said = self.text.encode("utf-8", "surrogatepass")
        return int.from_bytes(sha256(said).digest()[:8], "big") >> (64 - HASH_BITS)

    @property
    def tokens(self) -> Usage | None:
        """Tokens by class."""
        return None if self.usage is None else Usage(*self.usage)


class Failed(msgspec.Struct, tag="failure", frozen=True):
    """A call has ended without a reply. Never a result: it is asked again, unless it may have been paid for."""

    key: str
    n: int
    error: str
    paid: Paid


class Scored(msgspec.Struct, tag="score", frozen=True):
    """What a scorer said of a reply; `value` is None where it gave no score, and `why` says why."""

    key: str
    scorer: str
    value: float | None
    why: str = ""


Line = Begun | Asked | Reply | Failed | Scored


@dataclass(slots=True)
class Standing:
    """Where one call stands."""

    reply: Reply | None = None
    open: dict[int, int] = field(default_factory=dict)
    """Sendings of which nothing more is known, and what each may have cost: in flight at a kill, or cut off."""
    n_sent: int = 0
    error: str = ""

    @property
    def held_nano(self) -> int:
        """What may have been paid besides the reply; an upstream that replays has charged once for all of them."""
        if self.reply is not None and self.reply.is_replaying:
            return 0
        return sum(self.open.values())

    @property
    def is_unknown(self) -> bool:
        """Sent, perhaps served and paid, and no reply is here."""
        return self.reply is None and bool(self.open)


class Ledger:
    """Every call of a journal, and the money that it has taken."""

    def __init__(self) -> None:
        self.calls: dict[str, Standing] = {}
        self.scores: dict[tuple[str, str], Scored] = {}
        self.runs: list[Begun] = []
        self.replaying: set[str] = set()
        """Names of models whose upstream has said that it answers a repeated call again and charges once."""

    def take(self, line: Line) -> None:
        """One more line."""
        match line:
            case Asked():
                standing = self.calls.setdefault(line.key, Standing())
                standing.n_sent = max(standing.n_sent, line.n)
                standing.open[line.n] = line.most_nano
            case Reply():
                standing = self.calls.setdefault(line.key, Standing())
                standing.open.pop(line.n, None)
                standing.reply = line
                if line.is_replaying:
                    self.replaying.add(line.model)
            case Failed():
                standing = self.calls.setdefault(line.key, Standing())
                standing.error = line.error
                if line.paid == "no":
                    standing.open.pop(line.n, None)
            case Scored():
                self.scores[line.key, line.scorer] = line
            case Begun():
                self.runs.append(line)

    @property
    def spent_nano(self) -> int:
        """What the replies have cost."""
        return sum(each.reply.cost_nano for each in self.calls.values() if each.reply is not None)

    @property
    def held_nano(self) -> int:
        """What calls without a reply may have cost, at most."""
        return sum(each.held_nano for each in self.calls.values())

    def replies(self) -> Iterator[Reply]:
        """Every reply, in the order of the journal."""
        return (each.reply for each in self.calls.values() if each.reply is not None)

    @property
    def unknown(self) -> list[str]:
        """Keys of calls that were sent, perhaps paid, and brought no reply."""
        return [key for key, each in self.calls.items() if each.is_unknown]


def record_hash(replies: Iterable[Reply], scores: Iterable[Scored]) -> str:
    """The same for the same calls, replies and scores: whatever machine, order, interruption or time brought them."""
    told = sorted(
        [reply.key, reply.text, list(map(list, reply.tool_calls)), reply.finish, list(reply.usage or ())]
        for reply in replies
    )
    said = sorted([score.key, score.scorer, score.value] for score in scores)
    return content_hash([FORMAT_VERSION, told, said])
