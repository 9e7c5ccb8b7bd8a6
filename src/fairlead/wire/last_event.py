"""Last event: whether what stands at the end of a stream, without its blank line, is an event or was cut in two."""

from typing import Final

import msgspec

from fairlead.wire.sse import EventSplitter, data_of

_END_MARK: Final = b"[DONE]"


def has_last_event(splitter: EventSplitter) -> bool:
    """Whether what is left reads as an event: some upstreams send no blank line behind their last one.

    What was cut in the middle says nothing, not even that it is no event of its format: what came before tells then
    whether the reply is whole.
    """
    data = data_of(splitter.rest()).strip()
    if not data or data == _END_MARK:
        return bool(data)
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
