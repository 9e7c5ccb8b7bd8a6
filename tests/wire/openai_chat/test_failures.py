"""Failures: read from upstreams, written in OpenAI's shape."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.domain import errors
from fairlead.domain.errors import FairleadError, NoEligibleModelError, RejectedError, TruncatedError
from fairlead.wire.failures import MAX_RETRY_AFTER_S, read_failure, write_failure
from fairlead.wire.openai_chat.failures import write_failure_events

SAID = {"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "too_long"}}


def rejected(status: int, body: object = None, headers: list[tuple[bytes, bytes]] | None = None) -> RejectedError:
    text = body if isinstance(body, bytes) else json.dumps(SAID if body is None else body).encode()
    return read_failure(status, headers or [], text, "up")


def every_error() -> Iterator[FairleadError]:
    for kind in vars(errors).values():
        if not (isinstance(kind, type) and issubclass(kind, FairleadError)):
            continue
        yield rejected(400) if kind is RejectedError else kind("what, where and how to mend")
    yield from (rejected(status) for status in (400, 401, 404, 408, 413, 422, 429, 500, 503, 529))
    yield rejected(422, {"error": {"message": "m", "code": 7}})
    yield rejected(400, {"error": "only words"})
    yield rejected(400, b"<html>")


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: f"{type(error).__name__} {error.status}")
def test_every_error_has_one_shape(error: FairleadError) -> None:
    status, body = write_failure(error)
    said = json.loads(body)
    assert 400 <= status < 600
    assert list(said) == ["error"]
    assert set(said["error"]) == {"message", "type", "param", "code"}
    assert isinstance(said["error"]["message"], str)
    assert said["error"]["message"]
    assert isinstance(said["error"]["type"], str)
    assert said["error"]["param"] is None or isinstance(said["error"]["param"], str)
    assert said["error"]["code"] is None or isinstance(said["error"]["code"], str)


@pytest.mark.data
def test_the_shape_is_the_specifications() -> None:
    folder = os.environ.get("FAIRLEAD_DATA")
    path = Path(folder or "") / "specs" / "openai_openapi.yaml"
    if not folder or not path.is_file():
        pytest.skip("FAIRLEAD_DATA/specs is not here")
    text = path.read_text(encoding="utf-8")
    beginning = text.index("\n    Error:\n") + 1
    schema = yaml.safe_load(text[beginning : text.index("\n    ErrorEvent:\n")])["Error"]
    assert schema["required"]
    for error in every_error():
        said = json.loads(write_failure(error)[1])["error"]
        assert set(schema["required"]) <= set(said)
        for name, rule in schema["properties"].items():
            allowed = [rule["type"]] if "type" in rule else [each["type"] for each in rule["anyOf"]]
            kinds: dict[str, Any] = {"string": str, "null": type(None)}
            assert isinstance(said[name], tuple(kinds[each] for each in allowed)), (name, said)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_the_clients_own_mistake_comes_back_in_the_upstreams_words(status: int) -> None:
    error = rejected(status)
    assert not error.is_retryable
    assert write_failure(error) == (status, json.dumps(SAID, separators=(",", ":")).encode())


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 502, 503, 529])
def test_what_another_upstream_may_do_better_is_tried_again(status: int) -> None:
    assert rejected(status).is_retryable


@pytest.mark.parametrize("status", [401, 402, 403, 407])
def test_the_operators_credentials_are_no_business_of_the_client(status: int) -> None:
    error = rejected(status, {"error": {"message": "account 7 is out of credit"}})
    written, body = write_failure(error)
    assert written == 502
    assert b"account" not in body
    assert json.loads(body)["error"]["code"] == "upstream_rejected"


@pytest.mark.parametrize(
    "said", ["wrong key sk-abcdefghijklmnop1234", "Bearer hunter2 is no key", "wrong key gsk_ABCDEFGHIJKLMNOP1234"]
)
def test_what_looks_like_a_credential_in_an_upstreams_words_stays_here(said: str) -> None:
    _, body = write_failure(rejected(500, {"error": {"message": said}}))
    text = json.loads(body)["error"]["message"]
    assert "***" in text
    assert not any(secret in text for secret in ("abcdefghijkl", "hunter2", "ABCDEFGHIJKL"))


@pytest.mark.parametrize("status", [404, 500, 529])
def test_other_troubles_of_an_upstream_are_told_in_short(status: int) -> None:
    written, body = write_failure(rejected(status, {"error": {"message": "overloaded " * 1_000}}))
    assert written == 502
    assert len(body) < 600
    assert "It said: overloaded" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests_and_no_service_keep_their_status(status: int) -> None:
    written, body = write_failure(rejected(status))
    assert written == status
    assert json.loads(body)["error"]["code"] == "upstream_rejected"


@pytest.mark.parametrize(
    "code",
    [
        "context_length_exceeded",
        "context_window_exceeded",
        "exceed_context_size_error",
        "maximum context length",
        "prompt is too long",
    ],
)
def test_a_prompt_too_long_is_tried_elsewhere_and_told_as_it_is_when_nobody_is_left(code: str) -> None:
    error = rejected(400, {"error": {"message": "too long", "code": code}})
    assert error.is_retryable
    status, body = write_failure(error)
    assert (status, json.loads(body)["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"error":{}}', b'{"error":' + b"[" * 100_000, b"\xff"]
)
def test_an_unreadable_refusal_still_has_our_shape(body: bytes) -> None:
    status, written = write_failure(rejected(400, body))
    assert status == 400
    assert json.loads(written)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ([], None),
        ([(b"retry-after", b"7")], 7.0),
        ([(b"retry-after", b"0.5")], 0.5),
        ([(b"retry-after-ms", b"250")], 0.25),
        ([(b"retry-after", b"9"), (b"retry-after-ms", b"250")], 0.25),
        ([(b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ([(b"date", b"Wed, 21 Oct 2026 07:27:30 GMT"), (b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], 30.0),
        ([(b"date", b"Wed, 21 Oct 2026 07:28:30 GMT"), (b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], 0.0),
        ([(b"date", b"Wed, 21 Oct 2026 07:28:00 GMT"), (b"retry-after", b"Fri, 21 Oct 2095 07:28:00 GMT")], 3600.0),
        ([(b"date", b"now"), (b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ([(b"date", b"Wed, 21 Oct 2026 07:28:00 GMT"), (b"retry-after", b"Wed, 99 Oct 2026 07:28:00 GMT")], None),
        ([(b"date", b"Wed, 21 Oct 2026 07:28:00 GMT"), (b"retry-after", b"Wed\xff")], None),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"inf")], None),
        ([(b"retry-after", b"99999999")], MAX_RETRY_AFTER_S),
    ],
    ids=str,
)
def test_how_long_an_upstream_asks_to_wait(headers: list[tuple[bytes, bytes]], expected_s: float | None) -> None:
    assert rejected(429, headers=headers).retry_after_s == expected_s


def test_a_failed_stream_ends_with_the_error_and_then_done() -> None:
    events = write_failure_events(TruncatedError("cut"))
    first, done, rest = events.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    assert json.loads(first.removeprefix(b"data: ")) == {
        "error": {"message": "cut", "type": "upstream_error", "param": None, "code": "upstream_truncated"}
    }


def test_words_with_line_ends_stay_one_event() -> None:
    assert write_failure_events(NoEligibleModelError("a\n\nb\r\n")).count(b"\n\n") == 2
