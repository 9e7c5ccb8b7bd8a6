"""Outcomes: how requests and attempts ended, and why models were chosen or not, in words."""

from collections.abc import Mapping
from typing import Final

from fairlead.dashboard.elements import Markup, element
from fairlead.store.rows import RequestRow

REASONS: Final[Mapping[str, str]] = {
    "highest_utility": "It had the highest utility of all that could serve.",
    "only_candidate": "It was the only model that could serve this request.",
    "asked_by_name": "It was asked for by name.",
    "first_in_list": "It was the first of the listed models that could serve.",
    "sorted": "It was first in the order that provider.sort asks for.",
    "provider_order": "It was the best at the first provider of provider.order that could serve.",
    "kept_for_cache": "It kept the conversation: its warm prompt cache was worth more than a switch.",
    "kept_in_tool_loop": "It kept the conversation: this was the middle of a tool loop.",
    "kept_for_signature": "It kept the conversation: that holds reasoning which this model has signed.",
    "explored": "It was drawn by chance, as exploration allows, in place of the best.",
    "nobody_eligible": "No model could serve this request.",
}
GROUNDS: Final[Mapping[str, str]] = {
    "context_window": "the prompt does not fit its context window",
    "output_limit": "it cannot answer at this length",
    "no_tools": "it takes no tools",
    "no_vision": "it sees no images",
    "no_audio": "it hears no audio",
    "no_files": "it reads no files",
    "no_structured_output": "it gives no structured output",
    "missing_parameter": "it does not take a parameter that was required",
    "price_cap": "its price is above the cap",
    "price_unknown": "its price is unknown",
    "cost_cap": "it was expected to cost too much",
    "latency_cap": "it was expected to take too long",
    "quality_floor": "its expected quality is too low",
    "excluded": "it is excluded",
    "not_allowed": "it is not among the allowed",
    "provider_excluded": "its provider is excluded",
    "data_policy": "its data policy is not accepted",
    "foreign_signature": "it cannot read signed reasoning of the conversation",
    "state_elsewhere": "the conversation's state is kept elsewhere",
    "down": "it was resting after failures or limits",
}


def outcome_badge(row: RequestRow) -> Markup:
    """How a request ended; running where its reply is not known."""
    if row.outcome is None:
        return badge("running", "warn")
    if row.outcome == "ok":
        return badge("kept answer" if row.is_cached else "ok", "ok")
    return badge(row.error_code or row.outcome, "bad")


def attempt_badge(outcome: str) -> Markup:
    """How an attempt ended."""
    return badge(outcome, "ok" if outcome == "ok" else "bad")


def badge(words: str, look: str) -> Markup:
    """A word with a colour."""
    return element("span", words, class_=f"badge {look}")
