"""Continuation: a request that names earlier replies or items by id gets what they said, or goes to who keeps them.

Ids of replies that we translated are replaced by what is kept of them (`kept_replies`); then the request is like any
other. Ids of replies that an upstream says it stores stay as they are, and only
that upstream is asked. Servers of the format that store nothing (llama.cpp) say so by their silence.
"""

from typing import Final

from fairlead.domain.errors import UnknownItemError, UnknownReferenceError
from fairlead.domain.names import UpstreamName
from fairlead.gateway.engine import Engine
from fairlead.gateway.kept_replies import Reply
from fairlead.gateway.work import Work
from fairlead.routing.pool import ArmSpec
from fairlead.wire.format import References
from fairlead.wire.openai_responses.requests import ResponsesRequest, of_members
from fairlead.wire.openai_responses.state import (
    gone_on_from,
    is_ours,
    read_made,
    references,
    said,
    wants_kept,
    with_items,
)

_MEND: Final = "send the earlier items themselves in 'input', with store=false"


def continued(engine: Engine, work: Work) -> Work:
    """The work with everything that its request refers to. Raises: UnknownReferenceError for what nobody keeps."""
    request = work.request
    if not isinstance(request, ResponsesRequest) or request.lane_only is None:
        return work
    refers = request.refers
    if refers is None:
        return work._replace(only=request.lane_only)
    return _Continuing(engine, work, refers).work(request)


def remember(engine: Engine, work: Work, spec: ArmSpec, told: bytes) -> None:
    """Keep a reply that was answered well, unless the client will not refer to it; `told`: its body or last event."""
    request = work.request
    if not isinstance(request, ResponsesRequest) or not wants_kept(request.members):
        return
    made = read_made(told)
    if made is None:
        return
    services = engine.services
    upstream = spec.arm.upstream
    now_s = services.clock()
    if made.is_stored and work.way.door.name in services.upstreams[upstream].formats:
        kept = Reply(None, b"", {name: b"" for name, _ in made.items}, upstream)
        if request.previous_reply is not None:
            engine.replies.keep(work.tenant, request.previous_reply, Reply(None, b"", {}, upstream), now_s)
    else:
        own = said(request.members) if work.said is None else work.said
        kept = Reply(work.continues, own, dict(made.items))
    engine.replies.keep(work.tenant, made.reply_id, kept, now_s)


class _Continuing:
    """One request's references, as they are looked up."""

    def __init__(self, engine: Engine, work: Work, refers: References) -> None:
        self._engine = engine
        self._work = work
        self._refers = refers
        self._keeper: UpstreamName | None = None
        self._now_s = engine.services.clock()

    def work(self, request: ResponsesRequest) -> Work:
        work, members = self._work, request.members
        previous = self._refers.previous
        before = self._before(previous) if previous is not None else None
        if before is not None:
            members = gone_on_from(members, before)
        # Earlier requests, which stand before now, may themselves have referred to items.
        named = references(members)
        known: dict[str, bytes] = {}
        for name in named.items if named is not None else ():
            item = self._item(name)
            if item is not None:
                known[name] = item
        if known:
            members = with_items(members, known)
        whole = request if members is request.members else of_members(members, request.wishes)
        whole.continues = previous if before is not None else None
        return work._replace(
            request=whole,
            only=whole.lane_only,
            keeper=self._keeper,
            continues=whole.continues,
            said=said(request.members),
        )

    def _before(self, name: str) -> bytes | None:
        """All that was said before; None when an upstream keeps it."""
        replies, tenant = self._engine.replies, self._work.tenant
        found = replies.reply(tenant, name, self._now_s)
        if found is not None and found.keeper is not None:
            self._kept_by(found.keeper, "previous_response_id")
            return None
        before = replies.conversation(tenant, name, self._now_s) if found is not None else None
        if before is None:
            self._may_be_elsewhere(name, "previous_response_id", UnknownReferenceError)
        return before

    def _item(self, name: str) -> bytes | None:
        """The item; None when an upstream keeps it."""
        found = self._engine.replies.item(self._work.tenant, name, self._now_s)
        if found is None:
            self._may_be_elsewhere(name, "input", UnknownItemError)
            return None
        if found[0].keeper is not None:
            self._kept_by(found[0].keeper, "input")
            return None
        return found[1]

    def _kept_by(self, upstream: UpstreamName, param: str) -> None:
        if self._keeper is not None and self._keeper != upstream:
            raise UnknownReferenceError(
                f"The request refers to what two upstreams keep, '{self._keeper}' and '{upstream}': {_MEND}.",
                param=param,
            )
        self._keeper = upstream

    def _may_be_elsewhere(self, name: str, param: str, error: type[UnknownReferenceError]) -> None:
        """An id that we do not know may be one that an upstream gave before we began; one of ours is lost."""
        door = self._work.way.door.name
        if not is_ours(name) and any(door in each.formats for each in self._engine.services.upstreams.values()):
            return
        what = "Item" if error is UnknownItemError else "Previous response"
        raise error(
            f"{what} with id '{name[:80]}' not found: replies are kept for an hour, in the memory of the worker that "
            f"gave them; {_MEND}.",
            param=param,
        )
