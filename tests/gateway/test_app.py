"""The whole app in process: who may ask what, what is answered, and in which shape."""

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest

from fairlead.domain.names import TenantName
from fairlead.gateway.access import PERMISSIONS, AccessKey, Permission, digest
from fairlead.providers.scripted import Scene
from tests.peers.asgi_caller import call, chat
from tests.peers.worlds import ALL, UPSTREAM_KEY, World, refusal, reply_body, stream, whole, world

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")

# Every route with the one permission that opens it; None is for anybody. A new route without a line here fails.
EXPECTED: dict[tuple[str, str], Permission | None] = {
    ("/v1/chat/completions", "POST"): "chat",
    ("/v1/responses", "POST"): "chat",
    ("/v1/messages", "POST"): "chat",
    ("/v1/messages/count_tokens", "POST"): "chat",
    ("/v1/embeddings", "POST"): "chat",
    ("/v1/route", "POST"): "chat",
    ("/v1/feedback", "POST"): "feedback",
    ("/v1/models", "GET"): "chat",
    ("/v1/models/*", "GET"): "chat",
    ("/health/live", "GET"): None,
    ("/health/ready", "GET"): None,
    ("/metrics", "GET"): "read",
    ("/", "GET"): None,
}
EXPECTED |= {(path, "HEAD"): needs for (path, method), needs in EXPECTED.items() if method == "GET"}
KEYS: Final = {permission: f"fl-{permission}-key" for permission in PERMISSIONS}
ROLES: Final = (*PERMISSIONS, "nobody", "stranger")
BODIES: Final[dict[str, dict[str, Any]]] = {
    "/v1/responses": {"model": "auto", "input": "x"},
    "/v1/messages": {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]},
    "/v1/messages/count_tokens": {"model": "auto", "messages": [{"role": "user", "content": "x"}]},
    "/v1/embeddings": {"model": "lab/embed", "input": "x"},
    "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "x"}]},
    "/v1/route": {"model": "auto", "messages": [{"role": "user", "content": "x"}]},
    "/v1/feedback": {"decision_id": "d", "score": 1},
}
EMBEDDINGS: Final = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,1e-3]}],"model":"e"}'


def guarded_world() -> World:
    keys = [AccessKey(name, digest(key), TenantName(name), frozenset([name])) for name, key in KEYS.items()]
    return world({"one": [whole()]}, keys=keys)


def credentials(role: str) -> list[tuple[bytes, bytes]]:
    if role == "nobody":
        return []
    key = KEYS.get(role, "fl-somebody-elses")  # type: ignore[call-overload]
    return [(b"authorization", b"Bearer " + key.encode())]


def table(the_world: World) -> dict[tuple[str, str], Permission | None]:
    app = the_world.app
    exact = {(path, method): route.needs for path, routes in app._routes.items() for method, route in routes.items()}
    below = {(f"{p}*", method): route.needs for p, routes in app._below.items() for method, route in routes.items()}
    return exact | below


def test_every_route_stands_in_the_expected_table_and_no_other() -> None:
    assert table(guarded_world()) == EXPECTED


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", sorted({path for path, _ in EXPECTED}))
async def test_every_method_of_every_route_asks_for_its_permission(path: str, role: str) -> None:
    for method in METHODS:
        asked = path.replace("*", "lab/strong")
        heard = await call(guarded_world().app, method, asked, BODIES.get(path, b""), headers=credentials(role))
        assert heard.is_complete
        if method == "OPTIONS":
            assert (heard.status, heard.body) == (204, b"")
        elif (path, method) not in EXPECTED:
            assert (heard.status, heard.error["code"]) == (405, "method_not_allowed")
        else:
            needs = EXPECTED[path, method]
            if needs is None or role == needs:
                # The script answers chat, which is no embedding; and nothing is kept, so no feedback.
                expected = 503 if path in ("/v1/embeddings", "/v1/feedback") else 200
            else:
                expected = 401 if role in ("nobody", "stranger") else 403
            assert heard.status == expected, (method, heard.body)
            if expected in (401, 403):
                assert heard.error["type"] == ("authentication_error" if expected == 401 else "permission_error")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/chat", "/admin", "//", "/v1/completions", "/\r\nx: y", "/v1/modelsx"]
)
async def test_what_is_not_in_the_table_is_not_there(path: str) -> None:
    heard = await call(world().app, "GET", path)
    assert (heard.status, heard.error["code"]) == (404, "unknown_route")


