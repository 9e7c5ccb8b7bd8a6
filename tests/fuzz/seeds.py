"""What fuzzing begins with: sound requests, replies, streams, options and configurations, all written by us."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from fairlead.gateway.work import DOORS
from fairlead.wire.format import AskedRequest
from tests.matrix.clients import CLIENTS
from tests.matrix.scenes import GARBAGE, GOOD, Scene
from tests.matrix.upstreams import SCRIPTS

FOUND: Final = Path(__file__).with_name("found")
"""Below it, by target, the bytes of what fuzzing and reading have found; in git, so that it stays mended."""
STREAMING_DOORS: Final = tuple(CLIENTS)
_UNCUT: Final = b"\x40\x80\xc0\xff"
_OURS: Final[tuple[dict[str, Any], ...]] = (
    {"fairlead": {"weights": {"quality": 1, "cost": 0.5, "speed": 0}, "max_cost_usd": 0.1, "min_quality": 0.5}},
    {"fairlead": {"allowed_models": ["a/*"], "excluded_models": ["b"], "region": ["eu"], "session_affinity": "off"}},
    {"provider": {"order": ["a"], "only": ["b"], "ignore": ["c"], "max_price": {"prompt": 1, "completion": 2}}},
    {"provider": {"sort": "price", "require_parameters": True, "data_collection": "deny", "zdr": True}},
    {"models": ["a/b", "c/d"]},
)
_MORE: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "chat": (
        {
            "model": "auto", "max_tokens": 5, "temperature": 0.5, "top_p": 1, "stop": ["a"], "seed": 1, "n": 2,
            "logprobs": True, "top_logprobs": 2, "user": "u", "parallel_tool_calls": False,
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [
                    {"type": "text", "text": "t"},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
                ]},
                {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "42"},
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        },
    ),
    "responses": (
        {
            "model": "auto", "instructions": "i", "max_output_tokens": 5, "tool_choice": "required", "store": False,
            "input": [
                {"role": "user", "content": "x"},
                {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "AA=="},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "42"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "y"}]},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
        },
        {"model": "auto", "input": "hello", "text": {"format": {"type": "json_object"}}},
    ),
    "messages": (
        {
            "model": "auto", "max_tokens": 5, "stop_sequences": ["a"], "temperature": 1, "top_k": 3, "top_p": 0.5,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "metadata": {"user_id": "u"}, "tool_choice": {"type": "tool", "name": "f"},
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "t"},
                    {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "h", "signature": "AA=="},
                    {"type": "redacted_thinking", "data": "AA=="},
                    {"type": "tool_use", "id": "c", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "42", "is_error": False}]},
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        },
    ),
    "embeddings": ({"model": "lab/embed", "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64"},),
}  # fmt: skip
_CONFIGS: Final = (
    "server: {host: 127.0.0.1, port: 8484, heartbeat_s: 5}\npreferences: {default: cost}\n",
    """\
discover: false
upstreams:
  one:
    provider: openai
    api_key: ${KEY}
    timeouts: {connect_s: 1, first_byte_s: 2}
    models: [openai/gpt-4o, {name: x, model: openai/gpt-4o-mini, prices: {input: 1, output: 2}}]
  two:
    base_url: http://127.0.0.1:1/v1
    formats: [anthropic_messages]
    headers: {x-a: b}
""",
    "presets:\n  mine:\n    weights: {quality: 1}\n    limits: {max_cost_usd: 0.1}\n    candidates: ['openai/*']\n",
    "limits: {deadline_s: 10, hedge: {after_s: 1, max_share: 0.1}}\ncache: {ttl_s: 5}\nlog: {requests: true}\n",
    "keys: [{name: a, sha256: " + "0" * 64 + ", may: [chat, read]}]\n",
    "a: &a [1, 2]\nb: *a\n? [c]\n: !!str d\n...\n---\n- e\n",
)


def _scene(kind: str) -> Scene:
    return Scene(kind)


def requests(label: str) -> list[bytes]:
    """Sound bodies at a door."""
    values: list[dict[str, Any]] = [*_MORE[label]]
    if label in CLIENTS:
        values += [CLIENTS[label].body("auto", _scene(kind), kind == "tools") for kind in GOOD]
    values += [values[0] | ours for ours in _OURS]
    return [json.dumps(value, ensure_ascii=False).encode() for value in values]


@cache
def _body(label: str, is_stream: bool) -> bytes:
    return json.dumps(CLIENTS[label].body("auto", _scene("tools"), is_stream)).encode()


def request(label: str, *, is_stream: bool = False) -> AskedRequest:
    """A sound request at a door, read."""
    door = next(way.door for way in DOORS.values() if way.label == label)
    asked = door.read_request(_body(label, is_stream))
    asked.reply_id, asked.created_s = "fl-1", 1
    return asked


def replies(name: str) -> list[bytes]:
    """Whole replies of a format."""
    return [*(SCRIPTS[name].whole(kind) for kind in GOOD), SCRIPTS[name].error(500, "no"), *GARBAGE]


def failures(name: str) -> list[bytes]:
    """Status, header and body of error replies."""
    bodies = [SCRIPTS[name].error(status, "the prompt is too long: context length") for status in (400, 429, 503)]
    return [b"\x1d30  " + body for body in [*bodies, *GARBAGE]]


def streams(name: str) -> list[bytes]:
    """Streams of a format, each with its places to cut at."""
    whole = [b"".join(SCRIPTS[name].events(kind)) for kind in GOOD]
    bad = [SCRIPTS[name].error(500, "no"), b": ping\n\n", b"data: " + SCRIPTS[name].error(500, "no") + b"\n\n"]
    return [*(_UNCUT + said for said in [*whole, *bad]), *found(f"stream-{name}")]


def found(name: str) -> list[bytes]:
    """What once broke a target."""
    return [case.read_bytes() for case in sorted((FOUND / name).glob("*"))]


def options() -> list[bytes]:
    """Bodies with our members."""
    return [json.dumps(ours).encode() for ours in _OURS]


def configs() -> list[bytes]:
    """Configurations."""
    return [text.encode() for text in _CONFIGS]
