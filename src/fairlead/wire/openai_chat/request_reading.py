"""A chat request -> the hub: messages, tools and parameters in no vendor's words."""

from typing import Final, cast, get_args

import msgspec

from fairlead.domain.content import OutputShape, Tool, ToolChoice
from fairlead.domain.errors import InvalidOptionError, MalformedBodyError
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish, Sampling
from fairlead.wire.lane import Members, put_together
from fairlead.wire.openai_chat.grammars import flat
from fairlead.wire.openai_chat.message_reading import TurnsReader, cache_of
from fairlead.wire.openai_chat.request_shapes import (
    AllowedShape,
    BodyShape,
    ChoiceShape,
    FormatShape,
    NamedShape,
    ReasoningShape,
    ToolFunctionShape,
)

_KEPT: Final = frozenset(("model", "stream", "stream_options", "usage", "include_reasoning", "store"))
"""Members that need no translation: they are ours to set, or say what is so anyway."""
_EFFORTS: Final = frozenset(get_args(Effort))
_CHOICES: Final[dict[str, ToolChoice]] = {
    "auto": ToolChoice("auto"),
    "none": ToolChoice("none"),
    "required": ToolChoice("required"),
}

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
    if any(kind != "text" for kind in body.modalities or ()):
        losses.append(Loss("modalities", "no other format answers in anything but text"))
    tools = _tools(body, losses)
    choice = body.tool_choice if body.tool_choice is not None else body.function_call
    if isinstance(choice, ChoiceShape) and choice.allowed_tools is not None:
        allowed = _allowed(choice.allowed_tools)
        tools = [tool for tool in tools if tool.name in allowed]
    turns = TurnsReader(losses).turns(body.messages)
    return ChatRequest(
        turns=turns,
        tools=tuple(tools),
        tool_choice=_tool_choice(choice),
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


def _tools(body: BodyShape, losses: list[Loss]) -> list[Tool]:
    tools: list[Tool] = []
    for place, tool in enumerate(body.tools or ()):
        if tool.custom is not None:
            custom = tool.custom
            written = _raw(custom.format)
            grammar = flat(written) if written is not None else None
            cache = cache_of(tool.cache_control)
            tools.append(Tool(custom.name, custom.description, kind="custom", grammar=grammar, cache=cache))
        elif tool.function is not None:
            tools.append(_function(tool.function)._replace(cache=cache_of(tool.cache_control)))
        elif tool.type in ("function", "custom"):
            where = f"tools[{place}].{tool.type}"
            raise InvalidOptionError(f"'{where}' is missing: it says what the tool is called.", param=where)
        else:
            losses.append(Loss(f"tools[{tool.type}]"[:80], "it runs at its own provider only"))
    return tools + [_function(function) for function in body.functions or ()]


def _function(function: ToolFunctionShape) -> Tool:
    return Tool(function.name, function.description, _raw(function.parameters), function.strict)


def _allowed(allowed: AllowedShape) -> frozenset[str]:
    """The names on a list of allowed tools, which is kept by leaving the others out."""
    names = [named.name if (named := tool.function or tool.custom) else tool.name for tool in allowed.tools]
    return frozenset([name for name in names if name])


def _tool_choice(choice: str | ChoiceShape | NamedShape | None) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, ChoiceShape) and choice.allowed_tools is not None:
        choice = choice.allowed_tools.mode
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise InvalidOptionError("'tool_choice' is auto, none, required or a tool.", param="tool_choice")
        return _CHOICES[choice]
    named = choice.name
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
