"""Book: moments in, rows out. Keeps the decisions that wait for their replies; pure, no disk and no clock."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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
from fairlead.store.rollups import Rollups
from fairlead.store.tables import DECIDED, REPLIED, REQUESTS, Put

_LOG: Final = logging.getLogger("fairlead.store")
MAX_PENDING: Final = 100_000
"""Decisions that wait for their replies; of an older one the reply is kept without its candidates."""
MAX_TEXT_CHARS: Final = 64_000
"""Of each prompt and each reply, about 16,000 tokens are kept: its head and its tail."""
_WORD_CHARS: Final = 2_000
_MOST: Final = 2**50
"""Of tokens and of nano-dollars (a million dollars): more is no figure, and thousands of them still add up."""
_NO_USAGE: Final = (None,) * 5
_NO_REPLY: Final = (None,) * len(REPLIED)

Moment = Decided | Attempted | Replied | Shadowed | Opinion
Row = tuple[Any, ...]


def _as_it_is(text: str) -> str:
    return text


@dataclass
class Page:
    """What one batch will hold."""

    requests: dict[str, Row] = field(default_factory=dict)
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
            ("requests", list(self.requests.values())),
            ("attempts", self.attempts),
            ("bodies", self.bodies),
            ("opinions", self.opinions),
            ("shadows", self.shadows),
        ]
        return [*(Put(name, rows) for name, rows in tables if rows), *self.rollups.puts()]


class Book:
    """One writer's. Not for several threads."""

    def __init__(self, redact: Callable[[str], str] = _as_it_is) -> None:
        self._redact = redact
        self._pending: OrderedDict[str, Row] = OrderedDict()
        self._pools: dict[int, tuple[tuple[Arm, ...], str, list[tuple[str, str]]]] = {}
        self._arms_of: dict[str, list[tuple[str, str]]] = {}
        self._page = Page()

    def turn(self) -> list[Put]:
        """What has come together; the next page is empty."""
        page, self._page = self._page, Page()
        return page.puts()

    def take(self, at_s: float, moment: Moment) -> None:
        """One moment, seen at this time. Never raises."""
        try:
            if isinstance(moment, Decided):
                self._decided(at_s, moment)
            elif isinstance(moment, Attempted):
                self._page.attempts.append(_attempt(at_s, moment))
            elif isinstance(moment, Replied):
                self._replied(at_s, moment)
            elif isinstance(moment, Shadowed):
                self._page.shadows.append(self._shadow(at_s, moment))
            else:
                self._page.opinions.append(_opinion(moment))
        except Exception as error:  # noqa: BLE001 - one moment that cannot be read must not take the others with it
            _LOG.error("a moment could not be kept: %s in %s", type(error).__name__, type(moment).__name__)

    def _decided(self, at_s: float, moment: Decided) -> None:
        figures = moment.figures()
        without = moment.without
        decided: Row = (
            at_s,
            moment.tenant,
            moment.key_name,
            moment.door,
            clean(moment.asked),
            moment.policy,
            moment.config_version,
            moment.session,
            moment.kept,
            without.model if without is not None else None,
            moment.without_usd,
            figures.reason,
            moment.arm.model,
            moment.arm.upstream,
            moment.chance,
            figures.kind,
            figures.difficulty,
            figures.language,
            figures.input_tokens,
            figures.expected_usd,
            figures.n_messages,
            figures.n_tools,
            figures.flags,
            moment.n_candidates,
            self._pool(figures.arms),
            pack_candidates(figures),
            pack_ineligible(figures),
        )
        self._pending[moment.decision_id] = decided
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        self._page.requests[moment.decision_id] = (moment.decision_id, *decided, *_NO_REPLY)
        if moment.prompt is not None:
            self._prompt(at_s, moment.decision_id, moment.prompt)

    def _pool(self, arms: tuple[Arm, ...]) -> str:
        """The name of these arms, told to the store once."""
        known = self._pools.get(id(arms))
        if known is not None:
            return known[1]
        text = pack_arms(arms)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        places = [(str(arm.model), str(arm.upstream)) for arm in arms]
        self._pools[id(arms)] = (arms, name, places)
        self._arms_of[name] = places
        self._page.pools.append((name, text))
        return name

    def _replied(self, at_s: float, moment: Replied) -> None:
        decided = self._pending.pop(moment.decision_id, None) or _undecided(at_s, moment)
        arm, usage, cost = moment.arm, moment.usage, moment.cost
        row: Row = (
            moment.decision_id,
            *decided,
            moment.outcome,
            moment.status,
            moment.error_code,
            arm.model if arm is not None else None,
            arm.upstream if arm is not None else None,
            arm.provider if arm is not None else None,
            int(moment.is_streaming),
            int(moment.is_cached),
            moment.n_attempts,
            *_tokens(usage),
            _estimated(usage),
            _nano(cost),
            moment.first_byte_s,
            moment.total_s,
            moment.overhead_s,
            moment.decide_s,
        )
        self._page.requests[moment.decision_id] = row
        self._page.rollups.add(row, self._arms_of.get(row[_POOL] or "", ()))
        if moment.words is not None:
            text = moment.words()
            if text:
                self._page.bodies.append((moment.decision_id, at_s, None, None, self._kept(text)))

    def _shadow(self, at_s: float, moment: Shadowed) -> Row:
        text = moment.words() if moment.words is not None else None
        return (
            moment.decision_id,
            moment.arm.model,
            moment.arm.upstream,
            at_s,
            moment.outcome,
            _tokens(moment.usage)[3],
            _nano(moment.cost),
            moment.first_byte_s,
            moment.total_s,
            self._kept(text) if text else None,
        )

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


def _attempt(at_s: float, moment: Attempted) -> Row:
    arm, usage, cost = moment.arm, moment.usage, moment.cost
    return (
        moment.decision_id,
        moment.number,
        at_s,
        moment.place,
        arm.model,
        arm.upstream,
        arm.provider,
        moment.outcome,
        moment.upstream_status,
        moment.stage,
        int(moment.is_hedge),
        moment.after_s,
        moment.first_byte_s,
        moment.total_s,
        *_tokens(usage),
        _estimated(usage),
        _nano(cost),
        clean(", ".join(moment.losses)) if moment.losses else None,
    )


def _opinion(moment: Opinion) -> Row:
    *identity, label, preferred, comment, weight = moment
    return (*identity, *(None if text is None else clean(text) for text in (label, preferred, comment)), weight)


def _tokens(usage: Usage | None) -> tuple[int | None, ...]:
    """Tokens by class; an upstream's absurd figure is cut to where sums still fit."""
    if usage is None:
        return _NO_USAGE
    counts = usage[:5]
    return counts if max(counts) < _MOST and min(counts) >= 0 else tuple(max(0, min(n, _MOST)) for n in counts)


def _nano(cost: Usd | None) -> int | None:
    return None if cost is None else min(cost.nano, _MOST)


def _estimated(usage: Usage | None) -> int | None:
    return None if usage is None else int(usage.is_estimated)


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
