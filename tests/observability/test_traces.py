"""Traces, told to a real collector on loopback: who called whom, for how long, and not a word of what was said."""

import asyncio
import importlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import pytest

from fairlead.assembly.services import assemble
from fairlead.assembly.tracing import traced
from fairlead.domain.errors import ConfigError
from fairlead.domain.names import UpstreamName
from fairlead.domain.secrets import Secret
from fairlead.gateway.asgi import LINE, Receive, Scope, Send
from fairlead.gateway.routes.table import build_app
from fairlead.observability.trace_attributes import Address
from fairlead.observability.trace_kit import open_kit
from fairlead.observability.traces import Traces
from fairlead.providers.scripted import Scene
from fairlead.settings.settings import Settings, parse
from tests.conftest import CANARY
from tests.peers.asgi_caller import call, chat
from tests.peers.otlp_collector import Collector, Span, collecting
from tests.peers.paced import Paced
from tests.peers.worlds import (
    EMBED,
    STRONG,
    STRONG_ELSEWHERE,
    World,
    changed,
    refusal,
    reply_body,
    stream,
    whole,
    world,
)

SERVER, CLIENT = 2, 3
"""Kinds of spans, as OTLP numbers them."""
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TOLD = [(b"traceparent", f"00-{TRACE}-{PARENT}-01".encode()), (b"tracestate", b"vendor=1")]


class Told:
    """The traces of one world and what the collector has of them."""

    def __init__(self, collector: Collector, traces: Traces, fates: Counter[str]) -> None:
        self.collector = collector
        self.traces = traces
        self.fates = fates

    def around(self, w: World) -> World:
        """The same world, traced."""
        return changed(w, tracing=self.traces, observers=(w.moments, self.traces))

    def spans(self) -> tuple[list[Span], list[Span]]:
        """Of servers and of clients, in the order of their beginnings; nothing more is sent after this."""
        self.traces.close()
        found = self.collector.spans()
        return [each for each in found if each.kind == SERVER], [each for each in found if each.kind == CLIENT]


@contextmanager
def told(*, share: float = 1.0, passes_on: bool = True, status: int = 200) -> Iterator[Told]:
    with collecting(status) as collector:
        fates: Counter[str] = Counter()
        kit = open_kit(
            collector.url, {"x-key": Secret(f"{CANARY}-collector")}, share=share, service="front", version="1",
            count=lambda fate, n: fates.update({fate: n}),
        )  # fmt: skip
        addresses = {UpstreamName("one"): Address("127.0.0.1", 1)}
        traces = Traces(kit, addresses, lambda: 1_700_000_000.0, passes_on=passes_on)
        try:
            yield Told(collector, traces, fates)
        finally:
            traces.close()


async def test_a_request_is_a_server_span_and_its_call_a_client_span_below_it() -> None:
    with told() as t:
        w = t.around(world({"one": [whole("a secret answer")]}, arms=(STRONG,)))
        heard = await chat(w.app, messages=[{"role": "user", "content": "a secret question"}])
        (server,), (client,) = t.spans()
    assert (server.name, client.name) == ("POST /v1/chat/completions", "chat lab/strong")
    assert client.trace_id == server.trace_id and client.parent_id == server.span_id and server.parent_id == ""
    assert not server.is_error and not client.is_error
    assert server.attributes == {
        "http.request.method": "POST", "http.route": "/v1/chat/completions", "http.response.status_code": 200,
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "auto",
        "fairlead.decision_id": heard.header("x-fairlead-decision-id"), "fairlead.policy": "auto",
        "fairlead.reason": "only_candidate", "fairlead.outcome": "ok", "fairlead.tenant": "default",
        "fairlead.model": "lab/strong", "fairlead.upstream": "one", "fairlead.attempts": 1,
        "fairlead.cost_usd": pytest.approx(0.00015), "fairlead.overhead_s": 0.0,
    }  # fmt: skip
    assert client.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "alpha", "gen_ai.request.model": "lab/strong",
        "gen_ai.response.model": "served-name", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1", "server.port": 1, "fairlead.model": "lab/strong", "fairlead.upstream": "one",
        "fairlead.attempt": 1, "fairlead.outcome": "ok", "fairlead.cost_usd": pytest.approx(0.00015),
    }  # fmt: skip
    assert t.collector.resource()["service.name"] == "front"
    assert t.fates == {"exported": 2}
    sent = b"".join(t.collector.bodies)
    assert b"secret" not in sent and CANARY.encode() not in sent
    assert t.collector.headers[0]["x-key"].startswith(CANARY), "the collector's own key goes to it alone"


