"""Names of tool calls: Anthropic takes only some letters; others travel spelled out, and come back as they were."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from typing import Final

_MARK: Final = "fl1id-"
"""In front of a name that was spelled out."""
_TAKEN: Final = re.compile(r"[a-zA-Z0-9_-]+\Z")
"""What Anthropic takes: its 400 says "String should match pattern '^[a-zA-Z0-9_-]+$'"."""


def spelled(call_id: str) -> str:
    """The name as Anthropic takes it; most stay as they are."""
    if _TAKEN.match(call_id) and not call_id.startswith(_MARK):
        return call_id
    return _MARK + urlsafe_b64encode(call_id.encode()).decode().rstrip("=")


def unspelled(call_id: str) -> str:
    """The name that was spelled out, or the very one that came."""
    if not call_id.startswith(_MARK):
        return call_id
    text = call_id[len(_MARK) :]
    try:
        meant = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (Error, ValueError):
        return call_id
    return meant if spelled(meant) == call_id else call_id
