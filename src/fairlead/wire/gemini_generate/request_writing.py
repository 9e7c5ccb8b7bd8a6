"""ChatRequest -> a GenerateContentRequest."""

import re
from typing import Any, Final

import msgspec

from fairlead.domain.content import OutputShape, Tool
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, Effort, Loss, ReasoningWish
from fairlead.wire.gemini_generate.contents import ContentsWriter

_ENCODER: Final = msgspec.json.Encoder()

MAX_STOP: Final = 5
"""https://ai.google.dev/api/generate-content#generationconfig: "The set of character sequences (up to 5)"."""
_GENERATION: Final = re.compile(r"gemini-(\d+)")
_LEVELS_SINCE: Final = 3
"""Gemini 3 takes thinkingLevel and checks signatures; before it there were budgets and no such check."""

_BUDGETS: Final[dict[Effort, int]] = {
    "none": 0,
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
"""Google's own table for its OpenAI format: https://ai.google.dev/gemini-api/docs/openai#thinking, read 2026-11-30."""
_LEVELS: Final[dict[Effort, str]] = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_CHOICES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "one": "ANY"}
_TIERS: Final = {"flex": "flex", "priority": "priority", "standard": "standard", "default": "standard"}


def write_request(chat: ChatRequest, sent: SentModel) -> Carried:
    """The body for this model, and what it could not carry."""
    found = _GENERATION.search(sent)
    has_levels = found is None or int(found[1]) >= _LEVELS_SINCE
    writer = ContentsWriter(needs_signatures=has_levels)
    system, contents = writer.write(chat.turns)
    losses = [*writer.losses, *_unknown(chat)]
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    config = _generation_config(chat, losses)
    if chat.reasoning is not None:
        thinking = _thinking(chat.reasoning, losses, has_levels=has_levels, is_pro="-pro" in sent)
        if thinking:
            config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    _write_tools(chat, body, losses)
    if chat.service_tier is not None and chat.service_tier != "auto":
        if chat.service_tier in _TIERS:
            body["serviceTier"] = _TIERS[chat.service_tier]
        else:
            losses.append(Loss("service_tier", "Gemini has no tier of this name."))
    return Carried(_ENCODER.encode(body), tuple(losses))


def _generation_config(chat: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    sampling = chat.sampling
    config: dict[str, Any] = {
        "maxOutputTokens": chat.max_output_tokens,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "seed": sampling.seed,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "candidateCount": chat.n_choices if chat.n_choices > 1 else None,
        "responseLogprobs": chat.wants_logprobs or None,
        "logprobs": chat.top_logprobs if chat.wants_logprobs else None,
        "stopSequences": list(chat.stop[:MAX_STOP]) or None,
    }
    if len(chat.stop) > MAX_STOP:
        losses.append(Loss("stop", f"Gemini takes at most {MAX_STOP} stop sequences."))
    if chat.output is not None:
        config |= _output(chat.output)
    return {name: value for name, value in config.items() if value is not None}


def _output(output: OutputShape) -> dict[str, Any]:
    shape: dict[str, Any] = {"responseMimeType": "application/json"}
    if output.schema is not None:
        shape["responseJsonSchema"] = msgspec.Raw(output.schema)
    return shape


def _thinking(wish: ReasoningWish, losses: list[Loss], *, has_levels: bool, is_pro: bool) -> dict[str, Any]:
    thinking: dict[str, Any] = {}
    shows = wish.wants_text if wish.wants_text is not None else (True if wish.summary else None)
    if shows is not None:
        thinking["includeThoughts"] = shows
    if wish.budget_tokens is not None:
        thinking["thinkingBudget"] = wish.budget_tokens
    elif wish.effort is not None and has_levels:
        level = _LEVELS[wish.effort]
        # Google's table: the Pro models of Gemini 3 have no `minimal`, and none of them can be kept from thinking.
        thinking["thinkingLevel"] = "low" if is_pro and level == "minimal" else level
        if wish.effort in ("none", "xhigh", "max") or thinking["thinkingLevel"] != level:
            losses.append(Loss("reasoning_effort", f"The nearest that Gemini has is {thinking['thinkingLevel']}."))
    elif wish.effort is not None:
        thinking["thinkingBudget"] = _BUDGETS[wish.effort]
        if wish.effort == "none" and is_pro:
            thinking["thinkingBudget"] = 128  # the least that 2.5 Pro takes
            losses.append(Loss("reasoning_effort", "This model always thinks a little."))
    return thinking


def _write_tools(chat: ChatRequest, body: dict[str, Any], losses: list[Loss]) -> None:
    declarations = [_declaration(tool) for tool in chat.tools if tool.kind == "function"]
    if len(declarations) < len(chat.tools):
        losses.append(Loss("tools[custom]", "Gemini's tools take JSON arguments."))
    if any(tool.is_strict for tool in chat.tools):
        losses.append(Loss("tools[].function.strict", "Gemini has no strict tools."))
    if any(tool.cache is not None for tool in chat.tools):
        losses.append(Loss("tools[].cache_control", "Gemini caches repeated beginnings by itself."))
    losses += [Loss(f"tools[{tool.kind}]", "Only its own format can carry it.") for tool in chat.hosted_tools]
    if declarations:
        body["tools"] = [{"functionDeclarations": declarations}]
    if chat.tool_choice is not None and declarations:
        calling: dict[str, Any] = {"mode": _CHOICES[chat.tool_choice.mode]}
        if chat.tool_choice.mode == "one":
            calling["allowedFunctionNames"] = [chat.tool_choice.name]
        body["toolConfig"] = {"functionCallingConfig": calling}


def _declaration(tool: Tool) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.schema is not None:
        declared["parametersJsonSchema"] = msgspec.Raw(tool.schema)
    return declared


def _unknown(chat: ChatRequest) -> list[Loss]:
    """What Gemini has no word for at all."""
    given = {
        "min_p": chat.sampling.min_p is not None,
        "logit_bias": chat.sampling.logit_bias is not None,
        "parallel_tool_calls": chat.parallel_tool_calls is False,
        "user": chat.user is not None,
        "prompt_cache_key": chat.cache_key is not None,
        "metadata": chat.metadata is not None,
        "verbosity": chat.verbosity is not None,
    }
    return [Loss(name, "Gemini has no such option.") for name, is_given in given.items() if is_given]
