"""The hub -> a Messages request for an upstream, with what this format could not carry."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Tool, ToolResult, Turn
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, Loss
from fairlead.wire.anthropic_messages.content_writing import Block, BlockWriter, cache_control
from fairlead.wire.anthropic_messages.signatures import ORIGIN
from fairlead.wire.claude_habits import habits_of
from fairlead.wire.claude_sampling import sampling_taken, stops_taken
from fairlead.wire.claude_thinking import write_thinking
from fairlead.wire.lost_turns import media_kinds, refuse_lost
from fairlead.wire.tool_schema import NO_ARGUMENTS, object_schema
from fairlead.wire.user_names import fitting

_ENCODER: Final = msgspec.json.Encoder()
_FREE_TEXT: Final = msgspec.Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
_TIERS: Final = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
MAX_USER_CHARS: Final = 256
"""Anthropic's limit of `metadata.user_id` (its OpenAPI document, read 2026-11-30)."""
_NO_PARAMETER: Final = "Anthropic has no such parameter"


def write_request(chat: ChatRequest, sent: SentModel) -> Carried:
    """The body, and its losses."""
    habits = habits_of(sent)
    writer = BlockWriter()
    losses = writer.losses
    system, messages = _conversation(chat.turns, writer)
    body: dict[str, Any] = {"model": sent, "max_tokens": chat.max_output_tokens or habits.default_max_tokens}
    if system:
        body["system"] = system
    body["messages"] = messages
    if chat.is_streaming:
        body["stream"] = True
    _write_tools(body, chat, losses)
    if chat.output is not None:
        _write_output(body, chat, losses)
    thinks = write_thinking(body, chat, habits, losses, max_tokens=body["max_tokens"], origin=ORIGIN)
    sampling = sampling_taken(chat.sampling, habits, losses, thinks=thinks)
    for name in ("temperature", "top_p", "top_k"):
        if (value := getattr(sampling, name)) is not None:
            body[name] = value
    _write_rest(body, chat, losses)
    return Carried(_ENCODER.encode(body), tuple(losses))


def _conversation(turns: tuple[Turn, ...], writer: BlockWriter) -> tuple[list[Block], list[dict[str, Any]]]:
    """System blocks and messages. Neighbours of one role are one message, its tool results first, as Anthropic asks."""
    system: list[Block] = []
    messages: list[dict[str, Any]] = []
    lost: dict[int, list[str]] = {}
    for place, turn in enumerate(turns):
        if turn.name is not None:
            writer.losses.append(Loss("messages.name", "Anthropic knows no names of speakers"))
        blocks = writer.blocks(turn.parts, is_assistant=turn.role == "assistant")
        if not blocks:
            lost[place] = media_kinds(turn)
        if turn.role == "system":
            if messages and blocks:
                writer.losses.append(
                    Loss("place of a system message", "Anthropic reads them all before the first turn")
                )
            system += blocks
        elif blocks and messages and messages[-1]["role"] == turn.role:
            messages[-1]["content"] = _results_first(messages[-1]["content"], blocks, turn)
        elif blocks:
            messages.append({"role": turn.role, "content": _results_first([], blocks, turn)})
    refuse_lost(turns, lost)
    if system and not messages:
        writer.losses.append(Loss("role of the system message", "Anthropic takes no conversation without a user turn"))
        return [], [{"role": "user", "content": system}]
    return system, messages


def _results_first(before: list[Block], blocks: list[Block], turn: Turn) -> list[Block]:
    if not any(isinstance(part, ToolResult) for part in turn.parts):
        return before + blocks
    together = before + blocks
    results = [block for block in together if _is_result(block)]
    return results + [block for block in together if not _is_result(block)]


def _is_result(block: Block) -> bool:
    return isinstance(block, dict) and block["type"] == "tool_result"


def _write_tools(body: dict[str, Any], chat: ChatRequest, losses: list[Loss]) -> None:
    tools: list[Block] = [_tool(tool, losses) for tool in chat.tools]
    for hosted in chat.hosted_tools:
        if hosted.origin == ORIGIN:
            tools.append(msgspec.Raw(hosted.raw))
        else:
            losses.append(Loss(f"tools[{hosted.kind}]"[:80], f"{hosted.origin} alone runs it"))
    choice = chat.tool_choice
    if not tools:
        if choice is not None and choice.mode in ("required", "one"):
            losses.append(Loss("tool_choice", "there are no tools"))
        return
    body["tools"] = tools
    if choice is None and chat.parallel_tool_calls is not False:
        return
    mode = choice.mode if choice else "auto"
    wished: dict[str, Any] = {"type": _CHOICES.get(mode, "tool")}
    if choice is not None and mode == "one":
        wished["name"] = choice.name
    if chat.parallel_tool_calls is False and mode != "none":
        wished["disable_parallel_tool_use"] = True
    body["tool_choice"] = wished


def _tool(tool: Tool, losses: list[Loss]) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.kind == "custom":
        losses.append(Loss(f"tools[{tool.name}]"[:80], "a custom tool: sent as a function with one text, `input`"))
        written["input_schema"] = _FREE_TEXT
    else:
        written["input_schema"] = NO_ARGUMENTS if tool.schema is None else object_schema(tool.schema)
    if tool.is_strict:
        written["strict"] = True
    if tool.cache is not None:
        written["cache_control"] = cache_control(tool.cache)
    return written


def _write_output(body: dict[str, Any], chat: ChatRequest, losses: list[Loss]) -> None:
    """The shape of the reply. A schema's name is a label without a meaning here; strict is all that there is."""
    output = chat.output
    if output is None or output.schema is None:
        losses.append(Loss("response_format", "Anthropic takes a JSON schema, not JSON of any shape"))
        return
    if output.description is not None:
        losses.append(Loss("response_format.description", _NO_PARAMETER))
    body["output_config"] = {"format": {"type": "json_schema", "schema": msgspec.Raw(output.schema)}}


def _write_rest(body: dict[str, Any], chat: ChatRequest, losses: list[Loss]) -> None:
    stops = stops_taken(chat.stop, losses)
    if stops:
        body["stop_sequences"] = stops
    if chat.user is not None:
        body["metadata"] = {"user_id": fitting(chat.user, MAX_USER_CHARS)}
    if chat.service_tier in _TIERS:
        body["service_tier"] = _TIERS[chat.service_tier]
    elif chat.service_tier is not None:
        losses.append(Loss("service_tier", "Anthropic has no tier of this name"))
    sampling = chat.sampling
    for name, value in (
        ("n", chat.n_choices if chat.n_choices > 1 else None),
        ("logprobs", chat.wants_logprobs or None),
        ("top_logprobs", chat.top_logprobs),
        ("min_p", sampling.min_p),
        ("frequency_penalty", sampling.frequency_penalty or None),
        ("presence_penalty", sampling.presence_penalty or None),
        ("seed", sampling.seed),
        ("logit_bias", sampling.logit_bias),
        ("prompt_cache_key", chat.cache_key),
        ("metadata", chat.metadata),
        ("verbosity", chat.verbosity),
        ("reasoning.summary", chat.reasoning.summary if chat.reasoning else None),
    ):
        if value is not None:
            losses.append(Loss(name, _NO_PARAMETER))
