"""A chat request: its top-level members, the outline that the router may see, and the wishes that came with it."""

from dataclasses import dataclass
from typing import Final

import msgspec

from fairlead.domain.content import FormatName
from fairlead.domain.errors import InvalidOptionError, MalformedBodyError
from fairlead.domain.names import AskedModel, SentModel
from fairlead.domain.outline import FIRST_TURN_SAMPLE_CHARS, SYSTEM_SAMPLE_CHARS, Outline, sample_turns
from fairlead.domain.reply import Reply
from fairlead.domain.request import ChatRequest
from fairlead.domain.wishes import Wishes
from fairlead.wire.format import ReadReply, ReplyStream, ReplyWriter
from fairlead.wire.lane import Members, put_together, raw, refuse_lookalikes, take_apart, what_is_wrong
from fairlead.wire.openai_chat.replies import read_reply
from fairlead.wire.openai_chat.reply_writing import write_chat_reply
from fairlead.wire.openai_chat.request_reading import read_chat
from fairlead.wire.openai_chat.signatures import signer_of, without_foreign_thoughts
from fairlead.wire.openai_chat.stream import StreamWatch
from fairlead.wire.openai_chat.stream_writing import ChatWriter
from fairlead.wire.routing_options import take_wishes

_MAX_COUNT: Final = 1_000_000_000
"""JSON's whole numbers have no end; above this a count only says "more than anybody gives"."""
_NOTHING: Final = msgspec.Raw(b"")
_DECIDING: Final = frozenset(("model", "models", "stream", "stream_options", "messages", "fairlead", "provider"))
_TRUE: Final = msgspec.Raw(b"true")


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Message(msgspec.Struct):
    role: str = ""
    content: str | list[_Part] | None = None
    tool_calls: msgspec.Raw = _NOTHING
    reasoning_details: msgspec.Raw = _NOTHING


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _ResponseFormat(msgspec.Struct):
    type: str = "text"


class _Envelope(msgspec.Struct):
    """The members that routing looks at; everything else stays as it came."""

    messages: list[_Message]
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    tools: list[msgspec.Raw] | None = None
    functions: list[msgspec.Raw] | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: str | None = None
    reasoning: msgspec.Raw = _NOTHING
    session_id: str | None = None
    prompt_cache_key: str | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


@dataclass(slots=True)
class AskedChat:
    """One request as the client sent it, ready to be relabelled or translated for whoever will serve it."""

    asked: AskedModel
    """Empty when the client sent only `models`."""
    members: Members
    outline: Outline
    wishes: Wishes
    is_streaming: bool
    wants_usage: bool
    session: str | None = None
    reply_id: str = ""
    created_s: int = 0

    def body_for(self, sent: SentModel) -> bytes:
        """The body to send: every member as it came but for the model and, on a stream, the wish for usage.

        Thoughts that upstreams of other formats have signed stay here: many upstreams would refuse the whole request.
        """
        members = self.members
        members["model"] = raw(sent)
        if self.outline.signed_by is not None:
            members = members | {"messages": without_foreign_thoughts(members["messages"])}
        return put_together(members)

    def chat(self) -> ChatRequest:
        """See AskedRequest."""
        return read_chat(self.members, is_streaming=self.is_streaming)

    def lane_reply(self, body: bytes, sent: str) -> ReadReply:
        """See AskedRequest."""
        return read_reply(body, sent)

    def lane_stream(self) -> ReplyStream:
        """See AskedRequest."""
        return StreamWatch(hides_usage=not self.wants_usage)

    def write_reply(self, reply: Reply) -> bytes:
        """See AskedRequest."""
        return write_chat_reply(reply, reply_id=self.reply_id, created_s=self.created_s)

    def writer(self) -> ReplyWriter:
        """See AskedRequest."""
        return ChatWriter(reply_id=self.reply_id, created_s=self.created_s, wants_usage=self.wants_usage)


