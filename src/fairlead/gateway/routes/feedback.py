"""POST /v1/feedback: what somebody thinks of a reply, kept beside its decision."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from fairlead.domain.errors import InvalidOptionError, MalformedBodyError, UnavailableError, UnknownOptionError
from fairlead.domain.names import DecisionId
from fairlead.domain.opinion import Opinion
from fairlead.gateway.app import Handler, Request
from fairlead.gateway.asgi import read_body
from fairlead.gateway.engine import Engine

MAX_BODY_BYTES: Final = 65_536
MAX_WORD_CHARS: Final = 200
MAX_COMMENT_CHARS: Final = 2_000
MEMBERS: Final = ("decision_id", "score", "label", "preferred_model", "comment")


def feedback(engine: Engine) -> Handler:
    """The handler: reads, looks for the decision, keeps."""

    async def handle(request: Request) -> None:
        services, caller = engine.services, request.caller
        body = await read_body(request.scope, request.receive, MAX_BODY_BYTES)
        members = _members(body)
        traffic = services.traffic
        if traffic is None:
            raise UnavailableError(
                "This server keeps no traffic, so it keeps no feedback: see 'store'.", code="no_store"
            )
        opinion = Opinion(
            opinion_id=services.new_id(),
            decision_id=DecisionId(_text(members, "decision_id", MAX_WORD_CHARS) or ""),
            at_s=services.unix_s(),
            tenant=caller.tenant,
            key_name=caller.name,
            score=_score(members.get("score")),
            label=_text(members, "label", MAX_WORD_CHARS),
            preferred_model=_text(members, "preferred_model", MAX_WORD_CHARS),
            comment=_text(members, "comment", MAX_COMMENT_CHARS),
            weight=services.opinion_weights.get(caller.tenant, 1.0),
        )
        _check(opinion)
        await traffic.keep(opinion)
        answer = {"id": opinion.opinion_id, "object": "feedback", "decision_id": opinion.decision_id}
        await request.out.whole(200, request.headers, msgspec.json.encode(answer))

    return handle


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedBodyError("The body is not JSON.") from None
    if not isinstance(members, dict):
        raise MalformedBodyError("The body is not a JSON object.")
    for name in members:
        if name not in MEMBERS:
            shown = name[:MAX_WORD_CHARS]
            raise UnknownOptionError(f"No member is called {shown!r}; known are {', '.join(MEMBERS)}.", param=shown)
    return members


def _text(members: Mapping[str, Any], name: str, most: int) -> str | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise InvalidOptionError(f"'{name}' is a text of 1 to {most:,} characters.", param=name)
    return value


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= 1:
        raise InvalidOptionError("'score' is a number from 0 (of no use) to 1 (all that was wanted).", param="score")
    return float(value)


def _check(opinion: Opinion) -> None:
    if not opinion.decision_id:
        raise InvalidOptionError(
            "'decision_id' is missing: the reply's header x-fairlead-decision-id has it.", param="decision_id"
        )
    if opinion.score is None and not (opinion.label or opinion.preferred_model or opinion.comment):
        raise InvalidOptionError("Say something: score, label, preferred_model or comment.", param="score")
