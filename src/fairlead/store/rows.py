"""Rows: what comes out of the store, as frozen values. None is unknown; money in nano-dollars or USD by its name."""

from typing import NamedTuple

from fairlead.domain.figures import FLAG_NAMES


class RequestRow(NamedTuple):
    """One request: what was decided, and how it ended. `outcome` is None while its reply is not known."""

    decision_id: str
    at_s: float
    tenant: str
    key_name: str | None
    door: str | None
    asked: str | None
    policy: str | None
    config_version: str | None
    session: str | None
    kept: str | None
    """What a running conversation did to the choice."""
    without_model: str | None
    without_usd: float | None
    reason: str | None
    chosen_model: str | None
    chosen_upstream: str | None
    propensity: float | None
    """The probability with which the chosen one was chosen."""
    kind: str | None
    difficulty: float | None
    language: str | None
    expected_input_tokens: int | None
    expected_usd: float | None
    n_messages: int | None
    n_tools: int | None
    flags: int | None
    n_candidates: int | None
    outcome: str | None
    status: int | None
    error_code: str | None
    model: str | None
    """Who served, or was the last to try."""
    upstream: str | None
    provider: str | None
    is_streaming: int | None
    is_cached: int | None
    n_attempts: int | None
    input_tokens: int | None
    cached_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    is_estimated: int | None
    cost_nanousd: int | None
    """Of all attempts; the tokens are those of the one that served."""
    first_byte_s: float | None
    total_s: float | None
    overhead_s: float | None
    decide_s: float | None

    @property
    def cost_usd(self) -> float | None:
        """The cost in USD."""
        return None if self.cost_nanousd is None else self.cost_nanousd * 1e-9

    @property
    def all_input_tokens(self) -> int | None:
        """Those read from and written to the provider's cache too."""
        if self.input_tokens is None:
            return None
        return self.input_tokens + (self.cached_read_tokens or 0) + (self.cache_write_tokens or 0)

    @property
    def flag_names(self) -> tuple[str, ...]:
        """What the request asked of a model."""
        return tuple(name for bit, name in enumerate(FLAG_NAMES) if (self.flags or 0) >> bit & 1)


class ServedRow(NamedTuple):
    """Whose a decision is, who served it, and how good that was expected to be."""

    tenant: str
    model: str | None
    """Who was chosen, as long as nobody has served."""
    quality: float | None
    """Expected; None where the candidates were not kept, or where the reply is known not to have been whole."""


class AttemptRow(NamedTuple):
    """One call to one upstream."""

    decision_id: str
    number: int
    at_s: float
    place: int | None
    model: str
    upstream: str
    provider: str | None
    outcome: str
    upstream_status: int | None
    stage: str | None
    is_hedge: int
    after_s: float
    """Seconds from the request's arrival until it began."""
    first_byte_s: float | None
    total_s: float
    input_tokens: int | None
    cached_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    is_estimated: int | None
    cost_nanousd: int | None
    losses: str | None


class BodyRow(NamedTuple):
    """The words of one request; None of what was not kept."""

    decision_id: str
    at_s: float
    query: str | None
    """The last user turn."""
    prompt: str | None
    reply: str | None


class OpinionRow(NamedTuple):
    """What somebody thought of a reply."""

    opinion_id: str
    decision_id: str
    at_s: float
    tenant: str
    key_name: str | None
    score: float | None
    label: str | None
    preferred_model: str | None
    comment: str | None
    weight: float


class ShadowRow(NamedTuple):
    """What another model said to the same request, off the hot path."""

    decision_id: str
    model: str
    upstream: str
    at_s: float
    outcome: str | None
    output_tokens: int | None
    cost_nanousd: int | None
    first_byte_s: float | None
    total_s: float | None
    reply: str | None


class UsageRow(NamedTuple):
    """Sums over the requests of one group."""

    group: str
    """The value that they share; empty where they have none."""
    bucket_s: int | None
    """Where a series is asked for: the beginning of its minute or hour."""
    n: int
    n_ok: int
    n_cached: int
    n_unpriced: int
    n_attempts: int
    cost_nanousd: int
    """Of the replies whose cost is known."""
    input_tokens: int
    cached_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    n_first: int
    """Requests whose first content came from an upstream. Kept answers are in none of the sums of times."""
    first_byte_s: float
    total_s: float
    overhead_s: float
    lost_nanousd: int = 0
    """Of attempts that another arm has outrun or replaced; it stands with whoever was paid."""
    shadow_nanousd: int = 0

    @property
    def n_priced(self) -> int:
        """Requests of known cost that were no kept answers: those would make every model look cheap."""
        return max(self.n - self.n_unpriced - self.n_cached, 0)

    @property
    def spent_usd(self) -> float | None:
        """All that was paid in USD, as far as it is known; None where nothing of it is."""
        spent = self.cost_nanousd + self.lost_nanousd + self.shadow_nanousd
        return None if self.n_unpriced and not self.n_priced and not spent else spent * 1e-9

    @property
    def usd_per_request(self) -> float | None:
        """Of a reply, what lost attempts have cost aside; None where none has a known cost."""
        return self.cost_nanousd * 1e-9 / self.n_priced if self.n_priced else None

    @property
    def mean_s(self) -> float | None:
        """From request to last byte, whatever came of it, kept answers aside; None of none."""
        n = self.n - self.n_cached
        return self.total_s / n if n > 0 else None


class DelayRow(NamedTuple):
    """Quantiles of one delay of one model, to within a tenth; all models where `model` is empty.

    Kept answers are in none of them: they say nothing of a model. The total is that of whole replies alone.
    """

    model: str
    n: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


class AlternativeRow(NamedTuple):
    """What it would have cost to send every request to one arm, beside what was paid for the same requests.

    An alternative's cost is its estimate, scaled by how far off the estimate of the arm that really served was.
    Requests that named a model are left out.
    """

    model: str
    upstream: str
    n: int
    """Requests that it could have served, whole replies with a known cost."""
    quality: float
    """Its mean expected quality on them."""
    alternative_usd: float
    actual_usd: float
    """With what attempts that lost have cost."""
    saved_usd: float
    """What was saved against it; negative where it would have been cheaper."""
    saved_se_usd: float | None
    """Standard error of that sum, requests taken as independent; None of fewer than two."""


class OutcomeRow(NamedTuple):
    """One opinion with the text and the model that it speaks of, as training reads it."""

    decision_id: str
    query: str
    model: str
    score: float
    weight: float
    cost_usd: float | None
    """None of an answer from a cache, as all that follows: it says nothing of a call to the model."""
    input_tokens: int | None
    """Those read from and written to the provider's cache too."""
    output_tokens: int | None
    total_s: float | None


class MeanScoreRow(NamedTuple):
    """The mean of all scores that people gave to whole replies, each counted once."""

    n: int
    mean: float | None
    """None where there is no score."""
    standard_error: float | None
    """None of fewer than two."""


class ScoreRow(NamedTuple):
    """The scores that people gave to one model's whole replies of one kind of task, weighed."""

    model: str
    kind: str
    """Empty where no kind was read."""
    n: int
    weight: float
    mean: float
    effective_n: float
    """Opinions of equal weight that these are worth (Kish 1965)."""
