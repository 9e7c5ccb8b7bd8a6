"""The hub -> a chat request for an upstream, with what this format could not carry."""

from typing import Any, Final

import msgspec

from fairlead.domain.content import Media, Opaque, OutputShape, Part, Reasoning, Text, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.names import SentModel
from fairlead.domain.request import Carried, ChatRequest, Effort, Loss, ReasoningWish
from fairlead.wire.lost_turns import media_kinds, refuse_lost
from fairlead.wire.openai_chat.grammars import nested
from fairlead.wire.openai_chat.reply_writing import call_object
from fairlead.wire.user_names import fitting

_ENCODER: Final = msgspec.json.Encoder()
_NO_ARGUMENTS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
MAX_STOPS: Final = 4
"""OpenAI's limit (API reference, `stop`, read 2026-11-30)."""
MAX_USER_CHARS: Final = 64
"""What OpenAI takes of `user`; its 400 says "Expected a string with maximum length 64". OpenRouter takes 128."""
_TIERS: Final = frozenset(("auto", "default", "flex", "priority", "scale"))
_AUDIO_FORMATS: Final = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}
_BUDGETS: Final[tuple[tuple[int, Effort], ...]] = ((4_096, "low"), (16_384, "medium"))
"""A thinking budget below so many tokens is about this effort; above the last it is high. A rule of thumb, declared."""


def write_chat_request(chat: ChatRequest, sent: SentModel) -> Carried:
    """The body, and its losses."""
    losses: list[Loss] = []
    body: dict[str, Any] = {"model": sent, "messages": _messages(chat, losses)}
    if chat.is_streaming:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    _write_tools(body, chat, losses)
    if chat.output is not None:
        body["response_format"] = _response_format(chat.output)
    if chat.reasoning is not None:
        _write_reasoning(body, chat.reasoning, losses)
    _write_numbers(body, chat, losses)
    if chat.user is not None:
        body["user"] = fitting(chat.user, MAX_USER_CHARS)
    if chat.cache_key is not None:
        body["prompt_cache_key"] = chat.cache_key
    if chat.verbosity is not None:
        body["verbosity"] = chat.verbosity
    if chat.service_tier is not None:
        if chat.service_tier in _TIERS:
            body["service_tier"] = chat.service_tier
        else:
            losses.append(Loss("service_tier", "chat completions have no tier of this name"))
    if chat.metadata is not None:
        losses.append(Loss("metadata", "chat completions take labels only for what they store"))
    return Carried(_ENCODER.encode(body), tuple(losses))


def _write_numbers(body: dict[str, Any], chat: ChatRequest, losses: list[Loss]) -> None:
    sampling = chat.sampling
    for name, value in (
        ("max_tokens", chat.max_output_tokens),
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
        ("seed", sampling.seed),
        ("top_logprobs", chat.top_logprobs),
    ):
        if value is not None:
            body[name] = value
    if sampling.logit_bias is not None:
        body["logit_bias"] = msgspec.Raw(sampling.logit_bias)
    if chat.wants_logprobs:
        body["logprobs"] = True
    if chat.n_choices > 1:
        body["n"] = chat.n_choices
    if chat.stop:
        body["stop"] = list(chat.stop[:MAX_STOPS])
        if len(chat.stop) > MAX_STOPS:
            losses.append(Loss(f"stop[{MAX_STOPS}:]", f"chat completions take {MAX_STOPS} stop sequences"))
    for name, value in (("top_k", sampling.top_k), ("min_p", sampling.min_p)):
        if value is not None:
            losses.append(Loss(name, "chat completions have no such parameter"))


def _write_reasoning(body: dict[str, Any], wish: ReasoningWish, losses: list[Loss]) -> None:
    effort = wish.effort
    if wish.budget_tokens is not None:
        effort = effort or next((name for below, name in _BUDGETS if wish.budget_tokens < below), "high")
        losses.append(Loss("reasoning budget", f"sent as reasoning_effort={effort}"))
    if effort is not None:
        body["reasoning_effort"] = effort


def _write_tools(body: dict[str, Any], chat: ChatRequest, losses: list[Loss]) -> None:
    losses += [Loss(f"tools[{tool.kind}]", "it runs at its own provider only") for tool in chat.hosted_tools]
    if not chat.tools:
        return
    body["tools"] = [_tool(tool) for tool in chat.tools]
    choice = chat.tool_choice
    if choice is not None:
        kinds = {tool.name: tool.kind for tool in chat.tools}
        kind = kinds.get(choice.name or "", "function")
        body["tool_choice"] = choice.mode if choice.mode != "one" else {"type": kind, kind: {"name": choice.name}}
    if chat.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = chat.parallel_tool_calls
    if any(tool.cache for tool in chat.tools):
        losses.append(_CACHE_LOSS)


