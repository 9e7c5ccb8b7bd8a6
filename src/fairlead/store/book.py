"""Book: moments in, rows out. Keeps the decisions that wait for their replies; pure, no disk and no clock."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any, Final

from fairlead.domain.content import Text, ToolCall, ToolResult
from fairlead.domain.decision import Arm
from fairlead.domain.errors import FairleadError
from fairlead.domain.moments import Attempted, Decided, Replied, Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.opinion import Opinion
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage
from fairlead.store.candidates import pack_arms, pack_candidates, pack_ineligible
from fairlead.store.rollups import Arms, Key, Rollups, delay_puts
from fairlead.store.tables import DECIDED, REPLIED, REQUESTS, Put

_LOG: Final = logging.getLogger("fairlead.store")
MAX_PENDING: Final = 100_000
"""Decisions that wait for their replies; of an older one the reply is kept without its candidates."""
MAX_TEXT_CHARS: Final = 64_000
"""Of each prompt and each reply, about 16,000 tokens are kept: its head and its tail."""
MAX_POOLS: Final = 64
"""Configurations whose arms are remembered: one that comes up again is told to the store again, which has it."""
_WORD_CHARS: Final = 2_000
_MOST: Final = 2**50
"""Of tokens and of nano-dollars (a million dollars): more is no figure, and thousands of them still add up."""
_NO_USAGE: Final = (None,) * 6
_NO_ARM: Final = (None,) * 3
_NO_REPLY: Final = (None,) * len(REPLIED)

Moment = Decided | Attempted | Replied | Shadowed | Opinion
Row = tuple[Any, ...]
Told = tuple[float, Moment]
"""When a moment was told, in Unix seconds, and the moment."""


def as_it_is(text: str) -> str:
    """Nothing is taken out."""
    return text


@dataclass
class Page:
    """What one batch will hold."""

    requests: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
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
            ("attempts", self.attempts),
            ("bodies", self.bodies),
            ("opinions", self.opinions),
            ("shadows", self.shadows),
        ]
        return [*(Put(name, rows) for name, rows in tables if rows), *self.rollups.puts()]


class Book:
    """One writer's. Not for several threads."""

    def __init__(self, redact: Callable[[str], str] = as_it_is) -> None:
        self._redact = redact
        self._young: dict[str, Row] = {}
        """First halves of rows that are not yet on any page."""
        self._pending: OrderedDict[str, Row] = OrderedDict()
        """Those that were written without their replies."""
        self._pools: OrderedDict[int, tuple[tuple[Arm, ...], str]] = OrderedDict()
        self._arms_of: dict[str, Arms] = {}
        self._page = Page()
        self._delays: dict[Key, list[int]] = {}

    def turn(self, told_before_s: float = inf, *, with_delays: bool = True) -> list[Put]:
        """What has come together; the next page is empty.

        A decision whose reply is not there waits for it if it was told later than that: most rows are written once.
        Counts of delays may wait for a later turn: of a few hundred slots nearly all change in each.
        """
        for name, decided in list(self._young.items()):
            if decided[0] >= told_before_s:
                break
            del self._young[name]
            self._page.requests.append((name, *decided, *_NO_REPLY))
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
        """Moments in their order. Never raises: one that cannot be read does not take the others with it."""
        keepers: dict[type, Callable[[float, Any], None]] = {
            Decided: self._decided,
            Attempted: self._attempted,
            Replied: self._replied,
            Shadowed: self._shadow,
            Opinion: self._thought,
        }
        by_kind: dict[type, list[tuple[float, Any]]] = {kind: [] for kind in keepers}
        for one in told:
            by_kind[type(one[1])].append(one)
        for kind, keep in keepers.items():
            for at_s, moment in by_kind[kind]:
                try:
                    keep(at_s, moment)
                except Exception as error:  # noqa: BLE001 - see above
                    _stumbled(error, moment)

    def _decided(self, at_s: float, moment: Decided) -> None:
        (
            name, tenant, door, asked, policy, arm, chance, n_candidates, session, kept, without, without_usd,
            config_version, figures, key_name, prompt, *_,
        ) = moment  # fmt: skip
        (
            arms, _, _, _, reason, kind, difficulty, language, input_tokens, expected_usd,
            n_messages, n_tools, flags, *_,
        ) = figures  # fmt: skip
        self._young[name] = (
            at_s, tenant, key_name, door, clean(asked), policy, config_version, session, kept,
            without.model if without is not None else None, without_usd, reason, arm.model, arm.upstream, chance,
            kind, difficulty, language, input_tokens, expected_usd, n_messages, n_tools, flags, n_candidates,
            self._pool(arms), pack_candidates(figures), pack_ineligible(figures),
        )  # fmt: skip
        if prompt is not None:
            self._prompt(at_s, name, prompt)

    def _pool(self, arms: tuple[Arm, ...]) -> str:
        """The name of these arms, told to the store once."""
        known = self._pools.get(id(arms))
        if known is not None:
            return known[1]
        text = pack_arms(arms)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._pools[id(arms)] = (arms, name)
        self._arms_of[name] = tuple((str(arm.model), str(arm.upstream)) for arm in arms)
        self._page.pools.append((name, text))
        if len(self._pools) > MAX_POOLS:
            self._pools.popitem(last=False)
            of = {name for _, name in self._pools.values()}
            self._arms_of = {name: arms for name, arms in self._arms_of.items() if name in of}
        return name

    def _attempted(self, at_s: float, moment: Attempted) -> None:
        (
            name, arm, outcome, status, first_byte_s, total_s, usage, cost, place, is_hedge, stage, losses, number,
            after_s, *_,
        ) = moment  # fmt: skip
        self._page.attempts.append((
            name, number, at_s, place, arm.model, arm.upstream, arm.provider, outcome, status, stage, int(is_hedge),
            after_s, first_byte_s, total_s, *_tokens(usage), _nano(cost),
            clean(", ".join(losses)) if losses else None,
        ))  # fmt: skip

    def _replied(self, at_s: float, moment: Replied) -> None:
        (
            name, _, _, _, _, arm, outcome, status, error_code, is_streaming, n_attempts, usage, cost, decide_s,
            overhead_s, first_byte_s, total_s, _, is_cached, _, _, _, words, *_,
        ) = moment  # fmt: skip
        decided = self._young.pop(name, None) or self._pending.pop(name, None) or _undecided(at_s, moment)
        model, upstream, provider = (arm.model, arm.upstream, arm.provider) if arm is not None else _NO_ARM
        row: Row = (
            name, *decided, outcome, status, error_code, model, upstream, provider, int(is_streaming), int(is_cached),
            n_attempts, *_tokens(usage), _nano(cost), first_byte_s, total_s, overhead_s, decide_s,
        )  # fmt: skip
        self._page.requests.append(row)
        self._page.rollups.add(row, self._arms_of.get(row[_POOL] or "", ()))
        if words is not None:
            text = words()
            if text:
                self._page.bodies.append((name, at_s, None, None, self._kept(text)))

    def _shadow(self, at_s: float, moment: Shadowed) -> None:
        text = moment.words() if moment.words is not None else None
        arm = moment.arm
        self._page.shadows.append((
            moment.decision_id, arm.model, arm.upstream, at_s, moment.outcome, _tokens(moment.usage)[3],
            _nano(moment.cost), moment.first_byte_s, moment.total_s, self._kept(text) if text else None,
        ))  # fmt: skip

    def _thought(self, _: float, moment: Opinion) -> None:
        *identity, label, preferred, comment, weight = moment
        words = (None if text is None else clean(text) for text in (label, preferred, comment))
        self._page.opinions.append((*identity, *words, weight))

    def _prompt(self, at_s: float, decision_id: str, read: Callable[[], ChatRequest]) -> None:
        try:
            request = read()
        except FairleadError:
            return  # the client is told so by whoever needs the request whole
        query = next((_words(turn.parts) for turn in reversed(request.turns) if turn.role == "user"), "")
        whole = "\n\n".join(f"[{turn.role}] {_words(turn.parts)}" for turn in request.turns)
        self._page.bodies.append((decision_id, at_s, self._kept(query), self._kept(whole), None))

    def _kept(self, text: str) -> str:
        """As much of a text as is kept. Redacted with a margin that is then cut off: no cut hides what must go."""
        text = _cut(self._redact(_cut(text, MAX_TEXT_CHARS * 2)), MAX_TEXT_CHARS)
        return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _cut(text: str, n_chars: int) -> str:
    return text if len(text) <= n_chars else f"{text[: n_chars // 2]}\n[…]\n{text[-n_chars // 2 :]}"


