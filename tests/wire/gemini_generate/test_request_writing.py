"""Requests for Gemini: valid in the vendor's own types, with every call in its place, and every loss named."""

import json
from itertools import pairwise
from typing import Any

import pytest
from google.genai import types
from hypothesis import HealthCheck, given, reject, settings

from fairlead.domain.content import Media, OutputShape, Reasoning, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.wire.gemini_generate import BACK, path
from fairlead.wire.gemini_generate.contents import SKIP_SIGNATURE
from tests.wire.back_requests import chats

THREE = SentModel("gemini-3-flash-preview")
TWO = SentModel("gemini-2.5-flash")
HI = Turn("user", (Text("hi"),))


def written(*turns: Turn, sent: SentModel = THREE, **more: Any) -> tuple[Any, list[str]]:
    carried = BACK.write_request(ChatRequest(turns or (HI,), **more), sent)
    return json.loads(carried.body), [loss.what for loss in carried.losses]


def validated(body: dict[str, Any]) -> None:
    """Raises for a member that google-genai does not know, or one of another type."""
    known = {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "serviceTier"}
    assert set(body) <= known
    for content in [*body["contents"], *([body["systemInstruction"]] if "systemInstruction" in body else [])]:
        types.Content.model_validate_json(json.dumps(content))
    types.GenerationConfig.model_validate_json(json.dumps(body.get("generationConfig", {})))
    types.ToolConfig.model_validate_json(json.dumps(body.get("toolConfig", {})))
    for tool in body.get("tools", []):
        types.Tool.model_validate_json(json.dumps(tool))
    if "serviceTier" in body:
        assert body["serviceTier"] in {tier.value for tier in types.ServiceTier}


def body_of(chat: ChatRequest, sent: SentModel) -> dict[str, Any]:
    """What is written of a request of which something is left in every row of the user's turns."""
    try:
        body: dict[str, Any] = json.loads(BACK.write_request(chat, sent).body)
    except InvalidOptionError as error:
        assert error.param == "messages"
        reject()
    return body


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats)
def test_every_request_is_valid_in_the_vendors_types(chat: ChatRequest) -> None:
    for sent in (THREE, TWO):
        body = body_of(chat, sent)
        validated(body)
        roles = [content["role"] for content in body["contents"]]
        assert roles and all(a != b for a, b in pairwise(roles))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats)
def test_no_tool_call_and_no_result_is_lost_or_moved(chat: ChatRequest) -> None:
    body = body_of(chat, THREE)
    parts = [part for content in body["contents"] for part in content["parts"]]
    asked = [part for turn in chat.turns for part in turn.parts if isinstance(part, ToolCall | ToolResult)]
    found = [
        part.get("functionCall") or part["functionResponse"]
        for part in parts
        if {"functionCall", "functionResponse"} & set(part)
    ]
    assert [each["id"] for each in found] == [part.call_id for part in asked]
    for part, each in zip(asked, found, strict=True):
        if isinstance(part, ToolCall):
            assert each["name"] == part.name


def test_instructions_turns_and_media_in_geminis_words() -> None:
    body, losses = written(
        Turn("system", (Text("Be brief."),)),
        Turn("user", (Text("What?"), Media("image", "image/png", data="AA=="), Media("file", url="https://a/x.pdf"))),
        Turn("assistant", (Text("This."),)),
        Turn("user", (Media("file", "text/plain", text="notes"), Media("image", url="https://a/x"))),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "What?"},
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                {"fileData": {"fileUri": "https://a/x.pdf", "mimeType": "application/pdf"}},
            ]},
            {"role": "model", "parts": [{"text": "This."}]},
            {"role": "user", "parts": [{"text": "notes"}, {"fileData": {"fileUri": "https://a/x"}}]},
        ],
    }  # fmt: skip
    assert losses == []


def test_instructions_in_the_middle_go_to_the_front_and_that_is_said() -> None:
    body, losses = written(HI, Turn("system", (Text("Now in French."),)))
    assert body["systemInstruction"] == {"parts": [{"text": "Now in French."}]} and losses == ["messages[system]"]


def test_a_request_of_instructions_alone_has_a_turn() -> None:
    body, _ = written(Turn("system", (Text("Say hello."),)))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


def test_calls_and_results_keep_ids_names_arguments_and_stand_together() -> None:
    body, losses = written(
        HI,
        Turn("assistant", (ToolCall("c1", "f", '{"x": 1.50}'), ToolCall("c2", "g", ""))),
        Turn("user", (ToolResult("c1", (Text("one"),)),)),
        Turn("user", (ToolResult("c2", (Text("two"), Media("image", "image/png", data="AA==")), is_error=True),)),
        sent=TWO,
    )
    carried = BACK.write_request(ChatRequest((HI, Turn("assistant", (ToolCall("c1", "f", '{"x": 1.50}'),)))), TWO)
    assert b'"args":{"x": 1.50}' in carried.body
    assert body["contents"][1:] == [
        {"role": "model", "parts": [
            {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1.5}}},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c1", "name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"id": "c2", "name": "g", "response": {"error": "two"},
                                  "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}},
        ]},
    ]  # fmt: skip
    assert losses == []


def test_arguments_that_are_no_object_go_as_a_text_and_that_is_said() -> None:
    body, losses = written(HI, Turn("assistant", (ToolCall("c", "f", '{"a":'),)))
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": '{"a":'}
    assert losses == ["tool_calls[].function.arguments"]