async def test_cached_written_and_reasoning_tokens_have_their_names_and_count_as_input_and_output() -> None:
    usage = {
        "prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 80},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    with told() as t:
        scene = Scene.of(reply_body(usage=usage))
        await chat(t.around(world({"one": [scene]}, arms=(STRONG,))).app)
        _, (client,) = t.spans()
    found = {name: value for name, value in client.attributes.items() if name.startswith("gen_ai.usage")}
    assert found == {
        "gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 80,
        "gen_ai.usage.output_tokens": 50, "gen_ai.usage.reasoning.output_tokens": 30,
    }  # fmt: skip


async def test_a_stream_says_so_and_when_its_first_piece_came() -> None:
    with told() as t:
        await chat(t.around(world({"one": [stream()]}, arms=(STRONG,))).app, stream=True)
        _, (client,) = t.spans()
    assert client.attributes["gen_ai.request.stream"] is True
    assert client.attributes["gen_ai.response.time_to_first_chunk"] == 0.0
    assert client.attributes["gen_ai.response.model"] == "served-name"


async def test_each_attempt_has_a_span_and_a_failed_one_is_an_error() -> None:
    with told() as t:
        w = t.around(world({"one": [refusal(503)], "two": [whole()]}, arms=(STRONG, STRONG_ELSEWHERE)))
        assert (await chat(w.app)).status == 200
        (server,), clients = t.spans()
    failed, served = sorted(clients, key=lambda span: span.attributes["fairlead.attempt"])
    assert (failed.is_error, failed.attributes["error.type"], failed.attributes["fairlead.upstream"]) == (
        True, "503", "one",
    )  # fmt: skip
    assert (served.is_error, served.attributes["fairlead.upstream"]) == (False, "two")
    assert {failed.parent_id, served.parent_id} == {server.span_id}
    assert not server.is_error and server.attributes["fairlead.attempts"] == 2


async def test_a_request_that_fails_is_an_error_and_one_that_is_refused_is_not() -> None:
    with told() as t:
        w = t.around(world({"one": [refusal(401)]}, arms=(STRONG,)))
        assert (await chat(w.app)).status == 502
        assert (await chat(w.app, model="nobody/x")).status == 404
        (failed, refused), _ = t.spans()
    assert failed.is_error and failed.attributes["http.response.status_code"] == 502
    assert failed.attributes["error.type"] == "upstream_rejected"
    assert not refused.is_error and refused.attributes["error.type"] == "model_not_found"


async def test_the_trace_of_a_client_goes_on_and_upstreams_are_told_of_it() -> None:
    with told() as t:
        peer = Paced()
        w = t.around(world(arms=(STRONG,), upstreams={UpstreamName("one"): peer}))
        task = asyncio.ensure_future(call(w.app, "POST", "/v1/chat/completions",
                                          {"model": "auto", "messages": [{"role": "user", "content": "x"}]},
                                          headers=TOLD))  # fmt: skip
        paced = await peer.next_call()
        paced.say(reply_body(), b"")
        await asyncio.wait_for(task, 10)
        (server,), (client,) = t.spans()
    assert (server.trace_id, server.parent_id) == (TRACE, PARENT)
    passed = dict(paced.call.headers)
    assert passed[b"traceparent"] == f"00-{TRACE}-{client.span_id}-01".encode()
    assert passed[b"tracestate"] == b"vendor=1"


async def test_upstreams_are_told_nothing_where_the_operator_says_so() -> None:
    with told(passes_on=False) as t:
        w = t.around(world(arms=(STRONG,)))
        await chat(w.app)
        (received,) = w.transports["one"].received
        assert "traceparent" not in received.headers


@pytest.mark.parametrize(
    "header", [b"", b"\xff" * 50, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"x" * 60_000, b"00-1-2-3"]
)
async def test_a_malformed_traceparent_begins_a_trace_of_its_own(header: bytes) -> None:
    with told() as t:
        w = t.around(world(arms=(STRONG,)))
        body = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}
        told_ = [(b"traceparent", header), (b"tracestate", header)]
        assert (await call(w.app, "POST", "/v1/chat/completions", body, headers=told_)).status == 200
        (server,), _ = t.spans()
    assert server.parent_id == "" and len(server.trace_id) == 32


async def test_what_is_not_sampled_is_not_sent_and_upstreams_hear_that() -> None:
    with told(share=0.0) as t:
        w = t.around(world(arms=(STRONG,)))
        await chat(w.app)
        (received,) = w.transports["one"].received
        assert t.spans() == ([], [])
    assert not int(received.headers["traceparent"][-2:], 16) & 1, "the flag that says: sampled"


async def test_embeddings_are_named_so() -> None:
    with told() as t:
        vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = json.dumps({"object": "list", "data": [vector], "model": "m", "usage": usage}).encode()
        w = t.around(world({"one": [Scene.of(body)]}, arms=(EMBED,)))
        await call(w.app, "POST", "/v1/embeddings", {"model": "lab/embed", "input": "x"})
        (server,), (client,) = t.spans()
    assert (server.name, client.name) == ("POST /v1/embeddings", "embeddings lab/embed")


