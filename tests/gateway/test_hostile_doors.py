"""Hostile clients at every door: each body gets a 4xx in the door's own shape or an answer; never a 500 or a hang."""

import json
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from fairlead.domain.call import Answer, Deadlines
from fairlead.domain.names import UpstreamName
from fairlead.providers.scripted import ScriptedTransport
from fairlead.providers.upstream import Upstream
from tests.fuzz import seeds
from tests.fuzz.mutation import mutate_json
from tests.peers.asgi_caller import Heard, call
from tests.peers.worlds import ALL, World, endpoint, stream, whole, world

SOUND: Final[dict[str, dict[str, Any]]] = {
    "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"model": "auto", "input": "hi", "store": False},
    "/v1/messages": {"model": "auto", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/messages/count_tokens": {"model": "auto", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/embeddings": {"model": "lab/embed", "input": "hi"},
}
LABELS: Final = {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/messages": "messages"}
N_MUTANTS: Final = 150


class Either(ScriptedTransport):
    """Answers a stream with a stream and anything else whole, always well."""

    async def exchange(
        self,
        method: str,
        target: str,
        headers: bytes,
        body: bytes,
        deadlines: Deadlines,
        on_repeat: Callable[[], bool] | None = None,
    ) -> Answer:
        scene = stream() if b"text/event-stream" in headers else whole()
        return await self.play(scene, deadlines)


def hostile_world() -> World:
    names = sorted({arm.upstream for arm in ALL})
    return world(upstreams={UpstreamName(name): Upstream(endpoint(name), Either([])) for name in names})


def with_member(body: dict[str, Any], member: bytes) -> bytes:
    return json.dumps(body).encode()[:-1] + b"," + member + b"}"


MALFORMED: Final[dict[str, Callable[[dict[str, Any]], bytes]]] = {
    "nothing": lambda _: b"",
    "half a body": lambda body: json.dumps(body).encode()[:-3],
    "an array": lambda _: b"[]",
    "null": lambda _: b"null",
    "two objects": lambda body: json.dumps(body).encode() * 2,
    "NaN": lambda body: with_member(body, b'"temperature":NaN'),
    "Infinity": lambda body: with_member(body, b'"temperature":-Infinity'),
    "a lone surrogate in the name": lambda body: with_member(body, b'"model":"\\ud800"'),
    "invalid UTF-8 that nobody reads": lambda body: with_member(body, b'"metadata":{"a":"\xc3"}'),
    "a raw control character": lambda body: with_member(body, b'"user":"a\x00b"'),
    "a BOM": lambda body: b"\xef\xbb\xbf" + json.dumps(body).encode(),
    "UTF-16": lambda body: json.dumps(body).encode("utf-16"),
    "100,000 arrays": lambda body: with_member(body, b'"x":' + b"[" * 100_000 + b"]" * 100_000),
    "100,000 objects": lambda body: with_member(body, b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep input": lambda body: with_member(body, b'"input":' + b"[" * 100_000 + b"]" * 100_000),
    "deep messages": lambda body: with_member(body, b'"messages":' + b"[" * 100_000 + b"]" * 100_000),
    "deep tools": lambda body: with_member(body, b'"tools":[' + b"[" * 100_000 + b"]" * 100_000 + b"]"),
    "an unknown option of ours": lambda body: with_member(body, b'"fairlead":{"wieghts":1}'),
}


def check_shape(path: str, heard: Heard) -> None:
    assert heard.is_complete
    assert heard.status == 200 or 400 <= heard.status < 500, (heard.status, heard.body[:500])
    if heard.status == 200:
        return
    said = heard.json()
    assert ("request_id" in said) is path.startswith("/v1/messages"), said
    assert heard.error["message"]
    assert len(heard.body) < 3_000


@pytest.mark.parametrize("path", SOUND)
@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_a_400_in_the_doors_own_shape(name: str, path: str) -> None:
    w = hostile_world()
    heard = await call(w.app, "POST", path, MALFORMED[name](SOUND[path]))
    assert heard.status == 400
    check_shape(path, heard)
    assert w.moments.attempts == []


@pytest.mark.parametrize("path", SOUND)
async def test_of_two_members_of_one_name_the_last_counts_for_everybody(path: str) -> None:
    w = hostile_world()
    heard = await call(w.app, "POST", path, with_member(SOUND[path], b'"model":"nobody/knows"'))
    assert heard.status == 404
    check_shape(path, heard)


@pytest.mark.parametrize("path", LABELS)
async def test_wrong_types_anywhere_are_refused_in_shape_or_go_through(path: str) -> None:
    w = hostile_world()
    source = random.Random(path)
    sound = seeds.requests(LABELS[path])
    statuses = set()
    for _ in range(N_MUTANTS):
        mutant = mutate_json(source.choice(sound), source)
        heard = await call(w.app, "POST", path, mutant)
        check_shape(path, heard)
        statuses.add(heard.status)
    assert {200, 400} <= statuses, "the mutants are of both kinds"
