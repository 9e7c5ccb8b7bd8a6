"""State by ids: references are found and replaced, replies are read for what they gave ids to; nothing else changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.envelope import Envelope, seal
from fairlead.domain.errors import InvalidOptionError
from fairlead.domain.names import SentModel
from fairlead.wire.lane import take_apart
from fairlead.wire.openai_responses.requests import read_request
from fairlead.wire.openai_responses.state import (
    gone_on_from,
    is_ours,
    read_made,
    references,
    said,
    wants_kept,
    with_items,
)

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
BARE_THOUGHTS = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}


def members(**body: Any) -> Any:
    return take_apart(json.dumps({"model": "m", **body}).encode())


def input_of(changed: Any) -> Any:
    return json.loads(bytes(changed["input"]))


def test_references_are_found_in_both_spellings_and_nowhere_else() -> None:
    told = [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "a"}, {"id": "b"}, CALL]
    found = references(members(input=told, previous_response_id="r"))
    assert found is not None
    assert (found.previous, found.items) == ("r", ("a", "b"))
    assert references(members(input="x")) is None
    assert references(members(input=[CALL], previous_response_id=None)) is None
    with pytest.raises(InvalidOptionError):
        references(members(input=[{"type": "item_reference", "id": 5}]))


def test_what_was_said_before_comes_first_and_the_rest_stays() -> None:
    asked = members(input="And now?", previous_response_id="r", temperature=1)
    changed = gone_on_from(asked, b'{"role":"user","content":"x"}')
    assert [item["content"] for item in input_of(changed)] == ["x", "And now?"]
    assert set(changed) == {"model", "input", "temperature"}
    assert input_of(gone_on_from(members(previous_response_id="r"), b"1")) == [1]
    assert said(members(input=[1, 2])) == b"1,2"


def test_known_items_stand_in_for_references_and_thoughts_of_no_use_for_nothing() -> None:
    told = [{"type": "item_reference", "id": name} for name in ("rs_1", "fc_1", "other")]
    changed = with_items(members(input=told), {"fc_1": json.dumps(CALL).encode(), "rs_1": b""})
    assert input_of(changed) == [CALL, told[2]]


@pytest.mark.parametrize("ends", ["\n\n", "\r\n\r\n"])
def test_a_reply_is_read_whole_and_from_the_last_event_of_a_stream(ends: str) -> None:
    reply = {"id": "resp_1", "store": True, "output": [BARE_THOUGHTS, CALL]}
    event = {"type": "response.completed", "response": reply, "sequence_number": 9}
    line = "\r\n" if "\r" in ends else "\n"
    stream = f": x-fairlead-cost-usd=1{ends}event: response.completed{line}data: {json.dumps(event)}{ends}"
    for told in (json.dumps(reply).encode(), stream.encode()):
        made = read_made(told)
        assert made is not None
        assert (made.reply_id, made.is_stored) == ("resp_1", True)
        (thoughts, unsigned), (call, text) = made.items
        assert (thoughts, unsigned) == ("rs_1", b""), "nobody takes them back"
        assert (call, json.loads(text)) == ("fc_1", CALL)


@given(st.binary(max_size=200))
def test_whatever_is_no_reply_gives_no_ids(told: bytes) -> None:
    for text in (told, b"{" + told, b'data: {"type":"response.completed","response":' + told):
        assert read_made(text) is None or b'"id"' in text


def test_a_client_that_says_no_is_not_kept() -> None:
    assert wants_kept(members())
    assert wants_kept(members(store=True))
    assert not wants_kept(members(store=False))
    assert is_ours("resp_fl-12-3")
    assert not is_ours("resp_68af")


def test_on_the_lane_thoughts_in_envelopes_are_left_out_and_openais_own_go_on() -> None:
    foreign = {"type": "reasoning", "summary": [], "encrypted_content": seal(Envelope("anthropic_messages", "SIG"))}
    own = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"}
    asked = {"model": "m", "input": [{"role": "user", "content": "fl1~ is no envelope"}, foreign, own]}
    request = read_request(json.dumps(asked).encode())
    sent = json.loads(request.body_for(SentModel("n")))
    assert sent["input"] == [asked["input"][0], own]
    assert request.chat().turns, "the request itself is as it was: another candidate may read them"