async def test_a_reply_says_who_served_and_at_what_price() -> None:
    w = world(arms=ALL[:1], scenes={"one": [whole()]})
    heard = await chat(w.app)
    assert heard.body == reply_body(), "the bytes go through as they came"
    assert heard.header("x-fairlead-model") == "lab/strong"
    assert heard.header("x-fairlead-provider") == "alpha"
    assert heard.header("x-fairlead-decision-id") == heard.header("x-request-id") == "fl-test-1"
    assert heard.header("x-fairlead-cost-usd") == "0.000150000"  # 10 in at $5/M and 5 out at $20/M
    assert float(heard.header("x-fairlead-overhead-ms") or "nan") >= 0
    assert heard.header("content-type") == "application/json"
    (moment,) = w.moments.replies
    assert (moment.outcome, moment.status, moment.n_attempts) == ("ok", 200, 1)


async def test_an_unknown_price_is_unknown_and_not_zero() -> None:
    free = ALL[0].with_(price_in=None, price_out=None)
    assert (await chat(world(arms=[free]).app)).header("x-fairlead-cost-usd") == "unknown"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"fairlead": {"max_cost": 1}}, "fairlead.max_cost"),
        ({"fairlead": {"weights": {"price": 1}}}, "fairlead.weights.price"),
        ({"provider": {"favourite": "x"}}, "provider.favourite"),
        ({"provider": {"max_price": {"image": 1}}}, "provider.max_price.image"),
        ({"fairlead": {"x" * 5000: 1}}, "fairlead"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/route", "/v1/embeddings"])
async def test_an_unknown_option_is_refused_by_name(options: dict[str, Any], named: str, path: str) -> None:
    w = world()
    heard = await call(w.app, "POST", path, BODIES[path] | options)
    assert heard.status == 400
    assert heard.error["code"] in ("unknown_option", "invalid_value")
    assert str(heard.error["param"]).startswith(named)
    assert named in heard.error["message"]
    assert len(heard.body) < 1_000, "a client's own text is not sent back at length"
    assert w.n_calls == 0


@pytest.mark.parametrize(
    "name", ["lab/stron", "LAB/STRONGG", "auto:cosst", "a\r\nset-cookie: x\0", "../../etc/passwd", "ü" * 9000]
)
async def test_an_unknown_model_is_not_found_and_its_neighbours_are_named(name: str) -> None:
    heard = await chat(world().app, model=name)
    assert (heard.status, heard.error["code"], heard.error["param"]) == (404, "model_not_found", "model")
    assert len(heard.body) < 1_000
    assert ("Nearest: " in heard.error["message"]) == (name[:3].lower() in ("lab", "aut"))
    assert all("\r" not in value and "\n" not in value for _, value in heard.headers)


async def test_a_concrete_model_never_goes_to_another_but_to_another_endpoint() -> None:
    w = world({"one": [refusal(500)], "two": [refusal(500)]})
    heard = await chat(w.app, model="lab/strong")
    assert heard.status == 502
    assert heard.error["type"] == "upstream_error"
    assert {attempt.arm.model for attempt in w.moments.attempts} == {"lab/strong"}
    assert {attempt.arm.upstream for attempt in w.moments.attempts} == {"one", "two"}
    assert not w.transports["three"].received


async def test_listed_alternatives_are_tried_in_their_order() -> None:
    w = world({"three": [refusal(500)]})
    heard = await chat(w.app, model="other/middle", models=["lab/cheap", "lab/strong"])
    assert heard.header("x-fairlead-model") == "lab/cheap"
    assert [attempt.arm.model for attempt in w.moments.attempts] == ["other/middle", "lab/cheap"]
    assert "models" not in w.bodies("two")[0]


@pytest.mark.parametrize(
    ("wish", "upstream"),
    [
        ({"provider": {"only": ["gamma"]}}, "three"),
        ({"provider": {"order": ["beta"]}, "model": "lab/strong"}, "two"),
        ({"provider": {"ignore": ["alpha"]}, "model": "lab/strong"}, "two"),
        ({"provider": {"max_price": {"completion": 1}}}, "two"),
        ({"provider": {"sort": "price"}}, "two"),
        ({"fairlead": {"allowed_models": ["other/*"]}}, "three"),
        ({"fairlead": {"excluded_models": ["lab/*"]}}, "three"),
        ({"fairlead": {"min_quality": 0.8}, "provider": {"only": ["beta"]}}, "two"),
        ({"fairlead": {"weights": {"quality": 1}}}, "one"),
        ({"fairlead": {"weights": {"cost": 1}}}, "two"),
    ],
)
async def test_wishes_choose_and_are_not_sent_on(wish: dict[str, Any], upstream: str) -> None:
    w = world()
    heard = await chat(w.app, **wish)
    assert heard.status == 200, heard.body
    assert [name for name, transport in w.transports.items() if transport.received] == [upstream]
    assert not {"provider", "fairlead", "models"} & set(w.bodies(upstream)[0])


async def test_wishes_that_nobody_meets_say_who_failed_at_what() -> None:
    heard = await chat(world().app, fairlead={"min_quality": 0.99})
    assert (heard.status, heard.error["code"]) == (400, "no_eligible_model")


@pytest.mark.parametrize("host", [None, b"evil.example", b"127.0.0.1.evil.example", b"", b"[::1]", b"127.0.0.1@evil"])
async def test_a_host_that_is_not_ours_is_refused(host: bytes | None) -> None:
    w = world()
    heard = await call(w.app, "POST", "/v1/chat/completions", BODIES["/v1/chat/completions"], host=host)
    assert heard.status == (400 if host is None else 403)
    assert heard.error["code"] in ("malformed_http", "host_not_allowed")
    assert w.n_calls == 0


@pytest.mark.parametrize("host", [b"127.0.0.1", b"127.0.0.1:8484", b"LOCALHOST:1"])
async def test_a_host_that_is_ours_is_served_whatever_its_port(host: bytes) -> None:
    assert (await call(world().app, "GET", "/health/live", host=host)).status == 200


async def test_two_hosts_are_refused() -> None:
    heard = await call(world().app, "GET", "/health/live", headers=[(b"host", b"localhost")])
    assert (heard.status, heard.error["code"]) == (400, "malformed_http")


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"http://app.example.evil", b""])
async def test_a_web_page_that_is_not_ours_cannot_ask(origin: bytes) -> None:
    w = world(origins=["http://app.example"])
    for method in ("POST", "OPTIONS"):
        body = BODIES["/v1/chat/completions"]
        heard = await call(w.app, method, "/v1/chat/completions", body, headers=[(b"origin", origin)])
        assert (heard.status, heard.error["code"]) == (403, "origin_not_allowed")
        assert heard.header("access-control-allow-origin") is None
    assert w.n_calls == 0


