"""Failures in this format's shape."""

import json

from fairlead.domain.errors import InvalidOptionError, RejectedError, Said, UnavailableError
from fairlead.wire.failures import write_failure
from fairlead.wire.openai_responses.failures import write_failure_events
from fairlead.wire.sse import EventSplitter, data_of


def rejected(status: int) -> RejectedError:
    said = Said("Too long.", "invalid_request_error", "input", "context_length_exceeded")
    return RejectedError("It said no.", upstream="u", upstream_status=status, said=said, is_retryable=False)


def test_our_own_errors_name_param_and_code() -> None:
    status, body = write_failure(InvalidOptionError("Bad.", param="input[0]"))
    assert status == 400
    assert json.loads(body) == {
        "error": {"message": "Bad.", "type": "invalid_request_error", "param": "input[0]", "code": "invalid_value"}
    }
    assert write_failure(UnavailableError("All down."))[0] == 503


def test_an_upstreams_words_about_the_clients_mistake_are_kept() -> None:
    status, body = write_failure(rejected(400))
    assert status == 400
    assert json.loads(body)["error"] == {
        "message": "Too long.",
        "type": "invalid_request_error",
        "param": "input",
        "code": "context_length_exceeded",
    }


def test_a_rate_limit_in_a_stream_is_told_by_this_formats_own_code() -> None:
    codes = []
    for status in (429, 500):
        events = EventSplitter().feed(write_failure_events(rejected(status), {"id": "resp_1"}, 7))
        last = json.loads(data_of(events[-1]))
        assert (last["sequence_number"], last["response"]["id"]) == (8, "resp_1")
        codes.append(last["response"]["error"]["code"])
    assert codes == ["rate_limit_exceeded", "server_error"]
