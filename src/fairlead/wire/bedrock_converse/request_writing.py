"""ChatRequest -> the body of a Converse or ConverseStream request."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Tool, ToolChoice
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, Loss
from fairlead.wire.bedrock_converse.claude import MAKER, claude_request
from fairlead.wire.bedrock_converse.messages import MessagesWriter, cache_point
from fairlead.wire.bedrock_converse.model_fields import model_fields
from fairlead.wire.tool_schema import NO_ARGUMENTS, object_schema

_ENCODER: Final = msgspec.json.Encoder()

MAX_TEMPERATURE: Final = 1.0
"""Converse's own bound (service model: InferenceConfiguration.temperature)."""
_TIERS: Final = ("default", "flex", "priority")


def write_request(chat: ChatRequest, sent: SentModel) -> Carried:
    """The body for this model, and what it could not carry."""
    is_claude = MAKER in sent
    writer = MessagesWriter(hears=not is_claude)
    system, messages = writer.write(chat.turns)
    losses = [*writer.losses, *_unknown(chat)]
    body: dict[str, Any] = {"messages": messages}
    if system:
        body["system"] = system
    if is_claude:
        chat, fields = claude_request(chat, sent, losses)
    else:
        fields = model_fields(chat, sent, losses)
    if inference := _inference(chat, losses):
        body["inferenceConfig"] = inference
    if fields:
        body["additionalModelRequestFields"] = fields
    tools = _tools(chat, tuple(writer.called), losses)
    if tools:
        body["toolConfig"] = tools
    _write_output(chat, body, losses)
    if chat.service_tier in _TIERS:
        body["serviceTier"] = {"type": chat.service_tier}
    elif chat.service_tier not in (None, "auto"):
        losses.append(Loss("service_tier", "Bedrock has no tier of this name."))
    return Carried(_ENCODER.encode(body), tuple(losses))


def _inference(chat: ChatRequest, losses: list[Loss]) -> dict[str, Any]:
    temperature = chat.sampling.temperature
    if temperature is not None and temperature > MAX_TEMPERATURE:
        temperature = MAX_TEMPERATURE
        losses.append(Loss("temperature", f"Converse takes at most {MAX_TEMPERATURE:g}."))
    stops = [stop for stop in chat.stop if stop]
    if len(stops) < len(chat.stop):
        losses.append(Loss("stop", "Converse refuses an empty one."))
    config = {
        "maxTokens": chat.max_output_tokens,
        "temperature": temperature,
        "topP": chat.sampling.top_p,
        "stopSequences": stops or None,
    }
    return {name: value for name, value in config.items() if value is not None}


def _tools(chat: ChatRequest, called: tuple[str, ...], losses: list[Loss]) -> dict[str, Any] | None:
    declared = [tool for tool in chat.tools if tool.kind == "function"]
    if len(declared) < len(chat.tools):
        losses.append(Loss("tools[custom]", "Converse's tools take JSON arguments."))
    if any(tool.is_strict for tool in declared):
        losses.append(Loss("tools[].function.strict", "Not every model of Bedrock has strict tools."))
    losses += [Loss(f"tools[{tool.kind}]", "Only its own format can carry it.") for tool in chat.hosted_tools]
    choice = chat.tool_choice
    if choice is not None and choice.mode in ("required", "one") and not declared:
        losses.append(Loss("tool_choice", "There are no tools."))
        choice = None
    elif choice is not None and choice.mode == "none":
        if called:
            losses.append(Loss("tool_choice", "Converse cannot forbid calls while earlier ones are told."))
        else:
            declared = []
    names = {tool.name for tool in declared}
    # Converse refuses a conversation with calls of tools that are not declared.
    declared += [Tool(name) for name in called if name not in names]
    if not declared:
        return None
    specs: list[dict[str, Any]] = []
    for tool in declared:
        specs.append({"toolSpec": _spec(tool)})
        if tool.cache is not None:
            specs.append(cache_point(tool.cache))
    chosen = _choice(choice)
    return {"tools": specs, **({"toolChoice": chosen} if chosen else {})}


def _spec(tool: Tool) -> dict[str, Any]:
    schema = NO_ARGUMENTS if tool.schema is None else object_schema(tool.schema)
    described = {"description": tool.description} if tool.description and not tool.description.isspace() else {}
    return {"name": tool.name, **described, "inputSchema": {"json": schema}}


def _choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None or choice.mode == "none":
        return None
    if choice.mode == "one":
        return {"tool": {"name": choice.name}}
    return {"any": {}} if choice.mode == "required" else {"auto": {}}


def _write_output(chat: ChatRequest, body: dict[str, Any], losses: list[Loss]) -> None:
    output = chat.output
    if output is None:
        return
    if output.schema is None:
        losses.append(Loss("response_format", "Converse takes a schema, or nothing."))
        return
    schema = {"schema": output.schema.decode(), "name": output.name, "description": output.description}
    given = {name: value for name, value in schema.items() if value is not None}
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": given}}}


def _unknown(chat: ChatRequest) -> list[Loss]:
    """What Converse has no word for at all."""
    sampling = chat.sampling
    given = {
        "min_p": sampling.min_p is not None,
        "frequency_penalty": bool(sampling.frequency_penalty),
        "presence_penalty": bool(sampling.presence_penalty),
        "seed": sampling.seed is not None,
        "logit_bias": sampling.logit_bias is not None,
        "n": chat.n_choices > 1,
        "logprobs": chat.wants_logprobs,
        "parallel_tool_calls": chat.parallel_tool_calls is False,
        "user": chat.user is not None,
        "prompt_cache_key": chat.cache_key is not None,
        "metadata": chat.metadata is not None,
        "verbosity": chat.verbosity is not None,
        "reasoning.summary": chat.reasoning is not None and chat.reasoning.summary is not None,
    }
    return [Loss(name, "Converse has no such option.") for name, is_given in given.items() if is_given]
