"""Ids for tool calls that came without one: made of our own name of the reply, so that no two replies share them.

Servers of OpenAI's chat format and Gemini before 3 may give a call no id; readers then tell it with an empty one. A
client answers a call by its id, and a loop of several turns holds the calls of several replies.
"""

from fairlead.domain.content import Part, ToolCall
from fairlead.domain.reply import Reply, ReplyChoice


def made_id(reply_id: str, choice: int, call: int) -> str:
    """The id of the call with this number in this choice; in the letters that every format takes."""
    return f"call_{reply_id}_{choice}_{call}"


def identified(reply: Reply, reply_id: str) -> Reply:
    """The reply with an id on every call; `reply_id` is our own name of it, which no other reply has."""
    if all(part.call_id for choice in reply.choices for part in choice.parts if isinstance(part, ToolCall)):
        return reply
    return reply._replace(choices=tuple([_choice(choice, reply_id) for choice in reply.choices]))


def _choice(choice: ReplyChoice, reply_id: str) -> ReplyChoice:
    parts: list[Part] = []
    n_calls = 0
    for part in choice.parts:
        if isinstance(part, ToolCall):
            call_id = part.call_id or made_id(reply_id, choice.number, n_calls)
            parts.append(part._replace(call_id=call_id))
            n_calls += 1
        else:
            parts.append(part)
    return choice._replace(parts=tuple(parts))
