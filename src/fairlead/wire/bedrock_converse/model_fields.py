"""What Converse leaves to each model: `additionalModelRequestFields`, by the maker that the model's id names.

Anthropic's models have a file of their own. Read 2026-11-30, below https://docs.aws.amazon.com: for gpt-oss
bedrock/latest/userguide/model-parameters-openai.html, for Amazon nova/latest/nova2-userguide/extended-thinking.html.
"""

from collections.abc import Callable
from typing import Any, Final

from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, Effort, Loss, ReasoningWish

Fields = dict[str, Any]

_NO_WAY: Final = "This model has no such option at Bedrock."
_THREE: Final[dict[Effort, str]] = {"minimal": "low", "xhigh": "high", "max": "high"}


def model_fields(chat: ChatRequest, sent: SentModel, losses: list[Loss]) -> Fields:
    """The fields for this model; what it has no field for is a loss."""
    fields: Fields = {}
    maker = next((maker for maker in _MAKERS if maker in sent), None)
    if chat.sampling.top_k is not None:
        if maker == _NOVA:
            fields["inferenceConfig"] = {"topK": chat.sampling.top_k}
        else:
            losses.append(Loss("top_k", _NO_WAY))
    wish = chat.reasoning
    if wish is not None and (wish.effort is not None or wish.budget_tokens is not None):
        if maker is not None:
            fields |= _MAKERS[maker](wish, losses)
        elif wish.effort != "none":
            losses.append(Loss("reasoning_effort", _NO_WAY))
    return fields


def _amazon(wish: ReasoningWish, losses: list[Loss]) -> Fields:
    if wish.effort == "none":
        return {"reasoningConfig": {"type": "disabled"}}
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": _of_three(wish, losses)}}


def _openai(wish: ReasoningWish, losses: list[Loss]) -> Fields:
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


_NOVA: Final = "amazon.nova-2"
_MAKERS: Final[dict[str, Callable[[ReasoningWish, list[Loss]], Fields]]] = {_NOVA: _amazon, "openai.": _openai}
