"""Requests and replies as the Responses format can carry them whole, for properties."""

import json
from typing import Any

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
from fairlead.domain.events import (
    ArgumentsDelta,
    ChoiceFinished,
    Event,
    FinishReason,
    ReasoningDelta,
    ReasoningSigned,
    ReplyBegan,
    TextDelta,
    ToolCallBegan,
    UsageReported,
)
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.request import ChatRequest, Effort, ReasoningWish, Sampling
from fairlead.domain.usage import Usage

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = TEXTS.filter(bool)
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
JSONS = st.dictionaries(NAMES, st.one_of(st.booleans(), st.integers(-9, 9), WORDS), max_size=3)
SCHEMAS = JSONS.map(lambda value: json.dumps(value, indent=1).encode())
COUNTS = st.integers(0, 10**6)

texts = TEXTS.map(Text)
images = st.one_of(
    st.builds(
        lambda data, detail: Media("image", "image/png", data, detail=detail), NAMES, st.sampled_from(["auto", "low"])
    ),
    st.builds(lambda name: Media("image", url=f"https://example.com/{name}", detail="auto"), NAMES),
    st.builds(lambda name: Media("image", file_id=name, detail="high", origin="openai_responses"), NAMES),
)
files = st.one_of(
    st.builds(lambda data, name: Media("file", "application/pdf", data, name=name), NAMES, NAMES),
    st.builds(lambda name: Media("file", url=f"https://example.com/{name}", name=name), NAMES),
    st.builds(lambda name: Media("file", file_id=name, origin="openai_responses"), NAMES),
)
media = st.one_of(texts, images, files)
thoughts = st.builds(
    lambda text, blob, name, is_summary: Reasoning(
        text, blob, "openai_responses", not text, bool(text) and is_summary, f"rs_{name}"
    ),
    TEXTS, WORDS, NAMES, st.booleans(),
)  # fmt: skip
tool_calls = st.builds(
    lambda call_id, name, said, kind: ToolCall(call_id, name, said, kind),
    NAMES, NAMES, WORDS, st.sampled_from(["function", "custom"]),
)  # fmt: skip
hosted_calls = NAMES.map(
    lambda name: Opaque(
        "openai_responses", "web_search_call", json.dumps({"type": "web_search_call", "id": name}).encode()
    )
)
answers = st.builds(lambda text, is_refusal: Text(text, is_refusal=is_refusal), TEXTS, st.booleans())

function_tools = st.builds(
    lambda name, about, schema, strict: Tool(name, about, schema, strict),
    NAMES, st.none() | TEXTS, st.none() | SCHEMAS, st.booleans(),
)  # fmt: skip
custom_tools = st.builds(
    lambda name, about, grammar: Tool(name, about, kind="custom", grammar=grammar),
    NAMES, st.none() | TEXTS, st.none() | SCHEMAS,
)  # fmt: skip
tool_sets = st.lists(st.one_of(function_tools, custom_tools), max_size=3, unique_by=lambda tool: tool.name)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    """Turns as the reader groups them: the model's items in one turn, the results that follow each other in one."""
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for kind in draw(st.lists(st.sampled_from(["system", "user", "assistant", "results"]), min_size=1, max_size=6)):
        last = turns[-1].parts[0] if turns else None
        if kind == "system":
            turns.append(Turn("system", (draw(texts),)))
        elif kind == "user":
            turns.append(Turn("user", tuple(draw(st.lists(media, min_size=1, max_size=3)))))
        elif kind == "assistant" and (not turns or turns[-1].role != "assistant"):
            parts = tuple(
                draw(st.lists(st.one_of(answers, thoughts, tool_calls, hosted_calls), min_size=1, max_size=4))
            )
            names |= {part.call_id: part.name for part in parts if isinstance(part, ToolCall)}
            turns.append(Turn("assistant", parts))
        elif kind == "results" and not isinstance(last, ToolResult):
            call_ids = draw(st.lists(st.one_of(NAMES, st.sampled_from([*names, "c"])), min_size=1, max_size=2))
            results: list[Part] = [
                ToolResult(
                    call_id,
                    tuple(draw(st.lists(media, min_size=1, max_size=2))),
                    name=names.get(call_id),
                    kind=draw(st.sampled_from(["function", "custom"])),
                )
                for call_id in call_ids
            ]
            turns.append(Turn("user", tuple(results)))
    return tuple(turns) or (Turn("user", (Text("hello"),)),)


