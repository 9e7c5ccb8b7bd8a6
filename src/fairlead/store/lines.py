"""Lines: moments -> plain values that can be handed to another thread or process; a book makes rows of them.

Made many at a time, where moments arise: they are short-lived, and what is rarely run is slow to run.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

import msgspec

from fairlead.domain.content import Text, ToolCall, ToolResult
from fairlead.domain.decision import Arm
from fairlead.domain.errors import FairleadError
from fairlead.domain.moments import Attempted, Decided, Replied, Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.opinion import Opinion
from fairlead.domain.request import ChatRequest
from fairlead.domain.usage import Usage
from fairlead.store.candidates import pack_arms, pack_candidates, pack_ineligible
from fairlead.store.tables import FOLDED

_LOG: Final = logging.getLogger("fairlead.store")
MAX_POOLS: Final = 64
"""Configurations whose arms are remembered: one that comes up again is told to the store again, which has it."""
MAX_TEXT_CHARS: Final = 64_000
"""Of each prompt and each reply, about 16,000 tokens are kept: its head and its tail."""
_WORD_CHARS: Final = 2_000
_MOST: Final = 2**50
"""Of tokens and of nano-dollars (a million dollars): more is no figure, and thousands of them still add up."""
_NO_USAGE: Final = (None,) * 6
_NO_ARM: Final = (None,) * 3
_NOT_FOLDED: Final = (None,) * len(FOLDED)

Moment = Decided | Attempted | Replied | Shadowed | Opinion
Told = tuple[float, Moment]
"""When a moment was told, in Unix seconds, and the moment."""
Line = Sequence[Any]
"""What it is of (`Of`), then values: None, numbers, text and bytes. Only a body's may be who reads it: see `spoken`."""
Chunk = Sequence[Line] | msgspec.Raw
"""Lines, or the bytes of them: see `packed`."""


class Of(IntEnum):
    """What a line is of, and what follows."""

    DECISION = 0
    """decision_id, then tables.DECIDED."""
    REPLY = 1
    """decision_id, tables.REPLIED, then what stands in for a decision that was never made: tables.UNDECIDED."""
    ATTEMPT = 2
    """tables.ATTEMPTS, of one that is not folded into its reply."""
    BODY = 3
    """tables.BODIES, not yet redacted."""
    OPINION = 4
    """tables.OPINIONS."""
    SHADOW = 5
    """tables.SHADOWS but its last, then whose the request was, then the reply, not yet redacted."""
    POOL = 6
    """Its name, its arms as JSON, and the model and upstream of each."""


_DECISION, _REPLY, _ATTEMPT = int(Of.DECISION), int(Of.REPLY), int(Of.ATTEMPT)
_BODY, _OPINION, _SHADOW, _POOL = int(Of.BODY), int(Of.OPINION), int(Of.SHADOW), int(Of.POOL)


