"""Logs: one line a happening; no text of a client's can forge one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from fairlead.domain.moments import AttemptOutcome, ReplyOutcome, Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId, TenantName
from fairlead.observability.logs import MAX_TEXT_CHARS, RequestLog, set_up_logging
from tests.conftest import CANARY
from tests.observability.test_metrics import ARM, attempted, replied
from tests.peers.asgi_caller import chat
from tests.peers.worlds import whole, world


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Logging is one for the whole process: it is put back."""
    root = logging.getLogger("fairlead")
    before = (list(root.handlers), root.level, root.propagate)
    yield
    root.handlers[:], root.propagate = before[0], before[2]
    root.setLevel(before[1])


def stream(form: Literal["json", "text"] = "json", level: str = "info") -> io.StringIO:
    out = io.StringIO()
    set_up_logging(level, form, out)
    return out


@pytest.mark.parametrize("outcome", ["rejected", "unreachable", "timeout", "garbled", "truncated"])
def test_an_attempt_that_failed_is_one_line(outcome: AttemptOutcome) -> None:
    out = stream()
    RequestLog().attempted(attempted(outcome))
    (line,) = out.getvalue().splitlines()
    said = json.loads(line)
    assert (said["message"], said["outcome"], said["upstream"], said["model"]) == (
        "attempt failed",
        outcome,
        "up",
        "lab/a",
    )


@pytest.mark.parametrize("outcome", ["ok", "cancelled", "refused_request"])
def test_an_attempt_that_is_nobodys_failure_is_not_logged(outcome: AttemptOutcome) -> None:
    out = stream()
    RequestLog(logs_all=True).attempted(attempted(outcome))
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("outcome", "logged"),
    [("ok", False), ("refused", False), ("cancelled", False), ("error", True), ("truncated", True)],
)
def test_routine_replies_are_logged_only_when_asked(outcome: ReplyOutcome, logged: bool) -> None:
    out = stream()
    RequestLog().replied(replied(outcome))
    assert bool(out.getvalue()) is logged
    RequestLog(logs_all=True).replied(replied(outcome))
    assert json.loads(out.getvalue().splitlines()[-1])["outcome"] == outcome


def test_what_the_client_asked_for_is_not_in_the_line() -> None:
    out = stream()
    RequestLog(logs_all=True).replied(replied(asked="my secret model name"))
    assert "secret" not in out.getvalue()


def test_the_level_is_kept() -> None:
    out = stream(level="error")
    RequestLog(logs_all=True).replied(replied("error"))
    assert out.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "text"])
def test_control_characters_cannot_forge_a_line_or_move_a_cursor(form: Literal["json", "text"]) -> None:
    out = stream(form)
    logging.getLogger("fairlead.x").warning("a\x1b[2J\r\x00\u2028b")
    assert len(out.getvalue().splitlines()) == 1
    assert not any(letter in out.getvalue() for letter in "\x1b\r\x00\u2028")


def test_a_line_of_json_cannot_be_forged_by_a_line_end() -> None:
    out = stream("json")
    logging.getLogger("fairlead.x").warning('a\n{"level":"info"}')
    assert len(out.getvalue().splitlines()) == 1


def test_a_long_message_is_cut() -> None:
    for form in ("json", "text"):
        out = stream(form)
        logging.getLogger("fairlead.x").warning("x" * 100_000)
        assert len(out.getvalue()) < MAX_TEXT_CHARS + 300


def test_unknown_fields_are_null_in_json_and_left_out_of_text() -> None:
    out = stream("json")
    RequestLog().replied(replied("error", arm=None))
    assert json.loads(out.getvalue())["model"] is None
    out = stream("text")
    RequestLog().replied(replied("error", arm=None))
    assert "model=" not in out.getvalue()
    assert "outcome=error" in out.getvalue()


async def test_a_request_is_one_line_of_json_with_its_decision_reason_cost_and_end_and_no_word_of_it() -> None:
    out = stream("json")
    w = world({"one": [whole("a secret answer")]})
    heard = await chat(
        w.app, messages=[{"role": "user", "content": "a secret question"}], user="secret-user", session_id="secret-id"
    )
    (line,) = out.getvalue().splitlines()
    said = json.loads(line)
    assert (said["level"], said["message"]) == ("info", "replied")
    assert said["decision"] == heard.header("x-fairlead-decision-id")
    assert (said["reason"], said["outcome"], said["status"]) == ("highest_utility", "ok", 200)
    assert (said["model"], said["tenant"], said["input_tokens"], said["output_tokens"]) == (
        heard.header("x-fairlead-model"), "default", 10, 5,
    )  # fmt: skip
    assert said["cost_usd"] == pytest.approx(float(heard.header("x-fairlead-cost-usd") or "nan"))
    assert "secret" not in out.getvalue() and CANARY not in out.getvalue()


def test_a_reply_that_cost_nothing_is_logged_as_free_and_an_unknown_cost_as_unknown() -> None:
    out = stream("json")
    for cost in (Usd(0), None):
        RequestLog(logs_all=True).replied(replied()._replace(cost=cost))
    assert [json.loads(line)["cost_usd"] for line in out.getvalue().splitlines()] == [0.0, None]


def test_shadows_are_logged_where_routine_replies_are() -> None:
    out = stream("json")
    moment = Shadowed(DecisionId("d"), TenantName("t"), ARM, "timeout", None, None, 1.0, None, None, lambda: "secret")
    RequestLog().shadowed(moment)
    assert out.getvalue() == ""
    RequestLog(logs_all=True).shadowed(moment)
    said = json.loads(out.getvalue())
    assert (said["message"], said["decision"], said["outcome"], said["cost_usd"]) == ("shadow", "d", "timeout", None)
    assert "secret" not in out.getvalue()