def shapes() -> st.SearchStrategy[OutputShape]:
    schema = st.builds(
        lambda schema, name, about, strict: OutputShape("schema", schema, name, about, strict),
        SCHEMAS, NAMES, st.none() | TEXTS, st.none() | st.booleans(),
    )  # fmt: skip
    return st.one_of(st.just(OutputShape("json")), schema)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """Requests that the format carries without a loss."""
    tools = tuple(draw(tool_sets))
    summary = draw(st.none() | st.sampled_from(["auto", "concise", "detailed"]))
    effort: Effort | None = draw(st.none() | st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"]))
    n_top = draw(st.none() | st.integers(1, 20))
    names = [tool.name for tool in tools]
    choices: list[ToolChoice | None] = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]
    hosted = Opaque("openai_responses", "web_search", b'{"type": "web_search"}')
    labels: dict[str, Any] = draw(st.dictionaries(NAMES, TEXTS, max_size=2))
    return ChatRequest(
        turns=draw(conversations()),
        tools=tools,
        hosted_tools=draw(st.sampled_from([(), (hosted,)])),
        tool_choice=draw(st.sampled_from(choices + [ToolChoice("one", name) for name in names])),
        parallel_tool_calls=draw(st.none() | st.booleans()),
        output=draw(st.none() | shapes()),
        max_output_tokens=draw(st.none() | st.integers(16, 10**6)),
        sampling=Sampling(
            temperature=draw(st.none() | st.floats(0, 2)), top_p=draw(st.none() | st.floats(0, 1))
        ),
        reasoning=ReasoningWish(effort, None, True if summary else None, summary) if effort or summary else None,
        wants_logprobs=n_top is not None or draw(st.booleans()),
        top_logprobs=n_top,
        is_streaming=draw(st.booleans()),
        user=draw(st.none() | NAMES),
        service_tier=draw(st.none() | st.sampled_from(["auto", "default", "flex", "priority"])),
        cache_key=draw(st.none() | NAMES),
        metadata=json.dumps(labels).encode() if labels else None,
        verbosity=draw(st.none() | st.sampled_from(["low", "medium", "high"])),
    )  # fmt: skip


usages = st.builds(
    lambda fresh, cached, written, thought, said: Usage(fresh, cached, written, thought + said, thought),
    COUNTS, COUNTS, COUNTS, COUNTS, COUNTS,
)  # fmt: skip


def _parts(drawn: list[Part]) -> tuple[Part, ...]:
    """As fold makes them: no two texts of one kind side by side, thoughts only after signed ones."""
    parts: list[Part] = []
    for part in drawn:
        last = parts[-1] if parts else None
        if isinstance(part, Text) and isinstance(last, Text) and last.is_refusal == part.is_refusal:
            continue
        if isinstance(part, Reasoning) and isinstance(last, Reasoning) and last.blob is None:
            continue
        parts.append(part)
    return tuple(parts)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Replies that the format carries whole; thoughts have no ids, which the writer makes anew."""
    plain = st.builds(lambda text, is_summary: Reasoning(text, is_summary=is_summary), WORDS, st.booleans())
    signed = thoughts.map(lambda part: part._replace(item_id=None))
    said = answers.filter(lambda part: bool(part.text))
    parts = _parts(draw(st.lists(st.one_of(said, plain, signed, tool_calls), max_size=5)))
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    finish: FinishReason = draw(st.sampled_from(["length", "content_filter", "tool_calls" if has_calls else "stop"]))
    name = draw(NAMES)
    choice = ReplyChoice(parts, finish)
    return Reply(f"resp_{name.removeprefix('resp_')}", draw(NAMES), (choice,), draw(st.none() | usages))


def without_ids(reply: Reply) -> Reply:
    """The same but for the ids of thoughts."""
    choice = reply.choices[0]
    parts = tuple(part._replace(item_id=None) if isinstance(part, Reasoning) else part for part in choice.parts)
    return reply._replace(choices=(choice._replace(parts=parts),))


def pieces(text: str, n_pieces: int) -> list[str]:
    """A text in so many pieces, at most one a character."""
    size = max(-(-len(text) // n_pieces), 1)
    return [text[at : at + size] for at in range(0, len(text), size)]


def events_of(reply: Reply, n_pieces: int = 3) -> list[Event]:
    """The events that tell this reply, its texts in pieces."""
    choice = reply.choices[0]
    events: list[Event] = [ReplyBegan(reply.reply_id, reply.served)]
    n_calls = 0
    for part in choice.parts:
        if isinstance(part, Text):
            events += [TextDelta(piece, is_refusal=part.is_refusal) for piece in pieces(part.text, n_pieces)]
        elif isinstance(part, Reasoning):
            events += [ReasoningDelta(piece, is_summary=part.is_summary) for piece in pieces(part.text, n_pieces)]
            if part.blob is not None and part.origin is not None:
                events.append(ReasoningSigned(part.blob, part.origin, 0, part.is_redacted, part.item_id))
        elif isinstance(part, ToolCall):
            events.append(ToolCallBegan(n_calls, part.call_id, part.name, kind=part.kind))
            events += [ArgumentsDelta(n_calls, piece) for piece in pieces(part.arguments, n_pieces)]
            n_calls += 1
    events.append(ChoiceFinished(choice.finish))
    return [*events, UsageReported(reply.usage)] if reply.usage is not None else events