def _tool(tool: Tool) -> dict[str, Any]:
    about: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        about["description"] = tool.description
    if tool.kind == "custom":
        if tool.grammar is not None:
            about["format"] = msgspec.Raw(nested(tool.grammar))
    else:
        about["parameters"] = msgspec.Raw(tool.schema) if tool.schema is not None else _NO_ARGUMENTS
        if tool.is_strict is not None:
            about["strict"] = tool.is_strict
    return {"type": tool.kind, tool.kind: about}


def _response_format(output: OutputShape) -> dict[str, Any]:
    if output.kind == "json" or output.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": output.name or "reply", "schema": msgspec.Raw(output.schema)}
    if output.description is not None:
        schema["description"] = output.description
    if output.is_strict is not None:
        schema["strict"] = output.is_strict
    return {"type": "json_schema", "json_schema": schema}


_CACHE_LOSS: Final = Loss("cache_control", "providers of this format cache prompts by themselves")
_NAME_LOSS: Final = Loss("document name", "a document of plain text is told as text")
_REASONING_LOSS: Final = Loss("reasoning", "chat completions take no earlier thoughts")


def _messages(chat: ChatRequest, losses: list[Loss]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    noted: set[Loss] = set()
    lost: dict[int, list[str]] = {}
    for place, turn in enumerate(chat.turns):
        n_before = len(messages)
        if turn.role == "assistant":
            message = _assistant(turn.parts, noted)
            if message is not None:
                messages.append(message)
        else:
            _write_turn(messages, turn, noted)
        if len(messages) == n_before:
            lost[place] = media_kinds(turn)
    refuse_lost(chat.turns, lost)
    losses += sorted(noted)
    return messages


def _write_turn(messages: list[dict[str, Any]], turn: Turn, noted: set[Loss]) -> None:
    """Tool results become messages of their own; what they hold beside text follows in the user's name."""
    content: list[Text | Media] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            text = "\n".join(piece.text for piece in part.parts if isinstance(piece, Text))
            content += [piece for piece in part.parts if isinstance(piece, Media)]
            messages.append({"role": "tool", "tool_call_id": part.call_id, "content": text})
            if part.is_error:
                noted.add(Loss("tool_result.is_error", "said by the text alone"))
            if part.cache:
                noted.add(_CACHE_LOSS)
        elif isinstance(part, Text | Media):
            content.append(part)
        else:
            _note(part, noted)
    written = _content(content, noted) if content else []
    if written != []:
        message: dict[str, Any] = {"role": turn.role, "content": written}
        if turn.name:
            message["name"] = turn.name
        messages.append(message)


def _assistant(parts: tuple[Part, ...], noted: set[Loss]) -> dict[str, Any] | None:
    texts = [part.text for part in parts if isinstance(part, Text) and not part.is_refusal]
    refusals = [part.text for part in parts if isinstance(part, Text) and part.is_refusal]
    calls = [call_object(part) for part in parts if isinstance(part, ToolCall)]
    for part in parts:
        if isinstance(part, Text | ToolCall):
            if part.cache:
                noted.add(_CACHE_LOSS)
        else:
            _note(part, noted)
    if not texts and not calls and not refusals:
        return None
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    if refusals:
        message["refusal"] = "".join(refusals)
    if calls:
        message["tool_calls"] = calls
    return message


def _note(part: Part, noted: set[Loss]) -> None:
    if isinstance(part, Reasoning):
        noted.add(_REASONING_LOSS)
    elif isinstance(part, Opaque):
        noted.add(Loss(f"messages[{part.kind}]", "only its own format has a word for it"))
    elif isinstance(part, Media):
        noted.add(Loss(f"{part.kind} of an assistant's turn", "chat completions have no place for it"))


def _content(parts: list[Text | Media], noted: set[Loss]) -> str | list[dict[str, Any]]:
    if any(part.cache for part in parts):
        noted.add(_CACHE_LOSS)
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    written = []
    for part in parts:
        piece = {"type": "text", "text": part.text} if isinstance(part, Text) else _media(part, noted)
        if piece is not None:
            written.append(piece)
    return written


def _media(part: Media, noted: set[Loss]) -> dict[str, Any] | None:
    if part.text is not None:
        if part.name is not None:
            noted.add(_NAME_LOSS)
        return {"type": "text", "text": part.text}
    if part.kind == "image" and part.file_id is None:
        url = part.url if part.data is None else f"data:{part.media_type or 'image/png'};base64,{part.data}"
        address = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
        return {"type": "image_url", "image_url": address}
    if part.kind == "audio" and part.data is not None and part.media_type in _AUDIO_FORMATS:
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": _AUDIO_FORMATS[part.media_type]}}
    if part.kind == "file" and (part.data is not None or part.origin == "openai_chat"):
        file: dict[str, Any] = {}
        if part.data is not None:
            file["file_data"] = f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
            file["filename"] = part.name or "document"
        else:
            file["file_id"] = part.file_id
        return {"type": "file", "file": file}
    given = "url" if part.url is not None else "file_id" if part.file_id is not None else part.media_type
    noted.add(Loss(f"{part.kind} by {given}", "chat completions do not take it"))
    return None
