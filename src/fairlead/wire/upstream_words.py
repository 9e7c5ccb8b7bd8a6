"""What an upstream says of a failure, in whatever shape it says it: its own words, fit to be shown.

Whatever looks like a credential is masked here by its form; the endpoint's own secrets are masked by who knows them,
before anybody is shown a word (`gateway.attempt`).
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fairlead.domain.errors import GarbledError, Said, UpstreamError
from fairlead.domain.secrets import MASK

_READ_CHARS: Final = 16_384
"""Of words; far more than is ever shown, so that nothing is cut in two before it is masked."""
_NAME_CHARS: Final = 200
"""A kind, a parameter or a code that is longer is none."""
_MOST_FAULTS: Final = 8
"""Of a list of faults; the rest is more of the same."""
_UNSHOWN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but for a new line and a tab, and what turns the direction of a text around."""
_LOOKS_SECRET: Final = re.compile(
    r"(?i:bearer)\s+\S+|\b(?:sk|pk|rk|gsk|csk|hf|xai|nvapi|pplx)[-_][A-Za-z0-9_-]{12,}"
    r"|\b[A-Za-z]{2,8}[-_](?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{12,}|\bAKIA[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}"
)
"""Of unknown beginnings only what holds a digit or a capital: `max_completion_tokens` is no key."""
_WORDS: Final = ("message", "Message", "detail", "msg")


def said_in(body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> Said | None:
    """What an error answer or an error's event says, if it says it in a shape that is known.

    `{"error": {message, type, param, code, status}}` (OpenAI, Anthropic, Google), `{"error": "…"}`, `[{"error": …}]`
    (Google's streams), `{"response": {"error": …}}` (Responses' streams), `{"choices": [{"error": …}]}` (OpenRouter),
    `{"message": "…"}` (Bedrock), `{"detail": …}` with words or a list of faults (FastAPI), and bare words where the
    headers say that they are plain text.
    """
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _plain(body, headers)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        inner = [value.get("response"), *(value["choices"] if isinstance(value.get("choices"), list) else ())]
        value = next((each for each in inner if isinstance(each, dict) and each.get("error")), value)
    error = (value.get("error") or value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        detail = error.get("detail")
        if isinstance(detail, list):
            return _of_faults(detail)
        if isinstance(detail, dict):
            error = detail
        message = next((error[key] for key in _WORDS if isinstance(error.get(key), str)), "")
        return _said(message, error.get("type") or error.get("status"), error.get("param"), error.get("code"))
    return _said(error) if isinstance(error, str) else None


def error_in_reply(body: bytes) -> GarbledError:
    """A 200 with an error inside."""
    error = GarbledError("The upstream answered 200 with an error inside.", code="upstream_error_in_reply")
    error.said = said_in(body)
    return error


def error_in_stream(data: bytes, kind: str = "") -> UpstreamError:
    """An error inside a stream; `kind` is one of the format's own names for it."""
    named = f": {kind}" if kind else ""
    error = UpstreamError(f"The upstream reported an error in the stream{named}.", code="upstream_error_in_stream")
    error.said = said_in(data)
    return error


def check_no_error(body: bytes) -> None:
    """See to it that a body which came in the place of a stream is not an error. Raises: GarbledError."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return
    if isinstance(value, dict) and (value.get("error") or value.get("type") == "error"):
        raise error_in_reply(body)


def _plain(body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Said | None:
    is_text = any(name == b"content-type" and value.lower().startswith(b"text/plain") for name, value in headers)
    text = body.decode("utf-8", "replace").strip() if is_text else ""
    return None if text.startswith("<") else _said(text)


def _of_faults(faults: list[Any]) -> Said | None:
    """FastAPI's list: where, what, and of which kind; the first one names parameter and code."""
    told: list[str] = []
    first: tuple[str, object] | None = None
    for fault in faults[:_MOST_FAULTS]:
        if not isinstance(fault, dict) or not isinstance(fault.get("msg"), str):
            continue
        loc = fault.get("loc")
        places = [str(each) for each in loc if isinstance(each, str | int)] if isinstance(loc, list) else []
        told.append(f"{'.'.join(places)}: {fault['msg']}" if places else fault["msg"])
        if first is None:
            first = ".".join(places[places[:1] == ["body"] :]), fault.get("type")
    param, code = first or ("", None)
    return _said("; ".join(told), None, param or None, code)


def _said(message: str, kind: object = None, param: object = None, code: object = None) -> Said | None:
    text = _shown(message[:_READ_CHARS])
    if not text:
        return None
    return Said(text, _name(kind), _name(param), _name(str(code) if isinstance(code, int) else code))


def _name(value: object) -> str | None:
    return _shown(value) if isinstance(value, str) and 0 < len(value) <= _NAME_CHARS else None


def _shown(text: str) -> str:
    """An upstream may quote what it was sent; whatever looks like a credential stays here."""
    return _LOOKS_SECRET.sub(MASK, _UNSHOWN.sub("", text))
