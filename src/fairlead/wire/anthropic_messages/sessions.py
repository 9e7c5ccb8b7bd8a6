"""The session's name as Claude Code hides it in `metadata.user_id`.

Until 2.1.77 `user_<hash>_account_<uuid>_session_<uuid>`, since then a JSON object with `session_id` as text
(https://github.com/ding113/claude-code-hub/pull/939, read 2026-11-30). Any other user_id names a person: None.
"""

import re
from typing import Final

import msgspec

_SESSION: Final = re.compile(r"_session_([0-9a-fA-F-]{8,64})\Z")
MAX_SESSION_CHARS: Final = 256


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _UserId(msgspec.Struct):
    session_id: str | None = None


_METADATA: Final = msgspec.json.Decoder(_Metadata)
_USER_ID: Final = msgspec.json.Decoder(_UserId)


def session_of(metadata: msgspec.Raw) -> str | None:
    """The session's name, from the request's `metadata` member; never raises."""
    if b"ession_" not in bytes(metadata):
        return None
    try:
        user_id = _METADATA.decode(metadata).user_id or ""
        if user_id.startswith("{"):
            return (_USER_ID.decode(user_id).session_id or "")[:MAX_SESSION_CHARS] or None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    found = _SESSION.search(user_id)
    return found[1] if found else None
