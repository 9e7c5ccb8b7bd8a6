"""The response object that we write: what was asked is echoed, what was given is listed; items of output as JSON."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from fairlead.domain.content import FormatName, ToolKind
from fairlead.domain.envelope import Envelope, seal
from fairlead.domain.events import FinishReason
from fairlead.domain.usage import Usage
from fairlead.wire.lane import Members
from fairlead.wire.openai_responses.tool_names import NO_SPACED_NAMES, SpacedNames
from fairlead.wire.openai_responses.usage import write_usage

Json = dict[str, object]

_NULL: Final = msgspec.Raw(b"null")
_ECHOED: Final[dict[str, msgspec.Raw]] = {
    "instructions": _NULL,
    "max_output_tokens": _NULL,
    "max_tool_calls": _NULL,
    "metadata": msgspec.Raw(b"{}"),
    "parallel_tool_calls": msgspec.Raw(b"true"),
    "previous_response_id": _NULL,
    "prompt_cache_key": _NULL,
    "reasoning": _NULL,
    "safety_identifier": _NULL,
    "temperature": _NULL,
    "text": msgspec.Raw(b'{"format":{"type":"text"}}'),
    "tool_choice": msgspec.Raw(b'"auto"'),
    "tools": msgspec.Raw(b"[]"),
    "top_p": _NULL,
    "truncation": msgspec.Raw(b'"disabled"'),
}
"""Members of the request that its reply repeats, with what stands there when they were not sent."""

_INCOMPLETE: Final[dict[FinishReason, Json]] = {
    "length": {"reason": "max_output_tokens"},
    "content_filter": {"reason": "content_filter"},
    "pause": {},
}
"""A pause has no word here: incomplete, without a reason."""


class ReplyShape(NamedTuple):
    """What the request says of how its reply is to be written."""

    members: Members
    asked: str
    reply_id: str = ""
    created_s: int = 0
    spaced: SpacedNames = NO_SPACED_NAMES

    def ids(self, upstream_id: str) -> "Ids":
        """The ids of this reply: ours if the gateway gave one, else made from the upstream's."""
        kept = "".join([c for c in self.reply_id or upstream_id if c.isascii() and (c.isalnum() or c in "-_")])
        return Ids(kept.removeprefix("resp_") or "0")

    def head(self, ids: "Ids", served: str) -> Json:
        """The response object before there is anything in it."""
        head: Json = {
            "id": ids.response,
            "object": "response",
            "created_at": self.created_s,
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": served or self.asked,
            "output": [],
            "store": bytes(self.members.get("store", _NULL)) != b"false",
        }
        for name, default in _ECHOED.items():
            said = self.members.get(name)
            head[name] = default if said is None or bytes(said) == b"null" else on_one_line(said)
        return head

    def shows_summary(self) -> bool:
        """Whether thoughts are told as a summary: what was asked for, and what Codex sends back to have them go on."""
        reasoning = bytes(self.members.get("reasoning", _NULL))
        return b'"summary"' in reasoning or b'"generate_summary"' in reasoning


class Ids(NamedTuple):
    """The ids of one reply and of the items in it."""

    stem: str

    @property
    def response(self) -> str:
        return f"resp_{self.stem}"

    def item(self, kind: str, place: int) -> str:
        """`kind` is msg, rs, fc or ctc."""
        return f"{kind}_{self.stem}_{place}"


def on_one_line(json: msgspec.Raw) -> msgspec.Raw:
    """The same JSON without line ends, which may only stand between its tokens: an event's data is one line."""
    text = bytes(json)
    if b"\n" in text or b"\r" in text:
        return msgspec.Raw(text.replace(b"\n", b" ").replace(b"\r", b" "))
    return json


def ended(head: Json, finish: FinishReason, output: list[Json], usage: Usage | None) -> Json:
    """The response object of a reply that has its finish."""
    incomplete = _INCOMPLETE.get(finish)
    counted: Json = {"usage": write_usage(usage)} if usage is not None else {}
    return head | {
        "status": "completed" if incomplete is None else "incomplete",
        "incomplete_details": incomplete,
        "output": output,
        **counted,
    }


def item_status(finish: FinishReason) -> str:
    """The status of an item that was open when the reply ended."""
    return "incomplete" if finish in _INCOMPLETE else "completed"


def text_part(text: str, logprobs: bytes | None = None) -> Json:
    """A part of a message: words."""
    told = on_one_line(msgspec.Raw(logprobs)) if logprobs else msgspec.Raw(b"[]")
    return {"type": "output_text", "annotations": [], "logprobs": told, "text": text}


def refusal_part(text: str) -> Json:
    """A part of a message: a refusal."""
    return {"type": "refusal", "refusal": text}


def message_item(item_id: str, status: str, content: list[Json]) -> Json:
    """A message of the model."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def reasoning_item(item_id: str, text: str, *, is_summary: bool, encrypted: str | None) -> Json:
    """Thoughts, as a summary or in the maker's own words, with the sealed blob of their maker."""
    item: Json = {"id": item_id, "type": "reasoning", "summary": []}
    if text and is_summary:
        item["summary"] = [{"type": "summary_text", "text": text}]
    elif text:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    if encrypted is not None:
        item["encrypted_content"] = encrypted
    return item


def sealed(blob: str | None, origin: FormatName | None, item_id: str | None, *, is_redacted: bool) -> str | None:
    """What goes into `encrypted_content`: our own kind of blob as it is, another's in an envelope."""
    if blob is None or origin is None or origin == "openai_responses":
        return blob
    return seal(Envelope(origin, blob, item_id, is_redacted))


class CallName(NamedTuple):
    """A call, but for what it says."""

    call_id: str
    name: str
    kind: ToolKind


def call_item(item_id: str, status: str, call: CallName, said: str, spaced: SpacedNames) -> Json:
    """A call of a function or of a custom tool."""
    name = spaced.get(call.name)
    named: Mapping[str, object] = {"name": name.name, "namespace": name.namespace} if name else {"name": call.name}
    if call.kind == "custom":
        return {
            "id": item_id,
            "type": "custom_tool_call",
            "status": status,
            "call_id": call.call_id,
            "input": said,
            **named,
        }
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.call_id,
        "arguments": said,
        **named,
    }
