"""ChatRequest: what a client asked of a model, in no vendor's words: the hub that every translation goes through."""

from typing import Literal, NamedTuple

from fairlead.domain.content import Opaque, OutputShape, Tool, ToolChoice, Turn

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Loss(NamedTuple):
    """Something that a translation could not carry: said in a header, refused under `require_parameters`."""

    what: str
    """The member's name in the words of the format that it came in, such as `logprobs` or `tools[web_search]`."""
    why: str


class ReasoningWish(NamedTuple):
    """How much the model should think, and whether its thoughts should be shown."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    wants_text: bool | None = None
    """Whether thoughts or a summary of them should be in the reply; None: the format's default."""
    summary: str | None = None
    """The kind of summary asked for (`auto`, `concise`, `detailed`)."""


class Sampling(NamedTuple):
    """The numbers that steer a model's choice of tokens; None leaves the model's own default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    logit_bias: bytes | None = None
    """A JSON object, as it came."""


class ChatRequest(NamedTuple):
    """One request. The model is not in it: that is decided elsewhere."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    hosted_tools: tuple[Opaque, ...] = ()
    """Tools that a provider runs itself (web search, code execution): their own format carries them alone."""
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputShape | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    reasoning: ReasoningWish | None = None
    n_choices: int = 1
    wants_logprobs: bool = False
    top_logprobs: int | None = None
    is_streaming: bool = False
    user: str | None = None
    """A stable name of the end user, for the provider's abuse checks."""
    service_tier: str | None = None
    cache_key: str | None = None
    """A name under which a provider may look for a cached prompt (`prompt_cache_key`)."""
    metadata: bytes | None = None
    """A JSON object of the client's own labels, as it came."""
    verbosity: str | None = None
    losses: tuple[Loss, ...] = ()
    """What the reader already knows that no other format will get: members that it has no word for."""


class Carried(NamedTuple):
    """A request's body for an upstream, and what it could not carry."""

    body: bytes
    losses: tuple[Loss, ...] = ()