_POOL: Final = REQUESTS.index("pool")
_DECIDED_AT: Final = {name: place for place, name in enumerate(DECIDED)}


def _undecided(at_s: float, moment: Replied) -> Row:
    """The first half of a row whose decision was never made, or has been forgotten."""
    row: list[Any] = [None] * len(DECIDED)
    told = {
        "at_s": at_s - moment.total_s,
        "tenant": moment.tenant,
        "key_name": moment.key_name,
        "door": moment.door,
        "asked": clean(moment.asked),
        "policy": moment.policy or None,
        "config_version": moment.config_version,
        "session": moment.session,
        "kept": moment.kept,
    }
    for name, value in told.items():
        row[_DECIDED_AT[name]] = value
    return tuple(row)


def _tokens(usage: Usage | None) -> tuple[int | None, ...]:
    """Tokens by class and whether they are estimated; an upstream's absurd figure is cut to where sums still fit."""
    if usage is None:
        return _NO_USAGE
    n_input, n_read, n_write, n_output, n_thought, is_estimated = usage
    if n_input < _MOST > n_read and n_write < _MOST > n_output and n_thought < _MOST and min(usage) >= 0:
        return (n_input, n_read, n_write, n_output, n_thought, int(is_estimated))
    return (*(max(0, min(n, _MOST)) for n in usage[:5]), int(is_estimated))


def _nano(cost: Usd | None) -> int | None:
    return None if cost is None else min(cost.nano, _MOST)


def _stumbled(error: Exception, moment: Moment) -> None:
    _LOG.error("a moment could not be kept: %s in %s", type(error).__name__, type(moment).__name__)


@lru_cache(maxsize=4_096)
def clean(text: str) -> str:
    """A client's word as every database takes it: no NUL, no half characters, not long."""
    return text[:_WORD_CHARS].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _words(parts: Sequence[Any]) -> str:
    found = []
    for part in parts:
        if isinstance(part, Text):
            found.append(part.text)
        elif isinstance(part, ToolCall):
            found.append(f"[call {part.name}] {part.arguments}")
        elif isinstance(part, ToolResult):
            found.append(f"[result] {_words(part.parts)}")
    return "\n".join(found)
