"""A whole chat completion of an upstream -> the hub."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Part, Reasoning, Text, ToolCall
from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.events import FinishReason
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_chat.content_list import parts_in
from fairlead.wire.openai_chat.reasoning import Detail, parts_of
from fairlead.wire.openai_chat.usage import WireUsage
from fairlead.wire.upstream_words import error_in_reply

_NOTHING: Final = msgspec.Raw(b"")
_ABSENT: Final = frozenset((b"", b"null"))
_FINISHES: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Function(msgspec.Struct):
    """A function's name and arguments; some servers give the arguments as an object."""

    name: str | None = None
    arguments: str | dict[str, msgspec.Raw] | None = None

    def text(self) -> str:
        """The arguments as JSON text."""
        arguments = self.arguments
        if arguments is None or isinstance(arguments, str):
            return arguments or ""
        return msgspec.json.encode(arguments).decode()


class Custom(msgspec.Struct):
    """A custom tool's name and input."""

    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct):
    """One tool call, or a piece of one on a stream."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None


class Logprobs(msgspec.Struct):
    """The tokens' probabilities: passed on unread."""

    content: msgspec.Raw = _NOTHING

    def raw(self) -> bytes | None:
        """The list, or None."""
        text = bytes(self.content)
        return text if text not in _ABSENT else None


class Message(msgspec.Struct):
    """A message, or what a stream adds to one."""

    content: str | list[Any] | None = None
    """A text, or a list of chunks (`content_list`)."""
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Detail] | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    message: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Reply(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = _NOTHING


_REPLY: Final = msgspec.json.Decoder(_Reply)


def finish_of(reason: str, *, has_calls: bool) -> FinishReason:
    """A finish reason in the hub's words. A name that is not OpenAI's is a finish all the same: the upstream said so.

    Some servers end a reply that calls tools with `stop`; clients of other formats look at the reason before they look
    for calls.
    """
    found = _FINISHES.get(reason, "stop")
    return "tool_calls" if has_calls and found == "stop" else found


def read_chat_reply(body: bytes) -> Reply:
    """The reply.

    Raises: GarbledError when it is none (a 200 with an error or a page inside); TruncatedError without a finish.
    """
    try:
        reply = _REPLY.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        reply = reread(_REPLY, body, "The upstream's reply is not the JSON of a chat completion.")
    if bytes(reply.error) not in _ABSENT or any(choice.finish_reason == "error" for choice in reply.choices or ()):
        raise error_in_reply(body)
    if not reply.choices:
        raise GarbledError("The upstream's reply holds no choices.")
    usage = reply.usage.usage() if reply.usage else None
    return Reply(reply.id or "", reply.model or "", tuple(_choice(choice) for choice in reply.choices), usage)


def _choice(choice: _Choice) -> ReplyChoice:
    if not choice.finish_reason:
        raise TruncatedError("The upstream's reply has no finish reason.")
    message = choice.message or Message()
    parts: list[Part] = []
    if message.reasoning_details:
        parts += parts_of(message.reasoning_details)
    elif thoughts := message.reasoning_content or message.reasoning:
        parts.append(Reasoning(thoughts))
    content = message.content
    if isinstance(content, list):
        parts += parts_in(content)
    elif content:
        parts.append(Text(content))
    if message.refusal:
        parts.append(Text(message.refusal, is_refusal=True))
    calls = [_call(call) for call in message.tool_calls or ()]
    if message.function_call is not None:
        function = message.function_call
        calls.append(ToolCall("", function.name or "", function.text()))
    parts += calls
    finish = finish_of(choice.finish_reason, has_calls=bool(calls))
    return ReplyChoice(
        tuple(parts), finish, choice.index, logprobs=choice.logprobs.raw() if choice.logprobs is not None else None
    )


def _call(call: Call) -> ToolCall:
    call_id = call.id or ""
    if call.custom is not None:
        return ToolCall(call_id, call.custom.name or "", call.custom.input or "", "custom")
    function = call.function or Function()
    return ToolCall(call_id, function.name or "", function.text())
