"""Stored decisions: the rows of the traffic store as a replay log. The store is known by the shape of its rows only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow

NOT_FOUND: Final = -1
"""The place of a chosen one that is not among the candidates: such a decision is left out, and counted."""


class StoredRequest(Protocol):
    """What is read of one request."""

    @property
    def decision_id(self) -> str: ...
    @property
    def at_s(self) -> float: ...
    @property
    def policy(self) -> str | None: ...
    @property
    def session(self) -> str | None: ...
    @property
    def kept(self) -> str | None: ...
    @property
    def chosen_model(self) -> str | None: ...
    @property
    def chosen_upstream(self) -> str | None: ...
    @property
    def expected_input_tokens(self) -> int | None: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def is_cached(self) -> int | None: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def flag_names(self) -> tuple[str, ...]: ...


class StoredCandidate(Protocol):
    """What is read of one candidate."""

    @property
    def model(self) -> str: ...
    @property
    def upstream(self) -> str: ...
    @property
    def excluded_for(self) -> str | None: ...
    @property
    def propensity(self) -> float | None: ...
    @property
    def quality(self) -> float | None: ...
    @property
    def quality_low(self) -> float | None: ...
    @property
    def quality_high(self) -> float | None: ...
    @property
    def output_tokens(self) -> float | None: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def total_s(self) -> float | None: ...


class StoredOpinion(Protocol):
    """What is read of one opinion."""

    @property
    def decision_id(self) -> str: ...
    @property
    def score(self) -> float | None: ...
    @property
    def weight(self) -> float: ...


class StoredLog:
    """Decisions as the store scans them, with the rewards of their opinions, without texts."""

    def __init__(
        self,
        scanned: Iterable[tuple[StoredRequest, Sequence[StoredCandidate]]],
        rewards: Mapping[str, float],
    ) -> None:
        self._scanned = scanned
        self._rewards = rewards

    def rows(self) -> Iterator[ReplayRow]:
        """Every decision that chose, as scanned, but for replies from the replay cache: they cost and tell nothing."""
        for request, candidates in self._scanned:
            if request.chosen_model is not None and not request.is_cached:
                yield self._row(request, [each for each in candidates if each.excluded_for is None])

    def _row(self, request: StoredRequest, candidates: Sequence[StoredCandidate]) -> ReplayRow:
        chosen = (request.chosen_model, request.chosen_upstream)
        places = [place for place, each in enumerate(candidates) if (each.model, each.upstream) == chosen]
        return ReplayRow(
            decision_id=request.decision_id,
            at_s=request.at_s,
            candidates=tuple(
                ReplayCandidate(
                    each.model, each.upstream, each.propensity, each.quality, each.quality_low, each.quality_high,
                    each.output_tokens, each.cost_usd, each.total_s,
                )
                for each in candidates
            ),
            chosen=places[0] if places else NOT_FOUND,
            session=request.session,
            policy=request.policy,
            is_free=is_free(request),
            input_tokens=request.expected_input_tokens,
            # What was said of a reply that broke off is no word on the model's quality.
            reward=self._rewards.get(request.decision_id) if request.outcome == "ok" else None,
            cost_usd=request.cost_usd,
        )  # fmt: skip


def is_free(request: StoredRequest) -> bool:
    """Whether a policy had a choice: no model by name, no tool loop, no running conversation."""
    return request.policy != "concrete" and request.kept is None and "tool_loop" not in request.flag_names


def rewards_of(opinions: Iterable[StoredOpinion]) -> dict[str, float]:
    """Decision -> the weighed mean of its scores; a decision without one is not there."""
    sums: dict[str, tuple[float, float]] = {}
    for opinion in opinions:
        if opinion.score is not None and opinion.weight > 0:
            total, weight = sums.get(opinion.decision_id, (0.0, 0.0))
            sums[opinion.decision_id] = (total + opinion.score * opinion.weight, weight + opinion.weight)
    return {decision_id: total / weight for decision_id, (total, weight) in sums.items()}
