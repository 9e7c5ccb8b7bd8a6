"""A whole reply: checked on the lane, read into the hub, written from it."""

from typing import Final

import msgspec

from fairlead.domain.content import Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, MalformedBodyError, TruncatedError, UpstreamError
from fairlead.domain.events import ArgumentsDelta, Event, ReasoningDelta, ReplyBegan, UsageReported
from fairlead.domain.reply import Reply, ReplyChoice, fold
from fairlead.wire.format import ReadReply
from fairlead.wire.lane import put_together, raw, take_apart
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_responses.output_reading import (
    CALLS,
    RESPONSE,
    Response,
    arguments_of,
    begin_call,
    events_of_message,
    events_of_thoughts,
    finish_of,
    read_item,
    signature_of,
)
from fairlead.wire.openai_responses.response_object import (
    CallName,
    Ids,
    Json,
    ReplyShape,
    call_item,
    ended,
    item_status,
    message_item,
    reasoning_item,
    refusal_part,
    sealed,
    text_part,
)
from fairlead.wire.sse import check_text
from fairlead.wire.upstream_words import error_in_reply

_ENCODER: Final = msgspec.json.Encoder()
_ENDS: Final = frozenset(("completed", "incomplete"))


def lane_reply(body: bytes, sent: str) -> ReadReply:
    """Check that this is a finished reply.

    Raises: GarbledError when it is not a reply (a 200 with an error or a page inside); TruncatedError without an end.
    """
    response = _response(body)
    _check_error(response, body)
    if response.status not in _ENDS:
        raise TruncatedError("The upstream's reply does not say that it is completed.")
    if response.output is None:
        raise GarbledError("The upstream's reply holds no output.")
    check_text(body)
    if not response.model:
        # A reply says who served; an upstream that does not gets the name that we sent.
        try:
            members = take_apart(body)
        except MalformedBodyError:
            raise GarbledError("The upstream's reply is not well-formed JSON.") from None
        members["model"] = raw(sent)
        body = put_together(members)
    return ReadReply(body, response.model or sent, response.usage.usage() if response.usage else None)


def read_reply(body: bytes) -> Reply:
    """A reply in no vendor's words.

    Raises: GarbledError when it is not a reply (a 200 with an error inside), TruncatedError without a finish.
    """
    response = _response(body)
    _check_error(response, body)
    try:
        return fold(_events(response))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise GarbledError("The upstream's reply holds an item that is not one of this format.") from None


def write_reply(reply: Reply, shape: ReplyShape) -> bytes:
    """A reply of the hub in this format; it has one choice."""
    ids = shape.ids(reply.reply_id)
    choice = reply.choices[0]
    output = _items(choice, ids, shape)
    return _ENCODER.encode(ended(shape.head(ids, reply.served), choice.finish, output, reply.usage))


def _response(body: bytes) -> Response:
    try:
        response = RESPONSE.decode(body)
        if not body.isascii():
            body.decode()  # msgspec skips over strings that nobody asked for without looking at their UTF-8
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        response = reread(RESPONSE, body, "The upstream's reply is not the JSON of a response.")
    return response


def _check_error(response: Response, body: bytes) -> None:
    if response.status == "failed" or bytes(response.error) not in (b"", b"null"):
        raise error_in_reply(body)


def _events(response: Response) -> list[Event]:
    if response.output is None:
        raise GarbledError("The upstream's reply holds no output.")
    events: list[Event] = [ReplyBegan(response.id or "", response.model or "")]
    n_calls = 0
    for each in response.output:
        item = read_item(each)
        if item is None:
            continue
        if item.type in CALLS:
            events += [begin_call(item, n_calls), ArgumentsDelta(n_calls, arguments_of(item))]
            n_calls += 1
        elif item.type == "reasoning":
            told = events_of_thoughts(item)
            events += told + signature_of(item, has_text=any(isinstance(e, ReasoningDelta) for e in told))
        else:
            events += events_of_message(item)
    finish = finish_of(response, n_calls)
    if isinstance(finish, UpstreamError):
        raise finish
    events.append(finish)
    usage = response.usage.usage() if response.usage else None
    if usage is not None:
        events.append(UsageReported(usage))
    return events


def _items(choice: ReplyChoice, ids: Ids, shape: ReplyShape) -> list[Json]:
    status = item_status(choice.finish)
    logprobs = choice.logprobs
    items: list[Json] = []
    content: list[Json] | None = None
    for part in choice.parts:
        place = len(items)
        if isinstance(part, Text):
            if content is None:
                content = []
                items.append(message_item(ids.item("msg", place), "completed", content))
            content.append(refusal_part(part.text) if part.is_refusal else text_part(part.text, logprobs))
            logprobs = logprobs if part.is_refusal else None
            continue
        content = None
        if isinstance(part, Reasoning):
            encrypted = sealed(part.blob, part.origin, part.item_id, is_redacted=part.is_redacted)
            is_summary = part.is_summary or shape.shows_summary()
            items.append(reasoning_item(ids.item("rs", place), part.text, is_summary=is_summary, encrypted=encrypted))
        elif isinstance(part, ToolCall):
            call = CallName(part.call_id, part.name, part.kind)
            kind = "ctc" if part.kind == "custom" else "fc"
            items.append(call_item(ids.item(kind, place), status, call, part.arguments, shape.spaced))
    if content is not None:
        items[-1]["status"] = status
    return items