@pytest.mark.parametrize("is_streaming", [False, True])
async def test_an_allowed_web_page_may_read_answers_and_errors(is_streaming: bool) -> None:
    w = world({name: [stream() if is_streaming else whole()] for name in ("one", "two", "three")},
              origins=["http://app.example"])  # fmt: skip
    headers = [(b"origin", b"http://app.example")]
    body = BODIES["/v1/chat/completions"] | {"stream": is_streaming}
    for asked in (body, body | {"model": "nobody"}, b"{"):
        heard = await call(w.app, "POST", "/v1/chat/completions", asked, headers=headers)
        assert heard.header("access-control-allow-origin") == "http://app.example", heard.status
        assert heard.header("vary") == "origin"


async def test_models_are_listed_and_found_one_by_one() -> None:
    w = world()
    listed = (await call(w.app, "GET", "/v1/models")).json()
    assert listed["object"] == "list"
    names = [entry["id"] for entry in listed["data"]]
    assert names[:5] == ["auto", "auto:balanced", "auto:quality", "auto:cost", "auto:speed"]
    for path in ("/v1/models/lab/strong", "/v1/models/lab%2Fstrong", "/v1/models/auto:cost"):
        assert (await call(w.app, "GET", path)).json()["object"] == "model"
    for name in ("LAB/Strong", "one/lab/strong"):
        assert (await chat(w.app, model=name)).status == 200
        assert (await call(w.app, "GET", f"/v1/models/{name}")).json()["id"] == "lab/strong"
    heard = await call(w.app, "GET", "/v1/models/lab/stron")
    assert heard.status == 404
    assert "lab/strong" in heard.error["message"]


