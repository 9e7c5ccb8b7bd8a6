"""The hub -> a Responses request. What this format cannot carry is a loss that names it.

Nothing is kept at the upstream (`store` is false): the client of another format did not ask for it, and every request
has its whole conversation.
"""

from typing import Final

import msgspec

from fairlead.domain.content import OutputShape, Tool, ToolChoice
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, Effort, Loss, ReasoningWish
from fairlead.wire.openai_responses.item_writing import ItemsWritten
from fairlead.wire.openai_responses.request_reading import ENCRYPTED, LOGPROBS
from fairlead.wire.user_names import fitting

Json = dict[str, object]

_ENCODER: Final = msgspec.json.Encoder()
MIN_OUTPUT_TOKENS: Final = 16
"""What the specification allows at least for max_output_tokens."""
MAX_USER_CHARS: Final = 64
"""What OpenAI takes of `user`; its 400 says "Expected a string with maximum length 64"."""
_TIERS: Final = frozenset(("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"))
_BUDGET_EFFORTS: Final[tuple[tuple[int, Effort], ...]] = ((1024, "low"), (2048, "medium"))
"""Thinking budgets up to these token counts, as efforts; above, `high`: LiteLLM's thresholds, read 2026-11-30."""
_NO_WORD: Final = "the Responses format has no word for it"


def write_request(request: ChatRequest, sent: SentModel) -> Carried:
    """The body for an upstream, and what it does not carry; what the reader has lost already is not told again."""
    items = ItemsWritten()
    items.write(request.turns)
    body: Json = {"model": sent, "input": items.items, "store": False}
    _write_tools(body, request)
    _write_numbers(body, request)
    include: list[str] = []
    losses = items.losses
    if request.output is not None or request.verbosity is not None:
        body["text"] = _text(request.output, request.verbosity)
    thinks = request.reasoning is not None and request.reasoning.effort != "none"
    if thinks or items.has_thoughts:
        include.append(ENCRYPTED)  # models that do not think refuse it
    if request.reasoning is not None:
        reasoning = _reasoning(request.reasoning, losses)
        if reasoning:
            body["reasoning"] = reasoning
    if request.wants_logprobs:
        include.append(LOGPROBS)
        if request.top_logprobs is not None:
            body["top_logprobs"] = request.top_logprobs
    if include:
        body["include"] = include
    if request.is_streaming:
        body["stream"] = True
    _write_names(body, request, losses)
    _lose(request, losses)
    return Carried(_ENCODER.encode(body), tuple(losses.values()))


def _write_tools(body: Json, request: ChatRequest) -> None:
    tools: list[object] = [_tool(tool) for tool in request.tools]
    tools += [msgspec.Raw(tool.raw) for tool in request.hosted_tools if tool.origin == "openai_responses"]
    if tools:
        body["tools"] = tools
    if request.tool_choice is not None:
        body["tool_choice"] = _choice(request.tool_choice, request.tools)
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _tool(tool: Tool) -> Json:
    written: Json = {"type": tool.kind, "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.kind == "custom":
        if tool.grammar is not None:
            written["format"] = msgspec.Raw(tool.grammar)
        return written
    written["parameters"] = msgspec.Raw(tool.schema) if tool.schema is not None else None
    # Unsaid it would be true here, and a schema with optional members would be refused or made strict.
    written["strict"] = bool(tool.is_strict)
    return written


def _choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> object:
    if choice.mode != "one":
        return choice.mode
    kind = next((tool.kind for tool in tools if tool.name == choice.name), "function")
    return {"type": kind, "name": choice.name}


def _write_numbers(body: Json, request: ChatRequest) -> None:
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(request.max_output_tokens, MIN_OUTPUT_TOKENS)
    if request.sampling.temperature is not None:
        body["temperature"] = request.sampling.temperature
    if request.sampling.top_p is not None:
        body["top_p"] = request.sampling.top_p


def _write_names(body: Json, request: ChatRequest, losses: dict[str, Loss]) -> None:
    if request.user is not None:
        body["user"] = fitting(request.user, MAX_USER_CHARS)
    if request.cache_key is not None:
        body["prompt_cache_key"] = request.cache_key
    if request.metadata is not None:
        body["metadata"] = msgspec.Raw(request.metadata)
    if request.service_tier in _TIERS:
        body["service_tier"] = request.service_tier
    elif request.service_tier is not None:
        losses["service_tier"] = Loss("service_tier", f"no tier is called {request.service_tier[:40]!r} here")


def _text(output: OutputShape | None, verbosity: str | None) -> Json:
    text: Json = {}
    if output is not None and output.kind == "json":
        text["format"] = {"type": "json_object"}
    elif output is not None:
        shape: Json = {
            "type": "json_schema",
            "name": output.name or "output",
            "schema": msgspec.Raw(output.schema or b"{}"),
        }
        if output.description is not None:
            shape["description"] = output.description
        if output.is_strict is not None:
            shape["strict"] = output.is_strict
        text["format"] = shape
    if verbosity is not None:
        text["verbosity"] = verbosity
    return text


def _reasoning(wish: ReasoningWish, losses: dict[str, Loss]) -> Json:
    reasoning: Json = {}
    effort = wish.effort
    if effort is None and wish.budget_tokens is not None:
        effort = next((each for most, each in _BUDGET_EFFORTS if wish.budget_tokens <= most), "high")
        losses["budget_tokens"] = Loss("reasoning budget", f"told as effort {effort!r}: {_NO_WORD}")
    if effort is not None:
        reasoning["effort"] = effort
    if wish.summary is not None or wish.wants_text:
        reasoning["summary"] = wish.summary or "auto"
    return reasoning


def _lose(request: ChatRequest, losses: dict[str, Loss]) -> None:
    sampling = request.sampling
    named = (
        ("stop", bool(request.stop)),
        ("n", request.n_choices > 1),
        ("top_k", sampling.top_k is not None),
        ("min_p", sampling.min_p is not None),
        ("frequency_penalty", sampling.frequency_penalty is not None),
        ("presence_penalty", sampling.presence_penalty is not None),
        ("seed", sampling.seed is not None),
        ("logit_bias", sampling.logit_bias is not None),
        ("cache_control", any(tool.cache is not None for tool in request.tools)),
    )
    for name, is_lost in named:
        if is_lost:
            losses[name] = Loss(name, _NO_WORD)
    if request.max_output_tokens is not None and request.max_output_tokens < MIN_OUTPUT_TOKENS:
        losses["max_output_tokens"] = Loss("max_output_tokens", f"told as {MIN_OUTPUT_TOKENS}, the least allowed here")
    for tool in request.hosted_tools:
        if tool.origin != "openai_responses":
            losses[tool.kind] = Loss(f"tools[{tool.kind}]", "it runs at the provider that offers it alone")
