"""A whole reply: is it one, what did it cost, who served; its bytes go on as they came."""

from typing import Final

import msgspec

from fairlead.domain.errors import GarbledError, MalformedBodyError, TruncatedError
from fairlead.wire.format import ReadReply
from fairlead.wire.lane import put_together, raw, take_apart
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_chat.usage import WireUsage
from fairlead.wire.sse import check_text
from fairlead.wire.upstream_words import error_in_reply

_NOTHING: Final = msgspec.Raw(b"")


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] | None = None
    data: msgspec.Raw = _NOTHING
    model: str | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


_REPLY: Final = msgspec.json.Decoder(_Reply)


def read_reply(body: bytes, sent: str) -> ReadReply:
    """Check that this is a finished reply.

    Raises: GarbledError when it is not a reply (a 200 with an error or a page inside); TruncatedError without a finish.
    """
    try:
        reply = _REPLY.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        reply = reread(_REPLY, body, "The upstream's reply is not the JSON of a chat completion.")
    if bytes(reply.error) not in (b"", b"null"):
        raise error_in_reply(body)
    if not reply.choices:
        raise GarbledError("The upstream's reply holds no choices.")
    if any(choice.finish_reason == "error" for choice in reply.choices):
        raise error_in_reply(body)
    if not all(choice.finish_reason for choice in reply.choices):
        raise TruncatedError("The upstream's reply has no finish reason.")
    return _with_model(body, reply, sent)


def read_embeddings(body: bytes, sent: str) -> ReadReply:
    """The same for an embeddings reply.

    Raises: GarbledError when it is not one.
    """
    try:
        reply = _REPLY.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        reply = reread(_REPLY, body, "The upstream's reply is not the JSON of embeddings.")
    if bytes(reply.data)[:1] != b"[":
        raise GarbledError("The upstream's reply holds no embeddings.")
    return _with_model(body, reply, sent)


def _with_model(body: bytes, reply: _Reply, sent: str) -> ReadReply:
    check_text(body)
    if not reply.model:
        # A reply says who served; an upstream that does not gets the name that we sent.
        try:
            members = take_apart(body)
        except MalformedBodyError:
            raise GarbledError("The upstream's reply is not well-formed JSON.") from None
        members["model"] = raw(sent)
        body = put_together(members)
    return ReadReply(body, reply.model or sent, reply.usage.usage() if reply.usage else None)
