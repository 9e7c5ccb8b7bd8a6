"""Work: one request as the attempt engine sees it, whichever door it came through and whoever will serve it."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fairlead.domain.call import Headers
from fairlead.domain.content import FormatName
from fairlead.domain.errors import RejectedError
from fairlead.domain.names import TenantName, UpstreamName
from fairlead.domain.request import Carried, ChatRequest, Loss
from fairlead.domain.usage import Usage
from fairlead.gateway.affinity import SESSION_HEADERS, stated_session
from fairlead.gateway.idempotency import HEADER as IDEMPOTENCY_HEADER
from fairlead.gateway.idempotency import key_in
from fairlead.gateway.ports import Upstream
from fairlead.routing.pool import ArmSpec
from fairlead.wire import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from fairlead.wire.call_ids import identified
from fairlead.wire.custom_tools import CustomisedReader, custom_names, customised, with_functions
from fairlead.wire.failures import read_failure
from fairlead.wire.format import AskedRequest, Back, Door, ReadReply, ReplyStream
from fairlead.wire.lane import put_together, take_apart
from fairlead.wire.quirks import Quirks, apply
from fairlead.wire.translation import TranslatedStream

_RETRY_COUNT: Final = b"x-stainless-retry-count"
"""How often an SDK of OpenAI's or Anthropic's (Stainless makes both) has sent this request again."""
_TELLING: Final = frozenset((*SESSION_HEADERS, IDEMPOTENCY_HEADER, _RETRY_COUNT))


class DoorWay(NamedTuple):
    """A door at its path, with its name in records and metrics."""

    label: str
    door: Door


DOORS: Final[Mapping[str, DoorWay]] = {
    "/v1/chat/completions": DoorWay("chat", openai_chat.DOOR),
    "/v1/responses": DoorWay("responses", openai_responses.DOOR),
    "/v1/messages": DoorWay("messages", anthropic_messages.DOOR),
    "/v1/embeddings": DoorWay("embeddings", openai_embeddings.DOOR),
}


class Prepared(NamedTuple):
    """A request made ready for one upstream, and the way back to the client."""

    path: str
    """Below the upstream's base URL."""
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    losses: tuple[Loss, ...]
    """What this upstream's format could not carry; empty on the lane."""
    read_reply: Callable[[bytes], ReadReply]
    """Raises: GarbledError, TruncatedError."""
    open_stream: Callable[[], ReplyStream]
    read_failure: Callable[[int, Headers, bytes, str], RejectedError]


class Work(NamedTuple):
    """What to do."""

    way: DoorWay
    request: AskedRequest
    tenant: TenantName
    passed: tuple[tuple[bytes, bytes], ...]
    """The client's headers that an upstream of the same format is to see."""
    began_s: float
    body: bytes = b""
    """As it came."""
    session: bytes | None = None
    """The conversation's id, as the client states it."""
    is_repeat: bool = False
    """The client's SDK says that it has sent this before, and had no answer."""
    repeat_key: bytes | None = None
    """The request's Idempotency-Key."""
    only: str | None = None
    """The member because of which only upstreams of the door's format can serve."""
    keeper: UpstreamName | None = None
    """The upstream that keeps what the request refers to: no other can serve."""
    continues: str | None = None
    """The kept reply that the request goes on from; the request holds what was said until then."""
    said: bytes | None = None
    """Of such a request, its own items; None where that is all of its input."""
    key_name: str = ""
    """The name of the access key that asks."""
    upload_s: float = 0.0
    """How long its body was on the way after its head: the client's time, not ours."""

    def prepare(self, upstream: Upstream, spec: ArmSpec, backs: Mapping[FormatName, Back]) -> Prepared:
        """The request for this upstream: on the lane if it speaks the door's format, else through the hub.

        Raises: InvalidOptionError when the request cannot be put into the upstream's format at all.
        """
        door, request, sent = self.way.door, self.request, spec.arm.sent_model
        if door.name in upstream.formats:
            carried = _quirked(Carried(request.body_for(sent)), door.name, upstream.quirks)
            return Prepared(
                path=door.lane_path,
                body=carried.body,
                headers=self.passed,
                losses=carried.losses,
                read_reply=lambda body: request.lane_reply(body, sent),
                open_stream=request.lane_stream,
                read_failure=read_failure,
            )
        return self._translated(backs[upstream.formats[0]], spec, upstream.quirks)

    def _translated(self, back: Back, spec: ArmSpec, quirks: Quirks) -> Prepared:
        request, sent = self.request, spec.arm.sent_model
        chat = _suited(request.chat(), spec)
        # Of those whose tools are text, OpenAI alone is known, and OpenAI speaks this format itself.
        customs = custom_names(chat) if chat.tools and back.name != "openai_responses" else frozenset()
        if customs:
            chat = with_functions(chat)
        carried = _quirked(back.write_request(chat, sent), back.name, quirks)

        def read_reply(body: bytes) -> ReadReply:
            reply = identified(back.read_reply(body), request.reply_id)
            if customs:
                reply = customised(reply, customs)
            if not reply.served:
                reply = reply._replace(served=sent)
            return ReadReply(request.write_reply(reply), reply.served, reply.usage)

        def open_stream() -> ReplyStream:
            reader = back.reader()
            if customs:
                reader = CustomisedReader(reader, customs)
            return TranslatedStream(reader, request.writer(), sent, request.reply_id)

        return Prepared(
            path=back.path(sent, request.is_streaming),
            body=carried.body,
            headers=(),
            losses=(*chat.losses, *carried.losses),
            read_reply=read_reply,
            open_stream=open_stream,
            read_failure=back.read_failure,
        )


def _quirked(carried: Carried, name: FormatName, quirks: Quirks) -> Carried:
    """The body as this provider takes it."""
    if not quirks or name != "openai_chat":
        return carried
    members = take_apart(carried.body)
    lost = apply(members, quirks)
    return Carried(put_together(members), (*carried.losses, *lost))


def _suited(chat: ChatRequest, spec: ArmSpec) -> ChatRequest:
    """The request without what this model is known not to do, where a client's habit would make the upstream refuse."""
    reasons = spec.card.abilities.get("reasoning")
    if chat.reasoning is not None and reasons is not None and not reasons.value:
        return chat._replace(reasoning=None, losses=(*chat.losses, Loss("reasoning", "this model does not reason")))
    return chat


def work_of(
    way: DoorWay,
    body: bytes,
    headers: Headers,
    tenant: TenantName,
    began_s: float,
    key_name: str = "",
    upload_s: float = 0.0,
) -> Work:
    """What this body asks for. Raises: RequestError."""
    door = way.door
    request = door.read_request(body)
    passed: list[tuple[bytes, bytes]] = []
    stated: Headers = []
    wanted = door.passed_headers
    for header in headers:
        name = header[0]
        if name in wanted:
            passed.append(header)
        if name in _TELLING:
            stated.append(header)
    if not stated:
        session = request.session.encode("utf-8", "replace") if request.session else None
        return Work(way, request, tenant, tuple(passed), began_s, body, session, key_name=key_name, upload_s=upload_s)
    return Work(
        way,
        request,
        tenant,
        tuple(passed),
        began_s,
        body,
        stated_session(stated, request.session),
        any(name == _RETRY_COUNT and value not in (b"", b"0") for name, value in stated),
        key_in(stated),
        key_name=key_name,
        upload_s=upload_s,
    )


def estimated_usage(n_input: float, n_content_bytes: int) -> Usage:
    """What a stream that died before its usage is taken to have used; marked so."""
    return Usage(input_tokens=round(n_input), output_tokens=round(n_content_bytes / 4), is_estimated=True)
