"""Heard: what a client was told is read back, in whatever format it was told."""

from fairlead.gateway.heard import MAX_HEARD_BYTES, Heard
from fairlead.wire.formats import BACKS
from tests.peers.asgi_caller import chat
from tests.peers.worlds import STREAM_EVENTS, changed, reply_body, stream, whole, world


def heard() -> Heard:
    return Heard(BACKS, "openai_chat")


def test_a_whole_reply_is_read() -> None:
    one = heard()
    one.whole(reply_body("two words"))
    assert one.text() == "two words"


def test_a_stream_is_read_up_to_where_it_was_cut() -> None:
    one = heard()
    for piece in STREAM_EVENTS[:3]:
        one.piece(piece)
    assert one.text() == "Hello ü"


def test_what_is_no_reply_or_was_never_said_is_nothing() -> None:
    one = heard()
    assert one.text() is None
    one.whole(b'{"error": {"message": "no"}}')
    assert one.text() is None


def test_of_a_very_long_stream_the_beginning_is_kept() -> None:
    one = heard()
    one.piece(STREAM_EVENTS[1])
    for _ in range(3):
        one.piece(b": " + b"x" * MAX_HEARD_BYTES + b"\n\n")
    one.piece(STREAM_EVENTS[2])
    assert one.text() == "Hel"


async def test_words_are_told_only_where_the_operator_wants_them() -> None:
    for wanted in (False, True):
        small = changed(world({"two": [whole("yes"), stream()]}), keeps_words=wanted)
        await chat(small.app, model="lab/cheap")
        await chat(small.app, model="lab/cheap", stream=True)
        prompts = [moment.prompt for moment in small.moments.decisions]
        words = [moment.words for moment in small.moments.replies]
        if not wanted:
            assert prompts == [None, None]
            assert words == [None, None]
            continue
        said = [told() for told in words if told is not None]
        asked = [read().turns[0].parts for read in prompts if read is not None]
        assert said == ["yes", "Hello ü"]
        assert [str(parts[0][0]) for parts in asked] == ["hello", "hello"]
