"""A wish for reasoning -> `thinking` and `output_config.effort`, in the way that the model takes."""

from typing import Any, Final

from fairlead.domain.content import Opaque, Reasoning, ToolCall, ToolResult, Turn
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish
from fairlead.wire.anthropic_messages.model_habits import Habits
from fairlead.wire.anthropic_messages.signatures import ORIGIN

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


def write_thinking(body: dict[str, Any], chat: ChatRequest, habits: Habits, losses: list[Loss]) -> bool:
    """Write what is wished for; whether the model is asked to think."""
    wish = chat.reasoning
    if wish is None:
        return False
    if wish.effort == "none":
        body["thinking"] = {"type": "disabled"}
        return False
    hindrance = _hindrance(chat, habits)
    if hindrance is not None:
        losses.append(Loss("reasoning", hindrance))
        return False
    thinking = _adaptive(body, wish, losses) if _is_adaptive(wish, habits) else _budgeted(body, wish, losses)
    if thinking is None:
        return False
    if wish.wants_text is not None:
        thinking["display"] = "summarized" if wish.wants_text else "omitted"
    body["thinking"] = thinking
    return True


def _is_adaptive(wish: ReasoningWish, habits: Habits) -> bool:
    if wish.budget_tokens is not None and habits.takes_budget:
        return False
    return habits.is_adaptive


def _adaptive(body: dict[str, Any], wish: ReasoningWish, losses: list[Loss]) -> dict[str, Any]:
    effort = wish.effort
    if wish.budget_tokens is not None:
        losses.append(Loss("reasoning budget", "this model chooses its budget itself"))
    if effort == "minimal":
        losses.append(Loss("reasoning effort minimal", "sent as low"))
        effort = "low"
    if effort is not None:
        body.setdefault("output_config", {})["effort"] = effort
    return {"type": "adaptive"}


def _budgeted(body: dict[str, Any], wish: ReasoningWish, losses: list[Loss]) -> dict[str, Any] | None:
    most = body["max_tokens"] - 1  # the budget is a part of max_tokens, and must be less
    if most < MIN_BUDGET_TOKENS:
        losses.append(Loss("reasoning", _NO_ROOM))
        return None
    wished = wish.budget_tokens
    if wished is None:
        wished = int(body["max_tokens"] * _SHARES.get(wish.effort or "medium", 0.5))
    elif not MIN_BUDGET_TOKENS <= wished <= most:
        losses.append(Loss("reasoning budget", f"sent within {MIN_BUDGET_TOKENS} and max_tokens"))
    return {"type": "enabled", "budget_tokens": min(max(wished, MIN_BUDGET_TOKENS), most)}


def _hindrance(chat: ChatRequest, habits: Habits) -> str | None:
    """Why Anthropic would refuse to think here, although it is wished for."""
    choice = chat.tool_choice
    if chat.tools and choice is not None and choice.mode in ("required", "one"):
        return "Anthropic's models do not think where a tool is forced"
    if not habits.is_adaptive and _is_unsigned_loop(chat.turns):
        return "in a tool loop the thoughts must begin with those that Anthropic signed, which are not here"
    return None


def _is_unsigned_loop(turns: tuple[Turn, ...]) -> bool:
    """Whether a tool loop is under way whose calls come without thoughts that Anthropic signed."""
    if not turns or not any(isinstance(part, ToolResult) for part in turns[-1].parts):
        return False
    for turn in reversed(turns):
        if turn.role == "assistant" and any(isinstance(part, ToolCall) for part in turn.parts):
            first = turn.parts[0]
            if isinstance(first, Opaque):
                return False
            return not (isinstance(first, Reasoning) and first.blob and first.origin == ORIGIN)
    return False
