"""Sampling and stop sequences -> those that a Claude model takes, with what it refuses named."""

from typing import Final

from fairlead.domain.request import Loss, Sampling
from fairlead.wire.claude_habits import Habits

_NAMES: Final = ("temperature", "top_p", "top_k")


def sampling_taken(sampling: Sampling, habits: Habits, losses: list[Loss], *, thinks: bool) -> Sampling:
    """The temperature, top_p and top_k to send, and no other member. `thinks`: the model is asked to think."""
    if not habits.takes_sampling or thinks:
        why = "Anthropic's models choose it themselves while they think"
        if not habits.takes_sampling:
            why = "this model chooses its sampling itself"
        losses += [Loss(name, why) for name in _NAMES if getattr(sampling, name) is not None]
        return Sampling()
    temperature, top_p = sampling.temperature, sampling.top_p
    if temperature is not None and temperature > 1:
        losses.append(Loss("temperature", "above Anthropic's most: sent as 1"))
        temperature = 1.0
    if temperature is not None and top_p is not None and not habits.takes_both_sampling:
        losses.append(Loss("top_p", "this model takes a temperature or a top_p, not both"))
        top_p = None
    return Sampling(temperature, top_p, sampling.top_k)


def stops_taken(stops: tuple[str, ...], losses: list[Loss]) -> tuple[str, ...]:
    """The stop sequences without blank ones."""
    taken = tuple([stop for stop in stops if stop and not stop.isspace()])
    if len(taken) != len(stops):
        losses.append(Loss("stop", "Anthropic refuses a stop sequence of blanks"))
    return taken