async def test_a_collector_that_refuses_costs_the_spans_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with told(status=400) as t, caplog.at_level(logging.WARNING, logger="fairlead.traces"):
        w = t.around(world(arms=(STRONG,)))
        for _ in range(600):  # more than one batch
            assert (await chat(w.app)).status == 200
        t.traces.close()
        assert t.fates["failed"] == 1_200
    said = [record.getMessage() for record in caplog.records if record.name == "fairlead.traces"]
    assert said == ["no traces reach the collector: they are lost"]


async def test_a_collector_that_never_answers_holds_no_request() -> None:
    with told() as t:
        t.collector.answers.clear()
        w = t.around(world(arms=(STRONG,)))
        for _ in range(600):
            assert (await chat(w.app)).status == 200
        t.collector.answers.set()
        servers, clients = t.spans()
    assert (len(servers), len(clients)) == (600, 600)


def without_otel(name: str) -> Any:
    """How names are imported where the extra is not installed."""
    if name.startswith("opentelemetry"):
        raise ImportError(name)
    return importlib.import_module(name)


async def test_a_configuration_is_traced_and_one_without_the_extra_is_refused_in_words() -> None:
    with collecting() as collector:
        settings = parse(f"traces: {{endpoint: '{collector.url}', headers: {{X-Key: abc}}}}", {})
        plain = await assemble(settings, {}, is_demo=True)
        with pytest.raises(ConfigError, match=r"pip install 'fairlead\[otel\]'"):
            traced(plain, load=without_otel)
        assembly = traced(plain)
        assert (await chat(build_app(assembly.services))).status == 200
        again = traced(await assemble(settings, {}, is_demo=True, before=assembly), assembly)
        assert again.services.tracing is again.traces and again.traces in again.services.observers
        assert again.traces is not None
        again.traces.close()
        assert [span.kind for span in collector.spans()] == [CLIENT, SERVER]
        assert b"fairlead_spans_total" in assembly.metrics.page()[0]
    assert "abc" not in repr(settings)


async def test_a_new_configuration_moves_no_address_of_the_one_that_is_still_in_force() -> None:
    def at(port: int) -> Settings:
        upstream = f"upstreams: {{up: {{base_url: 'http://127.0.0.1:{port}/v1', models: [some-model]}}}}"
        return parse(f"traces: {{endpoint: '{collector.url}'}}\n{upstream}", {})

    with collecting() as collector:
        old = traced(await assemble(at(1), {}))
        new = traced(await assemble(at(2), {}, before=old), old)
        for assembly in (old, new):  # nobody listens at these ports
            assert (await chat(build_app(assembly.services), model="some-model")).status >= 500
        assert new.traces is not None
        new.traces.close()
        calls = [span for span in collector.spans() if span.kind == CLIENT]
    assert [port for port, _ in groupby(call.attributes["server.port"] for call in calls)] == [1, 2]


async def test_without_the_section_nothing_is_traced() -> None:
    assembly = traced(await assemble(parse("", {}), {}, is_demo=True), load=without_otel)
    assert assembly.traces is None and assembly.services.tracing is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("traces: {}", "traces.endpoint: this key is missing"),
        ("traces: {endpoint: 'ftp://x'}", "traces.endpoint"),
        ("traces: {endpoint: 'http://x', share: 2}", "traces.share: must be at most 1"),
        ("traces: {endpoint: 'http://x', sample: 2}", "traces.sample: unknown key"),
        ("traces: {endpoint: 'http://x', headers: {'a b': c}}", "a header is a plain name"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, {})
    assert said in refused.value.message


def test_a_collectors_key_does_not_name_a_configuration() -> None:
    texts = ("one", "two")
    assert len({parse(f"traces: {{endpoint: 'http://x', headers: {{k: {text}}}}}", {}).version for text in texts}) == 1


async def test_a_client_that_has_left_before_its_request_begins_leaves_nothing_running() -> None:
    class Lost:
        is_lost = True
        on_hang_up = None

        def whole_body(self) -> None:
            """It takes no short way here."""

        def answer(self, *_: Any) -> bool:
            return False

    begun: list[str] = []

    class Recorder:
        def begins(self, decision_id: str, *_: Any, **__: Any) -> None:
            begun.append(decision_id)

        def calls(self, *_: Any) -> tuple[()]:
            return ()

    w = changed(world(arms=(STRONG,)), tracing=Recorder())
    ask = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}

    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        await w.app(dict(scope) | {"extensions": {LINE: Lost()}}, receive, send)

    await call(left, "POST", "/v1/chat/completions", ask)

    assert begun == []