class Lines:
    """One process's. Not for several threads."""

    def __init__(self) -> None:
        self._pools: OrderedDict[int, tuple[tuple[Arm, ...], str]] = OrderedDict()
        self._made: list[Line] = []
        self.are_plain = True
        """Whether those made last are values alone, and none is a pool's."""
        self._makers: dict[type, Callable[[float, Any], None]] = {
            Decided: self._decided,
            Attempted: self._attempted,
            Replied: self._replied,
            Shadowed: self._shadowed,
            Opinion: self._opinion,
        }

    def of(self, told: Sequence[Told]) -> list[Line]:
        """Never raises: a moment that cannot be read does not take the others with it."""
        made = self._made = []
        self.are_plain = True
        makers = self._makers
        for at_s, moment in told:
            try:
                makers[type(moment)](at_s, moment)
            except Exception as error:  # noqa: BLE001 - see above
                stumbled(error, type(moment).__name__)
        self._write_apart()
        return made

    def _write_apart(self) -> None:
        """Give attempts that are not folded lines of their own, where they stand: nothing told is held back."""
        made = self._made
        for at in [at for at, line in enumerate(made) if type(line[1]) is Attempted][::-1]:
            try:
                made[at] = _attempt_line(*made[at])
            except Exception as error:  # noqa: BLE001 - as in `of`
                stumbled(error, Attempted.__name__)
                del made[at]

    def _decided(self, at_s: float, moment: Decided) -> None:
        (
            name, tenant, door, asked, policy, arm, chance, n_candidates, session, kept, without, without_usd,
            config_version, read, key_name, prompt, *_,
        ) = moment  # fmt: skip
        figures = read()
        (
            arms, _, _, _, reason, kind, difficulty, language, input_tokens, expected_usd,
            n_messages, n_tools, flags, *_,
        ) = figures  # fmt: skip
        blob, ineligible = pack_candidates(figures), pack_ineligible(figures)
        self._made.append((
            _DECISION, name, at_s, tenant, key_name, door, clean(asked), policy, config_version, session, kept,
            without.model if without is not None else None, without_usd, reason, arm.model, arm.upstream, chance,
            kind, difficulty, language, input_tokens, expected_usd, n_messages, n_tools, flags, n_candidates,
            self._pool(arms), blob, ineligible,
        ))  # fmt: skip
        if prompt is not None:
            self.are_plain = False
            self._made.append((_BODY, name, at_s, prompt, None, None))

    def _pool(self, arms: tuple[Arm, ...]) -> str:
        """The name of these arms, told to the store once."""
        known = self._pools.get(id(arms))
        if known is not None:
            return known[1]
        text = pack_arms(arms)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._pools[id(arms)] = (arms, name)
        self.are_plain = False
        # Before the decision itself, which is being made.
        self._made.append((_POOL, name, text, [(str(arm.model), str(arm.upstream)) for arm in arms]))
        if len(self._pools) > MAX_POOLS:
            self._pools.popitem(last=False)
        return name

    def _attempted(self, at_s: float, moment: Attempted) -> None:
        # In the place of its line until all is told: its reply, which mostly comes next, may say the same.
        self._made.append((at_s, moment))

    def _replied(self, at_s: float, moment: Replied) -> None:
        (
            name, tenant, door, asked, policy, arm, outcome, status, error_code, is_streaming, n_attempts, usage, cost,
            decide_s, overhead_s, first_byte_s, total_s, session, is_cached, config_version, kept, key_name, words, *_,
        ) = moment  # fmt: skip
        model, upstream, provider = (arm.model, arm.upstream, arm.provider) if arm is not None else _NO_ARM
        made, folded = self._made, _NOT_FOLDED
        if n_attempts == 1 and made and type(made[-1][1]) is Attempted:
            told_s, attempt = made[-1]
            first_s, lasted_s, after_s = attempt.first_byte_s, attempt.total_s, attempt.after_s
            stage = "speaking" if is_streaming else "whole"
            # What it says if its reply says all but its times: the view `attempts` reads the rest of it there.
            if attempt == (
                name, arm, outcome, status, first_s, lasted_s, usage, cost, 0, False, stage, (), 1, after_s,
                attempt.served,
            ):  # fmt: skip
                folded = (told_s, after_s, first_s, lasted_s)
        line = (
            _REPLY, name, outcome, status, error_code, model, upstream, provider, int(is_streaming), int(is_cached),
            n_attempts, *_tokens(usage), _nano(cost), first_byte_s, total_s, overhead_s, decide_s, *folded,
            at_s - total_s, tenant, key_name, door, clean(asked), policy or None, config_version, session, kept,
        )  # fmt: skip
        if folded is _NOT_FOLDED:
            made.append(line)
        else:
            made[-1] = line
        if words is not None:
            self.are_plain = False
            self._made.append((_BODY, name, at_s, None, None, words))

    def _shadowed(self, at_s: float, moment: Shadowed) -> None:
        arm = moment.arm
        self.are_plain = False
        self._made.append((
            _SHADOW, moment.decision_id, arm.model, arm.upstream, at_s, moment.outcome, _tokens(moment.usage)[3],
            _nano(moment.cost), moment.first_byte_s, moment.total_s, moment.tenant, moment.words,
        ))  # fmt: skip

    def _opinion(self, _: float, moment: Opinion) -> None:
        opinion_id, decision_id, *whose, label, preferred, comment, weight = moment
        words = (None if text is None else clean(text) for text in (label, preferred, comment))
        self._made.append((_OPINION, opinion_id, clean(decision_id), *whose, *words, weight))


