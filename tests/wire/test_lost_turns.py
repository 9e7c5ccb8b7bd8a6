"""A row of the user's turns of which nothing could be sent is refused, never sent as nothing."""

import json
from typing import Any

import pytest

from fairlead.domain.content import FormatName, Media, Text, ToolResult, Turn
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest
from fairlead.wire.formats import BACKS
from fairlead.wire.openai_chat import DOOR

SOUND = Media("audio", "audio/wav", "AAAA")
FAR = Media("file", url="https://a.example/x.pdf")
ELSEWHERE = Media("file", file_id="f", origin="anthropic_messages")
LOST: list[tuple[FormatName, Media]] = [
    ("anthropic_messages", SOUND),
    ("openai_responses", SOUND),
    ("openai_chat", FAR),
    ("gemini_generate", ELSEWHERE),
]
ANSWER = Turn("assistant", (Text("answer"),))


def user(*parts: Any) -> Turn:
    return Turn("user", parts)


@pytest.mark.parametrize(("name", "media"), LOST)
@pytest.mark.parametrize("before", [(), (user(Text("a")), ANSWER), (Turn("system", (Text("s"),)),)])
def test_a_question_of_which_nothing_is_left_is_refused(name: FormatName, media: Media, before: Any) -> None:
    for after in ((), (ANSWER, user(Text("b")))):
        with pytest.raises(InvalidOptionError, match=media.kind) as caught:
            BACKS[name].write_request(ChatRequest((*before, user(media), *after)), SentModel("m"))
        assert caught.value.param == "messages"


@pytest.mark.parametrize(("name", "media"), LOST)
@pytest.mark.parametrize("asks_apart", [False, True])
def test_a_question_of_which_something_is_left_is_sent_with_a_loss(
    name: FormatName, media: Media, asks_apart: bool
) -> None:
    turns = (user(media), user(Text("what?"))) if asks_apart else (user(media, Text("what?")),)
    carried = BACKS[name].write_request(ChatRequest(turns), SentModel("m"))
    assert carried.losses
    assert b"what?" in carried.body
    assert b'"content":[]' not in carried.body


@pytest.mark.parametrize(("name", "media"), LOST)
def test_a_tools_result_of_which_nothing_is_left_is_still_a_result(name: FormatName, media: Media) -> None:
    turns = (user(Text("a")), user(ToolResult("call_1", (media,))))
    assert b"call_1" in BACKS[name].write_request(ChatRequest(turns), SentModel("m")).body


def chat(*contents: Any) -> ChatRequest:
    messages = [{"role": "user", "content": content} for content in contents]
    return DOOR.read_request(json.dumps({"model": "auto", "messages": messages}).encode()).chat()


def test_a_part_that_no_other_format_knows_is_no_question_either() -> None:
    video = [{"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}}]
    with pytest.raises(InvalidOptionError, match="video_url"):
        chat(video)
    read = chat(video, "what?")
    assert [loss.what for loss in read.losses] == ["messages[video_url]"]
    assert chat([]).turns == (Turn("user", ()),)
