"""The shapes of a chat request, as far as the hub has words for them."""

from typing import Final, Literal

import msgspec

from fairlead.wire.openai_chat.reasoning import Detail

NOTHING: Final = msgspec.Raw(b"")
"""An absent member that is otherwise kept as it came."""


class UrlShape(msgspec.Struct):
    """An image's address."""

    url: str
    detail: str | None = None


class AudioShape(msgspec.Struct):
    """A sound."""

    data: str
    format: str = "wav"


class FileShape(msgspec.Struct):
    """A document."""

    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class CacheShape(msgspec.Struct):
    """A mark after which a prompt may be cached."""

    type: str = "ephemeral"
    ttl: Literal["5m", "1h"] | None = None


class PartShape(msgspec.Struct):
    """A piece of a message's content."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: UrlShape | str | None = None
    input_audio: AudioShape | None = None
    file: FileShape | None = None
    cache_control: CacheShape | None = None


class FunctionShape(msgspec.Struct):
    """A function that was called."""

    name: str = ""
    arguments: str = ""


class CustomShape(msgspec.Struct):
    """A custom tool that was called."""

    name: str = ""
    input: str = ""


class CallShape(msgspec.Struct):
    """A tool call."""

    id: str = ""
    function: FunctionShape | None = None
    custom: CustomShape | None = None


class SpokenShape(msgspec.Struct):
    """An earlier answer in sound: told by its id, and with its words where a client sends back the whole of it."""

    transcript: str | None = None


class MessageShape(msgspec.Struct):
    """A message."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartShape] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[CallShape] | None = None
    function_call: FunctionShape | None = None
    tool_call_id: str | None = None
    audio: SpokenShape | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Detail] | None = None
    cache_control: CacheShape | None = None


class ToolFunctionShape(msgspec.Struct):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = NOTHING
    strict: bool | None = None


class ToolCustomShape(msgspec.Struct):
    """A custom tool that may be called."""

    name: str
    description: str | None = None
    format: msgspec.Raw = NOTHING


class ToolShape(msgspec.Struct):
    """A tool."""

    type: str = "function"
    function: ToolFunctionShape | None = None
    custom: ToolCustomShape | None = None
    cache_control: CacheShape | None = None


class NamedShape(msgspec.Struct):
    """Something by its name."""

    name: str


class AllowedToolShape(msgspec.Struct):
    """A tool on the list of those that may be called."""

    function: NamedShape | None = None
    custom: NamedShape | None = None
    name: str | None = None


class AllowedShape(msgspec.Struct):
    """The tools that may be called, of all that are declared."""

    tools: list[AllowedToolShape]
    mode: Literal["auto", "required"] = "auto"


class ChoiceShape(msgspec.Struct):
    """A tool that must be called, or those that may be."""

    type: str = "function"
    function: NamedShape | None = None
    custom: NamedShape | None = None
    name: str | None = None
    allowed_tools: AllowedShape | None = None


class SchemaShape(msgspec.Struct):
    """A JSON schema with its name."""

    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = NOTHING
    strict: bool | None = None


class FormatShape(msgspec.Struct):
    """What the reply must look like."""

    type: str = "text"
    json_schema: SchemaShape | None = None


class ReasoningShape(msgspec.Struct):
    """OpenRouter's `reasoning` object."""

    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class BodyShape(msgspec.Struct):
    """The whole request."""

    messages: list[MessageShape]
    tools: list[ToolShape] | None = None
    functions: list[ToolFunctionShape] | None = None
    tool_choice: str | ChoiceShape | None = None
    function_call: str | NamedShape | None = None
    parallel_tool_calls: bool | None = None
    response_format: FormatShape | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    logit_bias: msgspec.Raw = NOTHING
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    reasoning: ReasoningShape | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    metadata: msgspec.Raw = NOTHING
    verbosity: str | None = None
    modalities: list[str] | None = None