DECISION_KEYS: Final = {
    "schema", "asked", "policy", "chosen", "reason", "flips", "prompt", "candidates", "ineligible", "session",
}  # fmt: skip
ARM_KEYS: Final = {"model", "upstream", "provider", "sent_model", "local", "simulated"}


async def test_a_decision_alone_has_stable_keys_and_calls_nobody() -> None:
    w = world()
    body = BODIES["/v1/route"] | {"fairlead": {"excluded_models": ["lab/cheap"]}}
    heard = await call(w.app, "POST", "/v1/route", body)
    decision = heard.json()
    assert set(decision) == DECISION_KEYS
    assert set(decision["chosen"]) == ARM_KEYS
    assert set(decision["reason"]) == {"code", "text"}
    assert set(decision["prompt"]) == {"kinds", "difficulty", "output_tokens", "language"}
    for candidate in decision["candidates"]:
        assert set(candidate) == ARM_KEYS | {
            "utility", "quality", "input_tokens", "output_tokens", "cost_usd", "ttft_s", "total_s", "delay_basis",
            "chance",
        }  # fmt: skip
        assert set(candidate["quality"]) == {"mean", "low", "high", "basis"}
    assert [(each["model"], each["code"]) for each in decision["ineligible"]] == [("lab/cheap", "excluded")]
    assert set(decision["ineligible"][0]) == ARM_KEYS | {"code", "why"}
    assert (await call(w.app, "POST", "/v1/route", body)).body == heard.body
    assert w.n_calls == 0


async def test_live_is_always_live_and_ready_says_why_not() -> None:
    w = world(arms=ALL[:1], scenes={"one": [refusal(401)]})
    assert (await call(w.app, "GET", "/health/live")).json() == {"status": "live"}
    ready = await call(w.app, "GET", "/health/ready")
    assert (ready.status, ready.json()["status"]) == (200, "ready")
    await chat(w.app)
    ready = await call(w.app, "GET", "/health/ready")
    assert (ready.status, ready.json()["status"]) == (503, "not ready")
    assert ready.json()["upstreams"] == {"one": "down"}
    assert any("'one'" in reason for reason in ready.json()["reasons"])


async def test_without_models_it_is_not_ready() -> None:
    heard = await call(world(arms=ALL[:1]).app, "GET", "/health/ready")
    assert heard.status == 200
    only_by_name = world(arms=[ALL[0].with_(in_auto=False)])
    heard = await call(only_by_name.app, "GET", "/health/ready")
    assert heard.status == 200
    assert heard.json()["reasons"] == ["'auto' has no candidate; models asked for by name are served"]


@pytest.mark.parametrize("fields", [{}, {"encoding_format": "base64"}, {"encoding_format": "float", "dimensions": 2}])
async def test_embeddings_go_through_as_they_are(fields: dict[str, Any]) -> None:
    answer = EMBEDDINGS
    if fields.get("encoding_format") == "base64":
        answer = EMBEDDINGS.replace(b"[0.10,1e-3]", b'"zczMPW8SgzoA"')
    w = world({"one": [Scene.of(answer)]})
    heard = await call(w.app, "POST", "/v1/embeddings", {"model": "lab/embed", "input": ["a", "b"]} | fields)
    assert (heard.status, heard.body) == (200, answer)
    assert w.bodies("one") == [{"model": "lab/embed", "input": ["a", "b"]} | fields]
    assert w.transports["one"].received[0].target == "/v1/embeddings"


async def test_embeddings_need_one_named_model() -> None:
    heard = await call(world().app, "POST", "/v1/embeddings", {"model": "auto", "input": "x"})
    assert (heard.status, heard.error["param"]) == (400, "model")


