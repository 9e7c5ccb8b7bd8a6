"""A GenerateContentResponse, whole or a piece of a stream: the events that it tells."""

from typing import Any, Final

import msgspec

from fairlead.domain.errors import GarbledError, UpstreamError
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    ReplyFailed,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.reply import Reply, fold
from fairlead.wire.gemini_generate.usage import WireUsage
from fairlead.wire.odd_counts import reread
from fairlead.wire.upstream_words import error_in_stream

_NOTHING: Final = msgspec.Raw(b"")

FILTERED: Final = frozenset(
    (
        "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "ESCALATION",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "PUP_LIMITED_DISABLED", "MODEL_ARMOR",
    )
)  # fmt: skip
_FINISHES: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(FILTERED, "content_filter"),
}
"""What is not here (MALFORMED_FUNCTION_CALL, OTHER, …) is no finish but a failure of the model."""
_UNFINISHED: Final = ("", "FINISH_REASON_UNSPECIFIED")
_REASON_CHARS: Final = 60


class _FunctionCall(msgspec.Struct):
    name: str = ""
    id: str | None = None
    args: msgspec.Raw = _NOTHING


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: _FunctionCall | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Token(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float | None = None


class _TopTokens(msgspec.Struct):
    candidates: list[_Token] | None = None


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_TopTokens] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int = 0
    logprobs_result: _Logprobs | None = None


class _PromptFeedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _PromptFeedback | None = None
    usage_metadata: WireUsage | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: msgspec.Raw = _NOTHING


_RESPONSE: Final = msgspec.json.Decoder(_Response)
_ENCODER: Final = msgspec.json.Encoder()


class ResponseReader:
    """Reads one response, or the pieces of one in their order."""

    __slots__ = ("_began", "_calls", "_finished", "_open", "_usage")

    def __init__(self) -> None:
        self._began = False
        self._calls: dict[int, int] = {}
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._usage: WireUsage | None = None

    @property
    def is_finished(self) -> bool:
        """Whether there is a choice, and every one has its finish."""
        return bool(self._finished) and self._finished == self._open

    def read(self, data: bytes) -> list[Event]:
        """The events of one response object. Never raises: see ReplyReader.feed."""
        try:
            response = _response(data)
        except GarbledError as error:
            return [self._not_a_response(data, error)]
        if bytes(response.error) not in (b"", b"null"):
            return [ReplyFailed(error_in_stream(data))]
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(ReplyBegan(response.response_id or "", response.model_version or ""))
        if response.usage_metadata is not None:
            self._usage = response.usage_metadata
        for candidate in response.candidates or ():
            self._take(candidate, events)
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason and not self._open:
            self._open.add(0)
            self._finished.add(0)
            events.append(ChoiceFinished("content_filter"))
        has_failed = bool(events) and isinstance(events[-1], ReplyFailed)
        if self._usage is not None and self.is_finished and not has_failed:
            if (usage := self._usage.usage()) is not None:
                events.append(UsageReported(usage))
            self._usage = None
        return events

    def _not_a_response(self, data: bytes, error: GarbledError) -> ReplyFailed:
        # Google's streams may hold their error in a list.
        if data.lstrip()[:1] == b"[" and b'"error"' in data:
            return ReplyFailed(error_in_stream(data))
        return ReplyFailed(error)

    def _take(self, candidate: _Candidate, events: list[Event]) -> None:
        choice = candidate.index
        self._open.add(choice)
        logprobs = _logprobs(candidate.logprobs_result)
        for part in (candidate.content and candidate.content.parts) or ():
            logprobs = self._take_part(part, choice, logprobs, events)
        if logprobs is not None:  # of tokens that came without a text of their own
            events.append(TextDelta("", choice, logprobs=logprobs))
        reason = candidate.finish_reason or ""
        if reason in _UNFINISHED or choice in self._finished:
            return
        finish = _FINISHES.get(reason)
        if finish is None:
            named = "".join(c for c in reason[:_REASON_CHARS] if c.isascii() and (c.isalnum() or c == "_"))
            events.append(ReplyFailed(_failed(f"The upstream's model did not finish its reply: {named}.")))
            return
        self._finished.add(choice)
        events.append(ChoiceFinished("tool_calls" if finish == "stop" and choice in self._calls else finish, choice))

    def _take_part(self, part: _Part, choice: int, logprobs: bytes | None, events: list[Event]) -> bytes | None:
        """The events of one part; the logprobs that are still to be told."""
        signature, call = part.thought_signature, part.function_call
        if part.thought:
            if part.text:
                events.append(ReasoningDelta(part.text, choice))
            if signature:
                events.append(ReasoningSigned(signature, "gemini_generate", choice))
            return logprobs
        if signature:
            # In front of what it signs: whoever writes it back puts it on the part that follows.
            events.append(ReasoningSigned(signature, "gemini_generate", choice))
        if call is not None:
            number = self._calls.get(choice, 0)
            self._calls[choice] = number + 1
            events.append(ToolCallBegan(number, call.id or "", call.name, choice))
            arguments = bytes(call.args)
            events.append(ArgumentsDelta(number, "{}" if arguments in (b"", b"null") else arguments.decode(), choice))
        elif part.text:
            events.append(TextDelta(part.text, choice, logprobs=logprobs))
            return None
        return logprobs


def read_reply(body: bytes) -> Reply:
    """A whole reply.

    Raises: GarbledError when it is not one, TruncatedError without a finish, UpstreamError for a model's failure.
    """
    return fold(ResponseReader().read(body))


def _response(data: bytes) -> _Response:
    try:
        if not data.isascii():
            data.decode()  # msgspec does not look at the UTF-8 of arguments that it leaves raw
        return _RESPONSE.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return reread(_RESPONSE, data, "The upstream's reply is not a GenerateContentResponse.")


def _failed(message: str) -> UpstreamError:
    return UpstreamError(message, code="upstream_error_in_stream")


def _logprobs(result: _Logprobs | None) -> bytes | None:
    """In OpenAI's words: `logprobs.content`."""
    if result is None or not result.chosen_candidates:
        return None
    tops = result.top_candidates or []
    content: list[dict[str, Any]] = []
    for place, chosen in enumerate(result.chosen_candidates):
        top = (tops[place].candidates or []) if place < len(tops) else []
        content.append({**_token(chosen), "top_logprobs": [_token(each) for each in top]})
    return _ENCODER.encode(content)


def _token(token: _Token) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode(errors="replace"))}
