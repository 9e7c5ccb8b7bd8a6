"""A Responses request: its top-level members, the outline that the router may see, and the wishes that came with it."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fairlead.domain.content import FormatName
from fairlead.domain.envelope import unseal
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import AskedModel, SentModel
from fairlead.domain.outline import FIRST_TURN_SAMPLE_CHARS, SYSTEM_SAMPLE_CHARS, Outline, sample_turns
from fairlead.domain.reply import Reply
from fairlead.domain.request import ChatRequest
from fairlead.domain.wishes import Wishes
from fairlead.wire.format import ReadReply, References, ReplyStream, ReplyWriter
from fairlead.wire.lane import Members, put_together, raw, refuse_lookalikes, take_apart
from fairlead.wire.openai_responses.member_reading import NOTHING, has, read_member
from fairlead.wire.openai_responses.replies import lane_reply, write_reply
from fairlead.wire.openai_responses.request_reading import lane_only, read_chat, refuse_background
from fairlead.wire.openai_responses.response_object import ReplyShape
from fairlead.wire.openai_responses.state import references, without_foreign
from fairlead.wire.openai_responses.stream import ResponseWatch
from fairlead.wire.openai_responses.stream_writing import ResponseWriter
from fairlead.wire.openai_responses.tool_names import SpacedNames
from fairlead.wire.routing_options import take_wishes

_MAX_COUNT: Final = 1_000_000_000
"""JSON's whole numbers have no end; above this a count only says "more than anybody gives"."""
_MAX_SESSION_CHARS: Final = 256
"""As much of a session's name as is kept."""
_DECIDING: Final = frozenset(("model", "models", "stream", "input", "fairlead", "provider"))
_UNSIGNED: Final = (b"", b"null", b'""')
_LOOP_ENDS: Final = ("_output", "mcp_approval_response")
"""How the types of items end that answer a call: the model that called should go on."""


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    content: str | list[_Part] | None = None
    output: msgspec.Raw = NOTHING
    arguments: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    encrypted_content: msgspec.Raw = NOTHING


class _Format(msgspec.Struct):
    type: str = "text"


