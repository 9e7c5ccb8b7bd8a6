"""A client of each door: writes a request of a scene and reads what comes back, without Fairlead's own readers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.matrix.scenes import IMAGE, Scene

TOOLS: Final = (("get_weather", "Weather of a city"), ("get_time", "Time of a zone"))
PARAMETERS: Final = {"type": "object", "properties": {"city": {"type": "string"}, "zone": {"type": "string"}}}
ANSWER: Final = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["answer", "why"],
    "additionalProperties": False,
}


@dataclass
class Heard:
    """What a client makes of an answer."""

    status: int
    headers: Mapping[str, str]
    text: str = ""
    thoughts: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    """Place -> id, name, arguments."""
    finish: str | None = None
    """In OpenAI's words."""
    usage: tuple[int, int] | None = None
    error: str | None = None
    has_ended: bool = False
    """The format's last event was there (streams only)."""

    def made_calls(self) -> list[tuple[str, str, Any]]:
        return [(i, name, json.loads(arguments)) for i, name, arguments in self.calls.values()]


class Client(NamedTuple):
    """One door's client."""

    path: str
    body: Callable[[str, Scene, bool], dict[str, Any]]
    read_whole: Callable[[Heard, dict[str, Any]], None]
    read_event: Callable[[Heard, str, str], None]
    """Heard, the event's name and its data."""


# --- OpenAI chat completions


def chat_body(model: str, scene: Scene, is_streaming: bool) -> dict[str, Any]:
    content: Any = f"Hello. {scene.marker()}"
    if "image" in (scene.kind, scene.content):
        url = {"url": f"data:image/png;base64,{IMAGE}"}
        content = [{"type": "text", "text": content}, {"type": "image_url", "image_url": url}]
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": content}]}
    if "tools" in (scene.kind, scene.content):
        body["tools"] = [
            {"type": "function", "function": {"name": name, "description": about, "parameters": PARAMETERS}}
            for name, about in TOOLS
        ]
    if "structured" in (scene.kind, scene.content):
        schema = {"name": "answer", "schema": ANSWER, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if "reasoning" in (scene.kind, scene.content):
        body["reasoning_effort"] = "low"
    if is_streaming:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def chat_whole(heard: Heard, value: dict[str, Any]) -> None:
    if "error" in value:
        heard.error = value["error"]["message"]
        return
    (choice,) = value["choices"]
    message = choice["message"]
    heard.text = message["content"] or ""
    heard.thoughts = message.get("reasoning_content") or ""
    for place, call in enumerate(message.get("tool_calls") or ()):
        heard.calls[place] = [call["id"], call["function"]["name"], call["function"]["arguments"]]
    heard.finish = choice["finish_reason"]
    if value["usage"]:
        heard.usage = (value["usage"]["prompt_tokens"], value["usage"]["completion_tokens"])
    heard.has_ended = True


def chat_event(heard: Heard, _name: str, data: str) -> None:
    if data == "[DONE]":
        heard.has_ended = True
        return
    value = json.loads(data)
    if "error" in value:
        heard.error = value["error"]["message"]
        return
    if value.get("usage"):
        heard.usage = (value["usage"]["prompt_tokens"], value["usage"]["completion_tokens"])
    for choice in value.get("choices", ()):  # an event of a newer version may have none
        delta = choice["delta"]
        heard.text += delta.get("content") or ""
        heard.thoughts += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls") or ():
            kept = heard.calls.setdefault(call["index"], ["", "", ""])
            kept[0] = call.get("id") or kept[0]
            kept[1] = call["function"].get("name") or kept[1]
            kept[2] += call["function"].get("arguments") or ""
        heard.finish = choice.get("finish_reason") or heard.finish


# --- OpenAI Responses


def responses_body(model: str, scene: Scene, is_streaming: bool) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "input_text", "text": f"Hello. {scene.marker()}"}]
    if "image" in (scene.kind, scene.content):
        content.append({"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}", "detail": "auto"})
    body: dict[str, Any] = {
        "model": model,
        "input": [{"type": "message", "role": "user", "content": content}],
        "store": False,
    }
    if "tools" in (scene.kind, scene.content):
        body["tools"] = [
            {"type": "function", "name": name, "description": about, "parameters": PARAMETERS, "strict": False}
            for name, about in TOOLS
        ]
    if "structured" in (scene.kind, scene.content):
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER, "strict": True}}
    if "reasoning" in (scene.kind, scene.content):
        body["reasoning"] = {"effort": "low", "summary": "auto"}
        body["include"] = ["reasoning.encrypted_content"]
    if is_streaming:
        body["stream"] = True
    return body


