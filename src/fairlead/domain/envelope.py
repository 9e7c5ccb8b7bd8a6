"""Envelopes: an opaque blob of one format inside a field of another, so that it comes back to who can read it.

A client that speaks another format than the model's maker has a place for *some* opaque text (a signature, an encrypted
content) and sends it back untouched. What is put there is the maker's blob with the maker's format in front.
"""

from typing import Final, NamedTuple, cast, get_args

from fairlead.domain.content import FormatName

MARK: Final = "fl1"
"""How an envelope begins."""
_FORMATS: Final = frozenset(get_args(FormatName))


class Envelope(NamedTuple):
    """A blob and who can read it."""

    origin: FormatName
    blob: str
    item_id: str | None = None
    is_redacted: bool = False


def seal(envelope: Envelope) -> str:
    """The envelope as one printable text."""
    return f"{MARK}~{envelope.origin}~{'r' if envelope.is_redacted else ''}~{envelope.item_id or ''}~{envelope.blob}"


def unseal(text: str) -> Envelope | None:
    """The envelope in this text; None when it is not one of ours (then it is the format's own blob)."""
    pieces = text.split("~", 4)
    if len(pieces) != 5 or pieces[0] != MARK or pieces[1] not in _FORMATS:
        return None
    return Envelope(cast("FormatName", pieces[1]), pieces[4], pieces[3] or None, pieces[2] == "r")
