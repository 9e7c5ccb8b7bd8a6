"""Book: lines in, rows out. Keeps the decisions that wait for their replies; pure, no disk and no clock."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from typing import Any, Final

from fairlead.store.lines import MAX_POOLS, MAX_TEXT_CHARS, Line, Lines, Moment, Of, Told, cut, spoken, stumbled
from fairlead.store.rollups import Arms, Key, Rollups, Spent, delay_puts
from fairlead.store.tables import ATTEMPTS, DECIDED, REPLIED, REQUESTS, SHADOWS, UNDECIDED, Put

MAX_PENDING: Final = 100_000
"""Decisions that wait for their replies; of an older one the reply is kept without its candidates."""
_NO_REPLY: Final = (None,) * len(REPLIED)
_POOL: Final = REQUESTS.index("pool")
_REPLY_END: Final = 2 + len(REPLIED)
_ATTEMPT_SPENT: Final = itemgetter(*(ATTEMPTS.index(name) for name in Spent._fields))
_SHADOW_SPENT: Final = itemgetter(*(SHADOWS.index(name) for name in Spent._fields))
_SHADOW_AT: Final = SHADOWS.index("at_s")
_UNDECIDED_AT: Final = tuple(UNDECIDED.index(name) if name in UNDECIDED else None for name in DECIDED)

Row = tuple[Any, ...]


def as_it_is(text: str) -> str:
    """Nothing is taken out."""
    return text


@dataclass
class Page:
    """What one batch will hold."""

    requests: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    """Those that are not folded into their requests."""
    bodies: list[Row] = field(default_factory=list)
    opinions: list[Row] = field(default_factory=list)
    shadows: list[Row] = field(default_factory=list)
    pools: list[Row] = field(default_factory=list)
    rollups: Rollups = field(default_factory=Rollups)

    def puts(self) -> list[Put]:
        """Rows by table; empty tables are left out."""
        tables: list[tuple[str, Sequence[Row]]] = [
            ("pools", self.pools),
            ("requests", self.requests),
            ("attempts_apart", self.attempts),
            ("bodies", self.bodies),
            ("opinions", self.opinions),
            ("shadows", self.shadows),
        ]
        return [*(Put(name, rows) for name, rows in tables if rows), *self.rollups.puts()]


class Book:
    """One writer's. Not for several threads."""

    def __init__(self, redact: Callable[[str], str] = as_it_is) -> None:
        self._redact = redact
        self._lines = Lines()
        self._young: dict[str, Line] = {}
        """Lines of decisions that are not yet on any page."""
        self._pending: OrderedDict[str, Line] = OrderedDict()
        """Those that were written without their replies."""
        self._arms_of: OrderedDict[str, Arms] = OrderedDict()
        self._spent: OrderedDict[str, list[Spent]] = OrderedDict()
        """What attempts have cost that have own rows, until the reply of their request comes."""
        self._page = Page()
        self._delays: dict[Key, list[int]] = {}
        # In the order of Of.
        self._enters: tuple[Callable[[Line], None], ...] = (
            self._decision,
            self._reply,
            self._attempt,
            self._body,
            self._opinion,
            self._shadow,
            self._pool,
        )

    def turn(self, told_before_s: float = inf, *, with_delays: bool = True) -> list[Put]:
        """What has come together; the next page is empty.

        A decision whose reply is not there waits for it if it was told later than that: most rows are written once.
        Counts of delays may wait for a later turn: of a few hundred slots nearly all change in each.
        """
        for name, decided in list(self._young.items()):
            if decided[2] >= told_before_s:
                break
            del self._young[name]
            self._page.requests.append((*decided[1:], *_NO_REPLY))
            self._pending[name] = decided
            if len(self._pending) > MAX_PENDING:
                self._pending.popitem(last=False)
        page, self._page = self._page, Page()
        page.rollups.add_delays(self._delays)
        if not with_delays:
            return page.puts()
        delays, self._delays = self._delays, {}
        return [*page.puts(), *delay_puts(delays)]

    def take(self, at_s: float, moment: Moment) -> None:
        """One moment, seen at this time. Never raises."""
        self.read([(at_s, moment)])

    def read(self, told: Sequence[Told]) -> None:
        """Moments in their order. Never raises."""
        self.enter(spoken(self._lines.of(told)))

    def enter(self, lines: Sequence[Line]) -> None:
        """Lines in their order, with their words. Never raises: a bad one does not take the others with it."""
        enters = self._enters
        for line in lines:
            try:
                enters[line[0]](line)
            except Exception as error:  # noqa: BLE001 - see above
                stumbled(error, "a line")

    def _decision(self, line: Line) -> None:
        self._young[line[1]] = line

    def _reply(self, line: Line) -> None:
        name = line[1]
        decided = self._young.pop(name, None) or self._pending.pop(name, None) or _undecided(line)
        row: Row = (*decided[1:], *line[2:_REPLY_END])
        self._page.requests.append(row)
        spent = self._spent.pop(name, ()) if self._spent else ()
        self._page.rollups.add(row, self._arms_of.get(row[_POOL], ()), spent)

    def _attempt(self, line: Line) -> None:
        row = tuple(line[1:])
        self._page.attempts.append(row)
        spent = Spent(*_ATTEMPT_SPENT(row))
        if spent.cost_nanousd:
            self._spent.setdefault(row[0], []).append(spent)
            if len(self._spent) > MAX_PENDING:
                self._spent.popitem(last=False)

    def _body(self, line: Line) -> None:
        self._page.bodies.append((line[1], line[2], *(self._kept(text) for text in line[3:])))

    def _opinion(self, line: Line) -> None:
        self._page.opinions.append(tuple(line[1:]))

    def _shadow(self, line: Line) -> None:
        *told, tenant, words = line[1:]
        row = (*told, self._kept(words))
        self._page.shadows.append(row)
        self._page.rollups.add_shadow(row[_SHADOW_AT], tenant, Spent(*_SHADOW_SPENT(row)))

    def _pool(self, line: Line) -> None:
        _, name, text, arms = line
        self._arms_of.pop(name, None)  # the last told is the last forgotten, as by who tells
        self._arms_of[name] = tuple((model, upstream) for model, upstream in arms)
        self._page.pools.append((name, text))
        if len(self._arms_of) > MAX_POOLS:
            self._arms_of.popitem(last=False)

    def _kept(self, text: str | None) -> str | None:
        """As much of a text as is kept. Redacted with a margin that is then cut off: no cut hides what must go."""
        return cut(self._redact(text), MAX_TEXT_CHARS).replace("\0", "\ufffd") if text is not None else None


def _undecided(reply: Line) -> Line:
    """The line of a decision that was never made, or has been forgotten."""
    told = reply[_REPLY_END:]
    return (Of.DECISION, reply[1], *(None if at is None else told[at] for at in _UNDECIDED_AT))
