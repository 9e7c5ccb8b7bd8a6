"""A chat request -> the hub: messages, tools and parameters in no vendor's words."""

from typing import Any, Final, cast, get_args

import msgspec

from fairlead.domain.content import (
    CacheTtl,
    Media,
    OutputShape,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from fairlead.domain.errors import InvalidOptionError, MalformedBodyError
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish, Sampling
from fairlead.wire.lane import Members, put_together
from fairlead.wire.openai_chat.reasoning import parts_of
from fairlead.wire.openai_chat.request_shapes import (
    BodyShape,
    ChoiceShape,
    FormatShape,
    MessageShape,
    NamedShape,
    PartShape,
    ReasoningShape,
    ToolFunctionShape,
    ToolShape,
    UrlShape,
)

_KEPT: Final = frozenset(("model", "stream", "stream_options", "usage", "include_reasoning", "modalities", "store"))
"""Members that need no translation: they are ours to set, or say what is so anyway."""
_EFFORTS: Final = frozenset(get_args(Effort))


_BODY: Final = msgspec.json.Decoder(BodyShape)
_READ: Final = frozenset(BodyShape.__struct_fields__) | _KEPT


def read_chat(members: Members, *, is_streaming: bool) -> ChatRequest:
    """The request in the hub's words.

    Raises: InvalidOptionError for a member whose shape means nothing; MalformedBodyError for JSON that is none.
    """
    body = _decode(members)
    losses = [
        Loss(name, "no other format has a word for it")
        for name, value in members.items()
        if name not in _READ and bytes(value) != b"null"
    ]
    tools = tuple(_tool(tool) for tool in body.tools or () if tool.function or tool.custom)
    tools += tuple(_function(function) for function in body.functions or ())
    return ChatRequest(
        turns=_turns(body.messages, losses),
        tools=tools,
        tool_choice=_tool_choice(body.tool_choice if body.tool_choice is not None else body.function_call),
        parallel_tool_calls=body.parallel_tool_calls,
        output=_output(body.response_format),
        max_output_tokens=body.max_completion_tokens or body.max_tokens,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        sampling=Sampling(
            body.temperature,
            body.top_p,
            body.top_k,
            body.min_p,
            body.frequency_penalty,
            body.presence_penalty,
            body.seed,
            _raw(body.logit_bias),
        ),
        reasoning=_reasoning(body),
        n_choices=max(body.n or 1, 1),
        wants_logprobs=bool(body.logprobs),
        top_logprobs=body.top_logprobs,
        is_streaming=is_streaming,
        user=body.safety_identifier or body.user,
        service_tier=body.service_tier,
        cache_key=body.prompt_cache_key,
        metadata=_raw(body.metadata),
        verbosity=body.verbosity,
        losses=tuple(losses),
    )


def _decode(members: Members) -> BodyShape:
    try:
        return _BODY.decode(put_together(members))
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        param = where.removesuffix("`") or None
        raise InvalidOptionError(f"{what}{f' in {param!r}' if param else ''}.", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedBodyError("The body is not valid JSON.") from None


def _raw(value: msgspec.Raw) -> bytes | None:
    text = bytes(value)
    return text if text not in (b"", b"null") else None


def _turns(messages: list[MessageShape], losses: list[Loss]) -> tuple[Turn, ...]:
    names: dict[str, str] = {}
    turns: list[Turn] = []
    for message in messages:
        cache = message.cache_control.ttl if message.cache_control else None
        content = _content(message.content, cache, losses)
        if message.role in ("tool", "function"):
            call_id = message.tool_call_id or f"call_{message.name}"
            turns.append(Turn("user", (ToolResult(call_id, content, name=names.get(call_id) or message.name),)))
        elif message.role == "assistant":
            parts = _assistant(message, content)
            names.update((part.call_id, part.name) for part in parts if isinstance(part, ToolCall))
            turns.append(Turn("assistant", parts, message.name))
        else:
            turns.append(Turn("user" if message.role == "user" else "system", content, message.name))
    return tuple(turns)


def _assistant(message: MessageShape, content: tuple[Text | Media, ...]) -> tuple[Part, ...]:
    parts: list[Part] = []
    if message.reasoning_details:
        parts += parts_of(message.reasoning_details)
    elif thoughts := message.reasoning_content or message.reasoning:
        parts.append(Reasoning(thoughts))
    parts += content
    if message.refusal:
        parts.append(Text(message.refusal, is_refusal=True))
    for call in message.tool_calls or ():
        if call.custom is not None:
            parts.append(ToolCall(call.id, call.custom.name, call.custom.input, "custom"))
        elif call.function is not None:
            parts.append(ToolCall(call.id, call.function.name, call.function.arguments))
    if message.function_call is not None:
        name = message.function_call.name
        parts.append(ToolCall(f"call_{name}", name, message.function_call.arguments))
    return tuple(parts)


def _content(
    content: str | list[PartShape] | None, cache: CacheTtl | None, losses: list[Loss]
) -> tuple[Text | Media, ...]:
    if isinstance(content, str):
        return (Text(content, cache),)
    parts = []
    for part in content or ():
        read = _part(part)
        if read is None:
            losses.append(Loss(f"messages[{part.type}]"[:80], "no other format has a word for it"))
        else:
            parts.append(read)
    return tuple(parts)


def _part(part: PartShape) -> Text | Media | None:
    cache = part.cache_control.ttl if part.cache_control else None
    if part.text is not None:
        return Text(part.text, cache)
    if part.refusal is not None:
        return Text(part.refusal, is_refusal=True)
    if part.image_url is not None:
        address = part.image_url if isinstance(part.image_url, UrlShape) else UrlShape(part.image_url)
        kind, data = _data_url(address.url)
        url = None if data is not None else address.url
        return Media("image", kind, data, url, detail=address.detail, cache=cache)
    if part.input_audio is not None:
        kind = "audio/mpeg" if part.input_audio.format == "mp3" else f"audio/{part.input_audio.format}"
        return Media("audio", kind, part.input_audio.data, cache=cache)
    if part.file is not None:
        file = part.file
        kind, data = _data_url(file.file_data or "")
        if data is None and file.file_data:
            kind, data = "application/pdf", file.file_data
        origin = "openai_chat" if file.file_id else None
        return Media(
            "file", kind, data, file_id=file.file_id, name=file.filename, cache=cache, origin=cast("Any", origin)
        )
    return None


def _data_url(url: str) -> tuple[str | None, str | None]:
    """Media type and base64 of a data URL; None, None for any other."""
    if not url.startswith("data:"):
        return None, None
    head, _, data = url.partition(",")
    if not head.endswith(";base64"):
        return None, None
    return head[5:-7].partition(";")[0] or None, data


def _tool(tool: ToolShape) -> Tool:
    cache = tool.cache_control.ttl if tool.cache_control else None
    if tool.custom is not None:
        custom = tool.custom
        return Tool(custom.name, custom.description, kind="custom", grammar=_raw(custom.format), cache=cache)
    assert tool.function is not None
    return _function(tool.function)._replace(cache=cache)


def _function(function: ToolFunctionShape) -> Tool:
    return Tool(function.name, function.description, _raw(function.parameters), function.strict)


def _tool_choice(choice: str | ChoiceShape | NamedShape | None) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            raise InvalidOptionError("'tool_choice' is auto, none, required or a tool.", param="tool_choice")
        return ToolChoice(cast("Any", choice))
    named = choice.name if isinstance(choice, NamedShape) else None
    if isinstance(choice, ChoiceShape):
        inner = choice.function or choice.custom
        named = inner.name if inner else choice.name
    if not named:
        raise InvalidOptionError("'tool_choice' names no tool.", param="tool_choice")
    return ToolChoice("one", named)


def _output(wished: FormatShape | None) -> OutputShape | None:
    if wished is None or wished.type == "text":
        return None
    if wished.type == "json_object":
        return OutputShape("json")
    if wished.type == "json_schema" and wished.json_schema is not None:
        schema = wished.json_schema
        return OutputShape("schema", _raw(schema.schema), schema.name, schema.description, schema.strict)
    raise InvalidOptionError("'response_format' is text, json_object or json_schema.", param="response_format")


def _reasoning(body: BodyShape) -> ReasoningWish | None:
    effort = body.reasoning_effort
    wished = body.reasoning
    if effort is None and wished is None:
        return None
    wished = wished or ReasoningShape()
    effort = effort or wished.effort or ("none" if wished.enabled is False else None)
    if effort is not None and effort not in _EFFORTS:
        raise InvalidOptionError(
            f"'reasoning_effort' is one of {', '.join(get_args(Effort))}.", param="reasoning_effort"
        )
    return ReasoningWish(
        cast("Effort | None", effort), wished.max_tokens, None if wished.exclude is None else not wished.exclude
    )
