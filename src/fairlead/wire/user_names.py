"""An end user's name within what a format takes: it is there to be told apart from others, which its digest is too."""

from hashlib import sha256


def fitting(user: str, most_chars: int) -> str:
    """The name as it came, or the SHA-256 of a longer one (64 hex digits): the same each time, so no loss."""
    return user if len(user) <= most_chars else sha256(user.encode(errors="replace")).hexdigest()
