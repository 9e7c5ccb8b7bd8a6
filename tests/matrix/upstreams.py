"""What an upstream of each format says in each good scene: whole, and as the events of a stream.

Written by hand from the vendors' documentation, not with Fairlead's own writers: a mistake there must not hide itself.
"""

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tests.matrix.scenes import CALLS, PIECES, SIGNATURE, STRUCTURED, TEXT, THOUGHTS, USAGE

N_IN, N_OUT = USAGE
SERVED: Final = "served-model"
Calls = tuple[tuple[str, str, str], ...]
"""Ids, names and arguments of the calls in the scene `tools`."""


class Script(NamedTuple):
    """One format's side of the upstream."""

    whole: Callable[[str], bytes]
    events: Callable[[str], list[bytes]]
    error: Callable[[int, str], bytes]
    """Status and message -> the body of an error answer."""
    stream_type: str = "text/event-stream"


def _words(content: str) -> tuple[str, ...]:
    return (STRUCTURED[:9], STRUCTURED[9:]) if content == "structured" else PIECES


def _full(content: str) -> str:
    return STRUCTURED if content == "structured" else TEXT


def _data(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _named(value: dict[str, Any]) -> bytes:
    return b"event: " + str(value["type"]).encode() + b"\n" + _data(value)


# --- OpenAI chat completions


def chat_whole(content: str, calls: Calls = CALLS) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": _full(content)}
    finish = "stop"
    if content == "tools":
        finish = "tool_calls"
        message["content"] = None
        message["tool_calls"] = [
            {"id": i, "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, name, arguments in calls
        ]
    if content == "reasoning":
        message["reasoning_content"] = "".join(THOUGHTS)
    usage = {"prompt_tokens": N_IN, "completion_tokens": N_OUT, "total_tokens": N_IN + N_OUT}
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    reply = {"id": "c1", "object": "chat.completion", "created": 1, "model": SERVED, "choices": choices, "usage": usage}
    return json.dumps(reply).encode()


def chat_events(content: str, calls: Calls = CALLS) -> list[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _data(
            {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": SERVED, "choices": [choice]}
        )

    events = [chunk({"role": "assistant", "content": ""})]
    finish = "stop"
    if content == "reasoning":
        events += [chunk({"reasoning_content": piece}) for piece in THOUGHTS]
    if content == "tools":
        finish = "tool_calls"
        for index, (i, name, arguments) in enumerate(calls):
            function = {"name": name, "arguments": ""}
            events.append(chunk({"tool_calls": [{"index": index, "id": i, "type": "function", "function": function}]}))
            for piece in (arguments[:5], arguments[5:]):
                events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    else:
        events += [chunk({"content": piece}) for piece in _words(content)]
    usage = {"prompt_tokens": N_IN, "completion_tokens": N_OUT, "total_tokens": N_IN + N_OUT}
    last = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": SERVED, "choices": [], "usage": usage}
    return [*events, chunk({}, finish), _data(last), b"data: [DONE]\n\n"]


def chat_error(status: int, message: str) -> bytes:
    return json.dumps(
        {"error": {"message": message, "type": "some_error", "param": None, "code": f"e{status}"}}
    ).encode()


# --- OpenAI Responses


def _responses_items(content: str, calls: Calls) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if content == "reasoning":
        summary = [{"type": "summary_text", "text": "".join(THOUGHTS)}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": SIGNATURE})
    if content == "tools":
        for i, name, arguments in calls:
            items.append(
                {"type": "function_call", "id": f"fc_{i}", "call_id": i, "name": name, "arguments": arguments,
                 "status": "completed"}
            )  # fmt: skip
    else:
        part = {"type": "output_text", "text": _full(content), "annotations": [], "logprobs": []}
        items.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    return items


def _response(status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": N_IN,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": N_OUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": N_IN + N_OUT,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": SERVED,
        "output": output,
        "parallel_tool_calls": True,
        "store": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage if status == "completed" else None,
    }


def responses_whole(content: str, calls: Calls = CALLS) -> bytes:
    return json.dumps(_response("completed", _responses_items(content, calls))).encode()


def responses_events(content: str, calls: Calls = CALLS) -> list[bytes]:
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": _response("in_progress", [])},
        {"type": "response.in_progress", "response": _response("in_progress", [])},
    ]
    items = _responses_items(content, calls)
    for index, item in enumerate(items):
        at = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "reasoning":
            events.append(
                {"type": "response.output_item.added", "output_index": index, "item": {**item, "summary": []}}
            )
            part: dict[str, Any] = {"type": "summary_text", "text": ""}
            events.append({"type": "response.reasoning_summary_part.added", **at, "summary_index": 0, "part": part})
            for piece in THOUGHTS:
                events.append(
                    {"type": "response.reasoning_summary_text.delta", **at, "summary_index": 0, "delta": piece}
                )
            events.append(
                {"type": "response.reasoning_summary_text.done", **at, "summary_index": 0, "text": "".join(THOUGHTS)}
            )
        elif item["type"] == "function_call":
            begun = {**item, "arguments": "", "status": "in_progress"}
            events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
            text = item["arguments"]
            for piece in (text[:5], text[5:]):
                events.append({"type": "response.function_call_arguments.delta", **at, "delta": piece})
            events.append({"type": "response.function_call_arguments.done", **at, "arguments": text})
        else:
            begun = {**item, "content": [], "status": "in_progress"}
            events.append({"type": "response.output_item.added", "output_index": index, "item": begun})
            empty = {"type": "output_text", "text": "", "annotations": []}
            events.append({"type": "response.content_part.added", **at, "content_index": 0, "part": empty})
            for piece in _words(content):
                events.append(
                    {"type": "response.output_text.delta", **at, "content_index": 0, "delta": piece, "logprobs": []}
                )
            events.append(
                {"type": "response.output_text.done", **at, "content_index": 0, "text": _full(content), "logprobs": []}
            )
            events.append({"type": "response.content_part.done", **at, "content_index": 0, "part": item["content"][0]})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": _response("completed", items)})
    return [_named({**event, "sequence_number": number}) for number, event in enumerate(events)]


# --- Anthropic Messages


def _messages_blocks(content: str, calls: Calls) -> list[dict[str, Any]]:
    if content == "tools":
        return [
            {"type": "tool_use", "id": i, "name": name, "input": json.loads(arguments)} for i, name, arguments in calls
        ]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": _full(content)}]
    if content == "reasoning":
        blocks.insert(0, {"type": "thinking", "thinking": "".join(THOUGHTS), "signature": SIGNATURE})
    return blocks


def messages_whole(content: str, calls: Calls = CALLS) -> bytes:
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": SERVED,
            "content": _messages_blocks(content, calls),
            "stop_reason": "tool_use" if content == "tools" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": N_IN, "output_tokens": N_OUT},
        }
    ).encode()


def messages_events(content: str, calls: Calls = CALLS) -> list[bytes]:
    message = json.loads(messages_whole(content, calls)) | {"content": [], "stop_reason": None}
    message["usage"] = {"input_tokens": N_IN, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, block in enumerate(_messages_blocks(content, calls)):
        if block["type"] == "tool_use":
            begun, text = {**block, "input": {}}, calls[index][2]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", text[:5], text[5:])]
        elif block["type"] == "thinking":
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in THOUGHTS]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        else:
            begun = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in _words(content)]
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": "tool_use" if content == "tools" else "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": N_OUT}})
    events.append({"type": "message_stop"})
    return [_named(event) for event in events]


def messages_error(status: int, message: str) -> bytes:
    kind = {400: "invalid_request_error", 429: "rate_limit_error"}.get(status, "api_error")
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


# --- Google Gemini


def _gemini(parts: list[dict[str, Any]], finish: str | None, *, counts: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    value: dict[str, Any] = {"candidates": [candidate], "modelVersion": SERVED, "responseId": "g1"}
    if counts:
        value["usageMetadata"] = {
            "promptTokenCount": N_IN,
            "candidatesTokenCount": N_OUT,
            "totalTokenCount": N_IN + N_OUT,
        }
    return value


def _gemini_calls() -> list[dict[str, Any]]:
    return [{"functionCall": {"id": i, "name": name, "args": json.loads(arguments)}} for i, name, arguments in CALLS]


def gemini_whole(content: str) -> bytes:
    parts: list[dict[str, Any]] = _gemini_calls() if content == "tools" else [{"text": _full(content)}]
    if content == "reasoning":
        parts.insert(0, {"text": "".join(THOUGHTS), "thought": True})
    return json.dumps(_gemini(parts, "STOP", counts=True)).encode()


def gemini_events(content: str) -> list[bytes]:
    pieces: list[list[dict[str, Any]]] = []
    if content == "reasoning":
        pieces += [[{"text": piece, "thought": True}] for piece in THOUGHTS]
    if content == "tools":
        pieces += [[call] for call in _gemini_calls()]
    else:
        pieces += [[{"text": piece}] for piece in _words(content)]
    events = [_data(_gemini(parts, None, counts=False)) for parts in pieces]
    return [*events, _data(_gemini([{"text": ""}], "STOP", counts=True))]


def gemini_error(status: int, message: str) -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "status": "SOME_STATUS"}}).encode()


