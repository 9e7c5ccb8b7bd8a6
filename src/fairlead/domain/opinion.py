"""Opinion: what somebody thinks of one reply, as they sent it with its decision's id."""

from typing import NamedTuple

from fairlead.domain.names import DecisionId, TenantName


class Opinion(NamedTuple):
    """At least one of score, label, preferred_model and comment is there."""

    opinion_id: str
    decision_id: DecisionId
    at_s: float
    """Unix seconds."""
    tenant: TenantName
    key_name: str
    score: float | None = None
    """From 0, of no use, to 1, all that was wanted."""
    label: str | None = None
    preferred_model: str | None = None
    comment: str | None = None
    weight: float = 1.0
    """How much it counts beside others of its tenant."""