class _Text(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None


class _Envelope(msgspec.Struct):
    """The members that routing looks at; everything else stays as it came."""

    input: str | list[_Item] | None = None
    model: str | None = None
    stream: bool | None = None
    instructions: str | None = None
    tools: list[msgspec.Raw] | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    max_output_tokens: int | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_OUTPUT_PARTS: Final = msgspec.json.Decoder(list[_Part])
_TEXTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING: Final = msgspec.json.Decoder(str)


@dataclass(slots=True)
class ResponsesRequest:
    """One request as the client sent it; keeps the promises of `wire.format.AskedRequest`."""

    asked: AskedModel
    """Empty when the client sent only `models`."""
    members: Members
    outline: Outline
    wishes: Wishes
    is_streaming: bool
    session: str | None
    previous_reply: str | None
    """The reply or conversation that this one continues, kept by whoever gave the first."""
    lane_only: str | None
    """The member because of which only an upstream of this format can serve."""
    continues: str | None = None
    """The reply that it goes on from, where that stands in the input already."""
    refers: References | None = None
    """The replies and items that it names by id."""
    reply_id: str = ""
    """What our own reply is to be called, if the upstream's own id should not show."""
    created_s: int = 0
    """When it began, in seconds since 1970; set by the gateway, which has a clock."""
    spaced: SpacedNames = field(default_factory=dict)
    """The tools in namespaces, by the flat names under which `chat` has told them to others."""

    def body_for(self, sent: SentModel) -> bytes:
        """The body to send: every member as it came but for the model. Usage is always in this format's last event."""
        members = without_foreign(self.members)
        members["model"] = raw(sent)
        return put_together(members)

    def chat(self) -> ChatRequest:
        """See AskedRequest."""
        request, self.spaced = read_chat(self.members)
        return request

    def lane_reply(self, body: bytes, sent: str) -> ReadReply:
        """See AskedRequest."""
        return lane_reply(body, sent)

    def lane_stream(self) -> ReplyStream:
        """See AskedRequest."""
        return ResponseWatch()

    def write_reply(self, reply: Reply) -> bytes:
        """See AskedRequest."""
        return write_reply(reply, self._shape())

    def writer(self) -> ReplyWriter:
        """See AskedRequest."""
        return ResponseWriter(self._shape())

    def _shape(self) -> ReplyShape:
        members = self.members
        if self.continues is not None:
            members = members | {"previous_response_id": raw(self.continues)}
        return ReplyShape(members, self.asked, self.reply_id, self.created_s, self.spaced)


def read_request(body: bytes) -> ResponsesRequest:
    """Read what routing needs and leave the rest untouched.

    Raises: MalformedBodyError, InvalidOptionError, UnknownOptionError.
    """
    members = take_apart(body)
    refuse_lookalikes(members, _DECIDING)
    return of_members(members, take_wishes(members))


def of_members(members: Members, wishes: Wishes) -> ResponsesRequest:
    """The request of these members, from which ours are taken out. Raises: InvalidOptionError."""
    # Decoded from the members, not from the body: what is decided on is what will be sent.
    envelope = read_member(put_together(members), _ENVELOPE, "")
    asked = envelope.model or ""
    if not asked and not wishes.models:
        raise InvalidOptionError("'model' is missing: name a model, or 'auto' to have one chosen.", param="model")
    refuse_background(members)
    only = lane_only(members) or _reference(envelope.input)
    if envelope.input is None and only is None:
        raise InvalidOptionError("'input' is missing: send a text or a list of items.", param="input")
    return ResponsesRequest(
        asked=AskedModel(asked),
        members=members,
        outline=_outline(envelope, members),
        wishes=wishes,
        is_streaming=envelope.stream is True,
        session=_session(members),
        previous_reply=_previous(members),
        lane_only=only,
        refers=references(members) if only in ("previous_response_id", "item_reference") else None,
    )


def _reference(items: str | list[_Item] | None) -> str | None:
    """Whether an item is told by its id alone, which whoever gave it has kept."""
    if isinstance(items, list):
        for item in items:
            if item.type == "item_reference" or (item.type is None and item.role is None):
                return "item_reference"
    return None


def _outline(envelope: _Envelope, members: Members) -> Outline:
    items = envelope.input
    if isinstance(items, str):
        items = [_Item(role="user", content=items)]
    counts = _Counts(envelope.instructions or "")
    for item in items or ():
        counts.take(item)
    tools = envelope.tools or []
    limit = envelope.max_output_tokens
    effort = envelope.reasoning.effort if envelope.reasoning else None
    shape = envelope.text.format.type if envelope.text and envelope.text.format else "text"
    is_structured = shape != "text"
    return Outline(
        system_text=counts.system[:SYSTEM_SAMPLE_CHARS],
        turn_text=sample_turns(counts.turn, counts.earlier),
        n_chars=counts.n_chars,
        turn_chars=len(counts.turn),
        n_messages=len(items or ()) + (1 if envelope.instructions else 0),
        n_images=counts.n_images,
        n_audio=counts.n_audio,
        n_files=counts.n_files,
        n_tools=len(tools),
        tool_chars=sum(map(len, map(bytes, tools))) if tools else 0,
        wants_structured=is_structured,
        wants_reasoning=effort is not None and effort != "none",
        first_turn_text=counts.first[:FIRST_TURN_SAMPLE_CHARS],
        signed_by=counts.signed_by,
        in_tool_loop=bool(items) and (items[-1].type or "").endswith(_LOOP_ENDS) if items else False,
        max_output_tokens=min(limit, _MAX_COUNT) if limit is not None and limit > 0 else None,
        # `response_format` is the name by which the ability is known, here a member of `text`.
        parameters=frozenset((*members, "response_format")) if is_structured else frozenset(members),
    )


class _Counts:
    """What the items of one request amount to."""

    __slots__ = ("earlier", "first", "n_audio", "n_chars", "n_files", "n_images", "signed_by", "system", "turn")

    def __init__(self, instructions: str) -> None:
        self.n_chars = len(instructions)
        self.n_images = self.n_audio = self.n_files = 0
        self.turn = self.earlier = self.first = ""
        self.signed_by: FormatName | None = None
        self.system = instructions

    def take(self, item: _Item) -> None:
        content = item.content
        if isinstance(content, str):
            text = content
        elif content:
            text = "\n".join([part.text for part in content if part.text])
            self._count(content)
        else:
            text = ""
        self.n_chars += len(text)
        if item.role == "user":
            self.turn, self.earlier = text, self.turn
            self.first = self.first or text
        elif item.role is None:
            self._take_call(item)
        elif not self.system and item.role in ("system", "developer"):
            self.system = text

    def _take_call(self, item: _Item) -> None:
        """A call, or what came of it: its bytes are counted, whatever its shape; or reasoning that its maker reads."""
        if item.type == "reasoning" and bytes(item.encrypted_content) not in _UNSIGNED:
            envelope = unseal(bytes(item.encrypted_content).decode("utf-8", "replace").strip('"'))
            self.signed_by = "openai_responses" if envelope is None else envelope.origin
        self.n_chars += len(bytes(item.arguments)) + len(bytes(item.input)) + len(bytes(item.output))
        if bytes(item.output)[:1] == b"[":
            with suppress(msgspec.MsgspecError, RecursionError):
                self._count(_OUTPUT_PARTS.decode(item.output))

    def _count(self, parts: list[_Part]) -> None:
        for part in parts:
            kind = part.type
            self.n_images += kind in ("input_image", "computer_screenshot")
            self.n_audio += kind == "input_audio"
            self.n_files += kind == "input_file"


def _session(members: Members) -> str | None:
    """`prompt_cache_key`, else `session_id` in `metadata` or, as Codex has it, in `client_metadata`."""
    key = _text(members["prompt_cache_key"]) if "prompt_cache_key" in members else None
    if key:
        return key[:_MAX_SESSION_CHARS]
    for name in ("metadata", "client_metadata"):
        said = _member_text(members[name], "session_id") if name in members else None
        if said:
            return said[:_MAX_SESSION_CHARS]
    return None


def _previous(members: Members) -> str | None:
    previous = _text(members["previous_response_id"]) if "previous_response_id" in members else None
    if previous:
        return previous
    conversation = members.get("conversation")
    return _text(conversation) or _member_text(conversation, "id") if conversation is not None else None


def _text(member: msgspec.Raw) -> str | None:
    if bytes(member)[:1] != b'"':
        return None
    return read_member(member, _STRING, "")


def _member_text(member: msgspec.Raw, name: str) -> str | None:
    if bytes(member)[:1] != b"{" or not has(member):
        return None
    return _text(read_member(member, _TEXTS, "").get(name, NOTHING))
