"""POST /v1/feedback: who may say what of which reply."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from fairlead.domain.errors import UnavailableError, UnknownDecisionError
from fairlead.domain.opinion import Opinion
from fairlead.domain.store_state import StoreState
from tests.peers.asgi_caller import Heard, call
from tests.peers.worlds import World, changed, world


@dataclass
class Keeping:
    """A store that keeps opinions of one tenant's decisions in a list."""

    known: dict[str, str] = field(default_factory=lambda: {"d1": "default"})
    opinions: list[Opinion] = field(default_factory=list)
    fault: str | None = None

    def state(self) -> StoreState:
        return StoreState(n_waiting=3, n_written=7, fault=self.fault)

    async def keep(self, opinion: Opinion) -> None:
        if self.fault is not None:
            raise UnavailableError("no", code="store_unavailable", retry_after_s=1.0)
        if self.known.get(opinion.decision_id) != opinion.tenant:
            raise UnknownDecisionError("no such decision", param="decision_id")
        self.opinions.append(opinion)


def keeping_world(keeping: Keeping, **changes: Any) -> World:
    return changed(world(), traffic=keeping, **changes)


async def sent(app: Any, body: dict[str, Any] | bytes) -> Heard:
    return await call(app, "POST", "/v1/feedback", body)


async def test_an_opinion_is_kept_with_the_weight_of_its_tenant() -> None:
    keeping = Keeping()
    app = keeping_world(keeping, opinion_weights={"default": 0.5}).app
    heard = await sent(
        app, {"decision_id": "d1", "score": 0.25, "label": "meh", "preferred_model": "m", "comment": "c"}
    )
    assert (heard.status, heard.json()["decision_id"]) == (200, "d1")
    (opinion,) = keeping.opinions
    assert (opinion.score, opinion.label, opinion.preferred_model, opinion.comment) == (0.25, "meh", "m", "c")
    assert (opinion.tenant, opinion.key_name, opinion.weight, opinion.at_s) == (
        "default",
        "anyone",
        0.5,
        1_700_000_000.0,
    )


async def test_a_decision_of_nobody_or_of_another_tenant_is_a_404() -> None:
    app = keeping_world(Keeping({"d1": "blue"})).app
    for name in ("d1", "d2"):
        heard = await sent(app, {"decision_id": name, "score": 1})
        assert (heard.status, heard.error["code"], heard.error["param"]) == (404, "unknown_decision", "decision_id")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "malformed_body", None),
        (b"[1]", "malformed_body", None),
        (b"\xff", "malformed_body", None),
        (b"[" * 60_000, "malformed_body", None),
        ({"score": 1}, "invalid_value", "decision_id"),
        ({"decision_id": "d1"}, "invalid_value", "score"),
        ({"decision_id": "d1", "score": 1.5}, "invalid_value", "score"),
        ({"decision_id": "d1", "score": True}, "invalid_value", "score"),
        ({"decision_id": "d1", "score": "1"}, "invalid_value", "score"),
        ({"decision_id": 7, "score": 1}, "invalid_value", "decision_id"),
        ({"decision_id": "d1", "label": "x" * 201}, "invalid_value", "label"),
        ({"decision_id": "d1", "comment": ""}, "invalid_value", "comment"),
        ({"decision_id": "d1", "score": 1, "stars": 5}, "unknown_option", "stars"),
        (b'{"decision_id":"d1","score":1e999}', "malformed_body", None),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(body: Any, code: str, param: str | None) -> None:
    keeping = Keeping()
    heard = await sent(keeping_world(keeping).app, body)
    assert (heard.status, heard.error["code"]) == (400, code)
    assert heard.error["param"] == param
    assert keeping.opinions == []


async def test_a_store_that_does_not_answer_is_a_503_that_may_be_tried_again() -> None:
    heard = await sent(keeping_world(Keeping(fault="locked")).app, {"decision_id": "d1", "score": 1})
    assert (heard.status, heard.error["code"], heard.header("retry-after")) == (503, "store_unavailable", "1")


async def test_readiness_tells_of_the_store_and_does_not_depend_on_it() -> None:
    heard = await call(keeping_world(Keeping(fault="locked")).app, "GET", "/health/ready")
    assert heard.status == 200
    assert heard.json()["store"] == {
        "taking": False,
        "waiting": 3,
        "written": 7,
        "spooled": 0,
        "recovered": 0,
        "dropped": 0,
    }
