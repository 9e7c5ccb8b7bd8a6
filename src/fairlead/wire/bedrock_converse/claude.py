"""What Claude takes of a request at Bedrock: the rules of `wire.claude_*`, in Converse's places."""

from typing import Any, Final

from fairlead.domain.names import SentModel
from fairlead.domain.request import ChatRequest, Loss
from fairlead.wire.claude_habits import Habits, habits_of
from fairlead.wire.claude_sampling import sampling_taken, stops_taken
from fairlead.wire.claude_thinking import write_thinking

MAKER: Final = "anthropic."
"""Stands in the names of its models, and in the ARNs of the inference profiles that AWS defines."""


def claude_request(chat: ChatRequest, sent: SentModel, losses: list[Loss]) -> tuple[ChatRequest, dict[str, Any]]:
    """The request with only those options that this Claude takes, and its `additionalModelRequestFields`."""
    habits = habits_of(sent)
    fields: dict[str, Any] = {}
    limit = chat.max_output_tokens or habits.default_max_tokens
    thinks = write_thinking(fields, chat, habits, losses, max_tokens=limit, origin="bedrock_converse")
    has_budget = False
    if "thinking" in fields:
        has_budget = "budget_tokens" in fields["thinking"]
        _settle_thinking(fields, habits, losses)
    sampling = sampling_taken(chat.sampling, habits, losses, thinks=thinks)
    if sampling.top_k is not None:
        fields["top_k"] = sampling.top_k
    taken = chat._replace(
        sampling=chat.sampling._replace(temperature=sampling.temperature, top_p=sampling.top_p),
        stop=stops_taken(chat.stop, losses),
        # The budget is a share of this limit and must be less; Converse does not tell its own default.
        max_output_tokens=limit if has_budget else chat.max_output_tokens,
    )
    return taken, fields


def _settle_thinking(fields: dict[str, Any], habits: Habits, losses: list[Loss]) -> None:
    """Leave out what some of Bedrock's models refuse and none of those here needs."""
    thinking = fields["thinking"]
    if thinking["type"] == "disabled" and not habits.thinks_unasked:
        del fields["thinking"]  # AWS says that Opus 4.7 refuses it
    elif habits.takes_budget and thinking.pop("display", None) == "omitted":
        # Those that take a budget show their thoughts anyhow; newer ones hide them unless they are told.
        losses.append(Loss("thinking.display", "This model shows its thoughts."))
