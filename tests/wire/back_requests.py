"""Chat requests of every kind, for the formats that are backs alone."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from fairlead.domain.content import (
    Media,
    Opaque,
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
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling

T = TypeVar("T")


def built(
    kind: Callable[..., T], *members: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> st.SearchStrategy[T]:
    """A value of these members and no others: the library's `builds` also draws those that have a default."""
    return st.tuples(st.tuples(*members), st.fixed_dictionaries(named)).map(lambda given: kind(*given[0], **given[1]))


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,20}", fullmatch=True)
call_ids = st.from_regex(r"(call_|toolu_)?[a-zA-Z0-9]{1,24}", fullmatch=True) | words.filter(bool)
caches = st.sampled_from([None, None, "5m", "1h"])
base64s = st.sampled_from(["aGVsbG8=", "AA==", "c2lnbmF0dXJl"])
objects = st.sampled_from(["{}", '{"a":1}', '{ "b" : [1.50, "é"] }', '{"n":12345678901234567890}'])
arguments = objects | st.sampled_from(["", "{", "[1]", "null", '{"a":'])
schemas = st.sampled_from(
    [None, b'{"properties":{}}', b'{"type":"object","properties":{"a":{"type":"string"}}}', b'{"type":"object"}']
)

texts = built(Text, words | st.sampled_from([" ", "\n\n"]), caches)
images = built(
    Media,
    st.just("image"),
    st.sampled_from(["image/png", "image/webp", "image/tiff", None]),
    data=base64s,
    cache=caches,
)
far_images = built(Media, st.just("image"), url=st.sampled_from(["https://a.example/x.png", "s3://bucket/x.png"]))
documents = built(
    Media,
    st.just("file"),
    st.sampled_from(["application/pdf", "text/csv", "a/b"]),
    data=base64s,
    name=words | st.none(),
) | built(Media, st.just("file"), st.just("text/plain"), text=words.filter(bool))
sounds = built(Media, st.just("audio"), st.sampled_from(["audio/wav", "audio/mpeg"]), data=base64s)
media = images | far_images | documents | sounds
thoughts = built(
    Reasoning,
    words,
    base64s | st.none(),
    st.sampled_from(["gemini_generate", "bedrock_converse", "anthropic_messages"]),
    st.booleans(),
)
calls = built(ToolCall, call_ids, names, arguments, st.sampled_from(["function", "function", "custom"]), caches)
results = built(
    ToolResult,
    call_ids,
    st.lists(texts | images | documents | sounds, max_size=2).map(tuple),
    st.booleans(),
    cache=caches,
)
opaques = built(Opaque, st.just("openai_responses"), st.just("web_search_call"), st.just(b"{}"))


def _turn(role: str, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Turn]:
    return built(Turn, st.just(role), st.lists(parts, max_size=4).map(tuple), st.none() | names)


turns = st.lists(
    _turn("system", texts)
    | _turn("user", texts | media | results | opaques)
    | _turn("assistant", texts | thoughts | calls | opaques | images),
    min_size=1,
    max_size=6,
).map(tuple)
tools = built(
    Tool,
    names,
    words | st.none(),
    schemas,
    st.none() | st.booleans(),
    st.sampled_from(["function", "function", "custom"]),
    cache=caches,
)
choices = (
    st.none()
    | st.sampled_from([ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")])
    | names.map(lambda name: ToolChoice("one", name))
)
efforts = st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])
wishes = built(ReasoningWish, st.none() | efforts, st.none() | st.integers(1_024, 9_000), st.none() | st.booleans())
unit = st.none() | st.floats(0, 1, width=32)
samplings = built(
    Sampling,
    st.none() | st.floats(0, 2, width=32),
    unit,
    st.none() | st.integers(1, 99),
    unit,
    unit,
    unit,
    st.none() | st.integers(0, 2**31 - 1),
    st.none() | st.just(b'{"50256":-100}'),
)
outputs = (
    st.none()
    | st.just(OutputShape("json"))
    | st.just(OutputShape("schema", b'{"type":"object","properties":{}}', "shape", "what it is", True))
)
chats = built(
    ChatRequest,
    turns=turns,
    tools=st.lists(tools, max_size=3, unique_by=lambda tool: tool.name).map(tuple),
    tool_choice=choices,
    parallel_tool_calls=st.none() | st.booleans(),
    output=outputs,
    max_output_tokens=st.none() | st.integers(1, 9_999),
    stop=st.lists(words.filter(bool), max_size=6).map(tuple),
    sampling=samplings,
    reasoning=st.none() | wishes,
    n_choices=st.integers(1, 3),
    wants_logprobs=st.booleans(),
    top_logprobs=st.none() | st.integers(1, 5),
    user=st.none() | words,
    service_tier=st.sampled_from([None, "auto", "flex", "priority", "odd"]),
    metadata=st.none() | st.just(b'{"a":"b"}'),
)
