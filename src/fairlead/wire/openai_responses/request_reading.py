"""A request's members -> the hub. What no other format could carry is named as a loss, never dropped in silence."""

from typing import Final

import msgspec

from fairlead.domain.content import OutputShape
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish, Sampling
from fairlead.wire.lane import Members, put_together
from fairlead.wire.openai_responses.item_reading import ItemsRead
from fairlead.wire.openai_responses.member_reading import NOTHING, has, read_member
from fairlead.wire.openai_responses.tool_names import SpacedNames
from fairlead.wire.openai_responses.tool_reading import ToolsRead

LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"

_HELD_ELSEWHERE: Final = {
    "previous_response_id": "send the earlier items in 'input', with store=false",
    "conversation": "send the conversation's items in 'input', with store=false",
    "prompt": "send the prompt's text in 'instructions' or 'input'",
}
"""Members that name something which one provider holds, and how to do without."""

_READ: Final = frozenset(
    (
        "model", "stream", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning",
        "include", "max_output_tokens", "temperature", "top_p", "top_logprobs", "store", "metadata", "user",
        "safety_identifier", "prompt_cache_key", "service_tier", "truncation", "background", "previous_response_id",
        "conversation", "prompt", "stream_options",
    )
)  # fmt: skip
"""Members with a meaning here; `stream_options` asks for padding against eavesdroppers, which our streams have not."""

_MEANS_NOTHING: Final = frozenset((b"null", b"[]", b"{}", b"false"))
_NO_WORD: Final = "no other format has a word for it"
_MAX_COUNT: Final = 1_000_000_000
"""JSON's whole numbers have no end; above this a count only says "more than anybody gives"."""


class _Format(msgspec.Struct):
    type: str = "text"
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = NOTHING
    strict: bool | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: str | None = None
    mode: str | None = None


class _Body(msgspec.Struct):
    input: str | list[msgspec.Raw] | None = None
    instructions: str | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: msgspec.Raw = NOTHING
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    include: list[str] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    truncation: str | None = None
    background: bool | None = None
    stream: bool | None = None


_BODY: Final = msgspec.json.Decoder(_Body)


def lane_only(members: Members) -> str | None:
    """The member because of which only an upstream of this format can serve the request; None when any can."""
    for name in _HELD_ELSEWHERE:
        if name in members and has(members[name]):
            return name
    return None


def refuse_background(members: Members) -> None:
    """A reply that is made in the background is asked for at an address that this server does not have.

    Raises: InvalidOptionError.
    """
    if "background" in members and bytes(members["background"]) == b"true":
        raise InvalidOptionError(
            "'background' is not served: this server has no address to fetch the reply from later. Leave it out; "
            "with 'stream' a long reply shows that it is on its way.",
            param="background",
        )


def read_chat(members: Members) -> tuple[ChatRequest, SpacedNames]:
    """The request in no vendor's words, and the tools whose names were made flat for it.

    Raises: InvalidOptionError for a value that means nothing, or a member that only a provider's own state could serve.
    """
    _refuse_state(members)
    body = read_member(put_together(members), _BODY, "")
    tools = ToolsRead()
    tools.read(body.tools or [], "tools")
    items = ItemsRead(tools)
    if body.instructions:
        items.say("system", body.instructions)
    if isinstance(body.input, str):
        items.say("user", body.input)
    else:
        items.read(body.input or [])
    turns = items.turns()
    choice = tools.choice(body.tool_choice) if has(body.tool_choice) else None
    include = body.include or []
    n_top = body.top_logprobs
    losses = [*tools.losses.values(), *_losses(members, body)]
    request = ChatRequest(
        turns=turns,
        tools=tuple(tools.tools.values()),
        hosted_tools=tuple(tools.hosted),
        tool_choice=choice,
        parallel_tool_calls=body.parallel_tool_calls,
        output=_output(body.text.format) if body.text else None,
        max_output_tokens=_count(body.max_output_tokens, "max_output_tokens"),
        sampling=Sampling(temperature=body.temperature, top_p=body.top_p),
        reasoning=_reasoning(body.reasoning),
        wants_logprobs=LOGPROBS in include or bool(n_top),
        top_logprobs=n_top,
        is_streaming=body.stream is True,
        user=body.safety_identifier or body.user,
        service_tier=body.service_tier,
        cache_key=body.prompt_cache_key,
        metadata=bytes(members["metadata"]) if body.metadata else None,
        verbosity=body.text.verbosity if body.text else None,
        losses=tuple(losses),
    )
    return request, tools.spaced


def _refuse_state(members: Members) -> None:
    name = lane_only(members)
    if name is not None:
        raise InvalidOptionError(f"'{name}' names what another provider holds: {_HELD_ELSEWHERE[name]}.", param=name)


def _losses(members: Members, body: _Body) -> list[Loss]:
    losses = [
        Loss(name, _NO_WORD)
        for name, value in members.items()
        if name not in _READ and bytes(value) not in _MEANS_NOTHING
    ]
    losses += [Loss(f"include[{name}]", _NO_WORD) for name in body.include or () if name not in (LOGPROBS, ENCRYPTED)]
    if body.store:
        losses.append(Loss("store", "a translated reply is kept for an hour, in this server's memory alone"))
    if body.truncation not in (None, "disabled"):
        losses.append(Loss("truncation", _NO_WORD))
    if body.reasoning is not None:
        if body.reasoning.context not in (None, "auto"):
            losses.append(Loss("reasoning.context", _NO_WORD))
        if body.reasoning.mode not in (None, "standard"):
            losses.append(Loss("reasoning.mode", _NO_WORD))
    if body.user and body.safety_identifier and body.user != body.safety_identifier:
        losses.append(Loss("user", "safety_identifier was told in its place"))
    return losses


def _reasoning(read: _Reasoning | None) -> ReasoningWish | None:
    if read is None:
        return None
    summary = read.summary or read.generate_summary
    if read.effort is None and summary is None:
        return None
    return ReasoningWish(read.effort, wants_text=True if summary else None, summary=summary)


def _output(read: _Format | None) -> OutputShape | None:
    if read is None or read.type == "text":
        return None
    if read.type == "json_object":
        return OutputShape("json")
    if read.type != "json_schema":
        raise InvalidOptionError("'text.format.type' is text, json_object or json_schema.", param="text.format.type")
    if bytes(read.schema)[:1] != b"{":
        raise InvalidOptionError("'text.format.schema' is missing: send a JSON schema.", param="text.format.schema")
    return OutputShape("schema", bytes(read.schema), read.name, read.description, read.strict)


def _count(value: int | None, where: str) -> int | None:
    if value is None:
        return None
    if value < 1:
        raise InvalidOptionError(f"'{where}' must be a whole number above 0.", param=where)
    return min(value, _MAX_COUNT)