async def test_the_clients_credentials_and_headers_stay_here() -> None:
    w = guarded_world()
    extra = [(b"authorization", f"Bearer {KEYS['chat']}".encode()), (b"cookie", b"c=1"), (b"x-api-key", b"zzz"),
             (b"x-forwarded-for", b"1.2.3.4"), (b"openai-organization", b"org")]  # fmt: skip
    heard = await call(w.app, "POST", "/v1/chat/completions", BODIES["/v1/chat/completions"], headers=extra)
    assert heard.status == 200
    (received,) = [r for transport in w.transports.values() for r in transport.received]
    assert set(received.headers) == {"user-agent", "accept", "content-type", "authorization", "x-request-id"}
    assert received.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


@pytest.mark.parametrize(
    "place", ["base_url", "api_base", "api_key", "upstream", "endpoint", "url", "extra_body", "user", "metadata"]
)
async def test_no_member_of_a_body_chooses_where_it_goes(place: str) -> None:
    w = world()
    value: Any = "http://169.254.169.254/latest"
    heard = await chat(w.app, **{place: {"base_url": value} if place in ("extra_body", "metadata") else value})
    assert heard.status == 200
    assert w.n_calls == 1
    (target,) = [r.target for transport in w.transports.values() for r in transport.received]
    assert target == "/v1/chat/completions"


@pytest.mark.parametrize("key", ["base_url", "upstream", "api_base"])
async def test_our_own_options_know_no_address(key: str) -> None:
    heard = await chat(world().app, fairlead={key: "http://169.254.169.254/"})
    assert (heard.status, heard.error["code"]) == (400, "unknown_option")


async def test_a_bug_inside_is_one_clear_error_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    w = world()

    async def broken(_call: object) -> object:
        raise ValueError(f"with {UPSTREAM_KEY} and the prompt")

    for transport in w.transports.values():
        transport.exchange = broken  # type: ignore[method-assign, assignment]
    heard = await chat(w.app)
    assert (heard.status, heard.error["code"]) == (500, "internal_error")
    assert heard.header("x-should-retry") == "false"
    assert UPSTREAM_KEY not in heard.body.decode() + caplog.text
    assert [moment.outcome for moment in w.moments.replies] == ["error"]


def duplicates(*members: tuple[str, Any]) -> bytes:
    return b"{" + b",".join(f'"{key}":{json.dumps(value)}'.encode() for key, value in members) + b"}"


MESSAGES: Final = ("messages", [{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    "members",
    [
        (("model", "lab/cheap"), MESSAGES, ("model", "lab/strong")),
        (("mod\\u0065l", "lab/cheap"), MESSAGES, ("model", "lab/strong")),
        (("model", "lab/cheap"), MESSAGES, ("\\u006dodel", "lab/strong")),
    ],
)
async def test_of_duplicate_keys_one_is_decided_on_and_the_same_is_sent(members: Sequence[tuple[str, Any]]) -> None:
    w = world()
    heard = await call(w.app, "POST", "/v1/chat/completions", duplicates(*members))
    assert heard.header("x-fairlead-model") == "lab/strong"
    (received,) = w.transports["one"].received
    pairs = json.loads(received.body, object_pairs_hook=list)
    assert sorted(key for key, _ in pairs) == ["messages", "model"], "each key once"
    assert b"lab/cheap" not in received.body


async def test_a_second_stream_member_cannot_hide_a_stream() -> None:
    w = world({name: [stream()] for name in ("one", "two", "three")})
    body = duplicates(("model", "auto"), ("stream", False), MESSAGES, ("stre\\u0061m", True))
    heard = await call(w.app, "POST", "/v1/chat/completions", body)
    assert heard.header("content-type") == "text/event-stream; charset=utf-8"


async def test_options_hidden_by_escapes_are_read_and_removed() -> None:
    w = world()
    body = duplicates(("model", "auto"), MESSAGES, ("f\\u0061irlead", {"allowed_models": ["lab/cheap"]}))
    heard = await call(w.app, "POST", "/v1/chat/completions", body)
    assert heard.header("x-fairlead-model") == "lab/cheap"
    assert set(w.bodies("two")[0]) == {"model", "messages"}
