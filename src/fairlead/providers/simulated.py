"""The simulated provider: OpenAI's chat completions, embeddings and models, made up in process, without a socket.

Keeps the transport's promise, so that everything above it runs as in real life: delays, lengths, prices, failures. Each
reply says that it is simulated. `pace` scales every delay: 1 is realistic, 0 is at once.
"""

import asyncio
import base64
import hashlib
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from fairlead.domain.call import Answer, Deadlines
from fairlead.domain.names import SentModel
from fairlead.providers.scripted import Ending, Piece, Scene, ScriptedTransport, Sleep
from fairlead.providers.simulated_models import CONDUCTS, EMBEDDING_DIMENSIONS, EMBEDDING_MODEL, Conduct
from fairlead.providers.simulated_replies import CHARS_PER_TOKEN, Ask, Talk, talk, words_of

MAX_CHOICES: Final = 8
MAX_INPUTS: Final = 2_048
CREATED_S: Final = 1_790_000_000
"""A fixed date of creation: a simulated reply has no real one."""
_SSE_HEADERS: Final = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
_JSON_HEADERS: Final = (("content-type", "application/json"),)

Json = dict[str, Any]


class SimulatedTransport:
    """Answers for all simulated models."""

    def __init__(self, draw: random.Random, *, pace: float = 1.0, sleep: Sleep = asyncio.sleep) -> None:
        self._draw = draw
        self._pace = pace
        self._stage = ScriptedTransport((), sleep=sleep)
        self._count = 0

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> Answer:
        """One request and its made-up reply."""
        self._stage.answers.clear()  # kept for tests of scripts; here they would only pile up
        return await self._stage.play(self._scene(method, target, body), deadlines)

    def close(self) -> None:
        """Nothing to give back."""

    def _scene(self, method: str, target: str, body: bytes) -> Scene:
        path = target.partition("?")[0]
        if path.endswith("/models"):
            names = [*CONDUCTS, EMBEDDING_MODEL]
            data = [{"id": name, "object": "model", "created": CREATED_S, "owned_by": "simulated"} for name in names]
            return _whole({"object": "list", "data": data})
        if method != "POST":
            return _failure(405, "invalid_request_error", "use POST")
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError):
            request = None
        if not isinstance(request, dict):
            return _failure(400, "invalid_request_error", "the body is not a JSON object")
        if path.endswith("/chat/completions"):
            return self._chat(request)
        if path.endswith("/embeddings"):
            return _embeddings(request)
        return _failure(404, "invalid_request_error", "the simulated provider has no such path")

    def _chat(self, request: Json) -> Scene:
        conduct = CONDUCTS.get(SentModel(str(request.get("model"))))
        if request.get("model") == EMBEDDING_MODEL:
            return _failure(400, "invalid_request_error", f"{EMBEDDING_MODEL} does not chat, it embeds")
        if conduct is None:
            return _failure(404, "invalid_request_error", "no simulated model has this name", code="model_not_found")
        refusal = _refusal(request, conduct)
        if refusal is not None:
            return _failure(400, "invalid_request_error", refusal)
        luck = self._draw.random()
        if luck < conduct.rate_limit_share:
            limited = ("retry-after", str(self._draw.randint(1, 5)))
            return _failure(429, "rate_limit_error", "simulated rate limit", headers=(limited,))
        if luck < conduct.rate_limit_share + conduct.fault_share:
            return _failure(500, "server_error", "simulated failure")
        ask = _ask(request)
        talks = [talk(ask, conduct, self._draw, _text_of) for _ in range(_count(request, "n", 1))]
        self._count += 1
        ident = f"chatcmpl-simulated-{self._count}"
        usage = _usage(request, talks)
        n_hidden = max(one.reasoning_tokens for one in talks)
        wait_s = self._pace * (conduct.ttft_s * self._draw.lognormvariate(0.0, 0.25) + n_hidden / conduct.tokens_per_s)
        per_token_s = self._pace / conduct.tokens_per_s
        if request.get("stream") is True:
            is_cut = self._draw.random() < conduct.cut_share
            asked = request.get("stream_options")
            wants_usage = isinstance(asked, dict) and asked.get("include_usage") is True
            chunks = list(_chunks(ident, conduct.name, talks, usage if wants_usage else None))
            return self._stream(chunks, wait_s, per_token_s, is_cut)
        n_visible = max(one.visible_tokens for one in talks)
        return _whole(_completion(ident, conduct.name, talks, usage), delay_s=wait_s + n_visible * per_token_s)

    def _stream(self, chunks: list[tuple[Json, int]], wait_s: float, per_token_s: float, is_cut: bool) -> Scene:
        ending: Ending = "end"
        if is_cut:
            chunks, ending = chunks[: max(1, self._draw.randrange(1, len(chunks)))], "cut"
        pieces = [Piece(b"data: %b\n\n" % msgspec.json.encode(chunk), n * per_token_s) for chunk, n in chunks]
        pieces[0] = Piece(pieces[0].data, wait_s)
        if not is_cut:
            pieces.append(Piece(b"data: [DONE]\n\n"))
        return Scene(headers=_SSE_HEADERS, pieces=tuple(pieces), ending=ending)


