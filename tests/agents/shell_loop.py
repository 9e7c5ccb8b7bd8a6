"""An upstream for one turn of an agent: it calls a tool that the agent offers, and answers once the result is there."""

import json
from collections.abc import Callable
from typing import Any, Final

from fairlead.domain.content import FormatName
from tests.clients.world import has_result
from tests.matrix.scenes import TEXT, Scene
from tests.matrix.upstreams import (
    SCRIPTS,
    Script,
    chat_events,
    chat_whole,
    messages_events,
    messages_whole,
    responses_events,
    responses_whole,
)

SAID: Final = TEXT
"""The answer."""
_TELLING: Final = {
    "openai_chat": (chat_whole, chat_events),
    "openai_responses": (responses_whole, responses_events),
    "anthropic_messages": (messages_whole, messages_events),
}


def one_tool(back: FormatName, tool: str, arguments: dict[str, Any]) -> tuple[Script, Callable[[bytes], Scene]]:
    """The script, and which of its scenes a request gets: by the tools that it offers and the results in it."""
    whole, events = _TELLING[back]
    calls = (("call_one", tool, json.dumps(arguments)),)

    def scene_of(body: bytes) -> Scene:
        offers = f'"{tool}"'.encode() in body
        return Scene("tools" if offers and not has_result(body) else "ok")

    script = SCRIPTS[back]._replace(
        whole=lambda content: whole(content, calls), events=lambda content: events(content, calls)
    )
    return script, scene_of
