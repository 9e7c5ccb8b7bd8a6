"""Item and Suite: what is asked, what the right answer is, and who scores it; each with a hash of its content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer by name, with its options; which names there are, `scorers/registry.py` says."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt of a suite.

    `messages` and `tools` are in OpenAI's chat format. `group` names what belongs together (a text with several
    questions): intervals are clustered by it.
    """

    id: str
    messages: tuple[Mapping[str, Any], ...]
    reference: Any
    scorer: ScorerSpec
    group: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def prompt(self) -> str:
        """The text of all messages, as outcomes keep it: without roles where there is one message only."""
        texts = [str(message.get("content", "")) for message in self.messages]
        return texts[0] if len(texts) == 1 else "\n\n".join(texts)

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of what a model gets to read."""
        return content_hash([list(self.messages), list(self.tools)])


@dataclass(frozen=True, slots=True)
class Suite:
    """Items in the order of their file."""

    name: str
    items: tuple[Item, ...]
    layout: str
    notes: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        """SHA-256 of every item's content: the same whatever the file's format and the order of its columns."""
        return content_hash(
            [
                [item.id, list(item.messages), item.reference, item.scorer.name, dict(item.scorer.options), item.group,
                 list(item.tools)]
                for item in self.items
            ]
        )  # fmt: skip


def content_hash(value: Any) -> str:
    """SHA-256 of a value's canonical JSON: keys sorted, no spaces."""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()
