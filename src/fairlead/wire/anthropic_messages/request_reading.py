"""A Messages request's members -> the hub. A member without a word there is a loss, by its name."""

from typing import Final, cast, get_args

import msgspec

from fairlead.domain.content import CacheTtl, Opaque, OutputShape, Text, Tool, ToolChoice, ToolResult, Turn
from fairlead.domain.errors import InvalidOptionError, MalformedBodyError
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish, Sampling
from fairlead.wire.anthropic_messages.blocks import EMPTY, NOTHING, BlockReader, WireCache, cache_of
from fairlead.wire.anthropic_messages.signatures import ORIGIN
from fairlead.wire.lane import Members, put_together, what_is_wrong

_READ: Final = frozenset(
    (
        *("model", "messages", "system", "max_tokens", "stream", "tools", "tool_choice", "thinking", "output_config"),
        *("output_format", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier"),
        "cache_control",
    )
)
_CONFIG_READ: Final = frozenset(("effort", "format"))
_METADATA_READ: Final = frozenset(("user_id",))
_EFFORTS: Final = frozenset(get_args(Effort))
_TOOL_EXTRAS: Final = ("defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
_OUR_WORDS: Final = {"standard_only": "default"}
"""Anthropic's name for the tier that the others call `default`."""
_QUOTED_CHARS: Final = 60
_NO_SYSTEM: Final = frozenset((b"", b"null", b'""', b"[]"))
_NO_WORD: Final = "no other format has a word for it"


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw


class _Tool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = NOTHING
    strict: bool | None = None
    cache_control: WireCache | None = None
    defer_loading: msgspec.Raw = NOTHING
    allowed_callers: msgspec.Raw = NOTHING
    input_examples: msgspec.Raw = NOTHING
    eager_input_streaming: msgspec.Raw = NOTHING


class _ToolChoice(msgspec.Struct):
    type: str = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct):
    type: str = ""
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str = ""
    schema: msgspec.Raw = NOTHING


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _Format | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Body(msgspec.Struct):
    messages: list[_Message]
    system: msgspec.Raw = NOTHING
    max_tokens: int | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    metadata: _Metadata | None = None
    service_tier: str | None = None
    cache_control: WireCache | None = None


_BODY: Final = msgspec.json.Decoder(_Body)
_TOOL: Final = msgspec.json.Decoder(_Tool)
_ANY: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_chat(members: Members, *, is_streaming: bool) -> ChatRequest:
    """The request in no vendor's words.

    Raises: InvalidOptionError for a member whose shape or value means nothing; MalformedBodyError.
    """
    try:
        return _chat(_BODY.decode(put_together(members)), members, is_streaming)
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        param = where.removesuffix("`").removeprefix(".") or None
        raise InvalidOptionError(f"{what}{f' in {param!r}' if param else ''}.", param=param) from None
    except UnicodeDecodeError:
        raise MalformedBodyError("The body holds text that is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise MalformedBodyError(f"The body is not valid JSON: {what_is_wrong(error)}.") from None


def _chat(body: _Body, members: Members, is_streaming: bool) -> ChatRequest:
    if body.max_tokens is not None and body.max_tokens < 1:
        raise InvalidOptionError(
            "'max_tokens' must be 1 or more: only Anthropic's own models can fill a cache and say nothing.",
            param="max_tokens",
        )
    losses = [
        Loss(name[:_QUOTED_CHARS], _NO_WORD)
        for name, value in members.items()
        if name not in _READ and bytes(value) not in EMPTY
    ]
    tools, hosted = _tools(body.tools or [], losses)
    reader = BlockReader()
    turns = _turns(body, reader)
    choice = body.tool_choice
    parallel = choice.disable_parallel_tool_use if choice else None
    chat = ChatRequest(
        turns=turns,
        tools=tools,
        hosted_tools=hosted,
        tool_choice=_tool_choice(choice),
        parallel_tool_calls=None if parallel is None else not parallel,
        output=_output(body),
        max_output_tokens=body.max_tokens,
        stop=tuple(body.stop_sequences or ()),
        sampling=Sampling(body.temperature, body.top_p, body.top_k),
        reasoning=_reasoning(body, losses),
        is_streaming=is_streaming,
        user=body.metadata.user_id if body.metadata else None,
        service_tier=_OUR_WORDS.get(body.service_tier or "", body.service_tier),
        losses=(
            *losses,
            *_inner_losses(members, "output_config", _CONFIG_READ),
            *_inner_losses(members, "metadata", _METADATA_READ),
            *reader.losses,
        ),
    )
    return chat


def _turns(body: _Body, reader: BlockReader) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    if bytes(body.system) not in _NO_SYSTEM:
        turns.append(Turn("system", reader.parts(body.system)))
    for message in body.messages:
        role = message.role
        if role not in ("user", "assistant", "system"):
            raise InvalidOptionError("A message's 'role' is user or assistant.", param="messages")
        turns.append(Turn(role, reader.parts(message.content)))  # type: ignore[arg-type]
    if body.cache_control is not None and turns:
        turns[-1] = _marked(turns[-1], cache_of(body.cache_control))
    return tuple(turns)


def _marked(turn: Turn, cache: CacheTtl | None) -> Turn:
    """The turn with a breakpoint after its last part that can bear one: what a request's own `cache_control` means."""
    for place in range(len(turn.parts) - 1, -1, -1):
        part = turn.parts[place]
        if isinstance(part, Text | ToolResult) and part.cache is None:
            return turn._replace(parts=(*turn.parts[:place], part._replace(cache=cache), *turn.parts[place + 1 :]))
    return turn


def _tools(raws: list[msgspec.Raw], losses: list[Loss]) -> tuple[tuple[Tool, ...], tuple[Opaque, ...]]:
    tools: list[Tool] = []
    hosted: list[Opaque] = []
    for raw in raws:
        tool = _TOOL.decode(raw)
        if tool.type not in (None, "custom"):
            hosted.append(Opaque(ORIGIN, (tool.type or "")[:_QUOTED_CHARS], bytes(raw)))
            continue
        if not tool.name:
            raise InvalidOptionError("A tool has no 'name'.", param="tools")
        for extra in _TOOL_EXTRAS:
            if bytes(getattr(tool, extra)) not in (*EMPTY, b"false"):
                losses.append(Loss(f"tools.{extra}", _NO_WORD))
        schema = bytes(tool.input_schema)
        tools.append(
            Tool(
                tool.name,
                tool.description,
                schema if schema not in (b"", b"null") else None,
                tool.strict,
                cache=cache_of(tool.cache_control),
            )
        )
    return tuple(tools), tuple(hosted)


def _tool_choice(choice: _ToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.type == "tool" and choice.name:
        return ToolChoice("one", choice.name)
    if choice.type == "any":
        return ToolChoice("required")
    if choice.type == "auto":
        return ToolChoice("auto")
    if choice.type == "none":
        return ToolChoice("none")
    raise InvalidOptionError("'tool_choice' is auto, any, none, or a tool with its name.", param="tool_choice")


def _output(body: _Body) -> OutputShape | None:
    wished = (body.output_config.format if body.output_config else None) or body.output_format
    if wished is None:
        return None
    schema = bytes(wished.schema)
    if wished.type != "json_schema" or schema in (b"", b"null"):
        raise InvalidOptionError(
            "'output_config.format' is a json_schema with its schema.", param="output_config.format"
        )
    return OutputShape("schema", schema)


def _reasoning(body: _Body, losses: list[Loss]) -> ReasoningWish | None:
    thinking = body.thinking
    effort = body.output_config.effort if body.output_config else None
    if effort is not None and effort not in _EFFORTS:
        raise InvalidOptionError(
            "'output_config.effort' is low, medium, high, xhigh or max.", param="output_config.effort"
        )
    if thinking is None:
        return None if effort is None else ReasoningWish(cast("Effort", effort))
    if thinking.type == "disabled":
        if effort is not None:
            losses.append(Loss("output_config.effort", "others know an effort of thinking alone, which is disabled"))
        return ReasoningWish("none")
    if thinking.type not in ("enabled", "adaptive"):
        losses.append(Loss("thinking.type", _NO_WORD))
    if thinking.budget_tokens is not None and thinking.budget_tokens < 1:
        raise InvalidOptionError("'thinking.budget_tokens' must be 1 or more.", param="thinking.budget_tokens")
    shown = None if thinking.display is None else thinking.display != "omitted"
    return ReasoningWish(cast("Effort | None", effort), thinking.budget_tokens, shown)


def _inner_losses(members: Members, name: str, read: frozenset[str]) -> list[Loss]:
    """The members of an object that mean nothing to others, such as the beta `output_config.task_budget`."""
    given = members.get(name)
    if given is None or bytes(given) == b"null":
        return []
    return [
        Loss(f"{name}.{inner}"[:_QUOTED_CHARS], _NO_WORD)
        for inner, value in _ANY.decode(given).items()
        if inner not in read and bytes(value) not in EMPTY
    ]
