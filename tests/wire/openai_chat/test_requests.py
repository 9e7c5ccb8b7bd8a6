"""A chat request: what the router may see of it, and what goes on unchanged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, UnknownOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.outline import SYSTEM_SAMPLE_CHARS, TURN_SAMPLE_CHARS
from fairlead.wire.openai_chat.requests import AskedChat, read_request

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def request(*messages: Any, **members: Any) -> AskedChat:
    return read_request(encoded(*messages, **members))


def encoded(*messages: Any, **members: Any) -> bytes:
    said = list(messages) or [user("hello")]
    return json.dumps({"model": "auto", "messages": said, **members}, ensure_ascii=False).encode()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def sent(read: AskedChat) -> Any:
    return json.loads(read.body_for(SentModel("sent")))


def test_the_outline_holds_the_system_text_and_the_last_user_turn() -> None:
    long_turn = "Explain the second law of thermodynamics to a patient child, with an example from the kitchen, please."
    outline = request(
        {"role": "system", "content": "You are terse."},
        user("First question, which was long enough to stand on its own, or so one would think of it."),
        {"role": "assistant", "content": "An answer."},
        user(long_turn),
    ).outline
    assert outline.system_text == "You are terse."
    assert outline.turn_text == long_turn
    assert outline.turn_chars == len(long_turn)
    assert outline.n_messages == 4
    assert outline.n_chars == 14 + 87 + 10 + len(long_turn)


def test_the_developer_role_is_a_system_message_and_only_the_first_counts() -> None:
    outline = request({"role": "developer", "content": "one"}, {"role": "system", "content": "two"}, user("x")).outline
    assert outline.system_text == "one"


def test_a_short_last_turn_is_read_with_the_one_before() -> None:
    outline = request(user("Write a haiku about rain."), {"role": "assistant", "content": "…"}, user("again")).outline
    assert outline.turn_text == "Write a haiku about rain.\nagain"
    assert outline.turn_chars == 5


def test_a_short_only_turn_stands_alone() -> None:
    assert request(user("hi")).outline.turn_text == "hi"


def test_a_long_turn_is_sampled_at_its_head_and_its_tail() -> None:
    turn = "".join(chr(97 + index % 26) for index in range(50_000))
    outline = request(user(turn)).outline
    head, tail = outline.turn_text.split("\n")
    assert turn.startswith(head)
    assert turn.endswith(tail)
    assert len(head) == pytest.approx(2 * len(tail), rel=0.01)
    assert len(outline.turn_text) <= TURN_SAMPLE_CHARS + 1
    assert outline.turn_chars == 50_000


def test_a_long_system_message_is_read_at_its_head() -> None:
    outline = request({"role": "system", "content": "s" * 10_000}, user("x")).outline
    assert outline.system_text == "s" * SYSTEM_SAMPLE_CHARS


def test_parts_are_joined_and_attachments_counted() -> None:
    outline = request(
        user(
            [
                {"type": "text", "text": "What is"},
                IMAGE,
                IMAGE,
                {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f"}},
                {"type": "text", "text": "this?"},
                {"type": "from_the_future", "thing": 1},
            ]
        )
    ).outline
    assert outline.turn_text == "What is\nthis?"
    assert (outline.n_images, outline.n_audio, outline.n_files) == (2, 1, 1)


@pytest.mark.parametrize("field", ["tools", "functions"])
def test_tools_are_counted_with_their_size(field: str) -> None:
    tools = [{"type": "function", "function": {"name": "find", "parameters": {}}}, {"type": "function"}]
    outline = request(**{field: tools}).outline
    assert outline.n_tools == 2
    assert outline.tool_chars == sum(len(json.dumps(tool)) for tool in tools)


def test_tool_calls_of_earlier_turns_count_as_text() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    with_calls = request(user("x"), {"role": "assistant", "content": None, "tool_calls": calls}).outline
    assert with_calls.n_chars == 1 + len(json.dumps(calls))


@pytest.mark.parametrize(("role", "expected"), [("tool", True), ("function", True), ("user", False)])
def test_a_tool_result_at_the_end_is_a_tool_loop(role: str, expected: bool) -> None:
    assert request(user("x"), {"role": role, "content": "42"}).outline.in_tool_loop is expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [({"type": "json_schema", "json_schema": {}}, True), ({"type": "json_object"}, True), ({"type": "text"}, False)],
)
def test_structured_output_is_seen(form: dict[str, Any], expected: bool) -> None:
    assert request(response_format=form).outline.wants_structured is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, False),
        ({"reasoning_effort": "high"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": None}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({"reasoning": None}, False),
    ],
)
def test_a_wish_for_reasoning_is_seen(members: dict[str, Any], expected: bool) -> None:
    assert request(**members).outline.wants_reasoning is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 20}, 20),
        ({"max_tokens": 10, "max_completion_tokens": 20}, 20),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": 10**400}, 10**9),
    ],
    ids=str,
)
def test_the_limit_of_output_tokens(members: dict[str, Any], expected: int | None) -> None:
    assert request(**members).outline.max_output_tokens == expected


@pytest.mark.parametrize(("n", "expected"), [(None, 1), (0, 1), (-3, 1), (1, 1), (4, 4), (10**400, 10**9)], ids=str)
def test_the_number_of_choices(n: int | None, expected: int) -> None:
    assert request(n=n).outline.n_choices == expected


def test_names_of_parameters_are_kept_for_require_parameters() -> None:
    assert {"temperature", "tools"} <= request(temperature=1, tools=[]).outline.parameters


def test_our_own_members_are_taken_out_and_the_model_is_relabelled() -> None:
    read = request(
        fairlead={"zdr": True}, provider={"only": ["a"]}, models=["x"], temperature=0.5, vendor_extension={"deep": [1]}
    )
    assert sent(read) == {
        "model": "sent",
        "messages": [user("hello")],
        "temperature": 0.5,
        "vendor_extension": {"deep": [1]},
    }
    assert read.wishes.zdr
    assert read.wishes.provider_only == ("a",)
    assert read.wishes.models == ("x",)


def test_a_body_may_be_relabelled_many_times() -> None:
    read = request()
    assert json.loads(read.body_for(SentModel("one")))["model"] == "one"
    assert json.loads(read.body_for(SentModel('two "x"')))["model"] == 'two "x"'


def test_a_whole_reply_is_asked_for_as_the_client_did() -> None:
    read = request(stream=False)
    assert not read.is_streaming
    assert "stream_options" not in sent(read)


@pytest.mark.parametrize(
    ("options", "goes_on", "wanted"),
    [
        ({}, {"include_usage": True}, False),
        ({"stream_options": None}, {"include_usage": True}, False),
        ({"stream_options": {"include_usage": False}}, {"include_usage": True}, False),
        ({"stream_options": {"include_usage": True}}, {"include_usage": True}, True),
        (
            {"stream_options": {"include_obfuscation": False}},
            {"include_obfuscation": False, "include_usage": True},
            False,
        ),
    ],
    ids=str,
)
def test_usage_is_always_asked_for_on_a_stream(options: Any, goes_on: Any, wanted: bool) -> None:
    read = request(stream=True, **options)
    assert read.is_streaming
    assert read.wants_usage is wanted
    assert sent(read)["stream_options"] == goes_on


def test_what_is_decided_on_is_what_is_sent() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"seen"}],"messages":[{"role":"user","content":"sent"}]}'
    read = read_request(body)
    assert read.outline.turn_text == "sent"
    assert read.body_for(SentModel("m")).count(b"messages") == 1
    assert b"seen" not in read.body_for(SentModel("m"))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": 5}, "model"),
        ({"model": ["auto"]}, "model"),
        ({"messages": "hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": 1}]}, "messages[0].role"),
        ({"messages": [user({"a": 1})]}, "messages[0].content"),
        ({"messages": [user([{"type": "text", "text": 4}])]}, "messages[0].content[0].text"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"n": 1.5}, "n"),
        ({"tools": {}}, "tools"),
        ({"response_format": "json"}, "response_format"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_with_the_name_of_the_parameter(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        request(**members)
    assert caught.value.param == param
    assert param in str(caught.value)


def test_missing_messages_are_named() -> None:
    with pytest.raises(InvalidOptionError, match="'messages' is missing") as caught:
        read_request(b'{"model":"auto"}')
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "body", [b'{"messages":[{"role":"user","content":"x"}]}', encoded(model=""), encoded(model=None)]
)
def test_a_missing_model_is_named(body: bytes) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        read_request(body)
    assert caught.value.param == "model"


def test_a_list_of_models_stands_in_for_the_model() -> None:
    read = read_request(b'{"models":["a","b"],"messages":[{"role":"user","content":"x"}]}')
    assert (read.asked, read.wishes.models) == ("", ("a", "b"))


def test_an_unknown_option_of_ours_is_refused_by_name() -> None:
    with pytest.raises(UnknownOptionError, match=r"fairlead\.speed"):
        request(fairlead={"speed": 1})


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"auto","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"auto","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"auto","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"auto","messages":[{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        b'{"model":"auto","tools":' + b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000 + b',"messages":[]}',
    ],
    ids=["lone surrogate", "not UTF-8", "deep messages", "deep content", "deep tools"],
)
def test_broken_text_and_deep_nesting_are_a_malformed_body(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read_request(body)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "tool"]), st.text(max_size=300)), max_size=6))
def test_the_outline_is_capped_and_says_what_came(turns: list[tuple[str, str]]) -> None:
    clean = [(role, text.encode("utf-8", "replace").decode()) for role, text in turns]
    messages = [{"role": role, "content": text} for role, text in [*clean, ("user", "last")]]
    outline = request(*messages).outline
    assert outline.n_messages == len(messages)
    assert outline.n_chars == sum(len(message["content"]) for message in messages)
    assert len(outline.system_text) <= SYSTEM_SAMPLE_CHARS
    assert outline.turn_text.endswith("last")


@pytest.mark.parametrize("name", ["Model", "MODEL", "Stream", "Messages", "Provider"])
def test_a_name_that_some_servers_would_read_as_a_deciding_one_is_refused(name: str) -> None:
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "x"}], name: "other"}).encode()
    with pytest.raises(InvalidOptionError, match="lower case"):
        read_request(body)
