"""Requests for Converse: valid in AWS's own service model, with every call in its place, and every loss named."""

import base64
import json
from itertools import pairwise
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.domain.content import Media, OutputShape, Reasoning, Text, Tool, ToolCall, ToolChoice, ToolResult, Turn
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, ReasoningWish, Sampling
from fairlead.wire.bedrock_converse import BACK, path
from fairlead.wire.bedrock_converse.messages import call_id
from tests.wire.back_requests import chats
from tests.wire.bedrock_converse.writing import CLAUDE, CLAUDES, HI, LLAMA, OLD, written

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
INPUT = SERVICE.operation_model("Converse").input_shape


def parsed(value: Any, shape: Shape) -> Any:
    """JSON -> what the SDK's users write: blobs as bytes."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {key: parsed(each, shape.members[key]) if key in shape.members else each for key, each in value.items()}
    if shape.type_name == "list":
        return [parsed(each, shape.member) for each in value]
    return value


def validated(body: dict[str, Any], sent: str) -> None:
    report = ParamValidator().validate(parsed(body, INPUT) | {"modelId": sent}, INPUT)
    assert not report.has_errors(), report.generate_report()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats, st.sampled_from([*CLAUDES, LLAMA, SentModel("amazon.nova-2-lite-v1:0")]))
def test_every_request_is_valid_in_the_service_model(chat: ChatRequest, sent: SentModel) -> None:
    body = json.loads(BACK.write_request(chat, sent).body)
    validated(body, sent)
    roles = [message["role"] for message in body["messages"]]
    assert all(a != b for a, b in pairwise(roles))
    for message in body["messages"]:
        kinds = [next(iter(block)) for block in message["content"]]
        assert message["role"] == "user" or not {"image", "document", "audio"} & set(kinds)
        assert "document" not in kinds or "text" in kinds
        without_points = [kind for kind in kinds if kind != "cachePoint"]
        n_results = without_points.count("toolResult")
        assert message["role"] != "user" or without_points[:n_results] == ["toolResult"] * n_results
    blocks = [block for message in body["messages"] for block in message["content"]]
    blocks += [each for block in blocks if "toolResult" in block for each in block["toolResult"]["content"]]
    assert all(block["text"].strip() for block in [*blocks, *body.get("system", [])] if "text" in block)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats)
def test_no_tool_call_and_no_result_is_lost_or_moved(chat: ChatRequest) -> None:
    body = json.loads(BACK.write_request(chat, LLAMA).body)
    blocks = [block for message in body["messages"] for block in message["content"]]
    asked = [part for turn in chat.turns for part in turn.parts if isinstance(part, ToolCall | ToolResult)]
    found = [block.get("toolUse") or block["toolResult"] for block in blocks if {"toolUse", "toolResult"} & set(block)]
    assert [each["toolUseId"] for each in found] == [call_id(part.call_id) for part in asked]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(chats)
def test_every_tool_that_was_called_is_declared(chat: ChatRequest) -> None:
    body = json.loads(BACK.write_request(chat, LLAMA).body)
    declared = {each["toolSpec"]["name"] for each in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in each}
    called = {block["toolUse"]["name"] for each in body["messages"] for block in each["content"] if "toolUse" in block}
    assert called <= declared


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90))
def test_call_ids_fit_the_pattern_and_stay_apart(one: str, other: str) -> None:
    assert 1 <= len(call_id(one)) <= 64 and call_id(one).isascii()
    assert (call_id(one) == call_id(other)) == (one == other)


@pytest.mark.parametrize("given_id", ["call_abc", "toolu_01-A", "a.b:c", "x" * 64])
def test_a_call_id_that_fits_stays_as_it_is(given_id: str) -> None:
    assert call_id(given_id) == given_id


def test_instructions_turns_media_and_cache_points_in_converses_words() -> None:
    body, losses = written(
        Turn("system", (Text("Be brief.", "1h"),)),
        Turn("user", (
            Text("What?", "5m"),
            Media("image", "image/jpeg", data="AA=="),
            Media("image", url="s3://bucket/x.png"),
            Media("file", "application/pdf", data="AA==", name="a/b  c.pdf"),
            Media("file", "text/plain", text="notes"),
        )),
        tools=(Tool("f", "does f", b'{"type":"object"}', cache="5m"),),
        tool_choice=ToolChoice("required"),
    )  # fmt: skip
    point = {"cachePoint": {"type": "default"}}
    assert body == {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [
            {"text": "What?"},
            point,
            {"image": {"format": "jpeg", "source": {"bytes": "AA=="}}},
            {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/x.png"}}}},
            {"document": {"format": "pdf", "name": "a b c pdf", "source": {"bytes": "AA=="}}},
            {"document": {"format": "txt", "name": "document 2", "source": {"bytes": "bm90ZXM="}}},
        ]}],
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "f", "description": "does f", "inputSchema": {"json": {"type": "object"}}}},
                point,
            ],
            "toolChoice": {"any": {}},
        },
    }  # fmt: skip
    assert losses == []


@pytest.mark.parametrize(
    "media",
    [Media("image", url="https://a/x.png"), Media("file", file_id="f"), Media("image", "image/tiff", data="AA==")],
)
def test_a_file_that_converse_cannot_take_is_a_loss(media: Media) -> None:
    body, losses = written(Turn("user", (Text("see"), media)))
    assert body["messages"] == [{"role": "user", "content": [{"text": "see"}]}] and losses == [media.kind]


def test_calls_and_results_keep_ids_names_and_arguments_as_they_were_written() -> None:
    turns = (
        HI,
        Turn("assistant", (ToolCall("c1", "f", '{"x": 1.50}'), ToolCall("c2", "g", ""))),
        Turn("user", (ToolResult("c1", (Text("one"),)),)),
        Turn("user", (ToolResult("c2", (), is_error=True),)),
    )
    assert b'"input":{"x": 1.50}' in BACK.write_request(ChatRequest(turns), LLAMA).body
    body, losses = written(*turns)
    assert body["messages"][1:] == [
        {"role": "assistant", "content": [
            {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"x": 1.5}}},
            {"toolUse": {"toolUseId": "c2", "name": "g", "input": {}}},
        ]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "c1", "content": [{"text": "one"}]}},
            {"toolResult": {"toolUseId": "c2", "content": [], "status": "error"}},
        ]},
    ]  # fmt: skip
    assert [each["toolSpec"]["name"] for each in body["toolConfig"]["tools"]] == ["f", "g"] and losses == []


def test_bedrocks_own_signature_goes_back_and_anthropics_stays_away() -> None:
    ours, hidden = Reasoning("hm", "sig", "bedrock_converse"), Reasoning("", "AA==", "bedrock_converse", True)
    body, losses = written(HI, Turn("assistant", (ours, hidden, Reasoning("x", "blob", "anthropic_messages"))))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "AA=="}},
    ]
    assert "blob" not in json.dumps(body) and losses == ["reasoning signature", "reasoning"]


@pytest.mark.parametrize(
    ("sent", "wish", "fields", "losses"),
    [
        ("amazon.nova-2-lite-v1:0", ReasoningWish("medium"),
         {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}, []),
        ("openai.gpt-oss-120b-1:0", ReasoningWish("minimal"), {"reasoning_effort": "low"}, ["reasoning_effort"]),
        (LLAMA, ReasoningWish("high"), None, ["reasoning_effort"]),
        (LLAMA, ReasoningWish("none"), None, []),
    ],
)  # fmt: skip
def test_thinking_in_each_makers_words(sent: str, wish: ReasoningWish, fields: object, losses: list[str]) -> None:
    body, lost = written(reasoning=wish, sent=SentModel(sent))
    assert body.get("additionalModelRequestFields") == fields and lost == losses


def test_blank_texts_stay_away_and_are_named() -> None:
    body, losses = written(
        Turn("system", (Text(" "), Text("Be brief."))),
        Turn("user", (Text("a"),)),
        Turn("assistant", (Text("\n"),)),
        Turn("user", (Text("b"), Text(""))),
    )
    assert body["system"] == [{"text": "Be brief."}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]
    assert losses == ["blank text"]
    result = ToolResult("c", (Text("\n"),))
    body, losses = written(HI, Turn("assistant", (ToolCall("c", "f", "{}"),)), Turn("user", (result,)))
    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "c", "content": []}}]
    assert losses == ["blank text"]


def test_blank_stop_sequences_stay_away_and_are_named() -> None:
    body, losses = written(sent=CLAUDE, stop=("END", " \n"))
    assert body["inferenceConfig"] == {"stopSequences": ["END"]} and losses == ["stop"]
    body, losses = written(stop=("", "\n"))
    assert body["inferenceConfig"] == {"stopSequences": ["\n"]} and losses == ["stop"]


def test_results_stand_in_front_of_words_with_their_cache_points() -> None:
    turns = (
        HI,
        Turn("assistant", (ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}"))),
        Turn("user", (Text("by the way", "5m"), ToolResult("c", (Text("1", "1h"), Text("2"))))),
        Turn("user", (ToolResult("d", (Text("3", "5m"),), cache="1h"),)),
    )
    assert written(*turns)[0]["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "c", "content": [{"text": "1"}, {"text": "2"}]}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"toolResult": {"toolUseId": "d", "content": [{"text": "3"}]}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "by the way"},
        {"cachePoint": {"type": "default"}},
    ]


def test_a_document_alone_has_its_name_for_words() -> None:
    paper = Media("file", "application/pdf", data="AA==", name="paper")
    content = written(Turn("user", (paper,)))[0]["messages"][0]["content"]
    assert [next(iter(block)) for block in content] == ["document", "text"] and content[1] == {"text": "paper"}


@pytest.mark.parametrize(
    ("sent", "turn", "lost"),
    [
        (LLAMA, Turn("assistant", (Text("x"), Media("image", "image/png", data="AA=="))), "image of the assistant"),
        (LLAMA, Turn("user", (Text("x"), ToolResult("c", (Media("audio", "audio/wav", data="AA=="),)))), "audio"),
        (CLAUDE, Turn("user", (Text("x"), Media("audio", "audio/wav", data="AA=="))), "audio"),
    ],
)
def test_a_file_in_a_place_that_takes_none_is_a_loss(sent: SentModel, turn: Turn, lost: str) -> None:
    body, losses = written(HI, Turn("assistant", (ToolCall("c", "f", "{}"),)), turn, sent=sent)
    assert "AA==" not in json.dumps(body) and losses == [lost]


def test_a_tool_has_a_schema_of_an_object_and_no_blank_description() -> None:
    tools = (Tool("f", " ", b'{"properties":{"a":{}}}'), Tool("g", "", None))
    specs = [each["toolSpec"] for each in written(tools=tools)[0]["toolConfig"]["tools"]]
    assert specs == [
        {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {"a": {}}}}},
        {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}},
    ]


def test_no_tool_is_forced_where_there_are_none() -> None:
    body, losses = written(tool_choice=ToolChoice("required"))
    assert "toolConfig" not in body and losses == ["tool_choice"]
    told = (HI, Turn("assistant", (ToolCall("c", "f", "{}"),)))
    body, losses = written(*told, tool_choice=ToolChoice("one", "f"))
    assert "toolChoice" not in body["toolConfig"] and losses == ["tool_choice"]


def test_numbers_shape_and_tier() -> None:
    body, losses = written(
        sent=OLD,
        max_output_tokens=9,
        stop=("a", "b"),
        sampling=Sampling(1.5, 0.9, 40, seed=7, presence_penalty=0.0),
        reasoning=ReasoningWish("none", summary="auto"),
        output=OutputShape("schema", b'{"type":"object"}', "shape", "what it is"),
        service_tier="flex",
        n_choices=2,
    )
    assert body == {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 1.0, "topP": 0.9, "stopSequences": ["a", "b"]},
        "additionalModelRequestFields": {"top_k": 40},
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
            "schema": '{"type":"object"}', "name": "shape", "description": "what it is"}}}},
        "serviceTier": {"type": "flex"},
    }  # fmt: skip
    assert losses == ["seed", "n", "reasoning.summary", "temperature"]


def test_a_choice_of_none_takes_the_tools_away_unless_calls_are_told() -> None:
    tools = (Tool("f"),)
    body, losses = written(tools=tools, tool_choice=ToolChoice("none"))
    assert "toolConfig" not in body and losses == []
    body, losses = written(
        HI, Turn("assistant", (ToolCall("c", "f", "{}"),)), tools=tools, tool_choice=ToolChoice("none")
    )
    assert "toolChoice" not in body["toolConfig"] and losses == ["tool_choice"]


@pytest.mark.parametrize(
    ("name", "is_streaming", "expected"),
    [
        ("amazon.nova-lite-v1:0", False, "/model/amazon.nova-lite-v1%3A0/converse"),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/a.b", True,
         "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fa.b/converse-stream"),
        ("a/../b?c#d", False, "/model/a%2F..%2Fb%3Fc%23d/converse"),
    ],
)  # fmt: skip
def test_a_models_id_is_one_segment_of_the_path(name: str, is_streaming: bool, expected: str) -> None:
    assert path(SentModel(name), is_streaming) == expected


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_of_dots_is_refused(name: str) -> None:
    with pytest.raises(InvalidOptionError):
        path(SentModel(name), False)
