"""Kept answers, as one request sees them: one that is there already, and its own to be kept.

Two stores behind one face: what an Idempotency-Key stands for (always on, replies in one piece), and the replay cache
(off unless the operator wants it, streams as well).
"""

from typing import Final

from fairlead.domain.call import Headers
from fairlead.domain.decision import Arm
from fairlead.domain.usage import Usage
from fairlead.gateway.delivery import Delivery
from fairlead.gateway.engine import Engine
from fairlead.gateway.idempotency import Kept as KeptReply
from fairlead.gateway.idempotency import Name
from fairlead.gateway.record import Record
from fairlead.gateway.replay_cache import Kept, key_of, question_of
from fairlead.gateway.work import Work

_OF_ONE_ANSWER: Final = frozenset(
    (b"x-fairlead-decision-id", b"x-request-id", b"request-id", b"x-fairlead-overhead-ms", b"x-fairlead-cost-usd")
)
_COSTS_NOTHING: Final = (b"x-fairlead-cost-usd", b"0.000000000")


class KeptAnswers:
    """One request's."""

    __slots__ = ("_added", "_engine", "_key", "_name", "_out", "_pieces", "_record", "_work")

    def __init__(self, engine: Engine, work: Work, out: Delivery, added: Headers, record: Record) -> None:
        self._engine = engine
        self._work = work
        self._out = out
        self._added = added
        self._record = record
        self._name: Name | None = None
        """Under which our answer is awaited."""
        self._key: bytes | None = None
        """Under which our answer is to be kept in the cache."""
        self._pieces: list[bytes] = []

    async def repeats(self) -> bool:
        """Whether the request repeats one under the same Idempotency-Key, and has been given its answer.

        Raises: ConflictError.
        """
        work, engine = self._work, self._engine
        if work.repeat_key is None or work.request.is_streaming:
            return False
        name = (work.tenant, work.repeat_key)
        kept = await engine.idempotency.begin(name, work.body, engine.services.clock())
        if kept is None:
            self._name = name
            return False
        self._record.cached(kept.arm)
        headers = [*self._added, *kept.headers, _COSTS_NOTHING, (b"idempotent-replayed", b"true")]
        await self._out.whole(200, headers, kept.body)
        return True

    async def finds(self, arm: Arm) -> bool:
        """Whether the cache had the answer that this arm would give, and the client has it now."""
        work, cache = self._work, self._engine.cache
        if cache is None or not work.request.wishes.uses_cache:
            return False
        question = question_of(work.body, sampled=cache.limits.sampled)
        if question is None:
            return False
        key = key_of(question, work.tenant, work.way.label, arm.model)
        now_s = self._engine.services.clock()
        kept = cache.find(key, now_s)
        if kept is None:
            self._key = key
            self._added.append((b"x-fairlead-cache", b"miss"))
            return False
        self._record.cached(kept.arm)
        headers = [
            *self._added,
            (b"x-fairlead-cache", b"hit"),
            (b"age", b"%d" % (now_s - kept.stored_s)),
            _COSTS_NOTHING,
            *kept.headers,
        ]
        if work.request.is_streaming:
            await self._out.begin_stream(headers, kept.body)
            await self._out.end_stream()
        else:
            await self._out.whole(200, headers, kept.body)
        return True

    def takes(self, piece: bytes) -> None:
        """A piece of our stream goes to the client."""
        if self._key is not None:
            self._pieces.append(piece)

    def keep_whole(self, headers: Headers, body: bytes, arm: Arm, usage: Usage | None) -> None:
        """Our reply in one piece goes to the client."""
        if self._name is not None:
            kept = [header for header in headers if header not in self._added and header[0] not in _OF_ONE_ANSWER]
            self._engine.idempotency.keep(self._name, KeptReply(kept, body, arm))
            self._name = None
        self._keep(body, arm, usage)

    def keep_stream(self, tail: bytes, arm: Arm, usage: Usage | None) -> None:
        """Our stream has ended well, with this tail."""
        if self._key is not None:
            self._keep(b"".join([*self._pieces, tail]), arm, usage)

    def _keep(self, body: bytes, arm: Arm, usage: Usage | None) -> None:
        cache = self._engine.cache
        if self._key is not None and cache is not None:
            headers = [(b"x-fairlead-model", arm.model.encode("latin-1", "replace"))]
            cache.keep(self._key, Kept(body, arm, usage, self._engine.services.clock(), headers))
            self._key = None

    def release(self) -> None:
        """The request is over: whoever waits for its answer under the same key, and there is none, is served."""
        self._pieces.clear()
        if self._name is not None:
            self._engine.idempotency.release(self._name)
            self._name = None