def responses_whole(heard: Heard, value: dict[str, Any]) -> None:
    if value.get("error"):
        heard.error = value["error"]["message"]
        return
    for item in value["output"]:
        if item["type"] == "message":
            heard.text += "".join(part["text"] for part in item["content"] if part["type"] == "output_text")
        elif item["type"] == "function_call":
            heard.calls[len(heard.calls)] = [item["call_id"], item["name"], item["arguments"]]
        elif item["type"] == "reasoning":
            said = [*item.get("summary", ()), *(item.get("content") or ())]
            heard.thoughts += "".join(part["text"] for part in said)
    heard.finish = {"completed": "tool_calls" if heard.calls else "stop", "incomplete": "length"}.get(value["status"])
    if value.get("usage"):
        heard.usage = (value["usage"]["input_tokens"], value["usage"]["output_tokens"])
    heard.has_ended = True


def responses_event(heard: Heard, name: str, data: str) -> None:
    value = json.loads(data)
    kind = value["type"]
    assert not name or name == kind
    if kind == "response.output_text.delta":
        heard.text += value["delta"]
    elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
        heard.thoughts += value["delta"]
    elif kind == "response.output_item.added" and value["item"]["type"] == "function_call":
        heard.calls[value["output_index"]] = [value["item"]["call_id"], value["item"]["name"], ""]
    elif kind == "response.function_call_arguments.delta":
        heard.calls[value["output_index"]][2] += value["delta"]
    elif kind in ("response.completed", "response.incomplete"):
        whole = Heard(200, {})
        responses_whole(whole, value["response"])
        assert (whole.text, whole.made_calls()) == (heard.text, heard.made_calls()), "the end differs from the deltas"
        heard.finish, heard.usage, heard.has_ended = whole.finish, whole.usage, True
    elif kind == "response.failed":
        heard.error = value["response"]["error"]["message"]
    elif kind == "error":
        heard.error = value["message"]


# --- Anthropic Messages

_STOPS: Final = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def messages_body(model: str, scene: Scene, is_streaming: bool) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": f"Hello. {scene.marker()}"}]
    if "image" in (scene.kind, scene.content):
        content.append({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}})
    body: dict[str, Any] = {"model": model, "max_tokens": 2048, "messages": [{"role": "user", "content": content}]}
    if "tools" in (scene.kind, scene.content):
        body["tools"] = [{"name": name, "description": about, "input_schema": PARAMETERS} for name, about in TOOLS]
    if "structured" in (scene.kind, scene.content):
        body["output_config"] = {"format": {"type": "json_schema", "schema": ANSWER}}
    if "reasoning" in (scene.kind, scene.content):
        body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if is_streaming:
        body["stream"] = True
    return body


def messages_whole(heard: Heard, value: dict[str, Any]) -> None:
    if value["type"] == "error":
        heard.error = value["error"]["message"]
        return
    for block in value["content"]:
        if block["type"] == "text":
            heard.text += block["text"]
        elif block["type"] == "tool_use":
            heard.calls[len(heard.calls)] = [block["id"], block["name"], json.dumps(block["input"])]
        elif block["type"] == "thinking":
            heard.thoughts += block["thinking"]
    heard.finish = _STOPS.get(value["stop_reason"])
    heard.usage = (value["usage"]["input_tokens"], value["usage"]["output_tokens"])
    heard.has_ended = True


def messages_event(heard: Heard, name: str, data: str) -> None:
    value = json.loads(data)
    kind = value["type"]
    assert name == kind
    if kind == "error":
        heard.error = value["error"]["message"]
    elif kind == "content_block_start" and value["content_block"]["type"] == "tool_use":
        heard.calls[value["index"]] = [value["content_block"]["id"], value["content_block"]["name"], ""]
    elif kind == "content_block_delta":
        delta = value["delta"]
        heard.text += delta.get("text", "")
        heard.thoughts += delta.get("thinking", "")
        if delta["type"] == "input_json_delta":
            heard.calls[value["index"]][2] += delta["partial_json"]
    elif kind == "message_delta":
        heard.finish = _STOPS.get(value["delta"]["stop_reason"])
        usage = value["usage"]
        heard.usage = (usage.get("input_tokens") or (heard.usage or (0, 0))[0], usage["output_tokens"])
    elif kind == "message_start":
        heard.usage = (value["message"]["usage"]["input_tokens"], 0)
    elif kind == "message_stop":
        heard.has_ended = True


CLIENTS: Final[Mapping[str, Client]] = {
    "chat": Client("/v1/chat/completions", chat_body, chat_whole, chat_event),
    "responses": Client("/v1/responses", responses_body, responses_whole, responses_event),
    "messages": Client("/v1/messages", messages_body, messages_whole, messages_event),
}


def read_stream(client: Client, heard: Heard, body: bytes) -> None:
    """Read a stream's events into what was heard."""
    for block in body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        name = data = ""
        for line in block.split("\n"):
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
        if data:
            client.read_event(heard, name, data)
