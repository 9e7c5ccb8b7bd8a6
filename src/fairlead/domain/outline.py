"""Outline: what a router may know of a request before it is read whole.

Everything is capped, so that a 50 MB request costs no more to decide on than a small one.
"""

from typing import Final, NamedTuple

from fairlead.domain.content import FormatName

SYSTEM_SAMPLE_CHARS: Final = 240
"""How much of the first system message is read: it frames the task, and repeats from request to request."""

TURN_SAMPLE_CHARS: Final = 1_600
"""How much of the last user turn is read: two thirds from its head, one third from its tail."""

SHORT_TURN_CHARS: Final = 80
"""A last user turn below this ("yes, go on") says little: the turn before it is read too."""

EARLIER_TURN_CHARS: Final = 400
"""How much of that turn is read: its head."""

FIRST_TURN_SAMPLE_CHARS: Final = 400
"""How much of the first user turn is kept: with the system message's head it tells one conversation from another."""


class Outline(NamedTuple):
    """A request in no vendor's words; made by a wire format, read by the router.

    A named tuple rather than a dataclass: it is made on every request, and costs a fifth of a frozen dataclass.
    """

    system_text: str = ""
    """The head of the first system or developer message, at most SYSTEM_SAMPLE_CHARS characters."""
    turn_text: str = ""
    """The last user turn, sampled to at most about TURN_SAMPLE_CHARS characters."""
    n_chars: int = 0
    """Characters of text in the whole conversation, sampled or not (bytes where characters cost more to count)."""
    turn_chars: int = 0
    """Characters of the whole last user turn."""
    n_messages: int = 0
    n_images: int = 0
    n_audio: int = 0
    n_files: int = 0
    n_tools: int = 0
    tool_chars: int = 0
    """Bytes of the tool declarations: they are billed as input."""
    wants_structured: bool = False
    """The reply must match a JSON schema (or be JSON)."""
    wants_reasoning: bool = False
    """The client named a reasoning effort or budget above none."""
    in_tool_loop: bool = False
    """The last message is a tool's result: the model that called it should go on."""
    first_turn_text: str = ""
    """The head of the first user turn, at most FIRST_TURN_SAMPLE_CHARS characters: it stays as a conversation grows."""
    signed_by: FormatName | None = None
    """The conversation holds opaque reasoning that only upstreams of this format can read."""
    max_output_tokens: int | None = None
    n_choices: int = 1
    parameters: frozenset[str] = frozenset()
    """Names of the sampling and format parameters that the client sent (for `require_parameters`)."""


def sample_turn(turn: str) -> str:
    """A turn cut to at most about TURN_SAMPLE_CHARS characters: two thirds from its head, one third from its tail."""
    if len(turn) <= TURN_SAMPLE_CHARS:
        return turn
    head = TURN_SAMPLE_CHARS * 2 // 3
    return f"{turn[:head]}\n{turn[head - TURN_SAMPLE_CHARS :]}"


def sample_turns(turn: str, earlier: str) -> str:
    """The last user turn, behind the head of the earlier one where it says little by itself, cut as by sample_turn."""
    if len(turn) < SHORT_TURN_CHARS and earlier:
        turn = f"{earlier[:EARLIER_TURN_CHARS]}\n{turn}"
    return sample_turn(turn)


def outline_of_text(text: str) -> Outline:
    """A bare text as the outline of a conversation of one turn."""
    return Outline(turn_text=sample_turn(text), n_chars=len(text), turn_chars=len(text), n_messages=1)
