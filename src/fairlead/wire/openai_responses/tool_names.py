"""Names of tools in a namespace: joined to one flat name for formats without namespaces, and taken apart again.

Codex puts the tools of sub-agents and of MCP servers into namespaces (0.171.0, read 2026-11-30); a call of such a tool
has the members `namespace` and `name`. Everybody else knows flat names of at most 64 characters.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from zlib import crc32

_MAX_CHARS: Final = 64
"""What OpenAI, Anthropic and Bedrock allow for a tool's name."""
_KEPT_CHARS: Final = _MAX_CHARS - 9
"""Of a longer name: its head, an underscore, and a checksum of the whole in eight digits."""


class Spaced(NamedTuple):
    """A tool's name in its namespace."""

    namespace: str
    name: str


SpacedNames = Mapping[str, Spaced]
"""Flat name -> the name in its namespace, of the tools of one request."""
NO_SPACED_NAMES: Final[SpacedNames] = MappingProxyType({})


def flat_name(namespace: str | None, name: str) -> str:
    """The one name of a tool in a namespace; the same for the same two names, so that a history stays true."""
    if not namespace:
        return name
    joined = f"{namespace}{name}" if namespace.endswith("_") else f"{namespace}__{name}"
    if len(joined) <= _MAX_CHARS:
        return joined
    return f"{joined[:_KEPT_CHARS]}_{crc32(joined.encode()):08x}"