# --- Amazon Bedrock Converse


def _frame(kind: str, value: dict[str, Any]) -> bytes:
    """One message of application/vnd.amazon.eventstream."""

    def header(name: str, text: str) -> bytes:
        return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()

    headers = (
        header(":event-type", kind) + header(":content-type", "application/json") + header(":message-type", "event")
    )
    payload = json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    return (whole := prelude + headers + payload) + struct.pack(">I", zlib.crc32(whole))


def _bedrock_blocks(content: str) -> list[dict[str, Any]]:
    if content == "tools":
        return [
            {"toolUse": {"toolUseId": i, "name": name, "input": json.loads(arguments)}} for i, name, arguments in CALLS
        ]
    blocks: list[dict[str, Any]] = [{"text": _full(content)}]
    if content == "reasoning":
        blocks.insert(0, {"reasoningContent": {"reasoningText": {"text": "".join(THOUGHTS), "signature": SIGNATURE}}})
    return blocks


def bedrock_whole(content: str) -> bytes:
    return json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": _bedrock_blocks(content)}},
            "stopReason": "tool_use" if content == "tools" else "end_turn",
            "usage": {"inputTokens": N_IN, "outputTokens": N_OUT, "totalTokens": N_IN + N_OUT},
            "metrics": {"latencyMs": 10},
        }
    ).encode()


