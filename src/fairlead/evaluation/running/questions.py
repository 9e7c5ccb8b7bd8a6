"""Questions: every call that a run has to make, each with a key of its content and the most that it may cost.

The key is the same wherever and whenever the call is made: model, endpoint, parameters, prompt, suite revision, item
and sample. It names the record, is sent as the idempotency key, and so is what "pays for nothing twice" means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fairlead.catalogue.cards import Prices
from fairlead.catalogue.prices import price_of
from fairlead.domain.errors import EvaluationError
from fairlead.domain.usage import Usage
from fairlead.evaluation.suite_items import Item, Suite, content_hash

KEY_VERSION: Final = 1
MESSAGE_TOKENS: Final = 16
"""Tokens of a chat template around one message; templates in the open take 4 to 12."""
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one upstream, as a run asks it."""

    name: str
    """How reports and outcomes call it."""
    upstream: str
    endpoint: str
    """A hash of the upstream's address: the same model elsewhere is another."""
    sent: str
    prices: Prices
    family: str = ""
    """Lab and line, where the catalogue knows it: a judge may not be of the judged one's."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is sent with every prompt."""

    max_tokens: int = 1024
    temperature: float | None = 0.0
    extra: Mapping[str, Any] | None = None
    """More members of the body, as they are."""

    def members(self) -> dict[str, Any]:
        """As members of a chat completion's body."""
        found: dict[str, Any] = {"max_tokens": self.max_tokens}
        if self.temperature is not None:
            found["temperature"] = self.temperature
        return found | dict(self.extra or {})


@dataclass(frozen=True, slots=True)
class Question:
    """One call. Its body is written when it is sent: a run of a hundred thousand prompts keeps no copies of them."""

    key: str
    model: Model
    item: Item
    sample: int
    members: Mapping[str, Any]
    most_nano: int
    """The most that it may cost, in nano-dollars: every byte a token, and the reply as long as it may be."""
    n_body_bytes: int
    kind: str = "answer"
    """`answer`, or `judge` for a call to a judge."""

    @property
    def body(self) -> bytes:
        """What is sent."""
        return body_of(self.model, self.item, self.members)


def body_of(model: Model, item: Item, members: Mapping[str, Any]) -> bytes:
    """A chat completion's body."""
    content: dict[str, Any] = {"model": model.sent, "messages": list(item.messages), **members}
    if item.tools:
        content["tools"] = list(item.tools)
    return _ENCODER.encode(content)


def questions_of(
    suite: Suite, models: Sequence[Model], parameters: Parameters, n_samples: int, occasion: str = ""
) -> Iterator[Question]:
    """Item by item, every model on each: a run that ends early has asked all models the same.

    Another `occasion` asks the same anew: under other keys, so that no upstream replays what it said before.
    Raises: EvaluationError for a model without a known price.
    """
    members = parameters.members()
    shared = content_hash(members)
    revision = suite.revision
    asked_for = [occasion] if occasion else []
    for sample in range(n_samples):
        for item in suite.items:
            prompt_hash = item.prompt_hash
            for model in models:
                key = content_hash(
                    [
                        KEY_VERSION,
                        model.sent,
                        model.endpoint,
                        shared,
                        prompt_hash,
                        revision,
                        item.id,
                        sample,
                        *asked_for,
                    ]
                )
                yield question_of(key, model, item, sample, members)


def question_of(
    key: str, model: Model, item: Item, sample: int, members: Mapping[str, Any], kind: str = "answer"
) -> Question:
    """One question. Raises: EvaluationError for a model without a known price."""
    n_bytes = len(body_of(model, item, members))
    n_input = n_bytes + MESSAGE_TOKENS * len(item.messages)
    most = price_of(Usage(input_tokens=n_input, output_tokens=int(members["max_tokens"])), model.prices)
    if most is None:
        raise EvaluationError(
            f"The price of {model.name!r} is not known, so no cap can hold it. To mend: name it in a price table "
            "by --prices (a table of USD per million tokens)."
        )
    return Question(key, model, item, sample, members, most.nano, n_bytes, kind)