def _refusal(request: Json, conduct: Conduct) -> str | None:
    """What a model of this kind would answer 400 to; None when nothing."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        return "messages must be a list of messages, and not empty"
    kinds = {part.get("type") for one in messages for part in _parts(one)}
    if "image_url" in kinds and not conduct.has_vision:
        return f"{conduct.name} does not take images"
    if request.get("tools") and not conduct.has_tools:
        return f"{conduct.name} does not take tools"
    if not 1 <= _count(request, "n", 1) <= MAX_CHOICES:
        return f"n must be from 1 to {MAX_CHOICES}"
    limits = [_count(request, key, 1) for key in ("max_tokens", "max_completion_tokens")]
    return "max_tokens must be at least 1" if min(limits) < 1 else None


def _ask(request: Json) -> Ask:
    messages: list[Json] = request["messages"]
    users = [one for one in messages if one.get("role") == "user"]
    wanted = request.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    outline = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = outline.get("schema") if isinstance(outline, dict) else None
    stops = request.get("stop")
    limits = [_count(request, key, 0) for key in ("max_tokens", "max_completion_tokens")]
    return Ask(
        prompt=_message_text(users[-1] if users else messages[-1]),
        max_tokens=min((limit for limit in limits if limit), default=None),
        stops=tuple(one for one in ([stops] if isinstance(stops, str) else stops or ()) if isinstance(one, str)),
        wants_json=kind in ("json_object", "json_schema"),
        schema=schema if kind == "json_schema" and isinstance(schema, dict) else None,
        tool=_tool(request),
    )


def _tool(request: Json) -> Mapping[str, Any] | None:
    """The function to call: the one that tool_choice names, else the first, unless a tool has just answered."""
    tools, choice = request.get("tools"), request.get("tool_choice")
    if not isinstance(tools, list) or choice == "none" or request["messages"][-1].get("role") == "tool":
        return None
    functions = [one["function"] for one in tools if isinstance(one, dict) and isinstance(one.get("function"), dict)]
    named = choice.get("function") if isinstance(choice, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    return next((one for one in functions if name is None or one.get("name") == name), None)


def _usage(request: Json, talks: Sequence[Talk]) -> Json:
    n_prompt = 3 + sum(4 + len(_message_text(one)) // CHARS_PER_TOKEN for one in request["messages"])
    n_prompt += len(msgspec.json.encode(request.get("tools") or "")) // CHARS_PER_TOKEN
    n_hidden = sum(one.reasoning_tokens for one in talks)
    n_output = n_hidden + sum(one.visible_tokens for one in talks)
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_output,
        "total_tokens": n_prompt + n_output,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": n_hidden},
    }


def _completion(ident: str, model: str, talks: Sequence[Talk], usage: Json) -> Json:
    choices = []
    for index, one in enumerate(talks):
        message: Json = {"role": "assistant", "content": one.text if one.tool_call is None else None, "refusal": None}
        if one.tool_call is not None:
            message["tool_calls"] = [_tool_call(ident, index, *one.tool_call)]
        choices.append({"index": index, "message": message, "finish_reason": one.finish_reason, "logprobs": None})
    head = {"id": ident, "object": "chat.completion", "created": CREATED_S, "model": model}
    return {**head, "choices": choices, "usage": usage}


def _chunks(ident: str, model: str, talks: Sequence[Talk], usage: Json | None) -> Iterator[tuple[Json, int]]:
    """Each chunk of a stream with the number of tokens that it took to make."""
    head: Json = {"id": ident, "object": "chat.completion.chunk", "created": CREATED_S, "model": model}

    def chunk(index: int, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **({} if usage is None else {"usage": None})}

    for index, one in enumerate(talks):
        yield chunk(index, {"role": "assistant", "content": "" if one.tool_call is None else None}), 0
        if one.tool_call is not None:
            call = _tool_call(ident, index, *one.tool_call)
            arguments = call["function"].pop("arguments")
            yield (
                chunk(index, {"tool_calls": [{"index": 0, **call, "function": {**call["function"], "arguments": ""}}]}),
                1,
            )
            for at in range(0, len(arguments), 12):
                part = {"index": 0, "function": {"arguments": arguments[at : at + 12]}}
                yield chunk(index, {"tool_calls": [part]}), 3
        for word in words_of(one.text):
            yield chunk(index, {"content": word}), 1
        yield chunk(index, {}, one.finish_reason), 0
    if usage is not None:
        yield {**head, "choices": [], "usage": usage}, 0


def _tool_call(ident: str, index: int, name: str, arguments: str) -> Json:
    return {"id": f"call_{ident}_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _embeddings(request: Json) -> Scene:
    name = SentModel(str(request.get("model")))
    if name in CONDUCTS:
        return _failure(400, "invalid_request_error", f"{name} does not embed, it chats: use {EMBEDDING_MODEL}")
    if name != EMBEDDING_MODEL:
        return _failure(404, "invalid_request_error", "no simulated model has this name", code="model_not_found")
    given = request.get("input")
    # A text, or a list of texts, of tokens, or of lists of tokens.
    is_single = isinstance(given, str) or (isinstance(given, list) and bool(given) and isinstance(given[0], int))
    inputs = [given] if is_single else given
    n_dimensions = _count(request, "dimensions", EMBEDDING_DIMENSIONS)
    if not isinstance(inputs, list) or not 0 < len(inputs) <= MAX_INPUTS or not 1 <= n_dimensions <= 4_096:
        return _failure(400, "invalid_request_error", "input must be a text or a list, dimensions from 1 to 4096")
    as_base64 = request.get("encoding_format") == "base64"
    data = []
    for index, one in enumerate(inputs):
        vector = _vector(msgspec.json.encode(one), n_dimensions)
        packed = base64.b64encode(struct.pack(f"<{n_dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed if as_base64 else vector})
    n_tokens = sum(max(1, len(msgspec.json.encode(one)) // CHARS_PER_TOKEN) for one in inputs)
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return _whole({"object": "list", "data": data, "model": EMBEDDING_MODEL, "usage": usage})


def _vector(text: bytes, n_dimensions: int) -> list[float]:
    """A unit vector that depends on nothing but the text."""
    stream = hashlib.shake_256(text).digest(2 * n_dimensions)
    raw = [value / 32_768 - 1 for value in struct.unpack(f"<{n_dimensions}H", stream)]
    length = sum(value * value for value in raw) ** 0.5 or 1.0
    return [value / length for value in raw]


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _message_text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in _parts(message) if isinstance(part.get("text"), str))


def _count(request: Json, key: str, default: int) -> int:
    value = request.get(key)
    if value is None:
        return default
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _text_of(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _whole(reply: Json, *, delay_s: float = 0.0) -> Scene:
    return Scene(headers=_JSON_HEADERS, pieces=(Piece(msgspec.json.encode(reply)),), delay_s=delay_s)


def _failure(
    status: int, kind: str, message: str, *, code: str | None = None, headers: tuple[tuple[str, str], ...] = ()
) -> Scene:
    error = {"message": f"[simulated] {message}", "type": kind, "param": None, "code": code}
    pieces = (Piece(msgspec.json.encode({"error": error})),)
    return Scene(status=status, headers=(*_JSON_HEADERS, *headers), pieces=pieces)