def read_request(body: bytes) -> AskedChat:
    """Read what routing needs and leave the rest untouched.

    Raises: MalformedBodyError, InvalidOptionError, UnknownOptionError.
    """
    members = take_apart(body)
    refuse_lookalikes(members, _DECIDING)
    wishes = take_wishes(members)
    # Decoded from the members, not from the body: what is decided on is what will be sent.
    envelope = _decode(put_together(members))
    members.pop("session_id", None)  # a convention between clients and routers: no provider of this format knows it
    is_streaming = envelope.stream is True
    wants_usage = envelope.stream_options is not None and envelope.stream_options.include_usage is True
    if is_streaming and not wants_usage:
        members["stream_options"] = _asking_for_usage(members.get("stream_options"))
    asked = envelope.model or ""
    if not asked and not wishes.models:
        raise InvalidOptionError("'model' is missing: name a model, or 'auto' to have one chosen.", param="model")
    return AskedChat(
        asked=AskedModel(asked),
        members=members,
        outline=_outline(envelope, members),
        wishes=wishes,
        is_streaming=is_streaming,
        wants_usage=wants_usage,
        session=envelope.session_id or envelope.prompt_cache_key,
    )


def _decode(body: bytes) -> _Envelope:
    try:
        return _ENVELOPE.decode(body)
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise MalformedBodyError("The body holds text that is not UTF-8.") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        param = where.removesuffix("`") or None
        if "required field `messages`" in what:
            raise InvalidOptionError("'messages' is missing: send at least one message.", param="messages") from None
        raise InvalidOptionError(f"{what}{f' in {param!r}' if param else ''}.", param=param) from None
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {what_is_wrong(error)}.") from None


def _asking_for_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or bytes(options) == b"null":
        return msgspec.Raw(b'{"include_usage":true}')
    wished = msgspec.json.decode(options, type=dict[str, msgspec.Raw])
    wished["include_usage"] = _TRUE
    return raw(wished)


def _outline(envelope: _Envelope, members: Members) -> Outline:
    messages = envelope.messages
    if not messages:
        raise InvalidOptionError("'messages' is empty: send at least one message.", param="messages")
    n_chars = n_images = n_audio = n_files = 0
    signed_by: FormatName | None = None
    system = turn = earlier = first = ""
    for message in messages:
        content = message.content
        if isinstance(content, str):
            text = content
        elif content:
            text = "\n".join([part.text for part in content if part.text])
            for part in content:
                kind = part.type
                n_images += kind == "image_url"
                n_audio += kind == "input_audio"
                n_files += kind == "file"
        else:
            text = ""
        n_chars += len(text) + len(bytes(message.tool_calls))
        if message.reasoning_details is not _NOTHING:
            signed_by = signer_of(message.reasoning_details) or signed_by
        if message.role == "user":
            turn, earlier = text, turn
            first = first or text
        elif not system and message.role in ("system", "developer"):
            system = text
    tools = envelope.tools or envelope.functions or []
    effort = envelope.reasoning_effort
    limit = envelope.max_completion_tokens or envelope.max_tokens
    return Outline(
        system_text=system[:SYSTEM_SAMPLE_CHARS],
        turn_text=sample_turns(turn, earlier),
        n_chars=n_chars,
        turn_chars=len(turn),
        n_messages=len(messages),
        n_images=n_images,
        n_audio=n_audio,
        n_files=n_files,
        n_tools=len(tools),
        tool_chars=sum(map(len, map(bytes, tools))) if tools else 0,
        wants_structured=envelope.response_format is not None and envelope.response_format.type != "text",
        wants_reasoning=(effort is not None and effort != "none") or bytes(envelope.reasoning) not in (b"", b"null"),
        in_tool_loop=messages[-1].role in ("tool", "function"),
        first_turn_text=first[:FIRST_TURN_SAMPLE_CHARS],
        signed_by=signed_by,
        max_output_tokens=min(limit, _MAX_COUNT) if limit is not None and limit > 0 else None,
        n_choices=min(max(envelope.n or 1, 1), _MAX_COUNT),
        parameters=frozenset(members),
    )
