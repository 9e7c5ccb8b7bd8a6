"""What Converse leaves to each model: `additionalModelRequestFields`, by the maker that the model's id names.

Read 2026-11-30, below https://docs.aws.amazon.com: for Anthropic claude-messages-adaptive-thinking.html and
claude-messages-extended-thinking.html, for gpt-oss model-parameters-openai.html, all in bedrock/latest/userguide; for
Amazon nova/latest/nova2-userguide/extended-thinking.html.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish

Fields = dict[str, Any]

_NO_WAY: Final = "This model has no such option at Bedrock."
_VERSION: Final = re.compile(r"claude-[a-z]+-(\d)(?:-(\d)(?!\d))?")
_ADAPTIVE_SINCE: Final = (4, 6)
"""Claude Opus 4.6 brought adaptive thinking; those before it want a budget."""
_BUDGETS: Final[dict[Effort, int]] = {
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 32_768,
}
"""Ours: Anthropic names no budgets for efforts; its least is 1,024, and more than 32k is for batches, it says."""
LEAST_BUDGET_TOKENS: Final = 1_024
_ANTHROPIC_EFFORTS: Final = {"minimal": "low", "xhigh": "high"}
_THREE: Final[dict[Effort, str]] = {"minimal": "low", "xhigh": "high", "max": "high"}


def model_fields(chat: ChatRequest, sent: SentModel, losses: list[Loss]) -> Fields:
    """The fields for this model; what it has no field for is a loss."""
    fields: Fields = {}
    maker = next((maker for maker in _MAKERS if maker in sent), None)
    if chat.sampling.top_k is not None:
        if maker is None or (top_k := _TOP_K.get(maker)) is None:
            losses.append(Loss("top_k", _NO_WAY))
        else:
            fields |= top_k(chat.sampling.top_k)
    wish = chat.reasoning
    if wish is not None and (wish.effort is not None or wish.budget_tokens is not None):
        if maker is not None:
            fields |= _MAKERS[maker](wish, sent, losses)
        elif wish.effort != "none":
            losses.append(Loss("reasoning_effort", _NO_WAY))
    if "thinking" in fields:
        _settle_thinking(chat, fields, losses)
    return fields


def _settle_thinking(chat: ChatRequest, fields: Fields, losses: list[Loss]) -> None:
    """A budget must leave room for an answer, and a thinking Claude takes no top_k."""
    if fields.pop("top_k", None) is not None:
        losses.append(Loss("top_k", "This model does not take it while it thinks."))
    limit, budget = chat.max_output_tokens, fields["thinking"].get("budget_tokens")
    if limit is None or budget is None or budget < limit:
        return
    if limit > LEAST_BUDGET_TOKENS:
        fields["thinking"]["budget_tokens"] = limit - 1
        losses.append(Loss("reasoning_effort", "The reply's limit leaves less room for thoughts."))
    else:
        del fields["thinking"]
        losses.append(Loss("reasoning_effort", "The reply's limit leaves no room for thoughts."))


def _anthropic(wish: ReasoningWish, sent: SentModel, losses: list[Loss]) -> Fields:
    if wish.effort == "none":
        return {}
    found = _VERSION.search(sent)
    # Claude 3 had its number before its name; a name without a number is newer than the numbers known here.
    is_adaptive = "claude-3" not in sent if found is None else (int(found[1]), int(found[2] or 0)) >= _ADAPTIVE_SINCE
    if not is_adaptive:
        budget = wish.budget_tokens or _BUDGETS[wish.effort or "medium"]
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    if wish.effort is None:
        losses.append(Loss("thinking.budget_tokens", "This model decides itself how much it thinks."))
        return {"thinking": {"type": "adaptive"}}
    effort = _ANTHROPIC_EFFORTS.get(wish.effort, wish.effort)
    if effort != wish.effort:
        losses.append(Loss("reasoning_effort", f"The nearest that every such model has is {effort}."))
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


def _amazon(wish: ReasoningWish, sent: SentModel, losses: list[Loss]) -> Fields:
    if wish.effort == "none":
        return {"reasoningConfig": {"type": "disabled"}}
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": _of_three(wish, losses)}}


def _openai(wish: ReasoningWish, sent: SentModel, losses: list[Loss]) -> Fields:
    if wish.effort == "none":
        losses.append(Loss("reasoning_effort", "This model always thinks."))
        return {"reasoning_effort": "low"}
    return {"reasoning_effort": _of_three(wish, losses)}


def _of_three(wish: ReasoningWish, losses: list[Loss]) -> str:
    """low, medium or high; a budget without an effort is none of them."""
    if wish.effort is None:
        losses.append(Loss("thinking.budget_tokens", "This model takes efforts, not budgets."))
        return "medium"
    effort = _THREE.get(wish.effort, wish.effort)
    if effort != wish.effort:
        losses.append(Loss("reasoning_effort", f"The nearest that this model has is {effort}."))
    return effort


_MAKERS: Final[dict[str, Callable[[ReasoningWish, SentModel, list[Loss]], Fields]]] = {
    "anthropic.": _anthropic,
    "amazon.nova-2": _amazon,
    "openai.": _openai,
}
_TOP_K: Final[dict[str, Callable[[int], Fields]]] = {
    "anthropic.": lambda top_k: {"top_k": top_k},
    "amazon.nova-2": lambda top_k: {"inferenceConfig": {"topK": top_k}},
}