def bedrock_events(content: str) -> list[bytes]:
    events: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(_bedrock_blocks(content)):
        at = {"contentBlockIndex": index}
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            events.append(("contentBlockStart", {"start": start, **at}))
            text = CALLS[index][2]
            for piece in (text[:5], text[5:]):
                events.append(("contentBlockDelta", {"delta": {"toolUse": {"input": piece}}, **at}))
        elif "reasoningContent" in block:
            for piece in THOUGHTS:
                events.append(("contentBlockDelta", {"delta": {"reasoningContent": {"text": piece}}, **at}))
            events.append(("contentBlockDelta", {"delta": {"reasoningContent": {"signature": SIGNATURE}}, **at}))
        else:
            for piece in _words(content):
                events.append(("contentBlockDelta", {"delta": {"text": piece}, **at}))
        events.append(("contentBlockStop", at))
    events.append(("messageStop", {"stopReason": "tool_use" if content == "tools" else "end_turn"}))
    usage = {"inputTokens": N_IN, "outputTokens": N_OUT, "totalTokens": N_IN + N_OUT}
    events.append(("metadata", {"usage": usage, "metrics": {"latencyMs": 10}}))
    return [_frame(kind, value) for kind, value in events]


def bedrock_error(_status: int, message: str) -> bytes:
    return json.dumps({"message": message}).encode()


SCRIPTS: Final[Mapping[str, Script]] = {
    "openai_chat": Script(chat_whole, chat_events, chat_error),
    "openai_responses": Script(responses_whole, responses_events, chat_error),
    "anthropic_messages": Script(messages_whole, messages_events, messages_error),
    "gemini_generate": Script(gemini_whole, gemini_events, gemini_error),
    "bedrock_converse": Script(
        bedrock_whole, bedrock_events, bedrock_error, stream_type="application/vnd.amazon.eventstream"
    ),
}
