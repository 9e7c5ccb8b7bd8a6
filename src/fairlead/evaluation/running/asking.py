"""Asking over HTTP: a question to its upstream, in OpenAI's chat format; other formats come from the gateway."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec

from fairlead.domain.call import Answer, Call, Headers
from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.money import NANO_PER_USD
from fairlead.evaluation.running.answers import Answered
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.scorers.score import ToolCall
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.simulated import SimulatedTransport
from fairlead.providers.transport import HttpTransport
from fairlead.providers.upstream import Upstream, origin_of
from fairlead.wire.failures import read_failure
from fairlead.wire.lane import put_together, take_apart
from fairlead.wire.odd_counts import reread
from fairlead.wire.openai_chat.usage import WireUsage
from fairlead.wire.quirks import Quirks, apply

PATH: Final = "/chat/completions"
REPLY_CAP_BYTES: Final = 16 << 20
ERROR_CAP_BYTES: Final = 256 << 10
COST_HEADER: Final = b"x-fairlead-cost-usd"
REPLAYED_HEADER: Final = b"idempotent-replayed"
"""What Stripe's API answers with, and others after it: https://docs.stripe.com/api/idempotent_requests."""


class Sender(Protocol):
    """What is needed of an upstream."""

    @property
    def quirks(self) -> Quirks:
        """What it takes otherwise than OpenAI's format says."""
        ...

    async def send(self, call: Call) -> Answer:
        """Raises: UpstreamError."""
        ...

    def close(self) -> None:
        """Drop every connection."""
        ...


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str = ""


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_DECODER: Final = msgspec.json.Decoder(_Reply)


class UpstreamAsk:
    """Asks live upstreams."""

    def __init__(self, upstreams: Mapping[str, Sender], clock: Callable[[], float]) -> None:
        self._upstreams = upstreams
        self._clock = clock

    async def __call__(self, question: Question) -> Answered:
        """The reply to one question.

        Raises: UpstreamError.
        """
        name = question.model.upstream
        key = question.key
        began_s = self._clock()
        upstream = self._upstreams[name]
        body = question.body
        if upstream.quirks:
            members = take_apart(body)
            apply(members, upstream.quirks)
            body = put_together(members)
        call = Call(PATH, body, False, request_id=key[:32], sent_model=question.model.sent, idempotency_key=key)
        answer = await upstream.send(call)
        try:
            body = await answer.read(REPLY_CAP_BYTES if answer.status == 200 else ERROR_CAP_BYTES)
        finally:
            answer.close()
        if answer.status != 200:
            raise read_failure(answer.status, answer.headers, body, name)
        return read_answer(body, answer.headers, question.model.sent, self._clock() - began_s)

    def close(self) -> None:
        """Drop every connection."""
        for upstream in self._upstreams.values():
            upstream.close()


def ask_through(
    endpoints: Iterable[Endpoint], clock: Callable[[], float], deadline_s: float, unix_s: Callable[[], float]
) -> "UpstreamAsk":
    """Asks these endpoints, over connections of its own. Raises: ConfigError."""
    return UpstreamAsk({endpoint.name: _upstream(endpoint, deadline_s, unix_s) for endpoint in endpoints}, clock)


def _upstream(endpoint: Endpoint, deadline_s: float, unix_s: Callable[[], float]) -> Upstream:
    if endpoint.is_simulated:
        return Upstream(endpoint, SimulatedTransport(random.Random(0)), whole_within_s=deadline_s)
    return Upstream(endpoint, HttpTransport(origin_of(endpoint)), whole_within_s=deadline_s, unix_s=unix_s)


def read_answer(body: bytes, headers: Headers, sent: str, latency_s: float) -> Answered:
    """A whole chat completion.

    Raises: GarbledError when it is not one; TruncatedError without a finish.
    """
    try:
        reply = _DECODER.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        reply = reread(_DECODER, body, "The upstream's reply is not the JSON of a chat completion.")
    if bytes(reply.error) not in (b"", b"null") or not reply.choices or reply.choices[0].message is None:
        raise GarbledError("The upstream answered 200 without a reply in it.")
    choice = reply.choices[0]
    if not choice.finish_reason:
        raise TruncatedError("The upstream's reply has no finish reason.")
    message = choice.message
    assert message is not None
    content = message.content
    text = content if isinstance(content, str) else "".join(part.text or "" for part in content or ())
    calls = tuple(ToolCall(each.function.name, each.function.arguments) for each in message.tool_calls or ()
                  if each.function is not None)  # fmt: skip
    return Answered(
        text=_sound(text),
        tool_calls=calls,
        finish=choice.finish_reason,
        served=reply.model or sent,
        usage=reply.usage.usage() if reply.usage else None,
        said_nano=_said_nano(headers),
        latency_s=latency_s,
        is_replaying=any(name == REPLAYED_HEADER for name, _ in headers),
    )


def _sound(text: str) -> str:
    """The text as it can be written to a file: halves of surrogate pairs are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _said_nano(headers: Headers) -> int | None:
    for name, value in headers:
        if name == COST_HEADER:
            try:
                cost = float(value)
            except ValueError:
                return None
            if not cost and (REPLAYED_HEADER, b"true") in headers:
                return None  # the repeat cost nothing; what counts here is the first, whose reply nobody has seen
            return round(cost * NANO_PER_USD) if 0 <= cost < 1e6 else None
    return None
