"""Incoming: a call read: its query, its form, and whether a page of ours sent it."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fairlead.domain.call import Headers
from fairlead.domain.errors import ForbiddenError, RequestError
from fairlead.domain.page_call import PageCall

MAX_FIELDS: Final = 64
MAX_FIELD_CHARS: Final = 100_000
FORM_TYPE: Final = "application/x-www-form-urlencoded"
TOKEN_FIELD: Final = "form_token"
TOKEN_HEADER: Final = b"x-fairlead-form"


def header(headers: Headers, name: bytes) -> str | None:
    """The first header of this name."""
    return next((value.decode("latin-1") for each, value in headers if each == name), None)


def fields(data: bytes) -> dict[str, str]:
    """A query or a form: the last of equal names counts, empty values are left out. Raises: RequestError."""
    try:
        pairs = parse_qsl(data.decode("latin-1"), errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RequestError(f"More than {MAX_FIELDS} fields are more than any page of ours sends.") from None
    return {name: value[:MAX_FIELD_CHARS] for name, value in pairs}


def form(call: PageCall) -> Mapping[str, str]:
    """The posted form; empty where the body is something else."""
    kind = (header(call.headers, b"content-type") or "").partition(";")[0].strip().lower()
    return fields(call.body) if kind == FORM_TYPE else {}


def token(call: PageCall, posted: Mapping[str, str]) -> str:
    """What came as the form's token, in a field or in a script's header."""
    return posted.get(TOKEN_FIELD) or header(call.headers, TOKEN_HEADER) or ""


def check_same_site(call: PageCall) -> None:
    """Refuse a write that a page of another origin began. Raises: ForbiddenError.

    Every browser of the last years says where a write comes from, in one header or the other.
    """
    site = header(call.headers, b"sec-fetch-site")
    if site is not None and site != "same-origin":
        raise ForbiddenError("This form was not sent by a page of this server.", code="cross_site")
    origin = header(call.headers, b"origin")
    host = header(call.headers, b"host") or ""
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise ForbiddenError("This form was not sent by a page of this server.", code="cross_site")
    if site is None and origin is None:
        raise ForbiddenError("A write needs an Origin or Sec-Fetch-Site header.", code="cross_site")


def is_tls(call: PageCall) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us: then the cookie must not travel without it."""
    return call.is_tls or (header(call.headers, b"origin") or "").startswith("https://")