def test_the_title_of_a_document_of_plain_text_is_a_loss() -> None:
    document = Media("file", "text/plain", text="words", name="Title")
    for part in (document, ToolResult("t", (document,))):
        assert written(HI, Turn("user", (part,)))[1] == ["document name"]
    assert written(HI, Turn("user", (document._replace(name=None),)))[1] == []


def test_a_signature_stands_on_the_part_that_follows_it() -> None:
    signed = Reasoning("thinking", "c2ln", "gemini_generate")
    body, losses = written(HI, Turn("assistant", (signed, ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}"))))
    assert body["contents"][1]["parts"] == [
        {"text": "thinking", "thought": True},
        {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "d", "name": "f", "args": {}}},
    ]
    assert losses == []
    body, _ = written(HI, Turn("assistant", (Text("words"), Reasoning("", "c2ln", "gemini_generate"))))
    assert body["contents"][1]["parts"] == [{"text": "words"}, {"text": "", "thoughtSignature": "c2ln"}]


@pytest.mark.parametrize(
    ("sent", "has_one"), [("gemini-3-pro-preview", True), ("gemini-flash-latest", True), ("gemini-2.5-pro", False)]
)
def test_a_call_that_another_model_made_is_marked_as_such_where_signatures_are_checked(
    sent: str, has_one: bool
) -> None:
    call = Turn("assistant", (ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}")))
    body, _ = written(HI, call, sent=SentModel(sent))
    signatures = [part.get("thoughtSignature") for part in body["contents"][1]["parts"]]
    assert signatures == [SKIP_SIGNATURE if has_one else None, None]


def test_another_formats_signature_and_thoughts_stay_away_and_that_is_said() -> None:
    body, losses = written(HI, Turn("assistant", (Reasoning("hm", "blob", "anthropic_messages"), Text("yes"))))
    assert "blob" not in json.dumps(body) and "hm" not in json.dumps(body)
    assert losses == ["reasoning signature", "reasoning"]


@pytest.mark.parametrize(
    ("sent", "wish", "thinking", "losses"),
    [
        (THREE, ReasoningWish("high"), {"thinkingLevel": "high"}, []),
        (THREE, ReasoningWish("minimal"), {"thinkingLevel": "minimal"}, []),
        ("gemini-3.1-pro-preview", ReasoningWish("minimal"), {"thinkingLevel": "low"}, ["reasoning_effort"]),
        (THREE, ReasoningWish("none"), {"thinkingLevel": "minimal"}, ["reasoning_effort"]),
        (THREE, ReasoningWish("max"), {"thinkingLevel": "high"}, ["reasoning_effort"]),
        (THREE, ReasoningWish("low", wants_text=True), {"thinkingLevel": "low", "includeThoughts": True}, []),
        (TWO, ReasoningWish("medium"), {"thinkingBudget": 8_192}, []),
        (TWO, ReasoningWish("none"), {"thinkingBudget": 0}, []),
        ("gemini-2.5-pro", ReasoningWish("none"), {"thinkingBudget": 128}, ["reasoning_effort"]),
        (TWO, ReasoningWish(None, 2_000, False), {"thinkingBudget": 2_000, "includeThoughts": False}, []),
    ],
)  # fmt: skip
def test_thinking_by_level_or_budget(
    sent: str, wish: ReasoningWish, thinking: dict[str, Any], losses: list[str]
) -> None:
    body, lost = written(reasoning=wish, sent=SentModel(sent))
    assert body["generationConfig"] == {"thinkingConfig": thinking} and lost == losses


def test_tools_choice_shape_and_numbers() -> None:
    schema = b'{"type":"object"}'
    body, losses = written(
        tools=(Tool("f", "does f", schema, True), Tool("g")),
        tool_choice=ToolChoice("one", "f"),
        output=OutputShape("schema", schema, "x"),
        max_output_tokens=9,
        stop=("1", "2", "3", "4", "5", "6"),
        sampling=Sampling(0.5, 0.9, 40, 0.1, 0.2, 0.3, 7),
        n_choices=2,
        wants_logprobs=True,
        top_logprobs=3,
        service_tier="flex",
    )
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [
            {"name": "f", "description": "does f", "parametersJsonSchema": {"type": "object"}}, {"name": "g"},
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 7, "frequencyPenalty": 0.2,
            "presencePenalty": 0.3, "candidateCount": 2, "responseLogprobs": True, "logprobs": 3,
            "stopSequences": ["1", "2", "3", "4", "5"],
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        },
        "serviceTier": "flex",
    }  # fmt: skip
    assert losses == ["min_p", "stop", "tools[].function.strict"]


@pytest.mark.parametrize(
    ("name", "is_streaming", "expected"),
    [
        ("gemini-2.5-pro", False, "/models/gemini-2.5-pro:generateContent"),
        ("models/gemini-2.5-pro", True, "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "/tunedModels/mine:generateContent"),
        ("a/../b?key=1#c", False, "/models/a%2F..%2Fb%3Fkey%3D1%23c:generateContent"),
        ("a:b\r\n", False, "/models/a%3Ab%0D%0A:generateContent"),
    ],
)
def test_a_models_name_is_one_segment_of_the_path(name: str, is_streaming: bool, expected: str) -> None:
    assert path(SentModel(name), is_streaming) == expected


@pytest.mark.parametrize("name", ["", ".", "..", "models/.."])
def test_a_name_of_dots_is_refused(name: str) -> None:
    with pytest.raises(InvalidOptionError):
        path(SentModel(name), False)
