"""A wish for reasoning -> `thinking` and `output_config.effort`, in the way that the Claude model takes.

Anthropic's own format and Bedrock's Converse (in its `additionalModelRequestFields`) have the same members.
"""

from typing import Any, Final

from fairlead.domain.content import FormatName, Opaque, Reasoning, ToolCall, ToolResult, Turn
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish
from fairlead.wire.claude_habits import Habits

MIN_BUDGET_TOKENS: Final = 1_024
"""Anthropic's least (thinking_config_enabled of the SDK 2.14.0, read 2026-11-30)."""
_SHARES: Final[dict[Effort, float]] = {
    "minimal": 0.1,
    "low": 0.2,
    "medium": 0.5,
    "high": 0.8,
    "xhigh": 0.95,
    "max": 0.95,
}
"""An effort as a share of max_tokens: OpenRouter's rule (openrouter.ai/docs, reasoning tokens, read 2026-11-30)."""
_NO_ROOM: Final = "max_tokens leaves no room for the least thinking budget"


def write_thinking(
    fields: dict[str, Any],
    chat: ChatRequest,
    habits: Habits,
    losses: list[Loss],
    *,
    max_tokens: int,
    origin: FormatName,
) -> bool:
    """Write what is wished for into `fields`; whether the model is asked to think.

    `max_tokens`: the reply's limit, thoughts included. `origin`: the format whose signatures the upstream knows.
    """
    wish = chat.reasoning
    if wish is None:
        return False
    if wish.effort == "none":
        _write_none(fields, habits, losses)
        return False
    hindrance = _hindrance(chat, habits, origin)
    if hindrance is not None:
        losses.append(Loss("reasoning", hindrance))
        return False
    if _is_adaptive(wish, habits):
        thinking: dict[str, Any] | None = _adaptive(fields, wish, habits, losses)
    else:
        thinking = _budgeted(wish, losses, max_tokens)
    if thinking is None:
        return False
    if wish.wants_text is not None:
        thinking["display"] = "summarized" if wish.wants_text else "omitted"
    fields["thinking"] = thinking
    return True


def _write_none(fields: dict[str, Any], habits: Habits, losses: list[Loss]) -> None:
    if habits.thinks_always:
        losses.append(Loss("reasoning", "this model always thinks: sent as a low effort"))
        _write_effort(fields, "low")
    elif habits.thinks:
        fields["thinking"] = {"type": "disabled"}


def _write_effort(fields: dict[str, Any], effort: Effort) -> None:
    fields.setdefault("output_config", {})["effort"] = effort


def _is_adaptive(wish: ReasoningWish, habits: Habits) -> bool:
    if wish.budget_tokens is not None and habits.takes_budget:
        return False
    return habits.is_adaptive


def _adaptive(fields: dict[str, Any], wish: ReasoningWish, habits: Habits, losses: list[Loss]) -> dict[str, Any]:
    effort = wish.effort
    if wish.budget_tokens is not None:
        losses.append(Loss("reasoning budget", "this model chooses its budget itself"))
    if effort == "minimal":
        losses.append(Loss("reasoning effort minimal", "sent as low"))
        effort = "low"
    elif effort == "xhigh" and habits.takes_budget:
        losses.append(Loss("reasoning effort xhigh", "sent as high"))
        effort = "high"
    if effort is not None:
        _write_effort(fields, effort)
    return {"type": "adaptive"}


def _budgeted(wish: ReasoningWish, losses: list[Loss], max_tokens: int) -> dict[str, Any] | None:
    most = max_tokens - 1  # the budget is a part of max_tokens, and must be less
    if most < MIN_BUDGET_TOKENS:
        losses.append(Loss("reasoning", _NO_ROOM))
        return None
    wished = wish.budget_tokens
    if wished is None:
        wished = int(max_tokens * _SHARES.get(wish.effort or "medium", 0.5))
    elif not MIN_BUDGET_TOKENS <= wished <= most:
        losses.append(Loss("reasoning budget", f"sent within {MIN_BUDGET_TOKENS} and max_tokens"))
    return {"type": "enabled", "budget_tokens": min(max(wished, MIN_BUDGET_TOKENS), most)}


def _hindrance(chat: ChatRequest, habits: Habits, origin: FormatName) -> str | None:
    """Why Claude would refuse to think here, although it is wished for."""
    if not habits.thinks:
        return "this model does not think"
    choice = chat.tool_choice
    if chat.tools and choice is not None and choice.mode in ("required", "one"):
        return "Anthropic's models do not think where a tool is forced"
    if not habits.is_adaptive and _is_unsigned_loop(chat.turns, origin):
        return "in a tool loop the thoughts must begin with those that the upstream signed, which are not here"
    return None


def _is_unsigned_loop(turns: tuple[Turn, ...], origin: FormatName) -> bool:
    """Whether a tool loop is under way whose calls come without thoughts that the upstream signed."""
    if not turns or not any(isinstance(part, ToolResult) for part in turns[-1].parts):
        return False
    for turn in reversed(turns):
        if turn.role == "assistant" and any(isinstance(part, ToolCall) for part in turn.parts):
            first = turn.parts[0]
            if isinstance(first, Opaque):
                return first.origin != origin
            return not (isinstance(first, Reasoning) and first.blob and first.origin == origin)
    return False