def _attempt_line(at_s: float, moment: Attempted) -> Line:
    (
        name, arm, outcome, status, first_byte_s, total_s, usage, cost, place, is_hedge, stage, losses, number,
        after_s, *_,
    ) = moment  # fmt: skip
    return (
        _ATTEMPT, name, number, at_s, place, arm.model, arm.upstream, arm.provider, outcome, status, stage,
        int(is_hedge), after_s, first_byte_s, total_s, *_tokens(usage), _nano(cost),
        clean(", ".join(losses)) if losses else None,
    )  # fmt: skip


ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=lambda value: value.item())  # a number of numpy's
_DECODER: Final = msgspec.msgpack.Decoder(list[list[Any]])


def packed(lines: Sequence[Line]) -> Chunk:
    """Plain lines as MessagePack: one piece of memory in place of dozens a request. As they are if one cannot be."""
    try:
        return msgspec.Raw(ENCODER.encode(lines))
    except Exception:  # noqa: BLE001 - whoever sends them looks for the culprit
        return lines


def unpacked(chunk: Chunk) -> Sequence[Line]:
    """Its lines."""
    return _DECODER.decode(chunk) if isinstance(chunk, msgspec.Raw) else chunk


def spoken(lines: Sequence[Line]) -> list[Line]:
    """These lines with the words that some only know who reads: off the event loop, since prompts may be long."""
    found: list[Line] = []
    for line in lines:
        if line[0] in (_BODY, _SHADOW):
            try:
                line = (*line[:3], *_body(line)) if line[0] == _BODY else (*line[:-1], _said(line[-1]))
            except Exception as error:  # noqa: BLE001 - a bug: it takes no other line with it
                stumbled(error, Of(line[0]).name.lower())
                continue
            if line[0] == _BODY and line[3:] == (None, None, None):
                continue
        found.append(line)
    return found


def _body(line: Line) -> tuple[str | None, str | None, str | None]:
    """Query, prompt and reply."""
    prompt, words = line[3], line[5]
    if prompt is None:
        return None, None, _said(words)
    try:
        request: ChatRequest = prompt()
    except FairleadError:
        return None, None, None  # the client is told so by whoever needs the request whole
    query = next((_words(turn.parts) for turn in reversed(request.turns) if turn.role == "user"), "")
    whole = "\n\n".join(f"[{turn.role}] {_words(turn.parts)}" for turn in request.turns)
    return _head_and_tail(query), _head_and_tail(whole), None


def _said(words: Callable[[], str | None] | None) -> str | None:
    text = words() if words is not None else None
    return _head_and_tail(text) if text else None


def _head_and_tail(text: str) -> str:
    """Twice what is kept, so that no cut hides what must be redacted; no half characters."""
    return cut(text, 2 * MAX_TEXT_CHARS).encode("utf-8", "replace").decode()


def cut(text: str, n_chars: int) -> str:
    """The head and the tail of a text that is longer."""
    return text if len(text) <= n_chars else f"{text[: n_chars // 2]}\n[…]\n{text[-n_chars // 2 :]}"


def _tokens(usage: Usage | None) -> tuple[int | None, ...]:
    """Tokens by class and whether they are estimated; an upstream's absurd figure is cut to where sums still fit."""
    if usage is None:
        return _NO_USAGE
    n_input, n_read, n_write, n_output, n_thought, is_estimated, _ = usage
    if n_input < _MOST > n_read and n_write < _MOST > n_output and n_thought < _MOST and min(usage) >= 0:
        return (n_input, n_read, n_write, n_output, n_thought, int(is_estimated))
    return (*(max(0, min(n, _MOST)) for n in usage[:5]), int(is_estimated))


def _nano(cost: Usd | None) -> int | None:
    return None if cost is None else min(cost.nano, _MOST)


def stumbled(error: Exception, what: str) -> None:
    """Say that something could not be kept; never what was in it."""
    _LOG.error("a moment could not be kept: %s in %s", type(error).__name__, what)


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
