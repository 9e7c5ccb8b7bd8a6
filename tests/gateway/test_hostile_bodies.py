"""Bodies that no honest client sends: each gets a clear 4xx or goes through; never a 500, a hang, or a heap."""

import asyncio
import gc
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers.asgi_caller import Heard, call, chat
from tests.peers.worlds import STRONG, World, changed, stream, whole, world

OPEN = b'{"model":"auto","messages":[{"role":"user","content":"x"}],'
PATHS = ("/v1/chat/completions", "/v1/route", "/v1/embeddings")

MALFORMED = {
    "nothing": b"",
    "half an object": b'{"model":"auto","messages":[{"role":"us',
    "an array": b"[]",
    "a number": b"7",
    "a text": b'"auto"',
    "null": b"null",
    "two objects": b"{}{}",
    "NaN": OPEN + b'"temperature":NaN}',
    "Infinity": OPEN + b'"temperature":-Infinity}',
    "a lone surrogate in the name": b'{"model":"\\ud800","messages":[]}',
    "a lone surrogate in the text": b'{"model":"auto","messages":[{"role":"user","content":"\\udfff"}]}',
    "invalid UTF-8": b'{"model":"auto","messages":[{"role":"user","content":"\xff"}]}',
    "invalid UTF-8 that nobody reads": OPEN + b'"user":"\xc3"}',
    "an overlong NUL": OPEN + b'"user":"\xc0\x80"}',
    "UTF-16": OPEN.decode().encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf" + OPEN + b'"n":1}',
    "a raw control character": OPEN + b'"user":"a\x00b"}',
    "a trailing comma": OPEN + b"}",
    "single quotes": b"{'model':'auto'}",
    "a comment": b'/* x */ {"model":"auto"}',
    "100,000 arrays": OPEN + b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 objects": OPEN + b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "100,000 open arrays": b"[" * 100_000,
    "a deep content": b'{"model":"auto","messages":[{"role":"user","content":'
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}]}",
    "deep options": OPEN + b'"fairlead":' + b'{"weights":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "deep tools": OPEN + b'"tools":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "form data": b"model=auto&messages=x",
    "a gzip": b"\x1f\x8b\x08\x00\x00",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_a_400_in_shape_that_quotes_nothing(name: str, path: str) -> None:
    w = world()
    heard = await call(w.app, "POST", path, MALFORMED[name])
    assert heard.status == 400
    assert heard.error["type"] == "invalid_request_error"
    assert len(heard.body) < 600
    assert w.n_calls == 0


async def test_fifty_megabytes_are_413_by_length_and_by_count() -> None:
    w = world()
    heard = await call(w.app, "POST", PATHS[0], headers=[(b"content-length", b"50000000")])
    assert (heard.status, heard.error["code"]) == (413, "body_too_large")
    heard = await call(w.app, "POST", PATHS[0], pieces=[b"x" * 1_000_000] * 50)
    assert (heard.status, heard.error["code"]) == (413, "body_too_large")


async def test_a_compressed_body_is_refused_before_it_is_read() -> None:
    heard = await call(world().app, "POST", PATHS[0], b"x", headers=[(b"content-encoding", b"gzip")])
    assert heard.status == 400


FIELDS = (
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "tools",
    "functions",
    "response_format",
    "reasoning_effort",
    "reasoning",
    "models",
    "provider",
    "fairlead",
    "temperature",
    "user",
    "input",
)
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400]),
    st.floats(allow_nan=True, allow_infinity=True),
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=6)
    | st.sampled_from(["auto", "text", "a\r\nb", "\0", "*", "[", "user"])
)
KEYS = st.sampled_from(
    ("role", "content", "type", "text", "weights", "quality", "max_price", "prompt", "order", "include_usage",
     "min_quality", "max_cost_usd", "region", "allowed_models", "image_url", "tool_calls", "index")
) | st.text(max_size=4)  # fmt: skip
ANY_JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=10
)
SOUND: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "input": "x"}


def check_shape(w: World, heard: Heard) -> None:
    assert heard.is_complete
    assert heard.status in (200, 400, 404), (heard.status, heard.body)
    if heard.status != 200:
        assert w.n_calls == 0
        error = heard.error
        assert error["type"] == "invalid_request_error"
        assert len(heard.body) < 3_000
    for _, value in heard.headers:
        assert value.isprintable()


def ask(path: str, body: Any) -> None:
    scenes = {name: [stream() if isinstance(body, dict) and body.get("stream") is True else whole()]
              for name in ("one", "two", "three")}  # fmt: skip
    w = world(scenes)
    data = json.dumps(body, allow_nan=True).encode("utf-8", "surrogatepass")
    check_shape(w, asyncio.run(call(w.app, "POST", path, data)))


@settings(max_examples=120)
@given(st.sampled_from(PATHS[:2]), st.sampled_from(FIELDS), ANY_JSON)
def test_any_value_of_any_field_is_refused_in_shape_or_goes_through(path: str, field: str, value: Any) -> None:
    ask(path, SOUND | {field: value})


@settings(max_examples=60)
@given(st.sampled_from(PATHS[:2]), st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=6))
def test_any_members_together_too(path: str, members: dict[str, Any]) -> None:
    ask(path, SOUND | members)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_shape(data: bytes) -> None:
    w = world()
    heard = asyncio.run(call(w.app, "POST", PATHS[0], data))
    assert heard.status == 400
    check_shape(w, heard)


@pytest.mark.parametrize("value", [10**30, 10**400, -(10**400), 2**63, 2**64, 1e300, True, "7", [], {}])
@pytest.mark.parametrize("field", ["n", "max_tokens", "max_completion_tokens"])
async def test_numbers_beyond_reason_are_refused_or_go_through(field: str, value: Any) -> None:
    w = world()
    check_shape(w, await chat(w.app, **{field: value}))


@pytest.mark.parametrize(
    "name", ["a\r\nset-cookie: x", "a\0b", "\u2028", "../../x", "auto\r\n", "\x1b[31m", "lab/strong\n"]
)
async def test_control_characters_in_a_name_reach_no_header_and_no_upstream(name: str) -> None:
    w = world()
    for path, body in ((PATHS[0], SOUND), (PATHS[1], SOUND), (PATHS[2], SOUND)):
        heard = await call(w.app, "POST", path, body | {"model": name})
        assert heard.status == 404
        check_shape(w, heard)
    check_shape(w, await chat(w.app, models=[name], provider={"order": [name]}))


async def test_memory_stays_flat_over_two_thousand_bad_requests() -> None:
    w = changed(world(arms=[STRONG]), observers=())  # the keeper of moments would be the one that grows
    bad = [body for name, body in MALFORMED.items() if "100,000" not in name and "deep" not in name]
    bad += [json.dumps(SOUND | {"model": f"nobody-{number}" * 20}).encode() for number in range(20)]
    bad += [json.dumps(SOUND | {"fairlead": {f"option{number}": 1}}).encode() for number in range(20)]

    async def storm(n: int) -> None:
        for number in range(n):
            await call(w.app, "POST", PATHS[number % 3], bad[number % len(bad)])
            await asyncio.sleep(0)  # the loop must turn, or its own finished timers pile up

    await storm(300)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await storm(2_000)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 300_000
