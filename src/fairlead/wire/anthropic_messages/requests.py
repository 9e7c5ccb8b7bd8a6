"""A Messages request at the door: its members, what the router may see of it, the wishes that came with it."""

from dataclasses import dataclass
from typing import Final

import msgspec

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError
from fairlead.domain.names import AskedModel, SentModel
from fairlead.domain.outline import Outline
from fairlead.domain.reply import Reply
from fairlead.domain.request import ChatRequest
from fairlead.domain.wishes import Wishes
from fairlead.wire.anthropic_messages.outlines import Envelope, outline_of
from fairlead.wire.anthropic_messages.replies import check_reply
from fairlead.wire.anthropic_messages.reply_writing import write_reply
from fairlead.wire.anthropic_messages.request_reading import read_chat
from fairlead.wire.anthropic_messages.sessions import session_of
from fairlead.wire.anthropic_messages.signatures import without_foreign_thoughts
from fairlead.wire.anthropic_messages.stream import MessageWatch
from fairlead.wire.anthropic_messages.stream_writing import MessageWriter
from fairlead.wire.format import ReadReply, ReplyStream, ReplyWriter
from fairlead.wire.lane import Members, put_together, raw, refuse_lookalikes, take_apart, what_is_wrong
from fairlead.wire.routing_options import take_wishes

_DECIDING: Final = frozenset(("model", "models", "stream", "messages", "system", "fairlead", "provider"))
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


@dataclass(slots=True)
class AskedMessages:
    """One request as the client sent it, ready to be relabelled or translated. Keeps AskedRequest's promises."""

    asked: AskedModel
    members: Members
    outline: Outline
    wishes: Wishes
    is_streaming: bool
    wants_thinking: bool
    """Whether thoughts are shown to the client; a blob that a tool call depends on goes to it in any case."""
    session: str | None = None
    reply_id: str = ""
    created_s: int = 0

    def body_for(self, sent: SentModel) -> bytes:
        """See AskedRequest. Thoughts that Anthropic has not signed stay here: it would refuse the whole request."""
        members = self.members
        members["model"] = raw(sent)
        members["messages"] = without_foreign_thoughts(members["messages"])
        return put_together(members)

    def chat(self) -> ChatRequest:
        """See AskedRequest."""
        return read_chat(self.members, is_streaming=self.is_streaming)

    def lane_reply(self, body: bytes, sent: str) -> ReadReply:
        """See AskedRequest."""
        return check_reply(body, sent)

    def lane_stream(self) -> ReplyStream:
        """See AskedRequest."""
        return MessageWatch()

    def write_reply(self, reply: Reply) -> bytes:
        """See AskedRequest."""
        return write_reply(reply, reply_id=self.reply_id, wants_thinking=self.wants_thinking)

    def writer(self) -> ReplyWriter:
        """See AskedRequest."""
        return MessageWriter(reply_id=self.reply_id, wants_thinking=self.wants_thinking)


def read_request(body: bytes) -> AskedMessages:
    """Read what routing needs and leave the rest untouched.

    Raises: MalformedBodyError, InvalidOptionError, UnknownOptionError.
    """
    members = take_apart(body)
    refuse_lookalikes(members, _DECIDING)
    wishes = take_wishes(members)
    # Decoded from the members, not from the body: what is decided on is what will be sent.
    try:
        envelope = _ENVELOPE.decode(put_together(members))
        outline = outline_of(envelope, members)
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise MalformedBodyError("The body holds text that is not UTF-8.") from None
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {what_is_wrong(error)}.") from None
    asked = envelope.model or ""
    if not asked and not wishes.models:
        raise InvalidOptionError("'model' is missing: name a model, or 'auto' to have one chosen.", param="model")
    return AskedMessages(
        asked=AskedModel(asked),
        members=members,
        outline=outline,
        wishes=wishes,
        is_streaming=envelope.stream is True,
        wants_thinking=envelope.thinking is not None and envelope.thinking.type != "disabled",
        session=session_of(envelope.metadata),
    )


def _invalid(error: msgspec.ValidationError) -> InvalidOptionError:
    what, _, where = str(error).partition(" - at `$")
    if "required field `messages`" in what:
        return InvalidOptionError("'messages' is missing: send at least one message.", param="messages")
    param = where.removesuffix("`").removeprefix(".") or None
    return InvalidOptionError(f"{what}{f' in {param!r}' if param else ''}.", param=param)
